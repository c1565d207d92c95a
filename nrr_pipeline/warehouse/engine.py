"""Opening a database, and everything that SQLite and PostgreSQL do differently.

What a transaction of ours is stands in ``transactions``; what the schema is, in ``tables``.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.failures import WarehouseFailedError
from nrr_pipeline.warehouse.transactions import WRITES, Warehouse
from nrr_pipeline.warehouse.upgrading import ensure_current

_DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite", "postgresql+psycopg": "postgresql"}
_EXAMPLES = "sqlite:////path/to/nrr.db or postgresql+psycopg://user@host/database"
_BUSY_SECONDS = 30
_POSTGRESQL_LOCK = 6_773_728_301  # any number, the same in every version


def open_warehouse(url: str) -> Warehouse:
    """Open the database at ``url``; create it or bring its schema up to date where needed."""
    parsed = _parse(url)
    is_sqlite = _DRIVERS[parsed.drivername] == "sqlite"
    path = _prepare_file(parsed) if is_sqlite else None
    warehouse = Warehouse(_create_engine(parsed))
    try:
        if is_sqlite:
            _switch_to_wal(warehouse.engine)
        ensure_current(warehouse)
    except (WarehouseFailedError, sqlite3.Error) as error:
        warehouse.close()
        reason = error.reason if isinstance(error, WarehouseFailedError) else str(error)
        raise SettingsError(_explain(parsed, path, reason)) from error
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            f"NRR_DATABASE_URL is not a database address. Use {_EXAMPLES}."
        ) from error
    if parsed.drivername not in _DRIVERS:
        raise SettingsError(
            f"NRR_DATABASE_URL begins with {parsed.drivername}://, which is not supported. "
            f"Use {_EXAMPLES}."
        )
    return parsed


def _prepare_file(url: sa.URL) -> Path:
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
    return path


def _require_writable(path: Path) -> None:
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise SettingsError(
                f"{place} is not writable. Make it writable for this user, "
                "or choose another NRR_HOME or NRR_DATABASE_URL."
            )


def _explain(url: sa.URL, path: Path | None, reason: str) -> str:
    if path is None:
        where = url.render_as_string(hide_password=True)
        return f"The database {where} cannot be used: {reason}. Check NRR_DATABASE_URL."
    if "not a database" in reason or "malformed" in reason:
        return (
            f"{path} is not a usable database file ({reason}). "
            "Restore it from a backup, move it away, or choose another NRR_DATABASE_URL."
        )
    return f"The database {path} cannot be used: {reason}."


def _create_engine(url: sa.URL) -> sa.Engine:
    if _DRIVERS[url.drivername] == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise SettingsError(
            "PostgreSQL needs its driver. Install it: pip install 'psycopg[binary]'"
        ) from error
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    del entry
    connection.isolation_level = None  # transactions begin where _begin_sqlite says
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _switch_to_wal(engine: sa.Engine) -> None:
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
