from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.catalog import Plan
from nrr_pipeline.demo.log import (
    BillingMode,
    CanceledAtOnce,
    CancellationScheduled,
    CancellationTookEffect,
    Change,
    EndedByFailedPayment,
    Happening,
    Item,
    ItemsChanged,
    PaymentFailed,
    PaymentRecovered,
    Subscribed,
)
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.demo.schema import errors_of
from nrr_pipeline_tests.demo.tiny_logs import at, item, price_id, tiny_log

Invoice = dict[str, Any]


def start(
    when: str,
    *items: Item,
    mode: BillingMode = "flexible",
    trial_end: str | None = None,
) -> Subscribed:
    return Subscribed(
        at=at(when),
        subscription_id="sub_a",
        customer_id="cus_a",
        items=items,
        billing_mode=mode,
        trial_end=at(trial_end) if trial_end else None,
    )


def change(when: str, *items: Item) -> ItemsChanged:
    return ItemsChanged(at=at(when), subscription_id="sub_a", change=Change.SEATS, items=items)


def failure(when: str, *, then: str | None) -> PaymentFailed:
    return PaymentFailed(
        at=at(when), subscription_id="sub_a", next_attempt_at=at(then) if then else None
    )


def shown(now: str, *happenings: Happening) -> StripeAccount:
    account = render(tiny_log(*happenings), at(now))
    for kind, objects in account.objects.items():
        for each in objects:
            assert errors_of(kind, each) == []
    return account


def invoices(account: StripeAccount) -> list[Invoice]:
    """Oldest first."""
    return account.objects["invoices"][::-1]


def subscription(account: StripeAccount) -> dict[str, Any]:
    return account.objects["subscriptions"][0]


def moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def lines(invoice: Invoice) -> list[tuple[int, int, str, str]]:
    return [
        (
            line["amount"],
            line["quantity"],
            moment(line["period"]["start"]),
            moment(line["period"]["end"]),
        )
        for line in invoice["lines"]["data"]
    ]


TEAM_5 = item("si_a", Plan.TEAM, 5)
TEAM_8 = item("si_a", Plan.TEAM, 8)


def test_every_cycle_is_billed_in_advance_by_one_ordinary_line() -> None:
    account = shown("2025-04-01 00:00", start("2025-01-10 10:00", TEAM_5))
    assert [lines(each) for each in invoices(account)] == [
        [(8_000, 5, "2025-01-10 10:00", "2025-02-10 10:00")],
        [(8_000, 5, "2025-02-10 10:00", "2025-03-10 10:00")],
        [(8_000, 5, "2025-03-10 10:00", "2025-04-10 10:00")],
    ]
    assert [each["billing_reason"] for each in invoices(account)] == [
        "subscription_create",
        "subscription_cycle",
        "subscription_cycle",
    ]
    assert {each["status"] for each in invoices(account)} == {"paid"}
    line = invoices(account)[1]["lines"]["data"][0]
    assert line["pricing"]["price_details"]["price"] == price_id(Plan.TEAM)
    assert line["parent"]["type"] == "subscription_item_details"
    assert line["parent"]["subscription_item_details"]["subscription_item"] == "si_a"
    assert line["parent"]["subscription_item_details"]["proration"] is False


def test_an_anchor_on_the_thirty_first_bills_on_the_last_day_of_shorter_months() -> None:
    account = shown("2025-06-01 00:00", start("2025-01-31 10:00", TEAM_5))
    assert [moment(each["created"]) for each in invoices(account)] == [
        "2025-01-31 10:00",
        "2025-02-28 10:00",
        "2025-03-31 10:00",
        "2025-04-30 10:00",
        "2025-05-31 10:00",
    ]


def test_seats_added_in_a_monthly_cycle_wait_for_the_next_invoice() -> None:
    happenings = [start("2025-03-01 00:00", TEAM_5), change("2025-03-16 12:00", TEAM_8)]
    assert len(invoices(shown("2025-03-31 23:00", *happenings))) == 1
    renewal = invoices(shown("2025-04-02 00:00", *happenings))[1]
    assert lines(renewal) == [
        (-4_000, 5, "2025-03-16 12:00", "2025-04-01 00:00"),
        (6_400, 8, "2025-03-16 12:00", "2025-04-01 00:00"),
        (12_800, 8, "2025-04-01 00:00", "2025-05-01 00:00"),
    ]
    assert renewal["total"] == 15_200


def test_prorations_are_exact_to_the_second_and_rounded_half_up_to_the_cent() -> None:
    renewal = invoices(
        shown(
            "2025-04-02 00:00",
            start("2025-03-01 00:00", TEAM_5),
            change("2025-03-11 07:43:21", TEAM_8),
        )
    )[1]
    left = at("2025-04-01 00:00") - at("2025-03-11 07:43:21")
    assert left == 1_786_599
    assert [line["amount"] for line in renewal["lines"]["data"][:2]] == [-5_336, 8_538]


@pytest.mark.parametrize(
    ("started", "interval"), [("2025-03-15 00:00", "month"), ("2025-01-01 00:00", "year")]
)
def test_early_changes_and_changes_of_yearly_plans_are_invoiced_at_once(
    started: str, interval: Literal["month", "year"]
) -> None:
    before, after = (item("si_a", Plan.TEAM, seats, interval) for seats in (5, 8))
    account = shown("2025-03-16 13:00", start(started, before), change("2025-03-16 12:00", after))
    update = invoices(account)[-1]
    assert update["billing_reason"] == "subscription_update"
    assert update["status"] == "paid"
    assert [line["quantity"] for line in update["lines"]["data"]] == [5, 8]
    assert {line["period"]["start"] for line in update["lines"]["data"]} == {update["created"]}


def test_a_credit_names_the_line_it_gives_back() -> None:
    account = shown(
        "2025-04-02 00:00", start("2025-03-01 00:00", TEAM_5), change("2025-03-16 12:00", TEAM_8)
    )
    first, renewal = invoices(account)
    credit, debit, _ = [
        line["parent"]["subscription_item_details"] for line in renewal["lines"]["data"]
    ]
    assert credit["proration"]
    assert credit["subscription_item"] == "si_a"
    assert credit["proration_details"]["credited_items"] == {
        "invoice": first["id"],
        "invoice_line_items": [first["lines"]["data"][0]["id"]],
    }
    assert debit["proration_details"]["credited_items"] is None


def test_classic_billing_shows_prorations_as_invoice_items_without_the_items_id() -> None:
    account = shown(
        "2025-04-02 00:00",
        start("2025-03-01 00:00", TEAM_5, mode="classic"),
        change("2025-03-16 12:00", TEAM_8),
    )
    parents = [line["parent"] for line in invoices(account)[1]["lines"]["data"]]
    assert [parent["type"] for parent in parents] == [
        "invoice_item_details",
        "invoice_item_details",
        "subscription_item_details",
    ]
    assert parents[0]["invoice_item_details"]["subscription"] == "sub_a"
    assert parents[0]["subscription_item_details"] is None
    assert subscription(account)["billing_mode"] == {"flexible": None, "type": "classic"}


def test_only_the_item_that_changed_is_prorated() -> None:
    add_on = item("si_b", Plan.INSIGHTS, 5)
    account = shown(
        "2025-04-02 00:00",
        start("2025-03-01 00:00", TEAM_5),
        change("2025-03-16 12:00", TEAM_5, add_on),
    )
    assert lines(invoices(account)[1]) == [
        (1_500, 5, "2025-03-16 12:00", "2025-04-01 00:00"),
        (8_000, 5, "2025-04-01 00:00", "2025-05-01 00:00"),
        (3_000, 5, "2025-04-01 00:00", "2025-05-01 00:00"),
    ]


def test_an_item_replaced_by_a_new_one_leaves_the_object_but_stays_on_old_lines() -> None:
    account = shown(
        "2025-03-20 00:00",
        start("2025-01-05 00:00", item("si_a", Plan.TEAM, 5, "year")),
        change("2025-03-16 12:00", item("si_b", Plan.BUSINESS, 5, "year")),
    )
    assert [each["id"] for each in account.objects["subscription_items"]] == ["si_b"]
    assert account.objects["subscription_items"][0]["created"] == at("2025-03-16 12:00")
    credit, debit = invoices(account)[1]["lines"]["data"]
    assert credit["parent"]["subscription_item_details"]["subscription_item"] == "si_a"
    assert debit["parent"]["subscription_item_details"]["subscription_item"] == "si_b"


def test_another_interval_begins_a_new_cycle_and_is_invoiced_at_once() -> None:
    account = shown(
        "2025-03-20 00:00",
        start("2025-03-01 00:00", TEAM_5),
        change("2025-03-16 12:00", item("si_a", Plan.TEAM, 5, "year")),
    )
    switched = invoices(account)[1]
    assert lines(switched) == [
        (-4_000, 5, "2025-03-16 12:00", "2025-04-01 00:00"),
        (79_500, 5, "2025-03-16 12:00", "2026-03-16 12:00"),
    ]
    assert switched["created"] == at("2025-03-16 12:00")
    assert subscription(account)["billing_cycle_anchor"] == at("2025-03-16 12:00")


def test_a_credit_is_kept_as_balance_and_used_up_by_the_next_invoices() -> None:
    account = shown(
        "2025-05-20 00:00",
        start("2025-01-16 12:00", item("si_a", Plan.TEAM, 2, "year")),
        change("2025-03-16 12:00", item("si_a", Plan.TEAM, 2)),
    )
    switched, *renewals = invoices(account)[1:]
    assert switched["total"] < 0
    assert (switched["amount_due"], switched["status"]) == (0, "paid")
    assert switched["ending_balance"] == switched["total"]
    assert [each["starting_balance"] for each in renewals] == [
        switched["total"],
        switched["total"] + 3_200,
    ]
    assert {each["amount_due"] for each in renewals} == {0}
    assert account.objects["customers"][0]["balance"] == switched["total"] + 2 * 3_200


def test_a_renewal_is_a_draft_for_an_hour() -> None:
    happenings = [start("2025-01-10 10:00", TEAM_5)]
    draft = invoices(shown("2025-02-10 10:59", *happenings))[1]
    assert (draft["status"], draft["number"]) == ("draft", None)
    assert draft["automatically_finalizes_at"] == at("2025-02-10 11:00")
    paid = invoices(shown("2025-02-10 11:01", *happenings))[1]
    assert paid["status"] == "paid"
    assert paid["status_transitions"]["finalized_at"] == at("2025-02-10 11:00")


FAILING = (
    start("2025-01-10 10:00", TEAM_5),
    failure("2025-02-10 11:00:02", then="2025-02-13 11:00:02"),
    failure("2025-02-13 11:00:02", then="2025-02-18 11:00:02"),
)


def test_a_failed_payment_leaves_an_open_invoice_and_a_subscription_past_due() -> None:
    account = shown("2025-02-14 00:00", *FAILING)
    invoice = invoices(account)[1]
    assert (invoice["status"], invoice["attempted"], invoice["attempt_count"]) == ("open", True, 2)
    assert invoice["next_payment_attempt"] == at("2025-02-18 11:00:02")
    assert invoice["amount_remaining"] == 8_000
    assert subscription(account)["status"] == "past_due"
    assert account.objects["customers"][0]["delinquent"]


def test_a_recovered_payment_makes_the_subscription_active_again() -> None:
    recovered = PaymentRecovered(at=at("2025-02-15 09:00"), subscription_id="sub_a")
    account = shown("2025-02-20 00:00", *FAILING, recovered)
    invoice = invoices(account)[1]
    assert (invoice["status"], invoice["attempt_count"]) == ("paid", 3)
    assert invoice["status_transitions"]["paid_at"] == at("2025-02-15 09:00")
    assert subscription(account)["status"] == "active"
    assert not account.objects["customers"][0]["delinquent"]


def test_the_last_failed_attempt_cancels_and_writes_the_invoice_off() -> None:
    ended = EndedByFailedPayment(
        at=at("2025-02-18 11:00:04"), subscription_id="sub_a", outcome="canceled"
    )
    account = shown("2025-05-20 00:00", *FAILING, failure("2025-02-18 11:00:02", then=None), ended)
    assert len(invoices(account)) == 2
    assert invoices(account)[1]["status"] == "uncollectible"
    assert invoices(account)[1]["next_payment_attempt"] is None
    canceled = subscription(account)
    assert (canceled["status"], canceled["ended_at"]) == ("canceled", ended.at)
    assert canceled["cancellation_details"]["reason"] == "payment_failed"


def test_an_unpaid_subscription_goes_on_with_drafts_that_nobody_charges() -> None:
    ended = EndedByFailedPayment(
        at=at("2025-02-18 11:00:04"), subscription_id="sub_a", outcome="unpaid"
    )
    account = shown("2025-03-20 00:00", *FAILING, failure("2025-02-18 11:00:02", then=None), ended)
    assert subscription(account)["status"] == "unpaid"
    assert subscription(account)["ended_at"] is None
    assert [each["status"] for each in invoices(account)] == ["paid", "open", "draft"]
    assert not invoices(account)[2]["auto_advance"]


def test_a_cancellation_at_once_invoices_what_was_still_pending() -> None:
    account = shown(
        "2025-03-25 00:00",
        start("2025-03-01 00:00", TEAM_5),
        change("2025-03-16 12:00", TEAM_8),
        CanceledAtOnce(
            at=at("2025-03-20 10:00"),
            subscription_id="sub_a",
            cause="too expensive",
            feedback="too_expensive",
        ),
    )
    assert [line[0] for line in lines(invoices(account)[1])] == [-4_000, 6_400]
    canceled = subscription(account)
    assert canceled["status"] == "canceled"
    assert canceled["canceled_at"] == canceled["ended_at"] == at("2025-03-20 10:00")
    assert canceled["cancellation_details"]["reason"] == "cancellation_requested"


def test_a_cancellation_at_period_end_is_visible_before_and_after_it_takes_effect() -> None:
    happenings = [
        start("2025-01-10 10:00", TEAM_5),
        change("2025-02-14 10:00", TEAM_8),
        CancellationScheduled(at=at("2025-02-20 10:00"), subscription_id="sub_a"),
        CancellationTookEffect(at=at("2025-03-10 10:00"), subscription_id="sub_a"),
    ]
    asked = subscription(shown("2025-03-01 00:00", *happenings))
    assert (asked["status"], asked["cancel_at_period_end"]) == ("active", True)
    assert asked["cancel_at"] == at("2025-03-10 10:00")
    account = shown("2025-04-20 00:00", *happenings)
    ended = subscription(account)
    assert (ended["status"], ended["ended_at"]) == ("canceled", at("2025-03-10 10:00"))
    assert ended["canceled_at"] == at("2025-02-20 10:00")
    assert [each["billing_reason"] for each in invoices(account)][2:] == ["subscription_cycle"]
    assert {line["quantity"] for line in invoices(account)[2]["lines"]["data"]} == {5, 8}


def test_a_trial_costs_nothing_until_it_ends() -> None:
    happenings = [start("2025-01-10 10:00", TEAM_5, trial_end="2025-01-24 10:00")]
    trial = shown("2025-01-20 00:00", *happenings)
    assert subscription(trial)["status"] == "trialing"
    assert [each["total"] for each in invoices(trial)] == [0]
    after = shown("2025-03-01 00:00", *happenings)
    assert subscription(after)["status"] == "active"
    assert subscription(after)["trial_end"] == at("2025-01-24 10:00")
    assert [lines(each)[0][2:] for each in invoices(after)[1:]] == [
        ("2025-01-24 10:00", "2025-02-24 10:00"),
        ("2025-02-24 10:00", "2025-03-24 10:00"),
    ]


def test_a_log_that_contradicts_the_rules_is_refused() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        shown(
            "2025-03-01 00:00",
            start("2025-01-10 10:00", TEAM_5),
            change("2025-02-01 00:00", TEAM_5),
        )
    with pytest.raises(ValueError, match="no open renewal"):
        shown(
            "2025-03-01 00:00",
            start("2025-01-10 10:00", TEAM_5),
            failure("2025-02-20 00:00", then=None),
        )
    with pytest.raises(ValueError, match="does not say that it took effect"):
        shown(
            "2025-03-01 00:00",
            start("2025-01-10 10:00", TEAM_5),
            CancellationScheduled(at=at("2025-02-01 10:00"), subscription_id="sub_a"),
        )
