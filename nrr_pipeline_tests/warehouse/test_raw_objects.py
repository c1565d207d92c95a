"""Raw objects: append-only versions, one per change of content."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from nrr_pipeline.raw import KINDS, RawObject
from nrr_pipeline.warehouse.pulls import begin_pull
from nrr_pipeline.warehouse.raw_objects import (
    LandingCounts,
    RawVersion,
    changed_ids,
    changed_kinds,
    changed_subscriptions,
    deleted_ids,
    known_ids,
    land,
    latest,
    oldest_customers,
    versions_for_subscriptions,
    versions_of,
)
from nrr_pipeline.warehouse.tables import RAW
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import customer, subscription, tombstone


class Pull:
    """A running pull that lands objects, each time at a later knowledge time."""

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self.warehouse, self.clock = warehouse, clock
        with warehouse.bookkeeping() as connection:
            self.pull_id = begin_pull(connection, now=clock.now, host="here", process_id=1)

    def land(self, *objects: RawObject) -> LandingCounts:
        observed_at = self.clock.advance(seconds=1)
        with self.warehouse.write("pull", clock=self.clock, pull_id=self.pull_id) as tx:
            return land(tx, objects, pull_id=self.pull_id, observed_at=observed_at)


@pytest.fixture
def pull(warehouse: Warehouse, clock: Clock) -> Pull:
    return Pull(warehouse, clock)


def all_versions(warehouse: Warehouse, kind: str, *subscription_ids: str) -> list[RawVersion]:
    with warehouse.read() as connection:
        return list(versions_for_subscriptions(connection, kind, subscription_ids))


def current(warehouse: Warehouse, kind: str, known_at: datetime | None = None) -> dict[str, dict]:
    with warehouse.read() as connection:
        return {row.object_id: row.payload for row in latest(connection, kind, known_at=known_at)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lands_in_its_table(pull: Pull, warehouse: Warehouse, kind: str) -> None:
    pull.land(RawObject(kind, "x_1", {"id": "x_1", "deep": [{"list": [1, None, "é"]}]}))
    assert current(warehouse, kind) == {"x_1": {"id": "x_1", "deep": [{"list": [1, None, "é"]}]}}


def test_a_new_version_exists_only_where_the_content_changed(pull: Pull) -> None:
    assert pull.land(subscription("sub_1"), subscription("sub_2")) == LandingCounts(new=2)
    assert pull.land(subscription("sub_1"), subscription("sub_2")) == LandingCounts(unchanged=2)
    again = pull.land(subscription("sub_1", status="canceled"), subscription("sub_2"))
    assert again == LandingCounts(changed=1, unchanged=1)


def test_the_order_of_keys_is_no_content_but_the_order_of_lists_is(pull: Pull) -> None:
    pull.land(RawObject("events", "evt_1", {"a": 1, "b": [1, 2]}))
    same = pull.land(RawObject("events", "evt_1", {"b": [1, 2], "a": 1}))
    other = pull.land(RawObject("events", "evt_1", {"b": [2, 1], "a": 1}))
    assert (same.unchanged, other.changed) == (1, 1)


def test_a_state_that_comes_back_is_a_version_of_its_own(pull: Pull, warehouse: Warehouse) -> None:
    for status in ("active", "past_due", "active"):
        pull.land(subscription(status=status))
    versions = all_versions(warehouse, "subscriptions", "sub_1")
    assert [version.payload["status"] for version in versions] == ["active", "past_due", "active"]
    assert versions[0].observed_at < versions[1].observed_at < versions[2].observed_at


def test_a_vanished_object_gets_a_tombstone_once(pull: Pull, warehouse: Warehouse) -> None:
    pull.land(customer("cus_1"), customer("cus_2"))
    assert pull.land(tombstone("customers", "cus_1")) == LandingCounts(deleted=1)
    assert pull.land(tombstone("customers", "cus_1")) == LandingCounts(unchanged=1)
    with warehouse.read() as connection:
        assert known_ids(connection, "customers") == {"cus_2"}
        assert deleted_ids(connection, "customers") == {"cus_1"}
        gone = {row.object_id: row.is_deleted for row in latest(connection, "customers")}
    assert gone == {"cus_1": True, "cus_2": False}


def test_an_object_can_return_from_the_dead(pull: Pull, warehouse: Warehouse) -> None:
    pull.land(customer())
    pull.land(tombstone("customers", "cus_1"))
    assert pull.land(customer()) == LandingCounts(changed=1)
    with warehouse.read() as connection:
        assert known_ids(connection, "customers") == {"cus_1"}


def test_of_two_versions_in_one_landing_the_last_counts(pull: Pull, warehouse: Warehouse) -> None:
    counts = pull.land(subscription(status="trialing"), subscription(status="active"))
    assert counts == LandingCounts(new=1)
    assert current(warehouse, "subscriptions")["sub_1"]["status"] == "active"


def test_landing_nothing_is_fine(pull: Pull) -> None:
    assert pull.land() == LandingCounts()


def test_what_was_known_at_a_time_does_not_change_later(
    pull: Pull, warehouse: Warehouse, clock: Clock
) -> None:
    pull.land(subscription("sub_1"))
    then = clock.now
    before = current(warehouse, "subscriptions", then)
    pull.land(subscription("sub_1", status="canceled"), subscription("sub_2"))
    pull.land(tombstone("subscriptions", "sub_1"))
    assert (
        current(warehouse, "subscriptions", then)
        == before
        == {"sub_1": {"id": "sub_1", "object": "subscription", "status": "active"}}
    )


def test_rows_are_never_updated_or_deleted(pull: Pull, warehouse: Warehouse) -> None:
    pull.land(subscription(), customer())
    with warehouse.read() as connection:
        before = connection.execute(sa.select(RAW["subscriptions"])).all()
    pull.land(subscription(status="canceled"), tombstone("customers", "cus_1"))
    with warehouse.read() as connection:
        after = connection.execute(sa.select(RAW["subscriptions"])).all()
    assert after[: len(before)] == before


def test_the_latest_of_some_ids_is_given_by_id(pull: Pull, warehouse: Warehouse) -> None:
    pull.land(*(customer(f"cus_{number}") for number in range(5)))
    with warehouse.read() as connection:
        rows = latest(connection, "customers", ids=["cus_3", "cus_1", "cus_9", "cus_3"])
        assert [row.object_id for row in rows] == ["cus_1", "cus_3"]


def test_evidence_of_a_subscription_comes_by_subscription_oldest_first(
    pull: Pull, warehouse: Warehouse
) -> None:
    pull.land(RawObject("invoices", "in_2", {"n": 1}, subscription_id="sub_2"))
    pull.land(RawObject("invoices", "in_1", {"n": 2}, subscription_id="sub_1"))
    pull.land(RawObject("invoices", "in_2", {"n": 3}, subscription_id="sub_2"))
    pull.land(RawObject("invoices", "in_3", {"n": 4}, subscription_id=None))
    versions = all_versions(warehouse, "invoices", "sub_2", "sub_1")
    assert [version.payload["n"] for version in versions] == [2, 1, 3]


def test_all_versions_of_some_objects_come_by_object_oldest_first(
    pull: Pull, warehouse: Warehouse, clock: Clock
) -> None:
    pull.land(customer("cus_2", n=1), customer("cus_1", n=2), customer("cus_3", n=3))
    then = clock.now
    pull.land(customer("cus_1", n=4))
    with warehouse.read() as connection:
        now = list(versions_of(connection, "customers", ["cus_2", "cus_1"]))
        before = list(versions_of(connection, "customers", ["cus_1"], then))
    assert [version.payload["n"] for version in now] == [2, 4, 1]
    assert [version.payload["n"] for version in before] == [2]


def test_what_changed_since_a_time_is_found_by_kind_id_and_subscription(
    pull: Pull, warehouse: Warehouse, clock: Clock
) -> None:
    pull.land(subscription("sub_1"), subscription("sub_2"), customer("cus_1"))
    first = clock.now
    pull.land(RawObject("invoices", "in_1", {"n": 1}, subscription_id="sub_2"))
    second = clock.now
    pull.land(customer("cus_1", name="Ada Ltd"), subscription("sub_1"))
    third = clock.now
    with warehouse.read() as connection:
        assert changed_subscriptions(connection, None, first) == {"sub_1", "sub_2"}
        assert changed_subscriptions(connection, first, third) == {"sub_2"}
        assert changed_subscriptions(connection, second, third) == set()
        assert changed_kinds(connection, None, first) == {"subscriptions", "customers"}
        assert changed_kinds(connection, first, second) == {"invoices"}
        assert changed_kinds(connection, second, third) == {"customers"}
        assert changed_ids(connection, "customers", second, third) == {"cus_1"}
        assert changed_ids(connection, "customers", first, second) == set()


def test_the_oldest_customers_are_those_known_longest_and_still_there(
    pull: Pull, warehouse: Warehouse
) -> None:
    pull.land(customer("cus_b"), customer("cus_z"))
    pull.land(customer("cus_a"), tombstone("customers", "cus_z"))
    pull.land(customer("cus_b", name="Ada Ltd"))
    with warehouse.read() as connection:
        assert oldest_customers(connection, 3) == ["cus_b", "cus_a"]
        assert oldest_customers(connection, 1) == ["cus_b"]


def test_thousands_of_objects_land_in_one_piece(pull: Pull, warehouse: Warehouse) -> None:
    objects = [subscription(f"sub_{number}", number=number) for number in range(12_000)]
    assert pull.land(*objects).new == 12_000
    assert pull.land(*objects).unchanged == 12_000
    with warehouse.read() as connection:
        assert len(known_ids(connection, "subscriptions")) == 12_000
