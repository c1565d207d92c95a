"""Alerts: one row per condition, raised once; and which of them nobody wants to hear of.

When to raise one is the caller's business; how far its delivery is stands in ``outbox``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse import tables
from nrr_pipeline.warehouse.transactions import WriteTransaction

SILENCED_BY = ("metric", "period", "dimension", "segment")
"""What a silence may name; a name that it leaves empty stands for any."""


def raise_alert(tx: WriteTransaction, row: Mapping[str, Any]) -> bool:
    """Keep a new alert, raised at the knowledge time; say whether it was new."""
    return keep_alert(tx.connection, row, at=tx.known_at)


def keep_alert(connection: sa.Connection, row: Mapping[str, Any], *, at: datetime) -> bool:
    """Keep a new alert; say whether it was new. One that a silence covers is never sent.

    Args:
        connection: Under the write lock.
        row: Columns of ``alerts``; those of the delivery begin empty.
        at: When it is raised.
    """
    table = tables.alerts
    if alert(connection, row["alert_key"]) is not None:
        return False
    begun = {
        "raised_at": at,
        "delivery_attempts": 0,
        "is_possible_repeat": False,
        "silenced_until": _end_of_silence(connection, row, at),
    }
    connection.execute(sa.insert(table).values({**begun, **row}))
    return True


def alert(connection: sa.Connection, alert_key: str) -> dict[str, Any] | None:
    """Return an alert, if it was raised."""
    query = sa.select(tables.alerts).where(tables.alerts.c.alert_key == alert_key)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def alerts(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return every alert, oldest first."""
    table = tables.alerts
    query = sa.select(table).order_by(table.c.raised_at, table.c.alert_key)
    return [dict(row) for row in connection.execute(query).mappings()]


def acknowledge(connection: sa.Connection, alert_key: str, *, by: str | None, at: datetime) -> None:
    """Note that somebody has seen an alert; one that was not sent yet no longer is."""
    mine = tables.alerts.c.alert_key == alert_key
    values = {"acknowledged_at": at, "acknowledged_by": by}
    connection.execute(sa.update(tables.alerts).where(mine).values(values))


def silence(connection: sa.Connection, row: Mapping[str, Any], *, at: datetime) -> int:
    """Keep alerts that are raised from now on from being sent; return the silence's number.

    Args:
        connection: Under the write lock.
        row: ``until``, any of ``SILENCED_BY``, and a ``reason``.
        at: The time.
    """
    table = tables.alert_silences
    statement = sa.insert(table).values(created_at=at, **row).returning(table.c.silence_id)
    return connection.execute(statement).scalar_one()


def silences(connection: sa.Connection, *, at: datetime) -> list[dict[str, Any]]:
    """Return the silences that are not over, oldest first."""
    table = tables.alert_silences
    query = sa.select(table).where(table.c.until > at).order_by(table.c.silence_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def end_silence(connection: sa.Connection, silence_id: int, *, at: datetime) -> bool:
    """End a silence; say whether there was one to end. What was raised in it stays unsent."""
    table = tables.alert_silences
    mine = sa.and_(table.c.silence_id == silence_id, table.c.until > at)
    return connection.execute(sa.update(table).where(mine).values(until=at)).rowcount > 0


def _end_of_silence(
    connection: sa.Connection, row: Mapping[str, Any], at: datetime
) -> datetime | None:
    """When the last of the silences ends that cover an alert; ``None`` without any."""
    return max(
        (
            each["until"]
            for each in silences(connection, at=at)
            if all(each[name] in (None, row[name]) for name in SILENCED_BY)
        ),
        default=None,
    )
