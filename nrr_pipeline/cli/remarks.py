"""What is said beside the figures of periods: their alerts and restatements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from nrr_pipeline.cli.rendering import indented, shortened
from nrr_pipeline.cli.retention_views import HIDDEN, WHOLE
from nrr_pipeline.metrics.money import format_ratio
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.hidden_churn import hides_churn
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.reading import (
    TABLE_OF_PERIOD,
    held_out_items,
    restatements_of_period,
)
from nrr_pipeline.warehouse.transactions import Connection

Row = Mapping[str, Any]

HELD_OUT_LISTED = 10
RESTATED_LISTED = 5


def alerts_of(
    connection: Connection, periods: Sequence[Period], known_at: datetime | None
) -> list[dict[str, Any]]:
    """Return the alerts of some periods that had been raised by a time (default: now)."""
    wanted = {(period.kind.value, period.period_start) for period in periods}
    return [
        row
        for row in alerts(connection)
        if (row["period"], row["period_start"]) in wanted
        and row["kind"] != "digest"
        and (known_at is None or row["raised_at"] <= known_at)
    ]


def alert_lines(raised: Sequence[Row]) -> list[RenderableType]:
    """Return alerts for a terminal."""
    return _alerts([row["text"] for row in raised])


def alert_headlines(raised: Sequence[Row]) -> list[RenderableType]:
    """Return the figure and the cause of each alert; the rest is shown with its period."""
    return _alerts([" ".join(row["text"].splitlines()[:2]) for row in raised])


def _alerts(texts: Sequence[str]) -> list[RenderableType]:
    if not texts:
        return []
    heading = Text("Alert" if len(texts) == 1 else "Alerts", style="bold")
    return [heading, *map(indented, texts), ""]


def hidden_churn_lines(policy: MetricPolicy, period: Period, row: Row) -> list[RenderableType]:
    """Say where NRR hides that more customers left than the policy's limit allows."""
    if not hides_churn(policy.alerts, period.kind, row):
        return []
    nrr = format_ratio(row["nrr_numerator"], row["starting_mrr_micros"], currency=row["currency"])
    left = format_ratio(row["churned_customers"], row["starting_customers"])
    return [indented(f"Hidden churn: {left} of customers left although NRR is {nrr}", 0), ""]


def hidden_churn_legend(policy: MetricPolicy, rows: Sequence[Row]) -> list[RenderableType]:
    """Explain the mark in the table of months, where it stands there."""
    limit = policy.alerts.hidden_churn_above.month
    if limit is None or not any(hides_churn(policy.alerts, PeriodKind.MONTH, row) for row in rows):
        return []
    shown = format_ratio(limit.numerator, limit.denominator).replace(".0 %", " %")
    said = (
        f"{HIDDEN} hidden churn: more than {shown} of customers left although NRR is 100 % or more"
    )
    return [indented(said, 0), ""]


def restatement_lines(
    connection: Connection, period: Period, whole: Row, dimensions: Sequence[str] = ()
) -> list[RenderableType]:
    """Say what was restated up to the edition that is shown: the whole, and which segments."""
    lines: list[str] = []
    for dimension in (WHOLE, *dimensions):
        rows = restatements_of_period(
            connection, TABLE_OF_PERIOD[period.kind], period.period_start, dimension
        )
        shown = [row for row in rows if row["to_edition"] <= whole["edition"]]
        for (edition, cause), group in groupby(shown, itemgetter("to_edition", "cause")):
            said = f"Edition {edition} restates edition {edition - 1} ({cause.replace('_', ' ')})"
            if dimension == WHOLE:
                lines += [f"{said}: {row['detail']}" for row in group]
            else:
                lines.append(f"{said} by {dimension}: {_listed([row['segment'] for row in group])}")
    return [*(indented(line, 0) for line in lines), ""] if lines else []


def _listed(segments: Sequence[str]) -> str:
    rest = len(segments) - RESTATED_LISTED
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(shortened(each) for each in segments[:RESTATED_LISTED]) + more


def held_out_of(connection: Connection, period: Period, whole: Row) -> dict[str, str]:
    """Return by item why it is missing from a provisional period's opening or closing."""
    if whole["is_final"]:
        return {}
    days = period.opening_date, period.closing_date
    return held_out_items(connection, *days, known_at=whole["known_at"])


def held_out_lines(held_out: Mapping[str, str]) -> list[RenderableType]:
    """Name what keeps a period provisional."""
    if not held_out:
        return []
    heading = "Held out of these figures; until that is mended they stay provisional and silent"
    listed = [f"{item}: {why}" for item, why in sorted(held_out.items())]
    if len(listed) > HELD_OUT_LISTED:
        more = f"and {len(listed) - HELD_OUT_LISTED} more, in the table data_quality"
        listed = [*listed[:HELD_OUT_LISTED], more]
    return [Text(heading, style="bold"), *(indented(line) for line in listed), ""]
