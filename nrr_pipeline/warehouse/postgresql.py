"""What PostgreSQL does in its own way: sessions, schemas, the writer's lock, what goes wrong.

SQLite's ways stand in ``sqlite``; opening either, in ``engine``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from nrr_pipeline.warehouse.transactions import WRITES

if TYPE_CHECKING:
    import psycopg  # it takes long, and SQLite does without it

_LOCK = 6_773_728_301  # any number, the same in every version
_BUSY_SECONDS = 30
_CONNECTING = {
    "application_name": "nrr-pipeline",
    "client_encoding": "utf8",
    "connect_timeout": 10,
}
_FIXES = {
    "password authentication failed": "Correct the user or the password in NRR_DATABASE_URL.",
    "no password supplied": "Add the password to NRR_DATABASE_URL.",
    'FATAL: role "': "Correct the user in NRR_DATABASE_URL, or create it in the server.",
    'FATAL: database "': "Create the database (createdb), or correct its name in NRR_DATABASE_URL.",
    "permission denied": "Give this user the right to it: GRANT CREATE ON SCHEMA … TO … for "
    "tables, GRANT CREATE ON DATABASE … TO … for a new schema.",
    "no schema has been selected": "Name one: export NRR_DATABASE_SCHEMA=nrr",
}
"""What to do, by what the server says; the first that fits counts."""


def create_engine(url: sa.URL, schema: str | None) -> sa.Engine:
    """Return the engine for a server's database, and for one schema of it if one is named."""
    connecting = {name: value for name, value in _CONNECTING.items() if name not in url.query}
    engine = sa.create_engine(url, connect_args=connecting, pool_pre_ping=True)
    session = [
        "SET TIME ZONE 'UTC'",
        f"SET lock_timeout = '{_BUSY_SECONDS}s'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        *([f'SET search_path TO "{schema}"'] if schema else []),
    ]

    def configure(connection: psycopg.Connection, entry: ConnectionPoolEntry) -> None:
        del entry
        connection.autocommit = True
        connection.execute("; ".join(session).encode())
        connection.autocommit = False

    def begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(WRITES, False):
            name = f"'{schema}'" if schema else "current_schema()"
            lock = f"pg_advisory_xact_lock(hashtextextended({name}, {_LOCK}))"
            connection.exec_driver_sql(f"SELECT {lock}")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    event.listen(engine, "connect", configure, insert=True)
    event.listen(engine, "begin", begin)
    return engine


def explain(url: sa.URL, reason: str) -> str:
    """Say what to do about a database that cannot be used, for a reason in the server's words."""
    fixes = (fix for words, fix in _FIXES.items() if words in reason)
    fix = next(fixes, "Start the server, or correct its address in NRR_DATABASE_URL.")
    where = url.render_as_string(hide_password=True)
    return f"The database {where} cannot be used: {reason.rstrip('.')}. {fix}"
