from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nrr_pipeline.metrics.periods import add_months
from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.partitions import Calendar, key_of
from nrr_pipeline.settings import Settings
from nrr_pipeline_tests.orchestration.installation import days

START = date(2024, 4, 1)


@dataclass
class Automation:
    """Asks the conditions of the periods, tick after tick."""

    home: Path
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def __post_init__(self) -> None:
        self.definitions = build_definitions(Settings(nrr_home=self.home), calendar=Calendar(START))
        self._cursor: Any = None

    def land(self, landed: Iterable[date]) -> None:
        for day in landed:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization("daily_mrr", partition=key_of(day))
            )

    def measure(self, table: str, *starts: str) -> None:
        for start in starts:
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(table, partition=start)
            )

    def requests(self, now: datetime) -> dict[str, list[str]]:
        result = dg.evaluate_automation_conditions(
            defs=self.definitions,
            instance=self.instance,
            asset_selection=dg.AssetSelection.groups("retention"),
            evaluation_time=now,
            cursor=self._cursor,
        )
        self._cursor = result.cursor
        return {
            table: sorted(map(str, result.get_requested_partitions(dg.AssetKey(table))))
            for table in ("monthly_nrr", "quarterly_nrr", "trailing_12_month_nrr")
        }


@pytest.fixture
def automation(home: Path) -> Automation:
    return Automation(home)


NOTHING: dict[str, list[str]] = {
    "monthly_nrr": [],
    "quarterly_nrr": [],
    "trailing_12_month_nrr": [],
}


def after(day: date) -> datetime:
    """Shortly after the day is over."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=1)


def test_a_period_is_measured_when_its_last_day_lands(automation: Automation) -> None:
    automation.land(days(START, date(2024, 6, 29)))
    automation.requests(after(date(2024, 6, 29)))
    automation.measure("monthly_nrr", "2024-04-01", "2024-05-01")
    automation.measure("trailing_12_month_nrr", "2024-04-01", "2024-05-01")
    assert automation.requests(after(date(2024, 6, 30))) == NOTHING

    automation.land([date(2024, 6, 30)])

    assert automation.requests(after(date(2024, 6, 30))) == {
        "monthly_nrr": ["2024-06-01"],
        "quarterly_nrr": ["2024-04-01"],
        "trailing_12_month_nrr": ["2024-06-01"],
    }


def test_an_incomplete_month_is_never_measured(automation: Automation) -> None:
    automation.land(day for day in days(START, date(2024, 4, 30)) if day.day != 12)

    assert automation.requests(after(date(2024, 4, 30))) == NOTHING
    assert automation.requests(after(date(2024, 5, 2))) == NOTHING


def test_a_corrected_day_measures_every_period_again_that_it_is_part_of(
    automation: Automation,
) -> None:
    months = [key_of(add_months(START, number)) for number in range(18)]
    automation.land(days(START, date(2025, 9, 30)))
    automation.requests(after(date(2025, 9, 30)))
    automation.measure("monthly_nrr", *months)
    automation.measure("trailing_12_month_nrr", *months)
    automation.measure("quarterly_nrr", *months[::3])
    assert automation.requests(after(date(2025, 9, 30))) == NOTHING

    automation.land([date(2025, 1, 31)])

    assert automation.requests(after(date(2025, 10, 1))) == {
        "monthly_nrr": ["2025-01-01", "2025-02-01"],
        "quarterly_nrr": ["2025-01-01", "2025-04-01"],
        "trailing_12_month_nrr": [month for month in months if month >= "2025-01-01"],
    }


def test_a_first_connection_measures_every_complete_period_however_old(
    automation: Automation,
) -> None:
    assert automation.requests(after(date(2026, 10, 4))) == NOTHING

    automation.land(days(START, date(2026, 10, 4)))
    requested = automation.requests(after(date(2026, 10, 4)))

    assert len(requested["monthly_nrr"]) == len(requested["trailing_12_month_nrr"]) == 30
    assert len(requested["quarterly_nrr"]) == 10
    assert automation.requests(after(date(2026, 10, 4))) == NOTHING


def test_a_day_of_a_period_beyond_the_look_back_measures_nothing_again(
    automation: Automation,
) -> None:
    automation.requests(after(date(2026, 10, 4)))
    automation.land(days(START, date(2026, 10, 4)))
    requested = automation.requests(after(date(2026, 10, 4)))
    for table, starts in requested.items():
        automation.measure(table, *starts)
    automation.requests(after(date(2026, 10, 4)))

    automation.land([date(2024, 5, 10)])

    assert automation.requests(after(date(2026, 10, 5)))["monthly_nrr"] == []
