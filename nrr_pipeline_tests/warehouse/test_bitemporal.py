"""Replacing what is known: the laws of bitemporal rows, and from which day they differ."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from nrr_pipeline.warehouse.attributes import (
    CUSTOMER_ATTRIBUTES,
    replace_attributes,
    values_on,
)
from nrr_pipeline.warehouse.bitemporal import ReplaceCounts
from nrr_pipeline.warehouse.history import (
    history_of,
    known_subscriptions,
    replace_history,
    subscriptions_changed_since,
    subscriptions_having,
)
from nrr_pipeline.warehouse.intervals import intervals_of, replace_intervals
from nrr_pipeline.warehouse.knowledge import changed_from_since
from nrr_pipeline.warehouse.snapshots import intervals_frame
from nrr_pipeline.warehouse.transactions import FOREVER, Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import attribute_row, history_row, interval_row

JANUARY, JUNE, SEPTEMBER = date(2026, 1, 10), date(2026, 6, 1), date(2026, 9, 1)

Rows = list[dict[str, Any]]


def set_intervals(warehouse: Warehouse, clock: Clock, *rows: dict[str, Any]) -> ReplaceCounts:
    with warehouse.write("history", clock=clock) as tx:
        return replace_intervals(tx, ["sub_1"], rows)


def current(warehouse: Warehouse, *, known_at: datetime | None = None) -> Rows:
    with warehouse.read() as connection:
        rows = list(intervals_of(connection, subscription_ids=["sub_1"], known_at=known_at))
    return [without(row, "interval_id", "known_from", "known_to") for row in rows]


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_what_was_written_is_read_back_as_it_was(warehouse: Warehouse, clock: Clock) -> None:
    row = interval_row(mrr_micros=2**62, approximation="a gap", max_error_micros=7)
    set_intervals(warehouse, clock, row)
    assert current(warehouse) == [row]


def test_the_same_rows_again_write_nothing(warehouse: Warehouse, clock: Clock) -> None:
    first = set_intervals(warehouse, clock, interval_row("si_1"), interval_row("si_2"))
    again = set_intervals(warehouse, clock, interval_row("si_2"), interval_row("si_1"))
    assert first == ReplaceCounts(opened=2, changed_from=JANUARY)
    assert again == ReplaceCounts(unchanged=2)


def test_only_what_changed_is_written(warehouse: Warehouse, clock: Clock) -> None:
    kept = [interval_row(f"si_{number}") for number in range(50)]
    set_intervals(warehouse, clock, *kept, interval_row("si_x"))
    counts = set_intervals(warehouse, clock, *kept, interval_row("si_x", quantity=9))
    assert (counts.opened, counts.closed, counts.unchanged) == (1, 1, 50)


def test_a_vanished_row_ends_its_knowledge_and_stays(warehouse: Warehouse, clock: Clock) -> None:
    set_intervals(warehouse, clock, interval_row())
    before = clock.now
    clock.advance(hours=1)
    assert set_intervals(warehouse, clock).closed == 1
    assert current(warehouse) == []
    assert current(warehouse, known_at=before) == [interval_row()]
    assert current(warehouse, known_at=clock.now) == []


def test_other_subscriptions_are_left_alone(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("history", clock=clock) as tx:
        other = interval_row("si_9", "sub_9")
        replace_intervals(tx, ["sub_1", "sub_9"], [interval_row(), other])
    set_intervals(warehouse, clock)
    with warehouse.read() as connection:
        rows = list(intervals_of(connection, subscription_ids=["sub_1", "sub_9"]))
    assert [row["subscription_item_id"] for row in rows] == ["si_9"]


def test_a_row_that_differs_in_its_policy_version_alone_stays(
    warehouse: Warehouse, clock: Clock
) -> None:
    set_intervals(warehouse, clock, interval_row(policy_version="p1"))
    assert set_intervals(warehouse, clock, interval_row(policy_version="p2")).unchanged == 1
    assert current(warehouse)[0]["policy_version"] == "p1"


def test_rows_outside_the_scope_are_refused(warehouse: Warehouse, clock: Clock) -> None:
    with pytest.raises(ValueError, match="sub_2 has rows but is not among"):
        set_intervals(warehouse, clock, interval_row("si_2", "sub_2"))


def test_an_item_cannot_hold_two_rows_on_one_day(warehouse: Warehouse, clock: Clock) -> None:
    first = interval_row(valid_to=JUNE)
    second = interval_row(valid_from=JUNE - timedelta(days=1), quantity=5)
    with pytest.raises(ValueError, match="Two rows of si_1 are valid at 2026-05-31"):
        set_intervals(warehouse, clock, first, second)


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_to": JANUARY},
        {"mrr_micros": 0},
        {"mrr_micros": None},
        {"held_out": "no rule"},
    ],
)
def test_rows_that_make_no_sense_are_refused(
    warehouse: Warehouse, clock: Clock, wrong: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError):
        set_intervals(warehouse, clock, interval_row(**wrong))
    assert current(warehouse) == []


CHANGES = {
    "a change of quantity counts from its day": (
        [interval_row()],
        [interval_row(valid_to=JUNE), interval_row(valid_from=JUNE, quantity=5)],
        JUNE,
    ),
    "a correction counts from the earlier of the two days": (
        [interval_row(valid_to=SEPTEMBER), interval_row(valid_from=SEPTEMBER, quantity=5)],
        [interval_row(valid_to=JUNE), interval_row(valid_from=JUNE, quantity=5)],
        JUNE,
    ),
    "an end counts from its day, with its reason": (
        [interval_row()],
        [interval_row(valid_to=JUNE, end_reason="voluntary")],
        JUNE,
    ),
    "another reason counts from the day of the end": (
        [interval_row(valid_to=JUNE, end_reason="voluntary")],
        [interval_row(valid_to=JUNE, end_reason="involuntary")],
        JUNE,
    ),
    "an end that is taken back counts from that end": (
        [interval_row(valid_to=JUNE, end_reason="voluntary")],
        [interval_row()],
        JUNE,
    ),
    "a scheduled cancellation counts from its day": (
        [interval_row()],
        [interval_row(valid_to=JUNE), interval_row(valid_from=JUNE, is_scheduled_churn=True)],
        JUNE,
    ),
    "cutting a row in two changes nothing": (
        [interval_row()],
        [interval_row(valid_to=JUNE), interval_row(valid_from=JUNE)],
        None,
    ),
    "another amount counts from the first day": (
        [interval_row()],
        [interval_row(mrr_micros=1)],
        JANUARY,
    ),
    "two changes count from the first": (
        [interval_row("si_1"), interval_row("si_2", valid_from=JUNE)],
        [interval_row("si_1", valid_to=SEPTEMBER)],
        JUNE,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_figures_differ_from_the_first_day_that_says_something_else(
    warehouse: Warehouse, clock: Clock, name: str
) -> None:
    before, after, expected = CHANGES[name]
    set_intervals(warehouse, clock, *before)
    then = clock.now
    clock.advance(hours=1)
    assert set_intervals(warehouse, clock, *after).changed_from == expected
    with warehouse.read() as connection:
        assert changed_from_since(connection, then) == expected


def test_history_is_replaced_by_the_same_laws(warehouse: Warehouse, clock: Clock) -> None:
    at = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    cut = [history_row(valid_to=at), history_row(valid_from=at, quantity=None, state="unpaid")]
    with warehouse.write("history", clock=clock) as tx:
        replace_history(tx, ["sub_1"], [history_row()])
    before = clock.now
    clock.advance(hours=1)
    with warehouse.write("history", clock=clock) as tx:
        counts = replace_history(tx, ["sub_1"], cut)
        assert counts == ReplaceCounts(opened=2, closed=1, changed_from=JUNE)
        assert known_subscriptions(tx.connection) == {"sub_1"}
    with warehouse.read() as connection:
        now = list(history_of(connection, subscription_ids=["sub_1"]))
        then = list(history_of(connection, customer_ids=["cus_1"], known_at=before))
    assert [row["valid_from"] for row in now] == [history_row()["valid_from"], at]
    assert [row["known_to"] for row in now] == [FOREVER, FOREVER]
    assert [row["known_to"] for row in then] == [clock.now]


def test_subscriptions_are_found_by_what_their_history_names_and_when_it_was_learned(
    warehouse: Warehouse, clock: Clock
) -> None:
    ids = ["sub_1", "sub_2", "sub_3"]
    rows = [history_row(f"si_{id_}", id_, price_id=f"price_{id_}") for id_ in ids]
    with warehouse.write("history", clock=clock) as tx:
        replace_history(tx, ids, rows)
    first = clock.now
    clock.advance(hours=1)
    with warehouse.write("history", clock=clock) as tx:
        replace_history(tx, ids[:2], [{**rows[0], "price_id": "price_sub_3"}])
    with warehouse.read() as connection:
        assert known_subscriptions(connection) == {"sub_1", "sub_3"}
        by_price = subscriptions_having(connection, "price_id", ["price_sub_1", "price_sub_3"])
        assert by_price == {"sub_1", "sub_3"}
        assert subscriptions_changed_since(connection, first) == {"sub_1", "sub_2"}
        assert subscriptions_changed_since(connection, clock.now) == set()


def test_history_alone_changes_no_figure(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("history", clock=clock) as tx:
        replace_history(tx, ["sub_1"], [history_row()])
    with warehouse.read() as connection:
        assert changed_from_since(connection, None) is None


def test_attributes_are_known_by_day_and_by_knowledge(warehouse: Warehouse, clock: Clock) -> None:
    moved = [
        attribute_row("cus_1", "de", valid_to=JUNE),
        attribute_row("cus_1", "fr", valid_from=JUNE),
        attribute_row("cus_2", "us"),
    ]
    with warehouse.write("history", clock=clock) as tx:
        replace_attributes(tx, CUSTOMER_ATTRIBUTES, ["cus_1", "cus_2"], moved)
    before = clock.now
    clock.advance(hours=1)
    with warehouse.write("history", clock=clock) as tx:
        counts = replace_attributes(
            tx, CUSTOMER_ATTRIBUTES, ["cus_1"], [attribute_row("cus_1", "de")]
        )
    assert counts.changed_from == JUNE
    with warehouse.read() as connection:
        in_january = values_on(connection, CUSTOMER_ATTRIBUTES, JANUARY)
        assert in_january == {"country": {"cus_1": "de", "cus_2": "us"}}
        assert values_on(connection, CUSTOMER_ATTRIBUTES, JUNE)["country"]["cus_1"] == "de"
        assert values_on(connection, CUSTOMER_ATTRIBUTES, JUNE, before)["country"]["cus_1"] == "fr"


def test_attributes_change_figures_from_the_first_mrr_of_those_that_have_them(
    warehouse: Warehouse, clock: Clock
) -> None:
    def changed_by(country: str, *customers: str) -> date | None:
        before = clock.now
        clock.advance(hours=1)
        rows = [attribute_row(customer, country) for customer in customers]
        with warehouse.write("history", clock=clock) as tx:
            replace_attributes(tx, CUSTOMER_ATTRIBUTES, customers, rows)
        with warehouse.read() as connection:
            return changed_from_since(connection, before)

    assert changed_by("de", "cus_1", "cus_2") is None
    paying = [interval_row("si_1", "sub_1", customer_id="cus_1", valid_from=JUNE)]
    with warehouse.write("history", clock=clock) as tx:
        replace_intervals(tx, ["sub_1"], paying)
    clock.advance(hours=1)
    assert changed_by("fr", "cus_2", "cus_3") is None
    assert changed_by("fr", "cus_1", "cus_2") == JUNE
    assert changed_by("fr", "cus_1", "cus_2") is None


def test_many_subscriptions_are_replaced_in_one_go(warehouse: Warehouse, clock: Clock) -> None:
    rows = [interval_row(f"si_{number}", f"sub_{number}") for number in range(12_000)]
    ids = [row["subscription_id"] for row in rows]
    with warehouse.write("history", clock=clock) as tx:
        assert replace_intervals(tx, ids, rows).opened == 12_000
    rows[7] = {**rows[7], "quantity": 8}
    with warehouse.write("history", clock=clock) as tx:
        counts = replace_intervals(tx, ids, rows)
        assert (counts.opened, counts.closed, counts.unchanged) == (1, 1, 11_999)
        assert len(intervals_frame(tx.connection)) == 12_000
