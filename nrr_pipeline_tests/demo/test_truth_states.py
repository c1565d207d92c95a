"""Discounts and states by day, as they truly were, each beside what the account shows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.catalog import Plan
from nrr_pipeline.demo.coupon_list import Offer, coupon_id
from nrr_pipeline.demo.coupons import DiscountLevel, Grant
from nrr_pipeline.demo.cycles import months_later
from nrr_pipeline.demo.identifiers import Identifiers
from nrr_pipeline.demo.log import (
    BusinessLog,
    CanceledAtOnce,
    CancellationScheduled,
    CancellationWithdrawn,
    Change,
    ChangeScheduled,
    CollectionPaused,
    CollectionResumed,
    CustomerDeleted,
    CustomerDiscounted,
    CustomerHappening,
    DiscountGiven,
    DiscountRemoved,
    FirstPaymentExpired,
    FirstPaymentMade,
    Happening,
    Item,
    ItemsChanged,
    PauseBehavior,
    Paused,
    PendingUpdateApplied,
    PendingUpdateExpired,
    Resumed,
    ScheduledChangeTookEffect,
    Subscribed,
    UpdatePending,
)
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.truth import item_intervals
from nrr_pipeline.demo.unknowable import unknowable_days
from nrr_pipeline_tests.demo.schema import errors_of
from nrr_pipeline_tests.demo.tiny_logs import CATALOG, at, item, tiny_log

USD = 1_000_000
TEAM_5 = item("si_a", Plan.TEAM, 5)  # 80 USD a month
TEAM_8 = item("si_a", Plan.TEAM, 8)  # 128 USD
YEARLY = item("si_a", Plan.STARTER, 12, "year")  # 89 USD a month


def start(when: str, *items: Item, **fields: Any) -> Subscribed:  # noqa: ANN401
    return Subscribed(
        at=at(when), subscription_id="sub_a", customer_id="cus_a", items=items, **fields
    )


def grant(offer: Offer, when: str, level: DiscountLevel = "subscription", owner: str = "") -> Grant:
    coupon = CATALOG.coupon_of[coupon_id(Identifiers(7), offer)]
    return Grant(
        id=f"di_{offer.name.lower()}",
        coupon_id=coupon.id,
        level=level,
        owner_id=owner or "sub_a",
        start=at(when),
        end=months_later(at(when), coupon.months) if coupon.months else None,
    )


def discounted(offer: Offer, bought: Item = TEAM_5) -> Subscribed:
    return start("2025-01-10 10:00", bought, grants=(grant(offer, "2025-01-10 10:00"),))


def log_of(*happenings: Happening, of_customer: tuple[CustomerHappening, ...] = ()) -> BusinessLog:
    return replace(tiny_log(*happenings), customer_happenings=of_customer)


def worth(log: BusinessLog, item_id: str = "si_a") -> list[tuple[str, str | None, float]]:
    return [
        (str(each.valid_from), each.valid_to and str(each.valid_to), each.mrr_micros / USD)
        for each in item_intervals(log)
        if each.subscription_item_id == item_id
    ]


def shown(log: BusinessLog, now: str) -> StripeAccount:
    account = render(log, at(now))
    for kind, objects in account.objects.items():
        for each in objects:
            assert errors_of(kind, each) == []
    return account


def newest(account: StripeAccount, kind: str = "subscriptions") -> dict[str, Any]:
    return account.objects[kind][0]


def this(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"subscription_id": "sub_a", **fields}


# Discounts


def test_a_repeating_discount_of_a_monthly_plan_ends_with_its_months() -> None:
    log = log_of(discounted(Offer.WELCOME))
    assert worth(log) == [("2025-01-10", "2025-04-10", 64.0), ("2025-04-10", None, 80.0)]
    account = shown(log, "2025-05-20 00:00")
    assert [each["total"] for each in account.objects["invoices"]] == [
        8_000,
        8_000,
        6_400,
        6_400,
        6_400,
    ]
    assert newest(account)["discounts"] == []
    line = account.objects["invoices"][-1]["lines"]["data"][0]
    assert (line["amount"], line["discount_amounts"][0]["amount"]) == (8_000, 1_600)
    (of_invoice,) = account.objects["invoices"][-1]["total_discount_amounts"]
    assert of_invoice["discount"]["id"] == "di_welcome"


def test_a_repeating_discount_holds_for_the_whole_year_that_was_billed_with_it() -> None:
    log = log_of(discounted(Offer.CAMPAIGN, YEARLY))
    assert worth(log) == [("2025-01-10", "2026-01-10", 66.75), ("2026-01-10", None, 89.0)]
    assert newest(shown(log, "2025-06-01 00:00"))["discounts"] == []


def test_a_discount_given_in_the_middle_of_a_cycle_counts_from_then_and_until_its_last_line() -> (
    None
):
    given = DiscountGiven(
        **this(at=at("2025-02-20 10:00"), grant=grant(Offer.STAY, "2025-02-20 10:00"))
    )
    log = log_of(start("2025-01-10 10:00", TEAM_5), given)
    assert worth(log) == [
        ("2025-01-10", "2025-02-20", 80.0),
        ("2025-02-20", "2025-06-10", 56.0),
        ("2025-06-10", None, 80.0),
    ]


def test_a_discount_that_is_removed_counts_until_the_end_of_the_line_that_had_it() -> None:
    log = log_of(
        discounted(Offer.PARTNER),
        DiscountRemoved(**this(at=at("2025-04-02 10:00"), discount_id="di_partner")),
    )
    assert worth(log) == [("2025-01-10", "2025-04-10", 72.0), ("2025-04-10", None, 80.0)]
    told = [
        (each["type"], each["data"]["object"]["id"])
        for each in shown(log, "2025-04-20 00:00").objects["events"]
        if each["type"].startswith("customer.discount")
    ]
    assert told == [("customer.discount.deleted", "di_partner")]


def test_a_discount_for_one_invoice_is_not_recurring() -> None:
    log = log_of(discounted(Offer.VOUCHER))
    assert worth(log) == [("2025-01-10", None, 80.0)]
    account = shown(log, "2025-02-20 00:00")
    assert [each["total"] for each in account.objects["invoices"]] == [8_000, 3_000]
    assert newest(account)["discounts"] == []


def test_a_full_rebate_is_no_mrr() -> None:
    log = log_of(discounted(Offer.PILOT))
    assert worth(log) == [("2025-03-10", None, 80.0)]


def test_two_discounts_and_one_of_an_item_apply_in_order() -> None:
    add_on = item("si_b", Plan.INSIGHTS, 10)
    grants = (
        grant(Offer.REPORTS, "2025-01-10 10:00", "item", "si_b"),
        grant(Offer.LAUNCH, "2025-01-10 10:00"),
        grant(Offer.REFERRED, "2025-01-10 10:00"),
    )
    log = log_of(start("2025-01-10 10:00", TEAM_5, add_on, grants=grants))
    # 80.00 and 52.50, less 15 %: 68.00 and 44.625; 5.00 over 112.625
    assert worth(log) == [("2025-01-10", None, 64.981132)]
    assert worth(log, "si_b") == [("2025-01-10", None, 42.643868)]
    invoice = newest(shown(log, "2025-01-12 00:00"), "invoices")
    assert invoice["total"] == 10_762
    assert [each["id"] for each in invoice["discounts"]] == ["di_launch", "di_referred"]


def test_a_customers_discount_counts_only_where_the_subscription_has_none() -> None:
    of_customer = CustomerDiscounted(
        at=at("2025-01-09 10:00"),
        customer_id="cus_a",
        grant=grant(Offer.NON_PROFIT, "2025-01-09 10:00", "customer", "cus_a"),
    )
    own = (grant(Offer.PARTNER, "2025-01-10 10:00"),)
    alone = log_of(start("2025-01-10 10:00", TEAM_5), of_customer=(of_customer,))
    beside = log_of(start("2025-01-10 10:00", TEAM_5, grants=own), of_customer=(of_customer,))
    assert worth(alone) == [("2025-01-10", None, 56.0)]
    assert worth(beside) == [("2025-01-10", None, 72.0)]
    account = shown(alone, "2025-01-12 00:00")
    assert newest(account, "customers")["discount"]["id"] == "di_non_profit"
    assert newest(account, "invoices")["total"] == 5_600


def test_a_deleted_coupon_goes_on_discounting() -> None:
    log = log_of(discounted(Offer.LAUNCH))
    deleted_at = next(each.deleted_at for each in CATALOG.coupons if each.name == "Launch")
    account = render(log, (deleted_at or 0) + 86_400)
    assert worth(log) == [("2025-01-10", None, 68.0)]
    assert "Launch" not in {each["name"] for each in account.objects["coupons"]}
    assert newest(account)["discounts"][0]["source"]["coupon"]["percent_off"] == 15
    assert newest(account, "invoices")["total"] == 6_800


# States


def pause(behavior: PauseBehavior) -> BusinessLog:
    return log_of(
        start("2025-01-10 10:00", TEAM_5),
        CollectionPaused(**this(at=at("2025-02-20 10:00"), behavior=behavior)),
        CollectionResumed(**this(at=at("2025-04-25 10:00"))),
    )


def test_a_pause_of_collection_counts_nothing_unless_drafts_are_kept() -> None:
    parts = [("2025-01-10", "2025-02-20", 80.0), ("2025-04-25", None, 80.0)]
    assert worth(pause("void")) == worth(pause("mark_uncollectible")) == parts
    assert worth(pause("keep_as_draft")) == [("2025-01-10", None, 80.0)]
    statuses = {
        behavior: [
            each["status"]
            for each in shown(pause(behavior), "2025-04-12 00:00").objects["invoices"]
        ]
        for behavior in ("void", "mark_uncollectible", "keep_as_draft")
    }
    assert statuses == {
        "void": ["void", "void", "paid", "paid"],
        "mark_uncollectible": ["uncollectible", "uncollectible", "paid", "paid"],
        "keep_as_draft": ["draft", "draft", "paid", "paid"],
    }
    later = shown(pause("keep_as_draft"), "2025-04-26 00:00")
    assert {each["status"] for each in later.objects["invoices"]} == {"paid"}


def test_a_pause_that_is_long_over_is_unknowable_and_the_log_says_so() -> None:
    (found,) = unknowable_days(pause("void"))
    assert (str(found.valid_from), str(found.valid_to)) == ("2025-02-20", "2025-04-25")
    assert found.reason == "an old pause"
    assert not found.is_traceless
    assert not unknowable_days(pause("keep_as_draft"))
    assert not unknowable_days(pause("void"), at("2025-03-01 00:00"))


def test_a_pause_that_met_no_invoice_leaves_no_trace_and_the_log_says_so() -> None:
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        CollectionPaused(**this(at=at("2025-02-20 10:00"), behavior="void")),
        CollectionResumed(**this(at=at("2025-03-05 10:00"))),
    )
    (found,) = unknowable_days(log)
    assert found.is_traceless
    assert all(
        each["status"] == "paid" for each in shown(log, "2025-06-01 00:00").objects["invoices"]
    )


def test_a_pause_of_the_whole_subscription_ends_with_a_new_cycle() -> None:
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        Paused(**this(at=at("2025-02-20 10:00"))),
        Resumed(**this(at=at("2025-05-03 10:00"))),
    )
    assert worth(log) == [("2025-01-10", "2025-02-20", 80.0), ("2025-05-03", None, 80.0)]
    resting = newest(shown(log, "2025-04-01 00:00"))
    assert resting["status"] == "paused"
    assert resting["status_details"]["paused"]["transitioned_at"] == at("2025-02-20 10:00")
    account = shown(log, "2025-06-04 00:00")
    assert newest(account)["billing_cycle_anchor"] == at("2025-05-03 10:00")
    assert len(account.objects["invoices"]) == 4


def test_a_first_payment_that_is_never_made_never_counts() -> None:
    opened = start("2025-01-10 10:00", TEAM_5, is_payment_open=True)
    paid = log_of(opened, FirstPaymentMade(**this(at=at("2025-01-10 10:20"))))
    expired = log_of(opened, FirstPaymentExpired(**this(at=at("2025-01-11 09:00"))))
    assert worth(paid) == [("2025-01-10", None, 80.0)]
    assert worth(expired) == []
    assert newest(shown(paid, "2025-01-10 10:10"))["status"] == "incomplete"
    assert newest(shown(paid, "2025-01-10 10:30"))["status"] == "active"
    account = shown(expired, "2025-03-10 10:30")
    assert newest(account)["status"] == "incomplete_expired"
    assert [each["status"] for each in account.objects["invoices"]] == ["void"]


def test_a_trial_of_one_item_costs_nothing_until_it_ends() -> None:
    tried = item("si_b", Plan.INSIGHTS, 5)._replace(trial_end=at("2025-02-28 10:00"))
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        ItemsChanged(
            **this(at=at("2025-02-14 10:00"), change=Change.ITEM_ADDED, items=(TEAM_5, tried))
        ),
    )
    assert worth(log, "si_b") == [("2025-02-28", None, 30.0)]
    on_trial = newest(shown(log, "2025-02-20 00:00"))["items"]["data"][1]
    assert on_trial["current_trial"]["end_date"] == at("2025-02-28 10:00")
    account = shown(log, "2025-03-11 00:00")
    assert newest(account)["items"]["data"][1]["current_trial"] is None
    first_line = newest(account, "invoices")["lines"]["data"][0]
    assert first_line["period"]["start"] == at("2025-02-28 10:00")


def test_a_scheduled_change_counts_from_its_phase_on() -> None:
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        ChangeScheduled(
            **this(at=at("2025-02-20 10:00"), items=(TEAM_8,), effective_at=at("2025-03-10 10:00"))
        ),
        ScheduledChangeTookEffect(**this(at=at("2025-03-10 10:00"))),
    )
    assert worth(log) == [("2025-01-10", "2025-03-10", 80.0), ("2025-03-10", None, 128.0)]
    agreed = shown(log, "2025-03-01 00:00")
    schedule = newest(agreed, "subscription_schedules")
    assert (schedule["status"], newest(agreed)["schedule"]) == ("active", schedule["id"])
    assert [each["items"][0]["quantity"] for each in schedule["phases"]] == [5, 8]
    assert newest(agreed)["items"]["data"][0]["quantity"] == 5
    after = shown(log, "2025-03-12 00:00")
    assert newest(after, "subscription_schedules")["status"] == "released"
    assert [line["quantity"] for line in newest(after, "invoices")["lines"]["data"]] == [8]


def test_a_pending_update_counts_only_when_it_is_paid() -> None:
    more = item("si_a", Plan.STARTER, 24, "year")
    wanted = UpdatePending(
        **this(at=at("2025-02-20 10:00"), items=(more,), expires_at=at("2025-02-21 09:00"))
    )
    started = start("2025-01-10 10:00", YEARLY)
    paid = log_of(started, wanted, PendingUpdateApplied(**this(at=at("2025-02-20 12:00"))))
    expired = log_of(started, wanted, PendingUpdateExpired(**this(at=at("2025-02-21 09:00"))))
    assert worth(paid) == [("2025-01-10", "2025-02-20", 89.0), ("2025-02-20", None, 178.0)]
    assert worth(expired) == [("2025-01-10", None, 89.0)]
    waiting = shown(paid, "2025-02-20 11:00")
    pending = newest(waiting)["pending_update"]
    assert pending["subscription_items"][0]["quantity"] == 24
    assert newest(waiting)["items"]["data"][0]["quantity"] == 12
    assert newest(waiting, "invoices")["status"] == "open"
    account = shown(expired, "2025-03-01 00:00")
    assert newest(account, "invoices")["status"] == "void"
    assert newest(account)["pending_update"] is None


def test_seats_changed_without_proration_are_unknowable_until_the_next_cycle() -> None:
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        ItemsChanged(
            **this(
                at=at("2025-02-20 10:00"), change=Change.SEATS, items=(TEAM_8,), is_prorated=False
            )
        ),
    )
    assert worth(log) == [("2025-01-10", "2025-02-20", 80.0), ("2025-02-20", None, 128.0)]
    (found,) = unknowable_days(log)
    assert (str(found.valid_from), str(found.valid_to)) == ("2025-02-20", "2025-03-10")
    totals = [each["total"] for each in shown(log, "2025-03-12 00:00").objects["invoices"]]
    assert totals == [12_800, 8_000, 8_000]


def test_an_end_that_was_taken_back_never_shows_in_the_mrr() -> None:
    log = log_of(
        start("2025-01-10 10:00", TEAM_5),
        CancellationScheduled(**this(at=at("2025-02-20 10:00"))),
        CancellationWithdrawn(**this(at=at("2025-02-25 10:00"))),
    )
    assert worth(log) == [("2025-01-10", None, 80.0)]
    assert newest(shown(log, "2025-02-22 00:00"))["cancel_at_period_end"] is True
    after = newest(shown(log, "2025-04-01 00:00"))
    assert (after["canceled_at"], after["cancellation_details"]["reason"]) == (None, None)


def test_a_migrated_subscription_counts_from_its_real_start() -> None:
    billed, unbilled = (
        log_of(
            start(
                "2025-03-10 10:00",
                TEAM_5,
                start_date=at("2025-01-20 08:00"),
                is_past_billed=is_billed,
            )
        )
        for is_billed in (True, False)
    )
    assert worth(billed) == worth(unbilled) == [("2025-01-20", None, 80.0)]
    assert not unknowable_days(billed)
    (found,) = unknowable_days(unbilled)
    assert (str(found.valid_from), str(found.valid_to)) == ("2025-01-20", "2025-03-10")
    first = newest(shown(billed, "2025-03-12 00:00"), "invoices")["lines"]["data"]
    assert [line["period"]["start"] for line in first] == [
        at("2025-01-20 08:00"),
        at("2025-03-10 10:00"),
    ]
    assert len(newest(shown(unbilled, "2025-03-12 00:00"), "invoices")["lines"]["data"]) == 1


def test_a_deleted_customer_leaves_a_stub_and_a_canceled_subscription() -> None:
    gone = CustomerDeleted(at=at("2025-03-01 10:00"), customer_id="cus_a")
    canceled = CanceledAtOnce(**this(at=at("2025-03-01 10:00")))
    log = log_of(start("2025-01-10 10:00", TEAM_5), canceled, of_customer=(gone,))
    account = shown(log, "2025-03-05 00:00")
    assert account.objects["customers"] == []
    stub = {"id": "cus_a", "object": "customer", "deleted": True}
    assert account.deleted["customers"] == {"cus_a": stub}
    assert newest(account)["status"] == "canceled"
    assert worth(log) == [("2025-01-10", "2025-03-01", 80.0)]


def test_usage_is_billed_afterwards_and_is_no_mrr() -> None:
    usage = Item("si_b", CATALOG.offer(Plan.API_CALLS, "month", 0).id, None)
    log = log_of(start("2025-01-10 10:00", YEARLY, usage))
    assert {each.subscription_item_id for each in item_intervals(log)} == {"si_a"}
    account = shown(log, "2025-03-12 00:00")
    monthly = [each["lines"]["data"] for each in account.objects["invoices"]]
    assert [len(lines) for lines in monthly] == [1, 1, 1]
    assert monthly[0][0]["period"]["end"] == at("2025-03-10 10:00")
    assert "quantity" not in newest(account)["items"]["data"][1]
