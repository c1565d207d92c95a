from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.freshness import CronFreshnessPolicy

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.deadlines import deadlines
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline.raw import KINDS
from nrr_pipeline.settings import Settings
from nrr_pipeline.warehouse.fields import column_names
from nrr_pipeline_tests.orchestration.installation import START

REPOSITORY = Path(__file__).parents[2]

GROUPS = {
    "stripe": {f"stripe_{kind}" for kind in KINDS},
    "mrr": {
        "customer_map",
        "attributes",
        "fx_rates",
        "subscription_history",
        "mrr_intervals",
        "daily_mrr",
        "daily_mrr_totals",
        "mrr_movements",
    },
    "retention": {"monthly_nrr", "quarterly_nrr", "trailing_12_month_nrr"},
    "delivery": {"alerts", "board_report"},
}


@pytest.fixture
def definitions(home: Path) -> dg.Definitions:
    return build_definitions(
        Settings(
            nrr_home=home,
            nrr_owner="finance@example.com",
            nrr_tags="cost_center = finance, data=confidential",
        ),
        calendar=Calendar(START, timezone="Europe/Berlin", fiscal_year_start_month=2),
    )


@pytest.fixture
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_definitions_load_without_any_setting_and_create_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import nrr_pipeline.definitions"],
        cwd=empty,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(empty.iterdir()) == []


def test_dagster_accepts_the_definitions(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_every_asset_is_a_table_of_its_group(specs: dict[str, dg.AssetSpec]) -> None:
    groups: dict[str, set[str]] = {}
    for name, spec in specs.items():
        groups.setdefault(str(spec.group_name), set()).add(name)

    assert groups == GROUPS


@pytest.mark.parametrize("name", sorted(set.union(*GROUPS.values())))
def test_every_asset_tells_what_it_is(name: str, specs: dict[str, dg.AssetSpec]) -> None:
    spec = specs[name]
    schema = spec.metadata["dagster/column_schema"]

    assert spec.description
    assert spec.description.endswith(".")
    assert spec.owners == ["finance@example.com"]
    assert (spec.tags["cost_center"], spec.tags["data"]) == ("finance", "confidential")
    assert spec.tags["stage"] == spec.group_name
    assert "sqlite" in spec.kinds
    assert spec.code_version
    assert tuple(column.name for column in schema.columns) == column_names(name)
    assert all(column.description for column in schema.columns)


def test_only_days_and_periods_are_partitioned(specs: dict[str, dg.AssetSpec]) -> None:
    partitioned = {name for name, spec in specs.items() if spec.partitions_def is not None}

    assert partitioned == {"daily_mrr", *GROUPS["retention"], "board_report"}


def test_days_are_due_every_morning_and_periods_when_they_are_final(
    specs: dict[str, dg.AssetSpec],
) -> None:
    due = {
        name: spec.freshness_policy.deadline_cron
        for name, spec in specs.items()
        if isinstance(spec.freshness_policy, CronFreshnessPolicy)
    }

    assert due == {
        **dict.fromkeys(("daily_mrr", "daily_mrr_totals", "mrr_movements"), "0 9 * * *"),
        **dict.fromkeys(("monthly_nrr", "trailing_12_month_nrr", "board_report"), "0 9 3 * *"),
        "quarterly_nrr": "0 9 3 2,5,8,11 *",
    }
    assert "Overdue means" in str(specs["monthly_nrr"].description)
    assert "Overdue means" not in str(specs["stripe_events"].description)


@pytest.mark.parametrize(
    ("timezone", "date_of_deadline"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-11-01"),
        ("UTC", "2026-10-25"),
    ],
)
def test_what_the_night_publishes_is_fresh_also_when_clocks_change(
    timezone: str, date_of_deadline: str
) -> None:
    policy = deadlines(Calendar(START, timezone=timezone), 2)["daily_mrr"]
    assert isinstance(policy, CronFreshnessPolicy)
    nine = datetime.fromisoformat(f"{date_of_deadline}T09:00").replace(tzinfo=ZoneInfo(timezone))
    night = nine.replace(hour=0, minute=31)

    age = nine.timestamp() - night.timestamp()

    assert age < policy.lower_bound_delta.total_seconds()


def test_periods_that_close_later_than_any_month_is_long_have_no_deadline() -> None:
    calendar = Calendar(START)

    assert "monthly_nrr" in deadlines(calendar, 27)
    assert set(deadlines(calendar, 28)) == {"daily_mrr", "daily_mrr_totals", "mrr_movements"}


def test_a_failed_pull_is_retried(definitions: dg.Definitions) -> None:
    pulling = definitions.resolve_assets_def("stripe_customers").op

    assert pulling.retry_policy is not None
    assert pulling.retry_policy.backoff is dg.Backoff.EXPONENTIAL


def test_the_night_and_the_automation_run_unless_somebody_stops_them(
    definitions: dg.Definitions,
) -> None:
    repository = definitions.get_repository_def()

    assert [schedule.default_status for schedule in repository.schedule_defs] == [
        dg.DefaultScheduleStatus.RUNNING
    ]
    assert {sensor.name: sensor.default_status for sensor in repository.sensor_defs} == {
        "periods_follow_their_days": dg.DefaultSensorStatus.RUNNING,
        "catch_up": dg.DefaultSensorStatus.RUNNING,
        "deliver_alerts": dg.DefaultSensorStatus.RUNNING,
        "run_failed": dg.DefaultSensorStatus.RUNNING,
        "run_succeeded_again": dg.DefaultSensorStatus.RUNNING,
        "nothing_ran": dg.DefaultSensorStatus.RUNNING,
    }


def test_no_check_blocks_a_figure(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    assert {(check.asset_key.to_user_string(), check.name) for check in checks} == {
        ("mrr_intervals", "every_item_understood"),
        *((table, "every_row_can_be_used") for table in ("fx_rates", "customer_map", "attributes")),
        ("daily_mrr_totals", "no_rate_is_missing"),
        ("alerts", "every_alert_delivered"),
        *((table, "nrr_at_least_100_percent") for table in GROUPS["retention"]),
        *((table, "bridge_balances") for table in GROUPS["retention"]),
        *((table, "no_hidden_churn") for table in ("monthly_nrr", "quarterly_nrr")),
    }
    assert not any(definitions.resolve_asset_graph().get(check).blocking for check in checks)


def test_the_clone_has_the_same_dagster_yaml_as_every_home() -> None:
    packaged = REPOSITORY / "nrr_pipeline" / "orchestration" / "dagster.yaml"

    assert (REPOSITORY / "dagster.yaml").read_text() == packaged.read_text()


def test_the_workspace_loads_the_definitions() -> None:
    workspace = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())

    assert workspace["load_from"][0]["python_module"]["module_name"] == "nrr_pipeline.definitions"
