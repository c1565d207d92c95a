from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from nrr_pipeline.raw import KINDS
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.pull import OVERLAP_SECONDS, PullProgress, pull
from nrr_pipeline.stripe_source.redaction import PrivacyRules
from nrr_pipeline_tests.stripe_source.fake_stripe import (
    KEY,
    NOW,
    FakeStripe,
    Request,
    error,
    nth,
    page,
)
from nrr_pipeline_tests.stripe_source.objects import (
    coupon,
    customer,
    customers,
    event,
    invoice,
    item,
    line,
    price,
    product,
    subscription,
)
from nrr_pipeline_tests.stripe_source.sinks import MemorySink

DAY = 86_400


@pytest.fixture
def small_account(stripe_account: FakeStripe) -> FakeStripe:
    """One of everything."""
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.add("products", product("prod_1"), product("prod_old", active=False))
    stripe_account.add("prices", price("price_1"), price("price_old", active=False))
    stripe_account.add("coupons", coupon("half"))
    stripe_account.add("subscriptions", subscription("sub_1"))
    stripe_account.add("invoices", invoice("in_1"))
    stripe_account.add(
        "subscription_schedules",
        {
            "id": "sub_sched_1",
            "object": "subscription_schedule",
            "created": NOW - 500,
            "livemode": False,
            "customer": "cus_1",
            "subscription": None,
            "released_subscription": "sub_1",
            "phases": [],
        },
    )
    stripe_account.add("events", event("evt_1", subscription("sub_1"), NOW - DAY))
    return stripe_account


def test_every_kind_is_landed_with_the_subscription_it_is_evidence_for(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    summary = pull(source, sink)
    assert {kind: sink.known_ids(kind) for kind in KINDS} == {
        "customers": {"cus_1"},
        "products": {"prod_1", "prod_old"},
        "prices": {"price_1", "price_old"},
        "coupons": {"half"},
        "subscriptions": {"sub_1"},
        "invoices": {"in_1"},
        "subscription_schedules": {"sub_sched_1"},
        "events": {"evt_1"},
    }
    concerned = {each.object_id for each in sink.latest.values() if each.subscription_id == "sub_1"}
    assert concerned == {"sub_1", "in_1", "sub_sched_1", "evt_1"}
    assert summary.objects == {kind: len(sink.known_ids(kind)) for kind in KINDS}
    assert (summary.observed_at, summary.livemode) == (NOW, False)
    assert not summary.problems
    assert not summary.notes
    assert summary.requests == len(small_account.requests)


def test_lists_are_asked_for_whole_and_expanded(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink)
    first = small_account.asked("/v1/subscriptions")[0].params
    assert first["status"] == "all"
    assert first["limit"] == "100"
    assert {first["expand[0]"], first["expand[1]"]} == {
        "data.discounts.source.coupon",
        "data.items.data.discounts",
    }
    prices = small_account.asked("/v1/prices")
    assert {each.params["active"] for each in prices} == {"true", "false"}
    assert prices[0].params["expand[0]"] == "data.tiers"
    assert prices[0].params["expand[1]"] == "data.currency_options"
    coupons = small_account.asked("/v1/coupons")[0].params
    assert (coupons["expand[0]"], coupons["expand[1]"]) == (
        "data.applies_to",
        "data.currency_options",
    )
    invoices = small_account.asked("/v1/invoices")[0].params
    assert [invoices[f"expand[{n}]"] for n in range(3)] == [
        "data.discounts.source.coupon",
        "data.lines.data.discounts",
        "data.total_discount_amounts.discount",
    ]
    customers = small_account.asked("/v1/customers")[0].params
    assert customers["expand[0]"] == "data.discount.source.coupon"


def test_an_empty_account_is_a_complete_pull(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    summary = pull(source, sink)
    assert set(summary.objects.values()) == {0}
    assert sink.mode is False
    assert len(stripe_account.requests) < 20


def test_a_second_pull_lands_the_same_content(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink)
    before = dict(sink.latest)
    pull(source, sink, since_observed_at=NOW)
    assert sink.latest == before
    assert small_account.requests


def test_nested_lists_are_completed(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    lines = [line(f"il_{n}") for n in range(230)]
    items = [item(f"si_{n}", subscription="sub_many") for n in range(120)]
    small_account.lines["in_long"] = lines
    small_account.add("subscription_items", *items)
    small_account.add("invoices", invoice("in_long", lines=page(lines[:10], has_more=True)))
    small_account.add(
        "subscriptions",
        {**subscription("sub_many"), "items": page(items[:10], has_more=True)},
    )
    pull(source, sink)
    long = sink["invoices", "in_long"].payload["lines"]
    assert [each["id"] for each in long["data"]] == [each["id"] for each in lines]
    assert long["has_more"] is False
    many = sink["subscriptions", "sub_many"].payload["items"]
    assert [each["id"] for each in many["data"]] == [each["id"] for each in items]


def test_an_item_whose_coupon_was_deleted_is_read_on_its_own(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    """Only the item's own list still shows what the coupon takes off."""
    whole = {"id": "gone", "object": "coupon", "percent_off": 10}
    shown = item("si_1", discounts=[{"id": "di_1", "source": {"coupon": "gone"}}])
    expanded = item("si_1", discounts=[{"id": "di_1", "source": {"coupon": whole}}])
    small_account.add("subscription_items", {**expanded, "subscription": "sub_2"})
    small_account.add("subscriptions", subscription("sub_2", items=[shown]))
    pull(source, sink)
    (kept,) = sink["subscriptions", "sub_2"].payload["items"]["data"]
    assert kept["discounts"][0]["source"]["coupon"]["percent_off"] == 10
    (asked,) = small_account.asked("/v1/subscription_items")
    assert asked.params["expand[0]"] == "data.discounts.source.coupon"


def test_what_no_list_shows_is_retrieved_by_its_id(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    small_account.unlisted["price_inline"] = price("price_inline", product="prod_hidden")
    small_account.unlisted["prod_hidden"] = product("prod_hidden")
    small_account.unlisted["cus_gone"] = {"id": "cus_gone", "object": "customer", "deleted": True}
    small_account.add(
        "subscriptions",
        subscription("sub_2", items=[item("si_2", "price_inline")], customer="cus_gone"),
    )
    small_account.add("invoices", invoice("in_2", lines=page([line("il_2", "price_deleted")])))
    summary = pull(source, sink)
    assert sink["prices", "price_inline"].payload["product"] == "prod_hidden"
    assert "prod_hidden" in sink.known_ids("products")
    assert sink["customers", "cus_gone"].payload == small_account.unlisted["cus_gone"]
    tombstone = sink["prices", "price_deleted"]
    assert tombstone.is_deleted
    assert tombstone.payload == {"id": "price_deleted", "object": "price", "deleted": True}
    assert summary.tombstones == {"customers": 1, "prices": 1}
    assert [note.object_id for note in summary.notes] == ["price_deleted"]


def test_of_a_deleted_price_is_kept_what_the_items_that_have_it_show(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    shown = [item("si_2", "price_missing"), item("si_3", "price_deleted")]
    small_account.add("subscriptions", subscription("sub_2", items=shown))
    small_account.unlisted["price_deleted"] = {
        "id": "price_deleted",
        "object": "price",
        "deleted": True,
    }
    summary = pull(source, sink)
    for each in shown:
        kept = sink["prices", each["price"]["id"]]
        assert (kept.payload, kept.is_deleted) == (each["price"], False)
    assert not summary.tombstones


def test_what_is_known_to_be_deleted_is_not_asked_for_again(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    small_account.add("subscriptions", subscription("sub_2", customer="cus_gone"))
    pull(source, sink)
    pull(source, sink)
    assert len(small_account.asked("/v1/customers/cus_gone")) == 1


@pytest.mark.parametrize(
    ("kind", "object_id"),
    [
        *[("customers", "cus_1"), ("products", "prod_old"), ("prices", "price_old")],
        *[("coupons", "half"), ("subscriptions", "sub_1"), ("invoices", "in_1")],
    ],
)
def test_what_vanishes_is_noticed(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink, kind: str, object_id: str
) -> None:
    small_account.add("customers", customer("cus_2"))
    pull(source, sink)
    small_account.remove(kind, object_id)
    summary = pull(source, sink)
    assert sink[kind, object_id].is_deleted
    assert summary.tombstones[kind] == 1
    assert kind == "prices" or "price_1" in sink.known_ids("prices")


def test_an_account_with_a_price_for_every_sale_is_not_asked_for_each_of_them_every_day(
    small_account: FakeStripe,
    source: StripeSource,
    sink: MemorySink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nrr_pipeline.stripe_source.pull.PRICES_CONFIRMED", 3)
    for n in range(6):
        small_account.unlisted[f"price_{n}_inline"] = price(f"price_{n}_inline")
        small_account.add(
            "subscriptions", subscription(f"sub_{n}_new", items=[item("si", f"price_{n}_inline")])
        )
    pull(source, sink)
    assert len(sink.known_ids("prices")) == 8
    before = len(small_account.requests)
    small_account.remove("subscriptions", "sub_5_new")
    del small_account.unlisted["price_5_inline"]
    assert pull(source, sink).tombstones == {"prices": 1, "subscriptions": 1}
    later = [each.path for each in small_account.requests[before:]]
    assert [path for path in later if "inline" in path] == ["/v1/prices/price_5_inline"]


def test_what_is_only_hidden_from_its_list_stays(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink)
    hidden = price("price_old", active=False, nickname="hidden")
    small_account.remove("prices", "price_old")
    small_account.unlisted["price_old"] = hidden
    assert not pull(source, sink).tombstones
    assert sink["prices", "price_old"].payload == hidden


def test_forgotten_events_are_not_deletions(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink)
    small_account.remove("events", "evt_1")
    assert not pull(source, sink).tombstones
    assert sink.known_ids("events") == {"evt_1"}


def test_what_changes_during_the_pull_is_read_again(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    """A subscription changes after its page was read, an invoice appears, a draft is deleted."""
    changed = [False]

    def change(request: Request) -> None:
        if request.path != "/v1/events" or changed[0]:
            return
        changed[0] = True
        small_account.remove("subscriptions", "sub_1")
        small_account.add("subscriptions", subscription("sub_1", status="past_due"))
        small_account.add("invoices", invoice("in_new", NOW + 5))
        small_account.add("events", event("evt_2", invoice("in_new"), NOW + 5, "created"))
        small_account.add("events", event("evt_3", invoice("in_draft"), NOW + 6, "deleted"))

    small_account.add("invoices", invoice("in_draft", NOW - 10))
    small_account.hook = lambda request: (
        small_account.remove("invoices", "in_draft") if changed[0] else change(request)
    )
    pull(source, sink)
    assert sink["subscriptions", "sub_1"].payload["status"] == "past_due"
    assert "in_new" in sink.known_ids("invoices")
    assert sink["invoices", "in_draft"].is_deleted


def test_events_older_than_the_last_pull_are_not_read_again(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink, since_observed_at=NOW - 5 * DAY)
    asked = [each.params for each in small_account.asked("/v1/events")]
    bounds = [int(params["created[gte]"]) for params in asked]
    assert min(bounds) == NOW - 5 * DAY - OVERLAP_SECONDS


def test_after_a_long_gap_all_events_are_read(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    pull(source, sink, since_observed_at=NOW - 29 * DAY)
    assert any("created[gte]" not in e.params for e in small_account.asked("/v1/events"))


def test_events_about_other_things_are_left_out(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    charge = {"id": "ch_1", "object": "charge"}
    small_account.add("events", event("evt_charge", charge, kind="succeeded"))
    pull(source, sink)
    assert sink.known_ids("events") == {"evt_1"}


def test_one_bad_object_harms_no_other(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    nothing: Any = {"object": "customer", "created": NOW - 990}
    small_account.add("customers", nothing, *customers(150, newest=NOW - 2000))
    small_account.objects["customers"].insert(1, "what?")
    small_account.add("subscriptions", {**subscription("sub_odd"), "items": None})
    small_account.add("invoices", invoice("in_odd", lines=page(["il_1"])))
    small_account.add("events", {**event("evt_odd", customer("x")), "data": {}})
    summary = pull(source, sink)
    found = {(each.kind, each.object_id) for each in summary.problems}
    assert {("subscriptions", "sub_odd"), ("invoices", "in_odd"), ("events", "evt_odd")} < found
    assert Counter(each.kind for each in summary.problems)["customers"] == 2
    assert len(sink.known_ids("customers")) == 151
    assert sink.known_ids("subscriptions") == {"sub_1"}


def test_privacy_holds_for_what_is_landed(
    small_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    small_account.add("customers", customer("cus_2", email="ann@example.com", phone="555"))
    pull(source, sink, privacy=PrivacyRules(drop=frozenset({"name"})))
    assert not {"email", "phone", "name"} & set(sink["customers", "cus_2"].payload)


def test_progress_is_told_from_start_to_end(
    stripe_account: FakeStripe,
    source: StripeSource,
    sink: MemorySink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nrr_pipeline.stripe_source.pull.REPORT_SECONDS", 0.0)
    monkeypatch.setattr("nrr_pipeline.stripe_source.crew.IDLE_SECONDS", 0.05)
    stripe_account.add("customers", *customers(1200, apart=6 * 3600))
    told: list[PullProgress] = []
    is_estimated = threading.Event()

    def note(progress: PullProgress) -> None:
        told.append(progress)
        if progress.estimated_remaining_seconds:
            is_estimated.set()

    def hold_later_pages(request: Request) -> None:
        if request.path == "/v1/customers" and {"starting_after", "created[lte]"} & set(
            request.params
        ):
            is_estimated.wait(30)

    stripe_account.hook = hold_later_pages
    summary = pull(source, sink, progress=note)
    assert told[-1].objects == 1200
    assert told[-1].requests == summary.requests
    assert [each.objects for each in told] == sorted(each.objects for each in told)
    estimates = [each.estimated_remaining_seconds for each in told]
    assert any(left is not None and left > 0 for left in estimates)
    assert estimates[-1] == 0


def test_progress_goes_on_while_stripe_keeps_a_pull_waiting(
    stripe_account: FakeStripe, sink: MemorySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is also a sign of life."""
    monkeypatch.setattr("nrr_pipeline.stripe_source.pull.REPORT_SECONDS", 0.1)
    monkeypatch.setattr("nrr_pipeline.stripe_source.crew.IDLE_SECONDS", 0.1)
    busy = error(429, "Too many", headers={"Retry-After": "3"})
    stripe_account.hook = nth(1, busy, "/v1/products")
    told: list[PullProgress] = []
    with StripeSource(KEY, stripe_account.address) as source:
        pull(source, sink, progress=told.append)
    assert len(told) >= 5
