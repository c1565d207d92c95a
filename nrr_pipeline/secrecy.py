"""Blanking out secrets in texts that others will see: errors, tracebacks, messages.

What is personal about customers is another matter: see ``stripe_source.redaction``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PATTERNS = (
    (re.compile(r"(://[^\s:/@]*):[^\s@]+@"), r"\1:…@"),
    (re.compile(r"\b((?:sk|rk)_(?:live|test)_)\w+"), r"\1…"),
    (re.compile(r"\b(xox[a-z]-)[\w-]+"), r"\1…"),
    (re.compile(r"(hooks\.slack\.com/)[^\s'\"]+"), r"\1…"),
)


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """Blank out keys, tokens and passwords, and whatever is given.

    >>> without_secrets("postgresql://nrr:s3cret@db/nrr with rk_test_51Habc")
    'postgresql://nrr:…@db/nrr with rk_test_…'
    >>> without_secrets("at https://hooks.slack.com/services/T0/B0/x and xoxb-1-a")
    'at https://hooks.slack.com/… and xoxb-…'
    """
    for secret in secrets:
        if secret.strip():
            text = text.replace(secret.strip(), "…")
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text
