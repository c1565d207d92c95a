"""An account made by hand, one subscription for each rule of states and history: its MRR by day."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.quality import open_findings
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.end_to_end import change_cases, state_cases
from nrr_pipeline_tests.end_to_end.pipeline import Connected, connected, utc_now
from nrr_pipeline_tests.end_to_end.states_account import HandMadeAccount, Steps

AT_RISK = {
    "past_due": [("2026-10-10", "9999-12-31")],
    "past_due_twice": [("2026-09-10", "9999-12-31")],
    "unpaid": [("2026-10-10", "2026-10-24")],
    "unpaid_then_over": [("2026-10-10", "2026-10-20")],
    "recovered": [("2026-10-10", "2026-10-20")],
}
WILL_END = {
    "left_with_period": [("2026-09-20", "2026-10-10")],
    "left_at_once": [],
    "will_end": [("2026-10-01", "9999-12-31")],
    "taken_back": [("2026-10-15", "2026-10-25")],
}
APPROXIMATE = {
    ("si_differs_0", "2026-08-10", "2026-11-05", 20),
    ("si_gone_dropped", "2026-08-10", "2026-09-10", 20),
    ("si_seats_unprorated_0", "2026-08-10", "2026-09-10", 30),
    ("si_pause_ends_in_sight_0", "2026-08-10", "2026-09-10", 10),
    ("si_pause_void_long_ago_0", "2026-08-10", "2026-09-10", 10),
    ("si_pause_written_off_long_ago_0", "2026-08-10", "2026-09-10", 10),
    ("si_unpaid_after_void_0", "2026-08-10", "2026-09-10", 10),
    ("si_void_before_0", "2026-08-10", "2026-10-10", 10),
    ("si_void_now_0", "2026-09-10", "2026-11-05", 10),
}
"""Item, from, to, and the dollars that it may be off."""
UNBILLED = ("backdated_unbilled", "migrated_1", "migrated_2")
ONSET_ASSUMED = (
    "unpaid_long_ago",
    "unpaid_after_void",
    "unpaid_from_start",
    "pause_void_long_ago",
    "pause_written_off_long_ago",
    "pause_void_from_start",
    "pause_ends_in_sight",
    "trial_no_card",
)

FIRST_PULL = date(2026, 11, 5)
Row = sa.Row[Any]


def whole_account() -> HandMadeAccount:
    account = HandMadeAccount()
    for cases in (state_cases, change_cases):
        for name, add in vars(cases).items():
            if name.startswith("add_"):
                add(account)
    return account


ACCOUNT = whole_account()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    """The account, pulled and published through the day before the first pull."""
    with connected(ACCOUNT.account(), tmp_path_factory.mktemp("states")) as pipeline:
        pipeline.advance(date(2026, 11, 4))
        yield pipeline


def rows_by_item(warehouse: Warehouse) -> dict[str, list[Row]]:
    """Every item's intervals as known now, in order, that begin before the next day."""
    query = sa.text(
        "SELECT * FROM mrr_intervals WHERE known_to > '9999-01-01' ORDER BY valid_from"
    ).columns(valid_from=sa.Date, valid_to=sa.Date)
    found: defaultdict[str, list[Row]] = defaultdict(list)
    with warehouse.read() as connection:
        for row in connection.execute(query):
            if row.valid_from <= FIRST_PULL:
                found[row.subscription_item_id].append(row)
    return found


def steps(rows: list[Row]) -> Steps:
    """The dollars of MRR from each day on which they change; ``None`` where it is held out."""
    found: dict[str, int | None] = {}
    for row, following in zip(rows, [*rows, None][1:], strict=True):
        found[str(row.valid_from)] = None if row.held_out else row.mrr_micros // 1_000_000
        gap_follows = following is None or following.valid_from > row.valid_to
        if gap_follows and row.valid_to <= FIRST_PULL:
            found[str(row.valid_to)] = 0
    before: int | None = 0
    changes: dict[str, int | None] = {}
    for day, dollars in found.items():
        if dollars != before:
            changes[day] = dollars
        before = dollars
    return changes


def stretches(rows: list[Row], column: str) -> list[tuple[str, str]]:
    return [(str(row.valid_from), str(row.valid_to)) for row in rows if getattr(row, column)]


def test_every_object_is_one_that_stripe_could_show() -> None:
    unknown_to_stripe = ("unknown_", "old_version")
    errors = [
        each for each in ACCOUNT.errors() if not any(name in each for name in unknown_to_stripe)
    ]
    assert errors == ["unknown previous attribute quantity"]


@pytest.mark.parametrize("item_id", sorted(ACCOUNT.expected))
def test_each_item_has_the_mrr_of_its_rule_on_every_day(pipeline: Connected, item_id: str) -> None:
    assert steps(rows_by_item(pipeline.warehouse)[item_id]) == ACCOUNT.expected[item_id]


def test_nothing_else_has_mrr(pipeline: Connected) -> None:
    assert rows_by_item(pipeline.warehouse).keys() <= ACCOUNT.expected.keys()


def test_what_was_not_paid_is_at_risk_from_the_first_invoice_that_failed(
    pipeline: Connected,
) -> None:
    rows = rows_by_item(pipeline.warehouse)
    found = {name: stretches(rows[f"si_{name}_0"], "is_at_risk") for name in AT_RISK}
    assert found == AT_RISK
    assert stretches(rows["si_void_now_0"], "is_at_risk") == []


def test_what_will_end_shows_so_from_the_request_until_it_is_taken_back(
    pipeline: Connected,
) -> None:
    rows = rows_by_item(pipeline.warehouse)
    found = {name: stretches(rows[f"si_{name}_0"], "is_scheduled_churn") for name in WILL_END}
    assert found == WILL_END


def test_what_nothing_dates_is_flagged_with_its_size_and_nothing_else_is(
    pipeline: Connected,
) -> None:
    flagged = {
        (item_id, str(row.valid_from), str(row.valid_to), row.max_error_micros // 1_000_000)
        for item_id, rows in rows_by_item(pipeline.warehouse).items()
        for row in rows
        if row.is_approximate
    }
    assert flagged == APPROXIMATE


def test_findings_name_what_was_assumed_or_could_not_be_read(pipeline: Connected) -> None:
    with pipeline.warehouse.read() as connection:
        findings = [each.finding for each in open_findings(connection)]
    named = {(each.check_name, each.object_id) for each in findings if each.severity != "info"}
    assert {
        *(("backdated_without_invoice", f"sub_{name}") for name in UNBILLED),
        *(("state_onset_assumed", f"sub_{name}") for name in ONSET_ASSUMED),
        *(("unpriceable_item", f"si_unknown_{name}_0") for name in ("status", "pause", "but_paid")),
    } == {each for each in named if each[0] != "approximate_history"}
    planned = {each.object_id for each in findings if each.check_name == "scheduled_change"}
    assert planned == {"sub_waiting", "sub_pause_planned"}


def test_a_month_that_closes_with_an_unknown_status_stays_provisional_and_silent(
    pipeline: Connected,
) -> None:
    with pipeline.warehouse.read() as connection:
        finality = dict(
            connection.execute(
                sa.text(
                    "SELECT CAST(period_start AS TEXT), is_final FROM monthly_nrr "
                    "WHERE dimension = 'all'"
                )
            ).all()
        )
        alerts = connection.scalars(sa.text("SELECT CAST(period_start AS TEXT) FROM alerts")).all()
    assert finality["2026-09-01"]
    assert not finality["2026-10-01"]
    assert "2026-10-01" not in alerts


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        (
            {"churn_at": "request"},
            {
                "left_with_period": {"2026-08-10": 10, "2026-09-20": 0},
                "left_on_a_set_day": {"2026-08-10": 10, "2026-09-12": 0},
                "will_end": {"2026-08-10": 10, "2026-10-01": 0},
                "taken_back": {"2026-08-10": 10, "2026-10-15": 0, "2026-10-25": 10},
            },
        ),
        (
            {"pause_collection": "count"},
            {
                "pause_void_long_ago": {"2026-08-10": 10},
                "pause_written_off_long_ago": {"2026-08-10": 10},
                "pause_void_from_start": {"2026-08-10": 10},
                "pause_over": {"2026-08-10": 10},
                "pause_ends_in_sight": {"2026-08-10": 10},
                "pause_turns": {"2026-08-10": 10},
            },
        ),
        (
            {"past_due": {"max_days": 20}},
            {
                "past_due": {"2026-08-10": 10, "2026-10-30": 0},
                "past_due_twice": {"2026-08-10": 10, "2026-09-30": 0},
            },
        ),
        (
            {"timezone": "Asia/Tokyo"},
            {
                "trial_to_last_second": {"2026-08-24": 10},
                "trial_until_last_day": {"2026-11-05": 10},
                "left_at_last_second": {"2026-08-10": 10, "2026-10-20": 0},
                "one_second": {},
                "one_day": {"2026-10-03": 10, "2026-10-04": 0},
                "paid_a_day_later": {"2026-10-21": 10},
            },
        ),
    ],
)
def test_a_setting_moves_what_it_names_and_nothing_else(
    pipeline: Connected, tmp_path: Path, settings: dict[str, Any], changed: dict[str, Steps]
) -> None:
    policy = MetricPolicy.model_validate(settings)
    copy = tmp_path / "nrr.db"
    with closing(sqlite3.connect(str(pipeline.warehouse.engine.url.database))) as original:
        original.execute("VACUUM INTO ?", (str(copy),))
    with open_warehouse(f"sqlite:///{copy}") as warehouse:
        build_history(warehouse, policy, clock=utc_now)
        build_intervals(warehouse, policy, clock=utc_now)
        found = {item: steps(rows) for item, rows in rows_by_item(warehouse).items()}
    expected = ACCOUNT.expected | {f"si_{name}_0": each for name, each in changed.items()}
    assert {item: each for item, each in found.items() if each} == {
        item: each for item, each in expected.items() if each
    }
