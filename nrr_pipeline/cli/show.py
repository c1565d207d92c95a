"""``nrr show``: the last twelve months, or one period down to its customers.

How it looks is decided in ``retention_views``; the list of customers is made in
``customer_list``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import RenderableType

from nrr_pipeline.cli import documents, retention_views
from nrr_pipeline.cli.breakdown import Breakdown, broken_down, parse_dimensions
from nrr_pipeline.cli.exchange_rates import rates_lines
from nrr_pipeline.cli.naming_periods import NotPublishedError, not_published, parse_period
from nrr_pipeline.cli.opening import NothingYetError, Opened, nothing_yet, opened
from nrr_pipeline.cli.remarks import (
    alert_headlines,
    alert_lines,
    alerts_of,
    held_out_lines,
    held_out_of,
    hidden_churn_legend,
    hidden_churn_lines,
    restatement_lines,
)
from nrr_pipeline.cli.rendering import bold, faint, instant, print_parts
from nrr_pipeline.cli.retention_views import WHOLE
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.dimensions import DIMENSIONS
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.reading import TABLE_OF_PERIOD, Rows, rows_in_force

MONTHS = 12

_EXAMPLES = """\b
Examples:
  nrr show                                      the last twelve months
  nrr show 2026-03                              a month: its bridge, NRR, GRR, logo churn
  nrr show 2026-Q1 --by product                 a quarter, product by product
  nrr show 2026-Q1 --by company_size,country    two dimensions crossed
  nrr show ttm-2026-03                          the twelve months that end with March 2026
  nrr show 2026-Q1 --customers customers.csv    every customer behind the figure
  nrr show 2026-03 --known-at 2026-05-01        as it had been published by 1 May
  nrr show 2026-03 --json                       for programs
"""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One period in the edition asked for."""

    period: Period
    rows: Rows

    @property
    def whole(self) -> dict[str, Any]:
        return next(row for row in self.rows if row["dimension"] == WHOLE)


@click.command("show", epilog=_EXAMPLES)
@click.argument("period", required=False)
@click.option(
    "--by",
    "dimension",
    metavar="DIMENSION",
    help=f"Break down by {', '.join(DIMENSIONS)} or one of the policy's segments; by two, crossed, "
    "with a comma between them.",
)
@click.option(
    "--customers",
    "customers_file",
    metavar="FILE.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the customers behind the period to a CSV file.",
)
@click.option(
    "--known-at",
    metavar="TIME",
    help="As published by then: a day (its end) or a time, in the reporting time zone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *,
    period: str | None,
    dimension: str | None,
    customers_file: Path | None,
    known_at: str | None,
    as_json: bool,
) -> None:
    """Show the retention of PERIOD: NRR, GRR and logo churn, and what they are made of.

    PERIOD is a month 2026-03, a quarter 2026-Q1, or twelve months ttm-2026-03. Without it, the
    last twelve months are shown as a table.
    """
    if period is None and (dimension or customers_file):
        raise click.UsageError(
            "Name a PERIOD to break down, such as: nrr show 2026-03 --by product"
        )
    with opened() as installation:
        time = None if known_at is None else parse_time(known_at, installation.policy)
        if period is None:
            _show_months(installation, time, as_json=as_json)
            return
        dimensions = parse_dimensions(dimension, installation.policy)
        shown = _find(installation, parse_period(period, installation.policy), time)
        by = broken_down(installation, shown.period, shown.rows, dimensions) if dimensions else None
        if customers_file is not None:
            _write_customers(installation, shown, customers_file)
        if as_json:
            documents.write(_document(installation, shown, by, time, customers_file))
            return
        print_parts(_parts(installation, shown, by, time, customers_file))


def parse_time(text: str, policy: MetricPolicy) -> datetime:
    """Read a day, meaning its end, or a time; in the reporting time zone unless it says another."""
    zone = ZoneInfo(policy.timezone)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            following = date.fromisoformat(text) + timedelta(days=1)
            midnight = datetime(following.year, following.month, following.day, tzinfo=zone)
            return midnight.astimezone(UTC) - timedelta(microseconds=1)
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is neither a day nor a time: write 2026-05-01 or 2026-05-01T09:30",
            param_hint="--known-at",
        ) from None
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)


def _find(installation: Opened, period: Period, known_at: datetime | None) -> _Shown:
    table, start = TABLE_OF_PERIOD[period.kind], period.period_start
    rows = rows_in_force(installation.connection, table, period_start=start, known_at=known_at)
    if rows:
        return _Shown(period, rows)
    if known_at is not None and rows_in_force(
        installation.connection, table, period_start=start, dimension=WHOLE
    ):
        raise NotPublishedError(
            f"{period.label} had no final figures by {instant(known_at)}; provisional ones are not "
            f"kept. See the ones of today: nrr show {period.key}"
        )
    raise not_published(installation, period)


def _show_months(installation: Opened, known_at: datetime | None, *, as_json: bool) -> None:
    connection = installation.connection
    rows = rows_in_force(connection, "monthly_nrr", dimension=WHOLE, known_at=known_at, last=MONTHS)
    if not rows and not as_json:
        raise _no_months(installation, known_at)
    periods = [Period.month(row["period_start"]) for row in rows]
    raised = alerts_of(installation.connection, periods, known_at)
    if as_json:
        months = [
            {**documents.published(period, row), **documents.retention(row)}
            for period, row in zip(periods, rows, strict=True)
        ]
        documents.write(
            {
                "months": months,
                "alerts": [documents.alert(row) for row in raised],
                "as_known_at": known_at,
                **installation.document(),
            }
        )
        return
    count = f"{len(rows)} months" if len(rows) > 1 else "month"
    title = f"Retention of the last {count}, {retention_views.unit(rows)}"
    table = retention_views.months_table(rows, installation.policy)
    remarks = [*hidden_churn_legend(installation.policy, rows), *alert_headlines(raised)]
    footer = _footer(installation, rows, known_at)
    print_parts([bold(title), "", table, "", *remarks, *footer])


def _no_months(installation: Opened, known_at: datetime | None) -> NrrError:
    if installation.reach.last_published_day is None:
        return nothing_yet(installation.settings.home)
    when = "yet" if known_at is None else f"by {instant(known_at)}"
    return NothingYetError(f"No month was published {when}. See the days: nrr mrr")


def _parts(
    installation: Opened,
    shown: _Shown,
    by: Breakdown | None,
    known_at: datetime | None,
    customers_file: Path | None,
) -> list[RenderableType]:
    whole = shown.whole
    parts: list[RenderableType] = [*retention_views.heading(shown.period, whole), ""]
    if by is None:
        parts += [retention_views.bridge(whole), "", retention_views.ratios(whole), ""]
        parts += rates_lines(installation.connection, whole)
    else:
        parts += by.parts(whole)
    parts += hidden_churn_lines(installation.policy, shown.period, whole)
    connection = installation.connection
    parts += held_out_lines(held_out_of(connection, shown.period, whole))
    parts += restatement_lines(connection, shown.period, whole, by.dimensions if by else ())
    parts += alert_lines(alerts_of(connection, [shown.period], known_at))
    if customers_file is not None:
        parts += [f"The customers behind it are in {customers_file}", ""]
    return [*parts, *_footer(installation, shown.rows, known_at)]


def _document(
    installation: Opened,
    shown: _Shown,
    by: Breakdown | None,
    known_at: datetime | None,
    customers_file: Path | None,
) -> documents.Document:
    document = {
        **documents.published(shown.period, shown.whole),
        **documents.retention(shown.whole),
        "held_out": held_out_of(installation.connection, shown.period, shown.whole),
    }
    if by is not None:
        document |= by.document()
    if customers_file is not None:
        document["customers_file"] = str(customers_file)
    raised = alerts_of(installation.connection, [shown.period], known_at)
    return {
        **document,
        "alerts": [documents.alert(row) for row in raised],
        "as_known_at": known_at,
        **installation.document(),
    }


def _write_customers(installation: Opened, shown: _Shown, path: Path) -> None:
    # pandas is imported by those who need it only: it takes longer than everything else here
    from nrr_pipeline.cli.customer_list import customers_of, write_customers  # noqa: PLC0415

    customers = customers_of(installation, shown.period, shown.rows)
    write_customers(path, customers, installation)


def _footer(installation: Opened, rows: Rows, known_at: datetime | None) -> list[RenderableType]:
    lines = installation.footer(row["policy_version"] for row in rows)
    if known_at is not None:
        lines.append(f"figures as they had been published by {instant(known_at)}")
    return [faint(line) for line in lines]
