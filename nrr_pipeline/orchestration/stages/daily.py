"""Publishing days, and the totals and movements that follow from them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date

import pandas as pd

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.conversion import DaysWithoutRate, RateTable
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.movements import daily_movements
from nrr_pipeline.metrics.totals import daily_totals, days_without_rate, reporting_totals
from nrr_pipeline.orchestration.stages.history import NothingPulledError
from nrr_pipeline.orchestration.stages.rates import (
    ReportingCurrencyError,
    missing_rate_finding,
    missing_rate_findings,
    rate_table,
    with_fix,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import account, daily, knowledge, pulls, quality, snapshots
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse, WriteTransaction

TOTALS, MOVEMENTS = "daily_mrr_totals", "mrr_movements"
"""The stages that follow the days, by their tables."""


class UncoveredDayError(NrrError):
    """A day was asked for that no complete pull covers."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One published day in one native currency, or all of it in the reporting currency."""

    as_of_date: date
    currency: str
    is_reporting: bool
    mrr_micros: int
    customers: int
    subscriptions: int


def first_day(warehouse: Warehouse, policy: MetricPolicy) -> date | None:
    """The first day that is published; ``None`` before any MRR is known."""
    with warehouse.read() as connection:
        facts = account.connection_facts(connection)
    stored = facts.start_date if facts is not None else None
    return stored or policy.start_date


def missing_days(warehouse: Warehouse, policy: MetricPolicy, through: date) -> list[date]:
    """The days from the first one through ``through`` that are not published."""
    start = first_day(warehouse, policy)
    if start is None:
        return []
    with warehouse.read() as connection:
        return daily.missing_days(connection, start, through)


def publish_days(
    warehouse: Warehouse, policy: MetricPolicy, days: Sequence[date], *, clock: Clock
) -> list[DayFigures]:
    """Publish days as known now; what was published before stands.

    Returns:
        The figures of all the days, as known now: in each native currency, and in the reporting
        currency where it is known and no rate is missing.

    Raises:
        UncoveredDayError: The account was last read before one of the days was over.
    """
    if not days:
        return []
    with warehouse.write("publication", clock=clock, policy_version=policy.version) as tx:
        _require_covered(tx.connection, policy, max(days))
        daily.publish_days(tx, days)
        frame = snapshots.intervals_frame(tx.connection, first_day=min(days), last_day=max(days))
    totals = [daily_totals(frame, min(days), max(days))]
    with suppress(ReportingCurrencyError), warehouse.read() as connection:
        rates = rate_table(connection, policy)
        totals.append(reporting_totals(frame, min(days), max(days), rates))
    names = [each.name for each in fields(DayFigures)]
    return [
        DayFigures(*row)
        for each in totals
        for row in each.loc[each["as_of_date"].isin(list(days)), names].itertuples(
            index=False, name=None
        )
    ]


def refresh_totals(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> int:
    """Bring the totals of published days up to what is known; returns how many days changed.

    Days for which an exchange rate is missing have native totals only, and a finding says so.
    """

    def replace(tx: WriteTransaction, intervals: pd.DataFrame, days: list[date]) -> None:
        totals = [daily_totals(intervals, days[0], days[-1])]
        with suppress(ReportingCurrencyError):
            rates = rate_table(tx.connection, policy)
            totals.append(reporting_totals(intervals, days[0], days[-1], rates))
            findings = missing_rate_findings(_days_without_rate(tx, intervals, rates), rates)
            quality.record_findings(tx, None, findings, stage=TOTALS)
        frame = pd.concat([each for each in totals if not each.empty])
        daily.replace_totals(tx, frame[frame["as_of_date"].isin(days)], days)

    return _refresh(warehouse, policy, TOTALS, replace, clock=clock)


def refresh_movements(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> int:
    """Bring the movements of published days up to what is known; returns how many days changed.

    A day on which somebody moved for whom an exchange rate is missing has none, and a finding.

    Raises:
        ReportingCurrencyError: Several currencies, and none is set to report in.
    """

    def replace(tx: WriteTransaction, intervals: pd.DataFrame, days: list[date]) -> None:
        rates = rate_table(tx.connection, policy)
        movements, missing = daily_movements(
            intervals, days[0], days[-1], rates=rates, window_days=policy.reactivation.window_days
        )
        wanted = movements[movements["as_of_date"].isin(days)]
        daily.replace_movements(tx, wanted, days[0], days[-1])
        lacking = _days_without_rate(tx, intervals, rates)
        findings = [
            missing_rate_finding(
                error.currency,
                with_fix(f"{error}; the movements of {day} are not published", error.day or day),
                scope_id=day.isoformat(),
            )
            for day, error in missing.items()
            if day in days and error.day not in lacking.get(error.currency, [])
        ]
        scopes = [day.isoformat() for day in days]
        quality.record_findings(tx, scopes, findings, stage=MOVEMENTS)

    return _refresh(warehouse, policy, MOVEMENTS, replace, clock=clock)


def _days_without_rate(
    tx: WriteTransaction, intervals: pd.DataFrame, rates: RateTable
) -> DaysWithoutRate:
    published = daily.published_days(tx.connection)
    return days_without_rate(intervals, published[0], published[-1], rates)


def _require_covered(connection: Connection, policy: MetricPolicy, day: date) -> None:
    pull = pulls.last_complete_pull(connection)
    if pull is None or pull.observed_at is None:
        raise NothingPulledError("No pull from Stripe has been completed yet. Start one: nrr run")
    observed_on = DayClock(policy.timezone).day(int(pull.observed_at.timestamp()))
    if observed_on <= day:
        raise UncoveredDayError(
            f"{day} was not over when the account was last read ({pull.observed_at:%Y-%m-%d %H:%M} "
            f"UTC). Read it again: nrr run --date {day}"
        )


def _refresh(
    warehouse: Warehouse,
    policy: MetricPolicy,
    stage: str,
    replace: Callable[[WriteTransaction, pd.DataFrame, list[date]], None],
    *,
    clock: Clock,
) -> int:
    """Recompute the published days that are new or that something learned since can change."""
    with warehouse.read() as connection:
        if not _days_to_refresh(connection, stage, policy):
            return 0
    with warehouse.write("publication", clock=clock, policy_version=policy.version) as tx:
        days = _days_to_refresh(tx.connection, stage, policy)
        if days:
            replace(tx, snapshots.intervals_frame(tx.connection), days)
        knowledge.set_progress(tx, stage, policy_version=policy.version)
        return len(days)


def _days_to_refresh(connection: Connection, stage: str, policy: MetricPolicy) -> list[date]:
    published = daily.published_days(connection)
    before = knowledge.progress_of(connection, stage)
    if before is None or before.policy_version != policy.version:
        return published
    changed_from = knowledge.changed_from_since(connection, before.known_at)
    fresh = daily.days_published_since(connection, before.known_at)
    starts = [*fresh[:1], *([changed_from] if changed_from is not None else [])]
    return [day for day in published if starts and day >= min(starts)]
