from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount, StripeObject
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.contracts import FOREVER
from nrr_pipeline.demo.cycles import DAY
from nrr_pipeline.demo.log import BusinessLog, Happening, ItemsChanged, Paused, Subscribed
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.demo.schema import errors_of


@pytest.fixture(scope="module")
def log() -> BusinessLog:
    return simulate()


@pytest.fixture(scope="module")
def account(log: BusinessLog) -> StripeAccount:
    return render(log)


def test_every_object_is_valid_by_stripes_own_schema(account: StripeAccount) -> None:
    assert account.objects.keys() == set(OBJECT_KINDS)
    for kind, objects in account.objects.items():
        for each in objects:
            assert errors_of(kind, each) == []


def test_the_schema_helper_finds_unknown_missing_and_wrong_fields(account: StripeAccount) -> None:
    customer = account.objects["customers"][0]
    assert errors_of("customers", {**customer, "shoe_size": 43})
    assert errors_of("customers", {key: customer[key] for key in customer if key != "email"})
    assert errors_of("customers", {**customer, "balance": "much"})
    subscription = account.objects["subscriptions"][0]
    assert errors_of("subscriptions", {**subscription, "status": "resting"})
    event = account.objects["events"][0]
    assert errors_of("events", {**event, "data": {"object": {**event["data"]["object"], "x": 1}}})


def test_lists_are_sorted_newest_first_and_every_id_is_unique(account: StripeAccount) -> None:
    for objects in account.objects.values():
        created = [each["created"] for each in objects]
        assert created == sorted(created, reverse=True)
    ids = [each["id"] for objects in account.objects.values() for each in objects]
    lines = [line["id"] for each in account.objects["invoices"] for line in each["lines"]["data"]]
    assert len(set(ids + lines)) == len(ids + lines)


def test_two_seeds_share_no_id() -> None:
    def ids(seed: int) -> set[str]:
        objects = render(simulate(seed=seed, customers=40)).objects
        return {each["id"] for kind in objects.values() for each in kind}

    assert not ids(1) & ids(2)


def test_nothing_is_shown_from_after_now(log: BusinessLog, account: StripeAccount) -> None:
    assert account.now == log.ends_at
    for objects in account.objects.values():
        assert all(each["created"] <= account.now for each in objects)


def test_a_moment_after_the_end_of_the_log_is_refused(log: BusinessLog) -> None:
    with pytest.raises(ValueError, match="knows nothing"):
        render(log, log.ends_at + 1)


def test_prices_no_longer_sold_are_kept_by_those_who_have_them(account: StripeAccount) -> None:
    archived = {each["id"] for each in account.objects["prices"] if not each["active"]}
    assert len(archived) == 3 * 3, "three terms, each with a price of its own in three currencies"
    assert archived & {each["price"]["id"] for each in account.objects["subscription_items"]}


def test_every_status_and_both_billing_modes_occur(account: StripeAccount) -> None:
    subscriptions = account.objects["subscriptions"]
    statuses = {"active", "past_due", "canceled", "unpaid"}
    assert statuses <= {each["status"] for each in subscriptions}
    assert {each["billing_mode"]["type"] for each in subscriptions} == {"classic", "flexible"}
    assert {each["status"] for each in account.objects["invoices"]} >= {
        "paid",
        "open",
        "uncollectible",
    }
    scheduled = [each for each in subscriptions if each["cancel_at_period_end"]]
    assert any(each["status"] == "active" for each in scheduled)


def test_ordinary_lines_bill_every_running_item_without_a_gap(
    log: BusinessLog, account: StripeAccount
) -> None:
    paused = {each.subscription_id for each in log.happenings if isinstance(each, Paused)}
    cycles: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for line in all_lines(account):
        details = line["parent"]["subscription_item_details"]
        if details and not details["proration"]:
            cycles[details["subscription_item"]].add(
                (line["period"]["start"], line["period"]["end"])
            )
    for item in account.objects["subscription_items"]:
        if item["price"]["recurring"]["usage_type"] == "metered" or item["subscription"] in paused:
            continue
        billed = sorted(cycles[item["id"]])
        if billed:
            assert billed[-1] == (item["current_period_start"], item["current_period_end"])
        for (_, end), (start, _) in pairwise(billed):
            assert start <= end


def test_invoices_add_up(account: StripeAccount) -> None:
    for invoice in account.objects["invoices"]:
        lines = invoice["lines"]["data"]
        on_top = sum(
            tax["amount"]
            for line in lines
            for tax in line["taxes"]
            if tax["tax_behavior"] == "exclusive"
        )
        taken = sum(each["amount"] for line in lines for each in line["discount_amounts"])
        assert invoice["total"] == sum(line["amount"] for line in lines) - taken + on_top
        assert sum(each["amount"] for each in invoice["total_discount_amounts"]) == taken
        assert all(
            sum(e["amount"] for e in line["discount_amounts"]) <= line["amount"]
            or not line["discount_amounts"]
            for line in lines
        )
        assert invoice["amount_due"] == invoice["amount_paid"] + invoice["amount_remaining"]
        assert invoice["amount_due"] >= 0


@pytest.mark.parametrize("days_before_the_end", [0, 1, 2, 9, 17, 26, 33, 200, 500])
def test_every_change_can_be_known_from_an_invoice_line_or_a_recent_event(
    log: BusinessLog, days_before_the_end: int
) -> None:
    account = render(log, log.ends_at - days_before_the_end * DAY - 4_321)
    dated = {(line["subscription"], line["period"]["start"]) for line in all_lines(account)} | {
        (event["data"]["object"]["id"], event["created"]) for event in account.objects["events"]
    }
    for happening in log.happenings:
        if is_told(happening) and happening.at <= account.now:
            assert (happening.subscription_id, happening.at) in dated


def test_removed_items_are_named_by_an_ordinary_line(
    log: BusinessLog, account: StripeAccount
) -> None:
    named = {
        line["parent"]["subscription_item_details"]["subscription_item"]
        for line in all_lines(account)
        if line["parent"]["type"] == "subscription_item_details"
        and not line["parent"]["subscription_item_details"]["proration"]
    }
    present = {each["id"] for each in account.objects["subscription_items"]}
    ever = {
        item.id
        for each in log.happenings
        if isinstance(each, Subscribed | ItemsChanged)
        for item in each.items
    }
    assert ever - present
    assert ever - present <= named


# Events


def test_events_reach_back_thirty_days(account: StripeAccount) -> None:
    created = [event["created"] for event in account.objects["events"]]
    assert account.now - 30 * DAY <= min(created) < account.now - 29 * DAY


def test_the_newest_event_shows_the_subscription_as_it_is(account: StripeAccount) -> None:
    """But for discounts that ended since, of which it tells nothing.

    Several events may be of one second, such as a renewal and a change agreed for it.
    """
    newest: dict[str, list[StripeObject]] = {}
    for event in account.objects["events"]:
        if event["data"]["object"]["object"] == "subscription":
            events = newest.setdefault(event["data"]["object"]["id"], [event])
            if events[0]["created"] == event["created"] and events[0] is not event:
                events.append(event)
    for subscription in account.objects["subscriptions"]:
        if events := newest.pop(subscription["id"], []):
            shown = [event["data"]["object"] for event in events]
            running = [
                [each for each in one["discounts"] if (each["end"] or FOREVER) > account.now]
                for one in shown
            ]
            assert subscription in [
                {**one, "discounts": discounts}
                for one, discounts in zip(shown, running, strict=True)
            ]
    assert not newest


def test_an_update_undone_gives_what_the_event_before_it_showed(account: StripeAccount) -> None:
    latest: dict[str, StripeObject | None] = {}
    moments = Counter(
        (event["data"]["object"]["id"], event["created"])
        for event in account.objects["events"]
        if event["type"].startswith("customer.subscription")
    )
    checked = 0
    for event in reversed(account.objects["events"]):
        shown = event["data"]["object"]
        if shown["object"] != "subscription":
            continue
        has_order = moments[shown["id"], event["created"]] == 1
        if shown["id"] in latest and has_order and latest[shown["id"]] is not None:
            before = undone(shown, event["data"].get("previous_attributes", {}))
            if event["type"] == "customer.subscription.updated":
                assert before == latest[shown["id"]]
                checked += 1
        latest[shown["id"]] = shown if has_order else None
    assert checked > 10


def test_previous_attributes_hold_only_what_changed(account: StripeAccount) -> None:
    for event in account.objects["events"]:
        before = event["data"].get("previous_attributes")
        assert (before is not None) == event["type"].endswith(".updated")
        for name, value in (before or {}).items():
            assert value != event["data"]["object"][name]


def test_events_tell_of_failed_payments_and_of_ends(account: StripeAccount) -> None:
    types = {event["type"] for event in account.objects["events"]}
    assert types >= {
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_failed",
    }


def test_only_events_that_somebody_asked_for_name_a_request(account: StripeAccount) -> None:
    for event in account.objects["events"]:
        if event["type"].startswith("invoice."):
            assert event["request"]["id"] is None
        if event["type"] == "customer.subscription.created":
            assert event["request"]["id"].startswith("req_")


# Day after day


def test_an_account_grows_and_never_rewrites_its_past(log: BusinessLog) -> None:
    settled_fields = ("id", "created", "total", "billing_reason", "number")
    before: dict[str, list[Any]] = {}
    known: set[str] = set()
    for days in (60, 31, 30, 7, 1, 0):
        account = render(log, log.ends_at - days * DAY)
        paid = {
            each["id"]: [
                *(each[field] for field in settled_fields),
                *((line["id"], line["amount"], line["period"]) for line in each["lines"]["data"]),
            ]
            for each in account.objects["invoices"]
            if each["status"] == "paid"
        }
        assert {key: paid.get(key) for key in before} == before
        before = paid
        ids = {
            each["id"]
            for kind in ("customers", "subscriptions", "invoices", "prices")
            for each in (*account.objects[kind], *account.deleted[kind].values())
        }
        assert known <= ids
        known = ids


def test_events_keep_their_ids_and_contents_while_they_last(log: BusinessLog) -> None:
    earlier = render(log, log.ends_at - 3 * DAY).objects["events"]
    later = {each["id"]: each for each in render(log).objects["events"]}
    for event in earlier:
        if event["created"] >= log.ends_at - 30 * DAY:
            assert later[event["id"]] == event


def is_told(happening: Happening) -> bool:
    """Whether something must be visible from its second on."""
    if not isinstance(happening, ItemsChanged) or not happening.is_prorated:
        return False
    return all((item.trial_end or 0) <= happening.at for item in happening.items)


def all_lines(account: StripeAccount) -> list[StripeObject]:
    return [line for invoice in account.objects["invoices"] for line in invoice["lines"]["data"]]


def undone(shown: StripeObject, before: StripeObject) -> StripeObject:
    """What was shown before; a key of metadata that was empty then was not there."""
    merged = dict(shown)
    for name, value in before.items():
        both = isinstance(value, dict) and isinstance(shown.get(name), dict)
        merged[name] = undone(shown[name], value) if both else value
        if name == "metadata":
            merged[name] = {key: text for key, text in merged[name].items() if text is not None}
    return merged
