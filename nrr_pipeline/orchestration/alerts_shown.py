"""Alerts as the pages of the UI show them: how many were sent, what waits and why, the latest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from nrr_pipeline.orchestration.markdown import link, listed, table
from nrr_pipeline.orchestration.stages.delivery import DeliveryReport
from nrr_pipeline.warehouse.outbox import (
    DeliveryState,
    headline,
    reasons,
    state_of,
    unsent_alerts,
)

LATEST = 20

PAGES = {"month": "monthly_nrr", "quarter": "quarterly_nrr"}
"""The asset that measures each kind of period."""

Row = Mapping[str, Any]


def delivered(
    report: DeliveryReport, rows: Sequence[Row], ui_url: str, now: datetime
) -> dict[str, dg.MetadataValue]:
    """What a delivery sent, what is left, and the latest alerts.

    Args:
        report: Of the delivery.
        rows: Every alert.
        ui_url: Base address of the UI.
        now: The time.
    """
    left = unsent_alerts(rows)
    metadata: dict[str, dg.MetadataValue] = {
        "Sent": dg.MetadataValue.int(len(report.sent)),
        "Kept, not sent": dg.MetadataValue.int(len(left)),
        "dagster/row_count": dg.MetadataValue.int(len(rows)),
    }
    if left:
        metadata["Why not sent"] = dg.MetadataValue.md(listed(reasons(left)))
    if rows:
        latest = sorted(rows, key=lambda row: row["raised_at"], reverse=True)[:LATEST]
        cells = (_cells(row, ui_url, now) for row in latest)
        shown = table(("Raised (UTC)", "Alert", "Delivery"), cells)
        metadata["Latest alerts"] = dg.MetadataValue.md(shown)
    return metadata


def state_line(row: Row, now: datetime) -> str:
    """How far an alert has come, in words.

    The day and time are in UTC.
    """
    state = state_of(row, now)
    if state is DeliveryState.SENT:
        said = f"sent {row['delivered_at']:%Y-%m-%d %H:%M}"
        if row["is_possible_repeat"]:
            said += ", perhaps twice"
        return said if row["acknowledged_at"] is None else f"{said}, acknowledged"
    if state is DeliveryState.SILENCED:
        return "silenced, not sent"
    if state is DeliveryState.ACKNOWLEDGED:
        return "acknowledged, not sent"
    if state is DeliveryState.NOT_SENT and row["next_attempt_at"] is not None:
        return f"not sent, again {row['next_attempt_at']:%Y-%m-%d %H:%M}"
    return str(state)


def _cells(row: Row, ui_url: str, now: datetime) -> tuple[str, str, str]:
    said, asset = headline(row), PAGES.get(row["period"])
    if asset is not None:
        page = f"{ui_url}/assets/{asset}?view=partitions&partition={row['period_start']}"
        said = link(said, page)
    return f"{row['raised_at']:%Y-%m-%d %H:%M}", said, state_line(row, now)
