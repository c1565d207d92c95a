"""What SQLite does in its own way: the file, the log, how transactions begin, what goes wrong.

PostgreSQL's ways stand in ``postgresql``; opening either, in ``engine``.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.transactions import WRITES

_BUSY_SECONDS = 30


def create_engine(url: sa.URL) -> sa.Engine:
    """Return the engine for a file that is there or can be created.

    Raises:
        SettingsError: The address names no such file.
    """
    _prepare_file(url)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def switch_to_wal(engine: sa.Engine) -> None:
    """Turn on the write-ahead log; SQLite does not wait by itself while another does the same."""
    connection = engine.raw_connection()
    try:
        for attempt in range(_BUSY_SECONDS * 10):
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or attempt == _BUSY_SECONDS * 10 - 1:
                    raise
                time.sleep(0.1)
            else:
                return
    finally:
        connection.close()


def explain(url: sa.URL, reason: str) -> str:
    """Say what to do about a file that cannot be used, for a reason in SQLite's words."""
    if "not a database" in reason or "malformed" in reason:
        return (
            f"{url.database} is not a usable database file ({reason}). "
            "Restore it from a backup, move it away, or choose another NRR_DATABASE_URL."
        )
    return f"The database {url.database} cannot be used: {reason}."


def _prepare_file(url: sa.URL) -> None:
    if url.database in {None, "", ":memory:"} or str(url.database).startswith("file:"):
        raise SettingsError("NRR_DATABASE_URL names no file. Use sqlite:////path/to/nrr.db.")
    path = Path(str(url.database))
    if path.is_dir():
        raise SettingsError(
            f"{path} is a folder, not a database file. "
            f"Name a file in NRR_DATABASE_URL, such as sqlite:///{path / 'nrr.db'}."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise SettingsError(
            f"{path} cannot be created: a part of {path.parent} is a file. "
            "Choose another NRR_HOME or NRR_DATABASE_URL."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The folder {path.parent} cannot be created: {error.strerror}. "
            "Make it writable, or choose another NRR_HOME or NRR_DATABASE_URL."
        ) from error
    _require_writable(path)


def _require_writable(path: Path) -> None:
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise SettingsError(
                f"{place} is not writable. Make it writable for this user, "
                "or choose another NRR_HOME or NRR_DATABASE_URL."
            )


def _configure(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    del entry
    connection.isolation_level = None  # transactions begin where _begin says
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
