"""How alerts and silences are shown in a terminal and in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from nrr_pipeline.cli import documents
from nrr_pipeline.cli.rendering import (
    faint,
    indented,
    instant,
    lines_of,
    printable,
    printable_lines,
)
from nrr_pipeline.warehouse.outbox import DeliveryState, headline, state_of

Row = Mapping[str, Any]

_PAGES = {"month": "monthly_nrr", "quarter": "quarterly_nrr"}
_STYLES = {DeliveryState.NOT_SENT: "bold red", DeliveryState.SENT: "green"}
_TIMES = ("raised_at", "attempted_at", "next_attempt_at", "delivered_at", "acknowledged_at")


def listing(rows: Sequence[Row], now: datetime) -> list[RenderableType]:
    """Return alerts with their keys, and what became of each."""
    parts: list[RenderableType] = []
    for row in rows:
        parts.append(Text(f"{instant(row['raised_at'])}  {printable(headline(row))}"))
        parts.append(
            Text.assemble(
                Text(f"  {key_of(row)}  ", "dim"),
                Text(state_words(row, now), _STYLES.get(state_of(row, now), "")),
            )
        )
        if row["last_error"] is not None:
            parts.append(indented(row["last_error"], 4))
    return parts


def whole(row: Row, now: datetime, ui_url: str) -> list[RenderableType]:
    """Return all that there is to say of one alert."""
    facts = [
        ("key", key_of(row)),
        ("raised", instant(row["raised_at"])),
        ("severity", row["severity"]),
        ("delivery", state_words(row, now)),
        ("attempts", str(row["delivery_attempts"])),
    ]
    if row["last_error"] is not None:
        facts.append(("problem", printable(row["last_error"])))
    if row["acknowledged_at"] is not None:
        facts.append(("acknowledged by", printable(row["acknowledged_by"] or "somebody")))
    if row["period"] in _PAGES:
        page = f"{ui_url}/assets/{_PAGES[row['period']]}"
        facts.append(("page", f"{page}?view=partitions&partition={row['period_start']}"))
    if row["run_id"] is not None:
        facts.append(("run", f"{ui_url}/runs/{row['run_id']}"))
    table = lines_of([(faint(name), value) for name, value in facts], ["left", "left"])
    return [printable_lines(row["text"]), "", table]


def document(row: Row, now: datetime) -> documents.Document:
    """Return an alert for JSON."""
    return {
        **documents.alert(row),
        "alert_key": row["alert_key"],
        "delivery": str(state_of(row, now)),
        "delivery_attempts": row["delivery_attempts"],
        "is_possible_repeat": row["is_possible_repeat"],
        "last_error": row["last_error"],
        "acknowledged_by": row["acknowledged_by"],
        "silenced_until": row["silenced_until"],
        "run_id": row["run_id"],
        **{name: row[name] for name in _TIMES},
    }


def state_words(row: Row, now: datetime) -> str:
    """Say how far an alert has come."""
    state = state_of(row, now)
    said = str(state)
    if state is DeliveryState.SENT:
        said += f" {instant(row['delivered_at'])}"
        if row["is_possible_repeat"]:
            said += ", perhaps twice: Slack did not confirm the first copy"
        if row["acknowledged_at"] is not None:
            said += ", acknowledged"
    elif state is DeliveryState.SILENCED:
        said += f" until {instant(row['silenced_until'])}; it is not sent"
    elif state is DeliveryState.ACKNOWLEDGED:
        said += "; it is not sent"
    elif state is DeliveryState.NOT_SENT and row["next_attempt_at"] is not None:
        said += f"; again from {instant(row['next_attempt_at'])}"
    return said


def silence_line(row: Row) -> Text:
    """Return a silence in a line."""
    reason = f" ({printable(row['reason'])})" if row["reason"] else ""
    return Text(f"{row['silence_id']:>3}  until {instant(row['until'])}  {what(row)}{reason}")


def what(row: Row) -> str:
    """Say what a silence covers."""
    said = row["metric"] or "every alert"
    if row["period"]:
        said += f" of a {row['period']}"
    if row["segment"]:
        said += f" in {row['dimension']}:{row['segment']}"
    return printable(said)


def key_of(row: Row) -> str:
    """Return an alert's key for a terminal."""
    return printable(row["alert_key"])
