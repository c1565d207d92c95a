"""What can go wrong with a database while it is used, in words that say what to do.

What is wrong with its address or its file when it is opened stands in ``engine``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, ProgrammingError

from nrr_pipeline.errors import NrrError

_MISTAKES = (DataError, IntegrityError, ProgrammingError)
_BUSY = ("locked", "busy", "lock timeout", "deadlock")
_REFUSED = {"42501", "3F000"}  # PostgreSQL: no right to do it, no schema to do it in


class WarehouseBusyError(NrrError):
    """Another process kept the write lock for too long."""


class WarehouseFailedError(NrrError):
    """The database cannot be read or written; ``reason`` is its own word for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database stopped working: {reason}. Nothing was left half written. "
            "Check free disk space and the database: nrr doctor. Then run this again."
        )
        self.reason = reason


def reason_of(error: Exception) -> str:
    """Return what the database itself said, in one line."""
    if isinstance(error, WarehouseFailedError):
        return error.reason
    own = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(own).split()).rstrip(".")


@contextmanager
def explained() -> Iterator[None]:
    """Turn failures of the database into errors that say what to do; mistakes stay as they are."""
    try:
        yield
    except DatabaseError as error:
        is_refused = getattr(error.orig, "sqlstate", None) in _REFUSED
        if isinstance(error, _MISTAKES) and not is_refused:
            raise
        reason = reason_of(error)
        if any(word in reason for word in _BUSY):
            raise WarehouseBusyError(
                "Another process has kept the database busy for too long. "
                f"Wait until it is done, then run this again. ({reason})"
            ) from error
        raise WarehouseFailedError(reason) from error
