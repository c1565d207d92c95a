from __future__ import annotations

from typing import Any

import pytest

from nrr_pipeline.stripe_source.references import references_of, subscription_of
from nrr_pipeline_tests.stripe_source.fake_stripe import page
from nrr_pipeline_tests.stripe_source.objects import event, invoice, item, line, subscription

CLASSIC_LINE = {
    "id": "il_1",
    "parent": {
        "type": "invoice_item_details",
        "invoice_item_details": {"invoice_item": "ii_1", "subscription": "sub_1"},
    },
}
FLEXIBLE_LINE = {
    "id": "il_2",
    "parent": {
        "type": "subscription_item_details",
        "subscription_item_details": {"subscription": "sub_1", "subscription_item": "si_1"},
    },
}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (subscription("sub_1"), "itself"),
        (invoice("in_1"), "its parent"),
        (invoice("in_1", parent={"subscription_details": {"subscription": {"id": "sub_1"}}}), "x"),
        (invoice("in_1", parent=None, lines=page([line("il_0"), CLASSIC_LINE])), "a line"),
        (invoice("in_1", parent=None, lines=page([FLEXIBLE_LINE])), "a line"),
        (invoice("in_1", parent=None, subscription="sub_1"), "an older API version's event"),
        ({"object": "subscription_schedule", "subscription": "sub_1"}, "in force"),
        (
            {"object": "subscription_schedule", "subscription": None}
            | {"released_subscription": "sub_1"},
            "released",
        ),
        (event("evt_1", invoice("in_1")), "the object that it is about"),
        (event("evt_1", {"object": "discount", "subscription": "sub_1"}), "likewise"),
    ],
)
def test_the_subscription_an_object_is_evidence_for(payload: dict[str, Any], why: str) -> None:
    assert subscription_of(payload) == "sub_1", why


@pytest.mark.parametrize(
    "payload",
    [
        {"object": "customer", "id": "cus_1"},
        invoice("in_1", parent=None),
        event("evt_1", {"object": "customer", "id": "cus_1"}),
        {"object": "event", "data": None},
    ],
)
def test_objects_that_concern_no_subscription(payload: dict[str, Any]) -> None:
    assert subscription_of(payload) is None


def test_a_subscription_names_its_customer_prices_products_and_coupons() -> None:
    discounts = [{"id": "di_1", "source": {"coupon": {"id": "half"}}}, "di_2"]
    items = [item("si_1", "price_2", discounts=[{"source": {"coupon": "third"}}])]
    named = set(references_of("subscriptions", subscription("s", items=items, discounts=discounts)))
    assert named == {
        *{("customers", "cus_1"), ("prices", "price_2"), ("products", "prod_1")},
        *{("coupons", "half"), ("coupons", "third")},
    }


def test_a_schedule_names_the_prices_of_its_phases() -> None:
    schedule = {"customer": "cus_1", "phases": [{"items": [{"price": "price_next"}]}]}
    named = set(references_of("subscription_schedules", schedule))
    assert named == {("customers", "cus_1"), ("prices", "price_next")}


def test_events_name_nothing_that_has_to_be_read() -> None:
    assert not set(references_of("events", event("evt_1", subscription("sub_1"))))
