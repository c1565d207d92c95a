"""Gathers what a month's board report holds, from the editions that are in force.

Whether it is issued stands in ``reports``; its footnotes are written in ``report_notes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.retention import Measurement
from nrr_pipeline.orchestration.stages.explaining import NothingToExplainError, explain, trend
from nrr_pipeline.orchestration.stages.measuring import (
    KnownBasis,
    RetentionNotComputableError,
    measure,
)
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.orchestration.stages.report_notes import footnotes
from nrr_pipeline.policy import MetricPolicy, names_a_place
from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth
from nrr_pipeline.reporting.explanation import PeriodExplanation, TrendPoint
from nrr_pipeline.warehouse.reading import reach
from nrr_pipeline.warehouse.retention import published_periods
from nrr_pipeline.warehouse.transactions import Connection

MOST_CUSTOMER_MONTHS = 300_000
"""How many rows of customers a report holds at most; a workbook of more opens slowly."""


class NoDataYetError(NrrError):
    """A report was asked for before any pull was complete."""


def gather(
    connection: Connection, policy: MetricPolicy, month: Period, *, edition: int, at: datetime
) -> BoardReport:
    """Gather the report of a published month.

    Args:
        connection: Where to read.
        policy: The rules in force.
        month: Whose report.
        edition: Its number.
        at: When it is issued.

    Raises:
        NothingToExplainError: The month has no figures.
        NotAsPublishedError: Measured under today's policy it is something else.
        RetentionNotComputableError: An exchange rate is missing by now.
    """
    data_as_of = reach(connection).observed_at
    if data_as_of is None:
        raise NoDataYetError("No pull from Stripe has been completed yet. Pull: nrr run")
    names_shown = policy.report.customer_names
    explained = explain(connection, policy, month, names_shown=names_shown)
    quarter = _quarter(connection, policy, month)
    series = trend(connection, policy, month.period_start, policy.report.months)
    customers, notes = _customer_months(connection, policy, series)
    return BoardReport(
        month=explained,
        quarter=quarter,
        trailing=series[-1].trailing,
        trend=series,
        customer_months=_named(connection, customers) if names_shown else customers,
        edition=edition,
        issued_at=at,
        data_as_of=data_as_of,
        timezone=policy.timezone,
        policy_version=explained.policy_version,
        policy=tuple(
            (name, value) for name, value in policy.choices().items() if not names_a_place(name)
        ),
        notes=(*footnotes(connection, explained, quarter), *notes),
    )


def quarter_of(policy: MetricPolicy, month: Period) -> Period:
    """The quarter that ends with a month, else the last one that was complete by then."""
    quarter = Period.quarter(
        month.period_start, fiscal_year_start_month=policy.fiscal_year_start_month
    )
    return quarter if quarter.closing_date == month.closing_date else quarter.previous


def _quarter(
    connection: Connection, policy: MetricPolicy, month: Period
) -> PeriodExplanation | None:
    quarter = quarter_of(policy, month)
    try:
        return explain(connection, policy, quarter, names_shown=policy.report.customer_names)
    except NothingToExplainError:
        return None


def _customer_months(
    connection: Connection, policy: MetricPolicy, series: Sequence[TrendPoint]
) -> tuple[tuple[CustomerMonth, ...], list[str]]:
    """The customers of the latest months that fit, oldest month first, and what is missing."""
    known_at = {
        each.period_start: each.known_at for each in published_periods(connection, "monthly_nrr")
    }
    basis = KnownBasis(policy)
    months: list[list[CustomerMonth]] = []
    notes: list[str] = []
    for point in reversed(series):
        period, at = Period.month(point.month), known_at[point.month]
        try:
            known_then = basis.read(connection, at)
            measured = measure(
                connection, policy, period, known_at=at, basis=known_then, by_segment=False
            )
        except RetentionNotComputableError as error:
            notes.append(f"The customers of {period.label} are not listed: {error}.")
            continue
        if measured.whole != point.figures:
            notes.append(
                f"The customers of {period.label} are not listed: it was published under other "
                "rules than those in force, which no longer give its figures."
            )
            continue
        customers = _of_month(point.month, measured)
        if months and sum(map(len, months)) + len(customers) > MOST_CUSTOMER_MONTHS:
            notes.append(f"Customers are listed from {period.next.label} on: earlier, too many.")
            break
        months.append(customers)
    return tuple(each for customers in reversed(months) for each in customers), notes


def _of_month(month: date, measured: Measurement) -> list[CustomerMonth]:
    columns = (
        *("account_id", "movement"),
        *("opening_mrr_micros", "closing_mrr_micros", "fx_micros"),
    )
    customers = measured.customers
    listed = [
        CustomerMonth(month, account, account, Movement(movement), opening, closing, fx)
        for account, movement, opening, closing, fx in zip(
            *(customers[name].tolist() for name in columns), strict=True
        )
    ]
    return sorted(listed, key=lambda each: each.account_id)


def _named(connection: Connection, customers: Sequence[CustomerMonth]) -> tuple[CustomerMonth, ...]:
    names = Names(connection).customers(sorted({each.account_id for each in customers}))
    return tuple(
        replace(each, name=names.get(each.account_id, each.account_id)) for each in customers
    )
