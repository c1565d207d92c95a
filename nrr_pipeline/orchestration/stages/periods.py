"""Publishing periods: which are due, what they are, and whether they alert."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.periods import Period, PeriodKind, periods_closing_within
from nrr_pipeline.orchestration.stages.alerting import Measured, PeriodReport, with_alerts
from nrr_pipeline.orchestration.stages.measuring import (
    KnownBasis,
    RetentionNotComputableError,
    measure,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.links import NOWHERE, Links
from nrr_pipeline.warehouse import account, daily, retention
from nrr_pipeline.warehouse.reading import held_out_items
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse

TABLES = {
    PeriodKind.MONTH: "monthly_nrr",
    PeriodKind.QUARTER: "quarterly_nrr",
    PeriodKind.TRAILING_12_MONTHS: "trailing_12_month_nrr",
}
"""The table, and asset, of each kind of period."""


class IncompletePeriodError(NrrError):
    """A period was asked for of which days are missing."""


def due_periods(
    warehouse: Warehouse, policy: MetricPolicy, kind: PeriodKind, *, clock: Clock
) -> list[Period]:
    """The complete periods that are unpublished, can become final, or may have changed."""
    with warehouse.read() as connection:
        facts = account.connection_facts(connection)
        published_days = daily.published_days(connection)
        if facts is None or facts.start_date is None or not published_days:
            return []
        published = {
            each.period_start: each
            for each in retention.published_periods(connection, TABLES[kind])
        }
        stale = set(
            retention.stale_periods(connection, TABLES[kind], policy_version=policy.version)
        )
    candidates = periods_closing_within(
        kind,
        facts.start_date,
        published_days[-1],
        fiscal_year_start_month=policy.fiscal_year_start_month,
    )
    have = set(published_days)
    now = clock()
    return [
        period
        for period in candidates
        if not _missing_days(period, facts.start_date, have)
        and (
            period.period_start not in published
            or period.period_start in stale
            or (not published[period.period_start].is_final and _is_closed(period, policy, now))
        )
    ]


def publish_periods(
    warehouse: Warehouse,
    policy: MetricPolicy,
    periods: Iterable[Period],
    *,
    clock: Clock,
    links: Links = NOWHERE,
) -> tuple[list[PeriodReport], list[str]]:
    """Publish periods one by one; one that cannot be measured stops no other.

    Args:
        warehouse: Where to publish.
        policy: The rules.
        periods: Which.
        clock: Now.
        links: Where alerts lead.

    Returns:
        What was published, and for every other period what it lacks.

    Raises:
        IncompletePeriodError: Days of a period are not published; the message gives the command.
        ReportingCurrencyError: Several currencies, and none is set to report in.
    """
    published: list[PeriodReport] = []
    problems: list[str] = []
    known_now = KnownBasis(policy)
    for period in periods:
        try:
            report = _publish(warehouse, policy, period, known_now, clock=clock, links=links)
            published.append(report)
        except RetentionNotComputableError as error:
            problems.append(str(error))
    return published, problems


def _publish(
    warehouse: Warehouse,
    policy: MetricPolicy,
    period: Period,
    known_now: KnownBasis,
    *,
    clock: Clock,
    links: Links,
) -> PeriodReport:
    """Measure a period as known now and publish it, with its alerts, in one transaction."""
    with warehouse.write("publication", clock=clock, policy_version=policy.version) as tx:
        facts = _require_complete(tx.connection, period)
        basis = known_now.read(tx.connection)
        measurement = measure(tx.connection, policy, period, basis=basis)
        held_out = held_out_items(tx.connection, period.opening_date, period.closing_date)
        is_final = _is_closed(period, policy, tx.known_at) and not held_out
        is_historical = (
            facts.connected_through is not None and period.closing_date <= facts.connected_through
        )
        publication = retention.publish_retention(
            tx,
            TABLES[period.kind],
            period.period_start,
            _frame(period, measurement.rows),
            is_final=is_final,
            is_historical=is_historical,
            policy_version=policy.version,
        )
        report = PeriodReport(
            period=period,
            edition=publication.edition,
            is_new_edition=publication.is_new,
            is_final=is_final,
            is_historical=is_historical,
            rows=measurement.rows,
            held_out=tuple(f"{item}: {why}" for item, why in sorted(held_out.items())),
        )
        return with_alerts(tx, policy, report, facts, Measured(measurement, basis), links)


def _require_complete(connection: Connection, period: Period) -> account.ConnectionFacts:
    facts = account.connection_facts(connection)
    if facts is None or facts.start_date is None:
        raise IncompletePeriodError("No day is published yet. Publish them: nrr run")
    have = set(daily.published_days(connection, period.first_day, period.closing_date))
    missing = _missing_days(period, facts.start_date, have)
    if missing:
        raise IncompletePeriodError(
            f"{period.label} lacks {len(missing)} of its days, the first is {missing[0]}. Publish "
            f"them: nrr run --from {missing[0]} --to {missing[-1]}"
        )
    return facts


def _missing_days(period: Period, start_date: date, have: set[date]) -> list[date]:
    first = max(period.first_day, start_date)
    count = (period.closing_date - first).days + 1
    days = (first + timedelta(days=number) for number in range(count))
    return [day for day in days if day not in have]


def _is_closed(period: Period, policy: MetricPolicy, now: datetime) -> bool:
    """Whether the period ended long enough ago for its figures to be final."""
    local = now.astimezone(UTC if policy.timezone == "UTC" else ZoneInfo(policy.timezone))
    return local.date() >= period.period_end + timedelta(days=policy.close.after_days)


def _frame(period: Period, rows: tuple[Retention, ...]) -> pd.DataFrame:
    return pd.DataFrame([_figures(period, row) for row in rows])


def _figures(period: Period, row: Retention) -> dict[str, Any]:
    figures = asdict(row)
    return figures | {
        "period_end": period.period_end,
        "opening_date": period.opening_date,
        "closing_date": period.closing_date,
        "nrr": _ratio(row.nrr),
        "nrr_denominator": row.starting_mrr_micros,
        "grr": _ratio(row.grr),
        "grr_denominator": row.starting_mrr_micros,
        "logo_churn": _ratio(row.logo_churn),
    }


def _ratio(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(ratio)
