"""Alerts: one row per condition, raised once.

When to raise one is the caller's business; delivering it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse import tables
from nrr_pipeline.warehouse.transactions import WriteTransaction


def raise_alert(tx: WriteTransaction, row: Mapping[str, Any]) -> bool:
    """Keep a new alert, raised at the knowledge time; say whether it was new."""
    table = tables.alerts
    query = sa.select(sa.exists().where(table.c.alert_key == row["alert_key"]))
    if tx.connection.scalar(query):
        return False
    undelivered = {"raised_at": tx.known_at, "delivery_attempts": 0}
    tx.connection.execute(sa.insert(table).values({**undelivered, **row}))
    return True


def alerts(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return every alert, oldest first."""
    table = tables.alerts
    query = sa.select(table).order_by(table.c.raised_at, table.c.alert_key)
    return [dict(row) for row in connection.execute(query).mappings()]
