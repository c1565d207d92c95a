"""Coupons that were deleted: in no list any more, and still in force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline_tests.stripe_source.fake_stripe import FakeStripe, error, page
from nrr_pipeline_tests.stripe_source.objects import (
    coupon,
    customer,
    invoice,
    item,
    line,
    subscription,
)
from nrr_pipeline_tests.stripe_source.sinks import MemorySink


def deleted_coupon(**more: object) -> dict[str, object]:
    return {"id": "gone", "object": "coupon", "percent_off": 10, "duration": "forever", **more}


def of_coupon(shown: object) -> dict[str, object]:
    return {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": shown}}


@pytest.mark.parametrize(
    ("kind", "holder", "field", "make"),
    [
        ("subscriptions", "sub_2", "discounts", subscription),
        ("invoices", "in_2", "discounts", invoice),
        ("customers", "cus_2", "discount", customer),
    ],
)
def test_a_deleted_coupon_is_kept_with_all_that_is_left_of_it(
    stripe_account: FakeStripe,
    source: StripeSource,
    sink: MemorySink,
    kind: str,
    holder: str,
    field: str,
    make: Callable[..., dict[str, object]],
) -> None:
    """Read alone, its holder shows one level more: the products that it is limited to."""
    whole = deleted_coupon(applies_to={"products": ["prod_1"]})
    listed, alone = of_coupon(deleted_coupon()), of_coupon(whole)
    many = field == "discounts"
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.add(kind, make(holder, **{field: [listed] if many else listed}))
    stripe_account.unlisted[holder] = make(holder, **{field: [alone] if many else alone})
    summary = pull(source, sink)
    assert sink["coupons", "gone"].payload == whole
    (asked,) = stripe_account.asked(f"/v1/{kind}/{holder}")
    assert asked.params["expand[0]"] == f"{field}.source.coupon.applies_to"
    assert "gone" not in [note.object_id for note in summary.notes]
    pull(source, sink)
    assert not sink["coupons", "gone"].is_deleted


def test_a_deleted_coupon_of_a_lines_discount_is_found_in_the_lines(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    bare = {**line("il_2"), "discounts": [of_coupon("gone")]}
    stripe_account.add("invoices", invoice("in_2", lines=page([bare])))
    stripe_account.add("invoices", invoice("in_3", lines=page([{**bare, "id": "il_3"}])))
    stripe_account.lines["in_2"] = [{**bare, "discounts": [of_coupon(deleted_coupon())]}]
    stripe_account.lines["in_3"] = stripe_account.lines["in_2"]
    pull(source, sink)
    assert sink["coupons", "gone"].payload == deleted_coupon(limits_unknown=True)
    asked = stripe_account.asked("/v1/invoices/in_2/lines")
    asked += stripe_account.asked("/v1/invoices/in_3/lines")
    assert len(asked) == 1  # one object that names it is enough
    assert asked[0].params["expand[0]"] == "data.discounts.source.coupon"


def test_a_coupon_that_nothing_shows_any_more_is_a_tombstone(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("subscriptions", subscription("sub_2", discounts=[of_coupon("gone")]))
    summary = pull(source, sink)
    assert sink["coupons", "gone"].is_deleted
    assert "gone" in [note.object_id for note in summary.notes]


def test_a_refused_look_at_a_coupon_leaves_what_was_shown(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    refusal = error(400, "You cannot expand more than 4 levels of a property.")
    stripe_account.hook = lambda request: (
        refusal if request.path == "/v1/subscriptions/sub_2" else None
    )
    stripe_account.add(
        "subscriptions", subscription("sub_2", discounts=[of_coupon(deleted_coupon())])
    )
    pull(source, sink)
    assert sink["coupons", "gone"].payload == deleted_coupon(limits_unknown=True)


def test_an_item_that_is_read_alone_shows_the_limits_of_its_coupon(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    bare = item("si_2", discounts=[of_coupon("gone")])
    shown = item("si_2", discounts=[of_coupon(deleted_coupon())], subscription="sub_2")
    whole = deleted_coupon(applies_to={"products": ["prod_1"]})
    stripe_account.add("subscriptions", subscription("sub_2", items=[bare]))
    stripe_account.add("subscription_items", shown)
    stripe_account.unlisted["si_2"] = item("si_2", discounts=[of_coupon(whole)])
    pull(source, sink)
    assert sink["coupons", "gone"].payload == whole
    (asked,) = stripe_account.asked("/v1/subscription_items/si_2")
    assert asked.params["expand[0]"] == "discounts.source.coupon.applies_to"


def test_limits_that_one_holder_shows_are_known_whichever_is_read_first(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    whole = deleted_coupon(applies_to={"products": ["prod_1"]})
    bare = {**line("il_2"), "discounts": [of_coupon("gone")]}
    stripe_account.add("invoices", invoice("in_2", lines=page([bare])))
    stripe_account.lines["in_2"] = [{**bare, "discounts": [of_coupon(deleted_coupon())]}]
    stripe_account.add("customers", customer("cus_2", discount=of_coupon(deleted_coupon())))
    stripe_account.unlisted["cus_2"] = customer("cus_2", discount=of_coupon(whole))
    pull(source, sink)
    assert sink["coupons", "gone"].payload == whole


def test_a_listed_coupon_is_not_looked_for(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    half = coupon("half")
    stripe_account.add("coupons", half)
    stripe_account.add("subscriptions", subscription("sub_2", discounts=[of_coupon(half)]))
    pull(source, sink)
    assert not stripe_account.asked("/v1/subscriptions/sub_2")
