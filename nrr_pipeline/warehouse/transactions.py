"""Reading and writing the warehouse: consistent snapshots, and one writer at a time.

Knowledge time is assigned here, under the write lock. How a dialect begins a transaction stands in
``engine``; what is read and written stands in one module per stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Literal, Self

import sqlalchemy as sa

from nrr_pipeline.warehouse.failures import explained
from nrr_pipeline.warehouse.tables import knowledge

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of knowledge that is still believed."""
FOREVER_DAY = date(9999, 12, 31)
"""The end of what is still true."""

Cause = Literal["pull", "history", "policy", "publication", "fx", "correction"]
Clock = Callable[[], datetime]
Connection = sa.Connection
"""An open connection, so that callers need not know whose it is."""

WRITES = "nrr_writes"
"""Execution option of a connection whose transactions take the write lock as they begin."""


@dataclass(frozen=True, slots=True)
class WriteTransaction:
    """A transaction under the write lock; all that it writes is known from ``known_at``."""

    connection: sa.Connection
    known_at: datetime
    pull_id: int | None = None

    def note_change(self, day: date | None) -> None:
        """Record that figures from ``day`` on can differ from what was known before."""
        if day is None:
            return
        mine = knowledge.c.known_at == self.known_at
        later = sa.or_(knowledge.c.changed_from.is_(None), knowledge.c.changed_from > day)
        self.connection.execute(sa.update(knowledge).where(mine, later).values(changed_from=day))


@dataclass(frozen=True, slots=True)
class Warehouse:
    """An open database with the current schema; ``open_warehouse`` makes it."""

    engine: sa.Engine

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one consistent state and cannot write."""
        with explained(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(
        self,
        cause: Cause,
        *,
        clock: Clock,
        pull_id: int | None = None,
        policy_version: str | None = None,
    ) -> Iterator[WriteTransaction]:
        """Give the only writer a knowledge time; everything commits or nothing does."""
        with self.bookkeeping() as connection:
            last = connection.scalar(sa.select(sa.func.max(knowledge.c.known_at)))
            known_at = clock().astimezone(UTC)
            if last is not None:
                known_at = max(known_at, last + timedelta(microseconds=1))
            row = {
                "known_at": known_at,
                "cause": cause,
                "pull_id": pull_id,
                "policy_version": policy_version,
            }
            connection.execute(sa.insert(knowledge).values(row))
            yield WriteTransaction(connection, known_at, pull_id)

    @contextmanager
    def bookkeeping(self) -> Iterator[sa.Connection]:
        """Give the write lock without a knowledge time: for leases, bindings and deliveries."""
        with explained(), self.engine.connect() as connection:
            connection.execution_options(**{WRITES: True})
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
