"""What is left to do: days and periods that are due, as ranges of partitions.

A day or period counts as done when the warehouse has it *and* the instance has it on record, so
that a run which died between the two is completed by the next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.periods import ONE_DAY, Period, PeriodKind, periods_closing_within
from nrr_pipeline.orchestration.partitions import day_of, key_of
from nrr_pipeline.orchestration.stages.daily import first_day, missing_days
from nrr_pipeline.orchestration.stages.periods import TABLES, due_periods
from nrr_pipeline.orchestration.stages.reports import due_reports
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.board_report import reports
from nrr_pipeline.warehouse.daily import published_days
from nrr_pipeline.warehouse.pulls import last_complete_pull
from nrr_pipeline.warehouse.retention import published_periods
from nrr_pipeline.warehouse.transactions import Clock, Warehouse

BOARD_REPORT = "board_report"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


@dataclass(frozen=True, slots=True)
class Span:
    """Partitions without a gap, from the first through the last."""

    first: date
    last: date

    @property
    def tags(self) -> dict[str, str]:
        """The tags of a run over these partitions."""
        return {RANGE_START_TAG: key_of(self.first), RANGE_END_TAG: key_of(self.last)}

    @property
    def days(self) -> list[date]:
        """The days of a range of days."""
        return [
            self.first + ONE_DAY * number for number in range((self.last - self.first).days + 1)
        ]

    def in_chunks_of(self, count: int) -> Iterator[list[date]]:
        """The days of a range of days, so many at a time."""
        days = self.days
        for start in range(0, len(days), count):
            yield days[start : start + count]

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def covered_through(warehouse: Warehouse, policy: MetricPolicy) -> date | None:
    """The last day that was over, on the account's own clock, at the last complete pull."""
    with warehouse.read() as connection:
        pull = last_complete_pull(connection)
    if pull is None or pull.observed_at is None:
        return None
    return DayClock(policy.timezone).day(int(pull.observed_at.timestamp())) - ONE_DAY


def days_to_publish(
    warehouse: Warehouse, policy: MetricPolicy, instance: dg.DagsterInstance, through: date
) -> list[date]:
    """Days through ``through`` that the last complete pull covers and that are not done."""
    covered = covered_through(warehouse, policy)
    if covered is None:
        return []
    last = min(through, covered)
    recorded = on_record(instance, "daily_mrr")
    with warehouse.read() as connection:
        unrecorded = set(published_days(connection, end=last)) - recorded
    return sorted(unrecorded.union(missing_days(warehouse, policy, last)))


def periods_to_publish(
    warehouse: Warehouse,
    policy: MetricPolicy,
    instance: dg.DagsterInstance,
    kind: PeriodKind,
    *,
    clock: Clock,
) -> list[date]:
    """Starts of the periods of a kind that are due, or published but not on record."""
    due = {period.period_start for period in due_periods(warehouse, policy, kind, clock=clock)}
    with warehouse.read() as connection:
        published = {each.period_start for each in published_periods(connection, TABLES[kind])}
    return sorted(due | (published - on_record(instance, TABLES[kind])))


def reports_to_issue(
    warehouse: Warehouse, policy: MetricPolicy, instance: dg.DagsterInstance
) -> list[date]:
    """Months whose board report is due, or issued but not on record."""
    due = {month.period_start for month in due_reports(warehouse, policy)}
    with warehouse.read() as connection:
        issued = {each.period_start for each in reports(connection)}
    return sorted(due | (issued - on_record(instance, BOARD_REPORT)))


def periods_touched_by(
    warehouse: Warehouse, policy: MetricPolicy, kind: PeriodKind, days: Sequence[date]
) -> list[date]:
    """Starts of the complete periods of a kind whose opening, days or closing hold one of these."""
    start = first_day(warehouse, policy)
    if start is None or not days:
        return []
    with warehouse.read() as connection:
        published = published_days(connection)
    have = set(published)
    fiscal = policy.fiscal_year_start_month
    return [
        period.period_start
        for period in periods_closing_within(
            kind, start, max(published), fiscal_year_start_month=fiscal
        )
        if any(period.opening_date <= day <= period.closing_date for day in days)
        and have.issuperset(_own_days(period, start))
    ]


def on_record(instance: dg.DagsterInstance, table: str) -> set[date]:
    """The partitions of an asset that the instance knows to be materialized."""
    return {day_of(key) for key in instance.get_materialized_partitions(dg.AssetKey(table))}


def spans_of_days(days: Iterable[date]) -> list[Span]:
    """Days as ranges without gaps.

    >>> [str(span) for span in spans_of_days([date(2026, 3, 1), date(2026, 3, 2)])]
    ['2026-03-01 to 2026-03-02']
    """
    return _spans([(day, day + ONE_DAY) for day in days])


def spans_of_periods(starts: Iterable[date], kind: PeriodKind) -> list[Span]:
    """Starts of periods of one kind as ranges without gaps."""
    periods = [Period(start, kind) for start in starts]
    return _spans([(period.period_start, period.next.period_start) for period in periods])


def _own_days(period: Period, start: date) -> Iterator[date]:
    day = max(period.first_day, start)
    while day <= period.closing_date:
        yield day
        day += ONE_DAY


def _spans(steps: Sequence[tuple[date, date]]) -> list[Span]:
    spans: list[Span] = []
    expected: date | None = None
    for start, following in steps:
        if spans and start == expected:
            spans[-1] = Span(spans[-1].first, start)
        else:
            spans.append(Span(start, start))
        expected = following
    return spans
