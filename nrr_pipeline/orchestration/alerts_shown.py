"""Alerts as the pages of the UI show them: how many were sent, what waits and why, the latest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

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

_TABLE_HEAD = "| raised | alert | delivery |\n|---|---|---|"

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
        metadata["Why not sent"] = dg.MetadataValue.md("\n".join(f"- {it}" for it in reasons(left)))
    if rows:
        latest = sorted(rows, key=lambda row: row["raised_at"], reverse=True)[:LATEST]
        lines = (_line(row, ui_url, now) for row in latest)
        metadata["Latest alerts"] = dg.MetadataValue.md("\n".join([_TABLE_HEAD, *lines]))
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


def _line(row: Row, ui_url: str, now: datetime) -> str:
    said, page = _cell(headline(row)), PAGES.get(row["period"])
    if page is not None:
        address = f"{ui_url}/assets/{page}?view=partitions&partition={row['period_start']}"
        said = f"[{said}]({address})"
    return f"| {row['raised_at']:%Y-%m-%d %H:%M} | {said} | {_cell(state_line(row, now))} |"


def _cell(text: str) -> str:
    """Text as a cell of a table: nothing in it is read as markup."""
    shown = text if len(text) <= 200 else f"{text[:199]}…"  # noqa: PLR2004
    marked = "".join(f"\\{letter}" if letter in r"\`*_[]<>|~" else letter for letter in shown)
    return "".join(letter if letter.isprintable() else "·" for letter in marked)
