"""Unexpected errors: one line for the terminal, everything else in a file without secrets.

Errors that we foresee carry their own message; see ``nrr_pipeline.errors``.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

from nrr_pipeline.secrecy import without_secrets

_SECRET_NAMES = ("STRIPE_API_KEY", "SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN")


def keep_traceback(error: BaseException) -> str:
    """Write the traceback to a file of its own; return the line that names it."""
    text = "".join(traceback.format_exception(error))
    summary = _shown(f"{type(error).__name__}: {error}").splitlines()[0]
    try:
        path = _write(_shown(text))
    except OSError:
        where = "Run it again with --debug to see where: nrr --debug …"
    else:
        where = f"The traceback is in {path}"
    return f"Unexpected {summary}. {where}. Nothing that was stored is lost."


def _shown(text: str) -> str:
    return without_secrets(text, (os.environ.get(name, "") for name in _SECRET_NAMES))


def _write(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="nrr-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)
