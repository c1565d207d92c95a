"""``nrr mrr``: the snapshot of a day, in all or of one customer down to its evidence.

How one customer looks is decided in ``customer_view``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import click
from rich.console import RenderableType

from nrr_pipeline.cli import documents, usage
from nrr_pipeline.cli.opening import Opened, nothing_yet, opened
from nrr_pipeline.cli.rendering import bold, day, faint, print_parts, table
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.orchestration.stages.rates_in_use import ForeignMrr, foreign_mrr, rates_line
from nrr_pipeline.warehouse.reading import Rows, is_published, totals_of

_EXAMPLES = """\b
Examples:
  nrr mrr                                       the last published day
  nrr mrr --date 2026-03-31                     another one
  nrr mrr --customer cus_Nff1                   one customer: items, arithmetic, evidence
  nrr mrr --date 2026-03-31 --customer cus_Nff1 --json
"""

_COLUMNS = (
    ("Currency", "left"),
    ("MRR", "right"),
    ("Customers", "right"),
    ("Subscriptions", "right"),
    ("At risk", "right"),
    ("Scheduled churn", "right"),
)
_FIGURES = (
    "currency",
    "mrr_micros",
    "customers",
    "subscriptions",
    "at_risk_mrr_micros",
    "scheduled_churn_mrr_micros",
)


_NO_TOTAL = (
    "There is no total in one currency: a reporting currency or a rate is missing. What to do is "
    "said by: nrr run --no-pull"
)


class DayNotPublishedError(NrrError):
    """A day was asked for that has no snapshot."""


@click.command("mrr", epilog=_EXAMPLES)
@click.option(
    "--date",
    "as_of",
    metavar="D",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day, such as 2026-03-31.  [default: the last published day]",
)
@click.option(
    "--customer", "customer_id", metavar="ID", help="Show one customer, by its Stripe id."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, as_of: datetime | None, customer_id: str | None, as_json: bool) -> None:
    """Show the MRR of a day: by currency, with what is at risk or set to end.

    With --customer, show one customer's items on that day, and every stretch of their history
    with its arithmetic and the Stripe objects that prove it.
    """
    with opened() as installation:
        as_of_date = _published_day(installation, None if as_of is None else as_of.date())
        if customer_id is not None:
            from nrr_pipeline.cli import customer_view  # noqa: PLC0415 - needs pandas

            customer = customer_view.read_customer(installation, customer_id.strip(), as_of_date)
            document, parts = customer_view.document(customer), customer_view.parts(customer)
        else:
            rows = totals_of(installation.connection, as_of_date)
            foreign = foreign_mrr(installation.connection, as_of_date, _reporting(rows))
            metered = usage.read(installation, as_of_date)
            document = {
                **_document(as_of_date, rows, foreign),
                "usage": usage.totals_document(metered),
            }
            parts = [*_parts(as_of_date, rows, foreign), *usage.totals_parts(metered)]
        if as_json:
            documents.write({**document, **installation.document()})
            return
        print_parts([*parts, "", *map(faint, installation.footer())])


def _published_day(installation: Opened, wanted: date | None) -> date:
    reach = installation.reach
    if reach.first_published_day is None or reach.last_published_day is None:
        raise nothing_yet(installation.settings.home)
    if wanted is None:
        return reach.last_published_day
    if is_published(installation.connection, wanted):
        return wanted
    if wanted < reach.first_published_day:
        raise DayNotPublishedError(
            f"{day(wanted)} is not published: the first day that is, is "
            f"{day(reach.first_published_day)}. An earlier start_date in policy.toml takes effect "
            "in a new database only"
        )
    raise DayNotPublishedError(
        f"{day(wanted)} is not published; days are through {day(reach.last_published_day)}. "
        f"Publish it once it is over: nrr run --date {wanted}"
    )


def _reporting(rows: Rows) -> str | None:
    return next((row["currency"] for row in rows if row["is_reporting"]), None)


def _document(as_of_date: date, rows: Rows, foreign: Sequence[ForeignMrr]) -> documents.Document:
    native = [documents.plain(row, _FIGURES) for row in rows if not row["is_reporting"]]
    reporting = [documents.plain(row, _FIGURES) for row in rows if row["is_reporting"]]
    return {
        "as_of_date": as_of_date,
        "totals": native,
        "reporting": reporting[0] if reporting else None,
        "exchange_rates": [each.document() for each in foreign],
    }


def _parts(as_of_date: date, rows: Rows, foreign: Sequence[ForeignMrr]) -> list[RenderableType]:
    parts: list[RenderableType] = [bold(f"MRR as of {day(as_of_date)}"), ""]
    native = [row for row in rows if not row["is_reporting"]]
    if not native:
        return [*parts, "No subscription had MRR on that day."]
    lines = [_line(row, row["currency"].upper()) for row in native]
    reporting = next((row for row in rows if row["is_reporting"]), None)
    if not foreign:
        return [*parts, table(_COLUMNS, lines)]
    if reporting is None:
        missing = "There is no total in one currency: a reporting currency or a rate is missing"
        return [
            *parts,
            table(_COLUMNS, lines),
            "",
            f"{missing}. What to do says: nrr run --no-pull",
        ]
    total = _line(reporting, f"all, in {reporting['currency'].upper()}")
    return [*parts, table(_COLUMNS, lines, total=total), "", *map(faint, rates_line(foreign))]


def _line(row: dict[str, Any], label: str) -> list[str]:
    currency = row["currency"]
    return [
        label,
        format_money(row["mrr_micros"], currency),
        f"{row['customers']:,}",
        f"{row['subscriptions']:,}",
        format_money(row["at_risk_mrr_micros"], currency),
        format_money(row["scheduled_churn_mrr_micros"], currency),
    ]
