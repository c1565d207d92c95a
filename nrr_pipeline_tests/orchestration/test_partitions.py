from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.partitions import Calendar, calendar_of, days_of
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline_tests.orchestration.installation import START, Installation

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=ZoneInfo("UTC"))
ZONES = [
    *("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"),
    *("America/Santiago", "Asia/Beirut", "Africa/Casablanca", "Pacific/Kiritimati"),
]


def keys(partitions: dg.PartitionsDefinition) -> list[str]:
    with dg.partition_loading_context(effective_dt=NOW):
        return list(partitions.get_partition_keys())


def test_everything_starts_on_the_first_day_of_a_quarter_and_ends_with_what_is_over() -> None:
    calendar = Calendar(date(2024, 4, 1))

    assert (keys(calendar.days)[0], keys(calendar.days)[-1]) == ("2024-04-01", "2026-10-04")
    assert len(keys(calendar.days)) == 917
    assert (keys(calendar.months)[0], keys(calendar.months)[-1]) == ("2024-04-01", "2026-09-01")
    assert (keys(calendar.quarters)[0], keys(calendar.quarters)[-1]) == ("2024-04-01", "2026-07-01")


def test_a_start_inside_a_month_begins_with_the_first_whole_month_and_quarter() -> None:
    calendar = Calendar(date(2026, 1, 17))

    assert keys(calendar.days)[0] == "2026-01-17"
    assert keys(calendar.months)[0] == "2026-02-01"
    assert keys(calendar.quarters)[0] == "2026-04-01"


@pytest.mark.parametrize(
    ("month", "quarters"),
    [
        (1, ["2026-01-01", "2026-04-01", "2026-07-01"]),
        (2, ["2026-02-01", "2026-05-01"]),
        (12, ["2026-03-01", "2026-06-01"]),
    ],
)
def test_quarters_follow_the_fiscal_year(month: int, quarters: list[str]) -> None:
    calendar = Calendar(date(2026, 1, 1), fiscal_year_start_month=month)

    assert keys(calendar.quarters) == quarters
    assert calendar.period(PeriodKind.QUARTER, quarters[0]).period_start == date.fromisoformat(
        quarters[0]
    )


@pytest.mark.parametrize("timezone", ZONES)
def test_days_of_any_length_have_one_key_each(timezone: str) -> None:
    """Also where clocks go forward at midnight, so that a day has no 00:00."""
    start = date(2024, 1, 1)
    listed = keys(Calendar(start, timezone=timezone).days)

    last = NOW.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
    count = (last - start).days + 1
    assert listed == [f"{start + timedelta(days=number)}" for number in range(count)]


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("kind", PeriodKind)
def test_every_period_depends_on_all_its_days_and_its_opening_day(
    timezone: str, kind: PeriodKind
) -> None:
    calendar = Calendar(date(2024, 2, 1), timezone=timezone, fiscal_year_start_month=2)
    partitions = calendar.partitions_of(kind)
    with dg.partition_loading_context(effective_dt=NOW):
        for key in partitions.get_partition_keys():
            period = calendar.period(kind, key)
            mapped = days_of(kind).get_upstream_mapped_partitions_result_for_partitions(
                partitions.subset_with_partition_keys([key]), partitions, calendar.days
            )
            days = set(mapped.partitions_subset.get_partition_keys())
            first = max(period.opening_date, calendar.start_date)
            count = (period.closing_date - first).days + 1
            assert {f"{first + timedelta(days=number)}" for number in range(count)} <= days


def test_a_day_belongs_to_its_period_and_as_opening_day_to_the_next_one() -> None:
    calendar = Calendar(date(2024, 4, 1))

    def depending_on(day: str, kind: PeriodKind) -> list[str]:
        partitions = calendar.partitions_of(kind)
        with dg.partition_loading_context(effective_dt=NOW):
            mapped = days_of(kind).get_downstream_partitions_for_partitions(
                calendar.days.subset_with_partition_keys([day]), calendar.days, partitions
            )
            return sorted(mapped.get_partition_keys())

    assert depending_on("2026-01-31", PeriodKind.MONTH) == ["2026-01-01", "2026-02-01"]
    assert depending_on("2026-03-31", PeriodKind.QUARTER) == ["2026-01-01", "2026-04-01"]
    trailing = depending_on("2025-01-31", PeriodKind.TRAILING_12_MONTHS)
    assert (trailing[0], trailing[-1], len(trailing)) == ("2025-01-01", "2026-01-01", 13)


def test_the_start_is_the_one_that_the_database_holds(installed: Installation) -> None:
    calendar = calendar_of(installed.settings, MetricPolicy(start_date=date(2020, 1, 1)))

    assert (calendar.start_date, calendar.is_settled) == (START, True)


def test_without_a_database_the_policy_says_the_start(home: Path) -> None:
    policy = MetricPolicy(start_date=date(2025, 7, 1), timezone="America/New_York")

    calendar = calendar_of(Settings(nrr_home=home), policy)

    assert (calendar.start_date, calendar.timezone) == (date(2025, 7, 1), "America/New_York")


def test_without_anything_the_start_is_this_quarter_and_nothing_is_created(home: Path) -> None:
    calendar = calendar_of(Settings(nrr_home=home), MetricPolicy())

    assert not calendar.is_settled
    assert calendar.start_date.day == 1
    assert timedelta() <= datetime.now(ZoneInfo("UTC")).date() - calendar.start_date  # noqa: TID251
    assert not home.exists()
