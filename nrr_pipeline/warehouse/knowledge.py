"""Knowledge: what was learned when, and how far each stage has worked it in.

The times themselves are assigned in ``transactions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from nrr_pipeline.warehouse.tables import knowledge, stage_progress
from nrr_pipeline.warehouse.transactions import FOREVER, WriteTransaction


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far a stage is: what it had worked in when it last ended, and under which policy."""

    known_at: datetime
    raw_known_at: datetime | None
    policy_version: str | None


def latest_known_at(connection: sa.Connection) -> datetime | None:
    """Return the knowledge time of the last write; ``None`` in an empty database."""
    return connection.scalar(sa.select(sa.func.max(knowledge.c.known_at)))


def learned_at(connection: sa.Connection, until: datetime | None = None) -> datetime | None:
    """Return the knowledge time of the last write, up to a time, that can have changed a fact."""
    query = sa.select(sa.func.max(knowledge.c.known_at)).where(knowledge.c.cause != "publication")
    return connection.scalar(query if until is None else query.where(knowledge.c.known_at <= until))


def changed_from_since(connection: sa.Connection, after: datetime | None) -> date | None:
    """Return the earliest day whose figures can differ by what was learned after a time."""
    query = sa.select(sa.func.min(knowledge.c.changed_from))
    return connection.scalar(query if after is None else query.where(knowledge.c.known_at > after))


def progress_of(connection: sa.Connection, stage: str) -> StageProgress | None:
    """Return how far a stage is; ``None`` when it never ended."""
    columns = stage_progress.c
    query = sa.select(columns.known_at, columns.raw_known_at, columns.policy_version)
    row = connection.execute(query.where(columns.stage == stage)).one_or_none()
    return None if row is None else StageProgress(*row)


def set_progress(
    tx: WriteTransaction,
    stage: str,
    *,
    raw_known_at: datetime | None = None,
    policy_version: str | None = None,
) -> None:
    """Record, together with a stage's last rows, what it has worked in."""
    mine = stage_progress.c.stage == stage
    values = {"known_at": tx.known_at, "raw_known_at": raw_known_at}
    values |= {"policy_version": policy_version}
    changed = tx.connection.execute(sa.update(stage_progress).where(mine).values(values))
    if changed.rowcount == 0:
        tx.connection.execute(sa.insert(stage_progress).values(stage=stage, **values))


def known(table: sa.Table, known_at: datetime | None) -> sa.ColumnElement[bool]:
    """Return the condition for what was known at a time; ``None`` is now."""
    if known_at is None:
        return table.c.known_to == FOREVER
    return sa.and_(table.c.known_from <= known_at, table.c.known_to > known_at)
