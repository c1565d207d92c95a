"""Retention as people read it: the table of months, a period's bridge, a period by segment.

Which rows are shown is decided in ``show``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nrr_pipeline.cli.rendering import (
    Cell,
    amount,
    day,
    faint,
    lines_of,
    money_ratio,
    printable,
    share,
    table,
    whole_amount,
)
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.bands import reading
from nrr_pipeline.reporting.hidden_churn import hides_churn

Row = Mapping[str, Any]

WHOLE = "all"
"""Dimension and segment of the row for all customers, as the tables name it."""

HIDDEN = "!"
"""Stands beside logo churn that NRR hides."""

Amount = Callable[[int, str], str]

_WHOLE_FROM_MICROS = 10_000 * 1_000_000
"""From ten thousand on, tables leave out the cents; they stay in the bridge and in JSON."""

_MONTH_COLUMNS = (
    ("Month", "left"),
    ("Starting MRR", "right"),
    ("Expansion", "right"),
    ("Contraction", "right"),
    ("Churned", "right"),
    ("NRR", "right"),
    ("GRR", "right"),
    ("Logo churn", "right"),
    ("Status", "left"),
)
_SEGMENT_COLUMNS = (
    ("Segment", "left"),
    ("Customers", "right"),
    ("Starting\nMRR", "right"),
    *_MONTH_COLUMNS[2:-2],
    ("Logo\nchurn", "right"),
)


def months_table(rows: Sequence[Row], policy: MetricPolicy) -> Table:
    """Return one line per month; a mark stands where NRR hides churn."""
    show = _amounts(rows)
    lines: list[list[Cell]] = []
    for row in rows:
        *figures, churn = _figures(row, show)
        if hides_churn(policy.alerts, PeriodKind.MONTH, row):
            churn = f"{HIDDEN} {churn}"
        lines.append([_month(row), *figures, churn, status(row)])
    return table(_MONTH_COLUMNS, lines)


def segments_table(segments: Iterable[tuple[str, Row]], whole: Row) -> Table:
    """Return one line per segment, by its name, and below them what they add up to."""
    show = _amounts([whole])
    lines = [
        [printable(name), f"{row['starting_customers']:,}", *_figures(row, show)]
        for name, row in segments
    ]
    total = ["All customers", f"{whole['starting_customers']:,}", *_figures(whole, show)]
    return table(_SEGMENT_COLUMNS, lines, total=total)


def bridge(row: Row) -> Table:
    """Return how a period's starting MRR became its ending MRR."""
    currency = row["currency"]
    kept = row["nrr_numerator"]
    lines = [
        _line("", "Starting MRR", row, "starting_mrr_micros", day(row["opening_date"])),
        _line("+", "Expansion", row, "expansion_micros"),
        _line("-", "Contraction", row, "contraction_micros"),
        _line("-", "Churned MRR", row, "churned_mrr_micros", _people(row, "churned_customers")),
        ["=", "MRR of the same customers", format_money(kept, currency), ""],
        _line("+", "New business", row, "new_business_micros"),
        _line("+", "Reactivation", row, "reactivation_micros"),
        _line("+", "Exchange rates", row, "fx_micros"),
        _line("=", "Ending MRR", row, "ending_mrr_micros", day(row["closing_date"])),
    ]
    lines[0][3] += f", {_people(row, 'starting_customers')}"
    lines[-1][3] += f", {_people(row, 'ending_customers')}"
    return lines_of(lines, ("left", "left", "right", "left"))


def ratios(row: Row) -> Table:
    """Return the ratios of a period with their exact fractions, and what they mean."""
    currency, starting = row["currency"], row["starting_mrr_micros"]
    lines: list[list[str | Text]] = [
        [
            "NRR",
            money_ratio(row["nrr_numerator"], starting, currency),
            _fraction(row["nrr_numerator"], starting),
            reading(row["nrr_numerator"], starting, currency),
        ],
        [
            "GRR",
            money_ratio(row["grr_numerator"], starting, currency),
            _fraction(row["grr_numerator"], starting),
            "what was kept before any expansion",
        ],
        [
            "Logo churn",
            share(row["churned_customers"], row["starting_customers"]),
            f"{row['churned_customers']:,} / {row['starting_customers']:,}",
            "customers lost",
        ],
    ]
    return lines_of(lines, ("left", "right", "left", "left"))


def heading(period: Period, row: Row) -> list[RenderableType]:
    """Return a period's name, its days and how settled its figures are."""
    days = f"{day(period.first_day)} to {day(period.closing_date)}"
    return [Text.assemble((period.label, "bold"), f", {days}"), faint(_settled(row))]


def unit(rows: Iterable[Row]) -> str:
    """Say what the amounts of a table are.

    >>> unit([{"starting_mrr_micros": 5_000_000, "currency": "usd"}])
    'amounts in USD'
    """
    listed = list(rows)
    whole = "whole " if _amounts(listed) is whole_amount else ""
    return f"amounts in {whole}{listed[0]['currency'].upper()}"


def status(row: Row) -> str:
    """Return how settled a period's figures are, in a word.

    >>> status({"is_final": True, "is_historical": False, "edition": 2})
    'final, ed. 2'
    """
    if not row["is_final"]:
        return "provisional"
    if row["edition"] > 1:
        return f"final, ed. {row['edition']}"
    return "historical" if row["is_historical"] else "final"


def _settled(row: Row) -> str:
    if not row["is_final"]:
        return "provisional: the figures can still change"
    past = "; historical: it ended before the account was connected"
    return f"final, edition {row['edition']}{past if row['is_historical'] else ''}"


def _month(row: Row) -> str:
    return Period.month(row["period_start"]).key


def _figures(row: Row, show: Amount) -> list[str | Text]:
    currency, starting = row["currency"], row["starting_mrr_micros"]
    parts = ("starting_mrr", "expansion", "contraction", "churned_mrr")
    return [
        *(show(row[f"{part}_micros"], currency) for part in parts),
        money_ratio(row["nrr_numerator"], starting, currency),
        money_ratio(row["grr_numerator"], starting, currency),
        share(row["churned_customers"], row["starting_customers"]),
    ]


def _amounts(rows: Iterable[Row]) -> Amount:
    largest = max((row["starting_mrr_micros"] for row in rows), default=0)
    return whole_amount if largest >= _WHOLE_FROM_MICROS else amount


def _line(sign: str, name: str, row: Row, column: str, note: str = "") -> list[str]:
    return [sign, name, format_money(row[column], row["currency"]), note]


def _people(row: Row, column: str) -> str:
    return f"{row[column]:,} customer{'' if row[column] == 1 else 's'}"


def _fraction(numerator: int, denominator: int) -> str:
    return f"{numerator:,} / {denominator:,} micros"
