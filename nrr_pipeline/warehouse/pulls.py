"""Pulls: one at a time, held by a lease with a heartbeat.

A pull that died is found by its process or its silence, and marked failed by the next one. What a
pull brings stands in ``raw_objects``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from nrr_pipeline.errors import NrrError
from nrr_pipeline.warehouse.tables import knowledge, pulls
from nrr_pipeline.warehouse.transactions import WriteTransaction

LEASE = timedelta(seconds=60)
"""A pull that has been silent for longer is dead."""


class PullInProgressError(NrrError):
    """Another pull is at work."""


class LeaseLostError(NrrError):
    """The pull was taken for dead, or has ended, and may no longer write."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull; ``status`` is running, complete or failed."""

    pull_id: int
    status: str
    started_at: datetime
    observed_at: datetime | None
    heartbeat_at: datetime
    finished_at: datetime | None
    host: str
    process_id: int
    object_counts: dict[str, int]
    error: str | None


def process_exists(process_id: int) -> bool:
    """Say whether a process of this machine is alive."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def begin_pull(
    connection: sa.Connection,
    *,
    now: datetime,
    host: str,
    process_id: int,
    is_alive: Callable[[int], bool] = process_exists,
) -> int:
    """Take the lease and return the new pull's id, or say who holds it."""
    query = sa.select(pulls).where(pulls.c.status == "running").order_by(pulls.c.pull_id)
    for row in connection.execute(query).all():
        other = _pull(row)
        is_dead = other.host == host and not is_alive(other.process_id)
        if not is_dead and abs(now - other.heartbeat_at) <= LEASE:
            raise PullInProgressError(
                f"Pull {other.pull_id} has been at work since "
                f"{other.started_at:%Y-%m-%d %H:%M:%S} UTC (process {other.process_id} on "
                f"{other.host}). Wait until it has ended, then run this again."
            )
        fail(connection, other.pull_id, now=now, error="interrupted")
    row = {"started_at": now, "heartbeat_at": now, "host": host, "process_id": process_id}
    start = sa.insert(pulls).values(status="running", **row).returning(pulls.c.pull_id)
    return connection.execute(start).scalar_one()


def heartbeat(connection: sa.Connection, pull_id: int, *, now: datetime) -> None:
    """Say that the pull is alive."""
    _require_lease(connection, pull_id)
    mine = pulls.c.pull_id == pull_id
    connection.execute(sa.update(pulls).where(mine).values(heartbeat_at=now))


def finish(
    tx: WriteTransaction,
    pull_id: int,
    *,
    now: datetime,
    observed_at: datetime,
    object_counts: Mapping[str, int],
) -> None:
    """Mark the pull complete: from now on everything that it and earlier pulls brought counts."""
    require_own_lease(tx, pull_id)
    tx.connection.execute(
        sa.update(pulls)
        .where(pulls.c.pull_id == pull_id)
        .values(
            status="complete",
            heartbeat_at=now,
            finished_at=now,
            observed_at=observed_at,
            object_counts=orjson.dumps(dict(object_counts), option=orjson.OPT_SORT_KEYS).decode(),
        )
    )


def fail(connection: sa.Connection, pull_id: int, *, now: datetime, error: str) -> None:
    """Mark a running pull failed; what it brought is kept and waits for a complete pull."""
    mine = sa.and_(pulls.c.pull_id == pull_id, pulls.c.status == "running")
    values = {"status": "failed", "finished_at": now, "error": error}
    connection.execute(sa.update(pulls).where(mine).values(values))


def last_complete_pull(connection: sa.Connection) -> Pull | None:
    """Return the latest pull that came to its end."""
    return _latest(connection, pulls.c.status == "complete")


def complete_pull_times(connection: sa.Connection) -> list[datetime]:
    """Return the account's clock at every complete pull, oldest first."""
    query = sa.select(pulls.c.observed_at).where(pulls.c.status == "complete")
    return list(connection.scalars(query.order_by(pulls.c.observed_at)))


def last_pull(connection: sa.Connection) -> Pull | None:
    """Return the latest pull, however it ended."""
    return _latest(connection, sa.true())


def raw_known_at(connection: sa.Connection) -> datetime | None:
    """Return the knowledge time up to which raw objects belong to complete pulls."""
    complete = last_complete_pull(connection)
    if complete is None:
        return None
    mine = knowledge.c.pull_id == complete.pull_id
    query = sa.select(sa.func.max(knowledge.c.known_at)).where(mine, knowledge.c.cause == "pull")
    return connection.scalar(query)


def require_own_lease(tx: WriteTransaction, pull_id: int) -> None:
    """Refuse a transaction that is not the pull's, or whose pull no longer holds the lease."""
    if tx.pull_id != pull_id:
        raise ValueError(f"The transaction belongs to pull {tx.pull_id}, not to pull {pull_id}")
    _require_lease(tx.connection, pull_id)


def _require_lease(connection: sa.Connection, pull_id: int) -> None:
    status = connection.scalar(sa.select(pulls.c.status).where(pulls.c.pull_id == pull_id))
    if status != "running":
        raise LeaseLostError(
            f"Pull {pull_id} is {status or 'unknown'}: it was silent for too long and another "
            "took its place. Nothing more of it is kept; run this again."
        )


def _latest(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Pull | None:
    query = sa.select(pulls).where(condition).order_by(pulls.c.pull_id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _pull(row)


def _pull(row: sa.Row[Any]) -> Pull:
    values = dict(row._mapping)  # noqa: SLF001
    counts = values.pop("object_counts")
    return Pull(**values, object_counts=orjson.loads(counts) if counts else {})
