"""Unexpected errors: one line for the terminal, everything else in a file without secrets.

Errors that we foresee carry their own message; see ``nrr_pipeline.errors``.
"""

from __future__ import annotations

import os
import re
import tempfile
import traceback
from pathlib import Path

_SECRET_NAMES = ("STRIPE_API_KEY", "SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN")
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s@]+@")
_KEY = re.compile(r"\b((?:sk|rk)_(?:live|test)_)\w+")


def keep_traceback(error: BaseException) -> str:
    """Write the traceback to a file of its own; return the line that names it."""
    text = "".join(traceback.format_exception(error))
    summary = without_secrets(f"{type(error).__name__}: {error}").splitlines()[0]
    try:
        path = _write(without_secrets(text))
    except OSError:
        where = "Run it again with --debug to see where: nrr --debug …"
    else:
        where = f"The traceback is in {path}"
    return f"Unexpected {summary}. {where}. Nothing that was stored is lost."


def without_secrets(text: str) -> str:
    """Blank out keys, tokens and passwords.

    >>> without_secrets("postgresql://nrr:s3cret@db/nrr with rk_test_51Habc")
    'postgresql://nrr:…@db/nrr with rk_test_…'
    """
    for name in _SECRET_NAMES:
        if secret := os.environ.get(name, "").strip():
            text = text.replace(secret, "…")
    return _KEY.sub(r"\1…", _PASSWORD.sub(r"\1:…@", text))


def _write(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="nrr-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
