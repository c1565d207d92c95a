"""Snapshots: the items of a day as known at a time, as frames with exact types."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from nrr_pipeline.metrics.frames import ITEM_COLUMNS
from nrr_pipeline.warehouse.daily import publish_days
from nrr_pipeline.warehouse.intervals import replace_intervals
from nrr_pipeline.warehouse.reading import held_out_items
from nrr_pipeline.warehouse.snapshots import (
    currencies,
    earliest_paid_day,
    intervals_frame,
    snapshot,
)
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import interval_row

FIRST, CHANGE, END = date(2026, 1, 10), date(2026, 3, 31), date(2026, 4, 2)
DAY = timedelta(days=1)
HELD_OUT = {"mrr_micros": None, "held_out": "price_9: no rule", "quantity": None}

ROWS = [
    interval_row("si_1", valid_to=CHANGE),
    interval_row(
        "si_1", valid_from=CHANGE, valid_to=END, mrr_micros=50_000_000, end_reason="other"
    ),
    interval_row("si_2", account_id="acct_2", valid_from=CHANGE, currency="eur"),
    interval_row("si_3", account_id="acct_3", valid_from=FIRST, **HELD_OUT),
]


@pytest.fixture
def filled(warehouse: Warehouse, clock: Clock) -> Warehouse:
    with warehouse.write("history", clock=clock) as tx:
        replace_intervals(tx, ["sub_1"], ROWS)
    return warehouse


def items_on(warehouse: Warehouse, day: date) -> dict[str, int]:
    with warehouse.read() as connection:
        frame = snapshot(connection, day)
    return dict(zip(frame["subscription_item_id"], frame["mrr_micros"], strict=True))


def test_an_item_counts_from_its_first_day_to_the_day_before_its_end(filled: Warehouse) -> None:
    assert items_on(filled, FIRST - DAY) == {}
    assert items_on(filled, FIRST) == {"si_1": 30_000_000}
    assert items_on(filled, CHANGE - DAY) == {"si_1": 30_000_000}
    assert items_on(filled, CHANGE) == {"si_1": 50_000_000, "si_2": 30_000_000}
    assert items_on(filled, END - DAY) == {"si_1": 50_000_000, "si_2": 30_000_000}
    assert items_on(filled, END) == {"si_2": 30_000_000}


def test_an_item_that_cannot_be_priced_is_in_no_snapshot_but_named(filled: Warehouse) -> None:
    assert "si_3" not in items_on(filled, CHANGE)
    with filled.read() as connection:
        assert held_out_items(connection, CHANGE) == {"si_3": "price_9: no rule"}
        assert held_out_items(connection, FIRST - DAY) == {}


def test_a_snapshot_is_what_was_known_at_the_time(filled: Warehouse, clock: Clock) -> None:
    before = clock.now
    clock.advance(days=1)
    with filled.write("history", clock=clock) as tx:
        replace_intervals(tx, ["sub_1"], [interval_row("si_1", mrr_micros=1)])
    with filled.read() as connection:
        then = snapshot(connection, CHANGE, known_at=before)
        now = snapshot(connection, CHANGE, known_at=clock.now)
        never = snapshot(connection, CHANGE, known_at=before - DAY)
    assert list(then["mrr_micros"]) == [50_000_000, 30_000_000]
    assert list(now["mrr_micros"]) == [1]
    assert len(never) == 0


def test_frames_have_the_columns_that_the_core_asks_for(filled: Warehouse) -> None:
    with filled.read() as connection:
        frame = snapshot(connection, CHANGE)
    assert tuple(frame.columns) == ITEM_COLUMNS


@pytest.mark.parametrize("day", [CHANGE, FIRST - DAY], ids=["with rows", "empty"])
def test_types_are_exact_with_rows_and_without(filled: Warehouse, day: date) -> None:
    with filled.read() as connection:
        types = snapshot(connection, day).dtypes
    integers = ("mrr_micros", "quantity", "max_error_micros", "billing_interval_count")
    assert {str(types[name]) for name in integers} == {"int64"}
    assert {str(types[name]) for name in ("is_at_risk", "is_approximate")} == {"bool"}
    objects = ("customer_id", "approximation", "valid_from")
    assert {str(types[name]) for name in objects} == {"object"}


def test_absent_text_is_none_and_days_are_dates(filled: Warehouse) -> None:
    with filled.read() as connection:
        row = snapshot(connection, END).iloc[0]
    assert row["approximation"] is None
    assert row["end_reason"] is None
    assert row["valid_from"] == CHANGE
    assert isinstance(row["valid_from"], date)


def test_intervals_of_some_days_are_those_that_touch_them(filled: Warehouse) -> None:
    with filled.read() as connection:
        whole = intervals_frame(connection)
        early = intervals_frame(connection, last_day=CHANGE - DAY)
        late = intervals_frame(connection, first_day=END)
    assert list(whole["subscription_item_id"]) == ["si_1", "si_1", "si_2"]
    assert list(early["valid_from"]) == [FIRST]
    assert list(late["subscription_item_id"]) == ["si_2"]


def test_the_first_day_and_the_currencies_are_those_of_priced_items(filled: Warehouse) -> None:
    with filled.read() as connection:
        assert earliest_paid_day(connection) == FIRST
        assert currencies(connection) == ["eur", "usd"]


def test_an_empty_warehouse_has_no_days(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert earliest_paid_day(connection) is None
        assert currencies(connection) == []
        assert len(intervals_frame(connection)) == 0


def test_the_daily_views_hold_published_days_as_known_now_and_as_reported(
    filled: Warehouse, clock: Clock
) -> None:
    clock.advance(hours=1)
    with filled.write("publication", clock=clock) as tx:
        publish_days(tx, [CHANGE, END])
    clock.advance(hours=1)
    with filled.write("history", clock=clock) as tx:
        replace_intervals(tx, ["sub_1"], [interval_row("si_1", mrr_micros=1)])
    query = (
        "SELECT CAST(as_of_date AS text), subscription_item_id, mrr_micros FROM {} ORDER BY 1, 2"
    )
    with filled.read() as connection:
        now = connection.exec_driver_sql(query.format("daily_mrr")).all()
        reported = connection.exec_driver_sql(query.format("daily_mrr_as_reported")).all()
    assert now == [("2026-03-31", "si_1", 1), ("2026-04-02", "si_1", 1)]
    assert reported == [
        ("2026-03-31", "si_1", 50_000_000),
        ("2026-03-31", "si_2", 30_000_000),
        ("2026-04-02", "si_2", 30_000_000),
    ]
