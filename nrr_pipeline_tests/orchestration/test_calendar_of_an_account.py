"""A fiscal year, clocks that change at midnight and a start inside a quarter, through Dagster."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import running_server
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.backlog import on_record
from nrr_pipeline.orchestration.instance import home_instance
from nrr_pipeline.orchestration.runner import run_pipeline
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.warehouse import retention
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.orchestration.installation import days
from nrr_pipeline_tests.orchestration.test_runner import Told, settings_of

POLICY = """
timezone = "America/Santiago"
fiscal_year_start_month = 2
start_date = 2026-04-17
"""
CLOCKS_GO_FORWARD = date(2026, 9, 6)
"""This day has no 00:00 in Santiago: it begins at 01:00."""


def test_days_and_periods_follow_the_accounts_own_calendar(home: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    account = render(
        simulate(
            customers=6,
            first_day=date(2026, 3, 1),
            last_day=date(2026, 10, 4),
            in_one_currency=True,
        )
    )
    with running_server(account) as address:
        settings = settings_of(home, address).model_copy(update={"nrr_policy": policy})
        run_pipeline(settings, through=date(2026, 10, 3), echo=Told())

    with home_instance(settings) as instance:
        published_days = on_record(instance, "daily_mrr")
    assert sorted(published_days) == days(date(2026, 4, 17), date(2026, 10, 3))
    assert CLOCKS_GO_FORWARD in published_days
    with open_warehouse(settings.database_url) as warehouse, warehouse.read() as connection:
        starts = {
            kind: [each.period_start for each in retention.published_periods(connection, table)]
            for kind, table in TABLES.items()
        }
    months = [date(2026, month, 1) for month in range(5, 10)]
    assert starts[PeriodKind.MONTH] == months
    assert starts[PeriodKind.TRAILING_12_MONTHS] == months
    assert starts[PeriodKind.QUARTER] == [date(2026, 5, 1)]
