"""Opening a database by its address, whatever kind it is.

What SQLite and PostgreSQL do differently stands in ``sqlite`` and ``postgresql``; what a
transaction of ours is, in ``transactions``; what the schema is, in ``tables``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, ProgrammingError

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.warehouse import postgresql, sqlite
from nrr_pipeline.warehouse.failures import WarehouseFailedError, reason_of
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline.warehouse.upgrading import ensure_current, revision_of

_DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite", "postgresql+psycopg": "postgresql"}
_EXAMPLES = "sqlite:////path/to/nrr.db or postgresql+psycopg://user@host/database"


def open_warehouse(url: str, schema: str | None = None) -> Warehouse:
    """Open the database at ``url``; create it or bring its schema up to date where needed.

    Args:
        url: Of a SQLite file, or of a PostgreSQL database that is there.
        schema: Of PostgreSQL, created where it is missing; by default the first of the server's
            search path.

    Raises:
        SettingsError: It cannot be used; the message says what to do.
    """
    parsed = _parse(url)
    is_sqlite = _DRIVERS[parsed.drivername] == "sqlite"
    if is_sqlite and schema:
        raise SettingsError(
            "NRR_DATABASE_SCHEMA is for PostgreSQL, and NRR_DATABASE_URL names a SQLite file. "
            "Unset it: unset NRR_DATABASE_SCHEMA"
        )
    explain = sqlite.explain if is_sqlite else postgresql.explain
    engine = sqlite.create_engine(parsed) if is_sqlite else postgresql.create_engine(parsed, schema)
    warehouse = Warehouse(engine)
    try:
        if is_sqlite:
            sqlite.switch_to_wal(engine)
        ensure_current(warehouse, schema)
    except (WarehouseFailedError, ProgrammingError, sqlite3.Error) as error:
        warehouse.close()
        raise SettingsError(explain(parsed, reason_of(error))) from error
    except BaseException:
        warehouse.close()
        raise
    return warehouse


def database_exists(url: str, schema: str | None = None) -> bool:
    """Say whether there is something to read, without creating it.

    A database that cannot be asked counts as there: opening it says what is wrong.
    """
    try:
        parsed = _parse(url)
        if _DRIVERS[parsed.drivername] == "sqlite":
            return Path(str(parsed.database)).is_file()
        with Warehouse(postgresql.create_engine(parsed, schema)) as asked, asked.read() as database:
            return revision_of(database) is not None
    except (NrrError, ProgrammingError):
        return True


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
