from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import get_args

import pytest

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.catalog import Plan
from nrr_pipeline.demo.cycles import midnight
from nrr_pipeline.demo.log import (
    BusinessLog,
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
from nrr_pipeline.demo.truth import item_intervals
from nrr_pipeline.demo.truth_pricing import gross
from nrr_pipeline.demo.truth_retention import (
    Dimension,
    PeriodKind,
    TrueRetention,
    retention,
    retention_by,
)
from nrr_pipeline_tests.demo.tiny_logs import CATALOG, at, item, price_id, tiny_log

USD = 1_000_000


def start(
    when: str,
    *items: Item,
    sub: str = "sub_a",
    customer: str = "cus_a",
    trial_end: str | None = None,
) -> Subscribed:
    return Subscribed(
        at=at(when),
        subscription_id=sub,
        customer_id=customer,
        items=items,
        trial_end=at(trial_end) if trial_end else None,
    )


def change(when: str, *items: Item, sub: str = "sub_a") -> ItemsChanged:
    return ItemsChanged(at=at(when), subscription_id=sub, change=Change.SEATS, items=items)


def cancel(when: str, sub: str = "sub_a") -> CanceledAtOnce:
    return CanceledAtOnce(at=at(when), subscription_id=sub)


def days_and_mrr(*happenings: Happening) -> list[tuple[str, str | None, float]]:
    return [
        (
            str(each.valid_from)[5:],
            each.valid_to and str(each.valid_to)[5:],
            each.mrr_micros / USD,
        )
        for each in item_intervals(tiny_log(*happenings))
    ]


# MRR of items by day


def test_a_start_counts_from_its_day_and_the_day_of_the_end_does_not_count() -> None:
    assert days_and_mrr(
        start("2025-01-31 23:59:59", item("si_a", Plan.TEAM, 5)),
        cancel("2025-03-31 23:59:59"),
    ) == [("01-31", "03-31", 80.0)]


def test_more_seats_count_from_the_day_of_the_change() -> None:
    assert days_and_mrr(
        start("2025-01-31 10:00", item("si_a", Plan.TEAM, 5)),
        change("2025-02-10 00:00", item("si_a", Plan.TEAM, 8)),
    ) == [("01-31", "02-10", 80.0), ("02-10", None, 128.0)]


def test_the_last_state_of_a_day_wins() -> None:
    assert days_and_mrr(
        start("2025-01-02 10:00", item("si_a", Plan.TEAM, 5)),
        change("2025-02-10 09:00", item("si_a", Plan.TEAM, 50)),
        change("2025-02-10 09:20", item("si_a", Plan.TEAM, 6)),
    ) == [("01-02", "02-10", 80.0), ("02-10", None, 96.0)]


def test_a_mistake_put_right_on_the_same_day_changes_nothing() -> None:
    assert days_and_mrr(
        start("2025-01-02 10:00", item("si_a", Plan.TEAM, 5)),
        change("2025-02-10 09:00", item("si_a", Plan.TEAM, 50)),
        change("2025-02-10 09:20", item("si_a", Plan.TEAM, 5)),
    ) == [("01-02", None, 80.0)]


def test_what_starts_and_ends_within_one_day_never_counts() -> None:
    assert not days_and_mrr(
        start("2025-01-02 10:00", item("si_a", Plan.TEAM, 5)), cancel("2025-01-02 22:00")
    )


def test_a_yearly_price_counts_a_twelfth_rounded_to_the_micro_for_each_item() -> None:
    log = tiny_log(
        start(
            "2025-01-02 10:00",
            item("si_a", Plan.STARTER, 2, "year"),
            item("si_b", Plan.INSIGHTS, 1, "year"),
        )
    )
    assert [each.mrr_micros for each in item_intervals(log)] == [14_833_333, 4_916_667]


def test_a_trial_counts_from_the_day_it_ends() -> None:
    assert days_and_mrr(
        start("2025-01-02 10:00", item("si_a", Plan.TEAM, 5), trial_end="2025-01-16 10:00")
    ) == [("01-16", None, 80.0)]


def test_a_trial_that_ends_without_a_subscription_never_counts() -> None:
    assert not days_and_mrr(
        start("2025-01-02 10:00", item("si_a", Plan.TEAM, 5), trial_end="2025-01-16 10:00"),
        CancellationScheduled(at=at("2025-01-09 10:00"), subscription_id="sub_a"),
        CancellationTookEffect(at=at("2025-01-16 10:00"), subscription_id="sub_a"),
    )


def test_a_scheduled_cancellation_counts_until_it_takes_effect() -> None:
    assert days_and_mrr(
        start("2025-01-10 10:00", item("si_a", Plan.TEAM, 5)),
        CancellationScheduled(at=at("2025-02-12 10:00"), subscription_id="sub_a"),
        CancellationTookEffect(at=at("2025-03-10 10:00"), subscription_id="sub_a"),
    ) == [("01-10", "03-10", 80.0)]


@pytest.mark.parametrize("outcome", ["canceled", "unpaid"])
def test_past_due_counts_until_the_last_attempt_failed(outcome: str) -> None:
    assert days_and_mrr(
        start("2025-01-10 10:00", item("si_a", Plan.TEAM, 5)),
        PaymentFailed(at=at("2025-02-10 11:00"), subscription_id="sub_a", next_attempt_at=None),
        EndedByFailedPayment(
            at=at("2025-02-25 11:00"),
            subscription_id="sub_a",
            outcome="canceled" if outcome == "canceled" else "unpaid",
        ),
    ) == [("01-10", "02-25", 80.0)]


def test_a_payment_that_recovers_changes_nothing() -> None:
    assert days_and_mrr(
        start("2025-01-10 10:00", item("si_a", Plan.TEAM, 5)),
        PaymentFailed(at=at("2025-02-10 11:00"), subscription_id="sub_a", next_attempt_at=None),
        PaymentRecovered(at=at("2025-02-13 11:00"), subscription_id="sub_a"),
    ) == [("01-10", None, 80.0)]


def test_an_item_that_is_replaced_ends_on_the_day_the_other_begins() -> None:
    assert days_and_mrr(
        start("2025-01-10 10:00", item("si_a", Plan.TEAM, 5)),
        change("2025-02-15 10:00", item("si_b", Plan.BUSINESS, 5)),
    ) == [("01-10", "02-15", 80.0), ("02-15", None, 160.0)]


# Retention


@pytest.fixture(scope="module")
def quarter() -> BusinessLog:
    """Seven customers, one for each thing that can happen in the second quarter of 2025."""
    return tiny_log(
        start("2025-01-02 10:00", item("si_1", Plan.TEAM, 10), sub="sub_1", customer="grows"),
        change("2025-05-05 10:00", item("si_1", Plan.TEAM, 15), sub="sub_1"),
        start("2025-01-02 10:01", item("si_2", Plan.TEAM, 10), sub="sub_2", customer="shrinks"),
        change("2025-06-30 23:00", item("si_2", Plan.TEAM, 4), sub="sub_2"),
        start("2025-01-02 10:02", item("si_3", Plan.STARTER, 5), sub="sub_3", customer="leaves"),
        cancel("2025-04-01 00:00", sub="sub_3"),
        start("2025-01-02 10:03", item("si_4", Plan.TEAM, 5), sub="sub_4", customer="halves"),
        start("2025-01-02 10:04", item("si_5", Plan.STARTER, 10), sub="sub_5", customer="halves"),
        cancel("2025-06-01 10:00", sub="sub_5"),
        start("2025-01-02 10:05", item("si_6", Plan.STARTER, 9), sub="sub_6", customer="returns"),
        cancel("2025-03-02 10:00", sub="sub_6"),
        start("2025-05-02 10:00", item("si_7", Plan.STARTER, 4), sub="sub_7", customer="returns"),
        start("2025-05-20 10:00", item("si_8", Plan.TEAM, 3), sub="sub_8", customer="is new"),
        start("2025-01-02 10:06", item("si_9", Plan.STARTER, 10), sub="sub_9", customer="pauses"),
        cancel("2025-04-10 10:00", sub="sub_9"),
        start("2025-06-01 10:00", item("si_10", Plan.STARTER, 6), sub="sub_10", customer="pauses"),
        countries="US DE",
    )


def test_a_quarter_worked_out_by_hand(quarter: BusinessLog) -> None:
    measured = retention(quarter, "quarter", date(2025, 4, 1))
    assert measured == TrueRetention(
        starting=(160 + 160 + 45 + 80 + 90 + 90) * USD,
        expansion=80 * USD,
        contraction=(96 + 90 + 36) * USD,
        churned=45 * USD,
        new_business=48 * USD,
        reactivation=36 * USD,
        ending=522 * USD,
        nrr_numerator=438 * USD,
        grr_numerator=358 * USD,
        starting_customers=5,
        churned_customers=1,
        ending_customers=6,
    )
    assert measured.nrr == Fraction(438, 625)
    assert measured.grr == Fraction(358, 625)
    assert measured.logo_churn == Fraction(1, 5)


def test_a_month_worked_out_by_hand(quarter: BusinessLog) -> None:
    measured = retention(quarter, "month", date(2025, 5, 1))
    assert (measured.starting, measured.ending) == (490 * USD, 654 * USD)
    assert (measured.expansion, measured.contraction, measured.churned) == (80 * USD, 0, 0)
    assert (measured.new_business, measured.reactivation) == (48 * USD, 36 * USD)


def test_trailing_twelve_months_have_a_cohort_of_their_own(quarter: BusinessLog) -> None:
    measured = retention(quarter, "trailing_12_months", date(2025, 12, 1))
    assert measured.starting_customers == 0
    assert measured.nrr is None
    assert measured.ending == measured.new_business == 522 * USD


def test_a_country_is_a_segment_for_all_of_its_customers(quarter: BusinessLog) -> None:
    by_country = retention_by(quarter, "quarter", date(2025, 4, 1), "country")
    assert by_country.keys() == {"US", "DE"}
    american, german = by_country["US"], by_country["DE"]
    assert (american.starting, german.starting) == ((160 + 45 + 90) * USD, (160 + 170) * USD)
    assert (american.reactivation, german.reactivation) == (36 * USD, 0)
    assert (american.new_business, german.new_business) == (0, 48 * USD)


def test_a_customer_belongs_to_the_segment_of_its_largest_item_at_opening(
    quarter: BusinessLog,
) -> None:
    by_price = retention_by(quarter, "quarter", date(2025, 4, 1), "price")
    team, starter = price_id(Plan.TEAM), price_id(Plan.STARTER)
    assert by_price[starter].starting == (45 + 170 + 90) * USD
    assert by_price[team].starting == 320 * USD
    assert by_price[team].new_business == 48 * USD


def test_of_two_equal_items_the_one_with_the_smaller_id_decides() -> None:
    log = tiny_log(
        start("2025-01-02 10:00", item("si_b", Plan.STARTER, 16), item("si_a", Plan.TEAM, 9))
    )
    by_product = retention_by(log, "month", date(2025, 2, 1), "product")
    assert list(by_product) == [CATALOG.price_of[price_id(Plan.TEAM)].product_id]


# The default business


@pytest.fixture(scope="module")
def log() -> BusinessLog:
    return simulate()


MONTHS = [date(year, month, 1) for year in (2024, 2025, 2026) for month in range(1, 13)][3:33]
PERIODS: list[tuple[PeriodKind, date]] = [
    *(("month", month) for month in MONTHS),
    *(("quarter", month) for month in MONTHS if month.month % 3 == 1),
    *(("trailing_12_months", month) for month in MONTHS),
]


def test_the_bridge_of_every_period_balances_and_both_forms_of_nrr_agree(
    log: BusinessLog,
) -> None:
    for kind, first in PERIODS:
        it = retention(log, kind, first)
        kept = it.starting + it.expansion - it.contraction - it.churned
        assert it.ending == kept + it.new_business + it.reactivation + it.fx, (kind, first)
        assert it.nrr_numerator == kept, (kind, first)
        assert it.grr_numerator == it.starting - it.contraction - it.churned, (kind, first)
        assert it.grr_numerator <= min(it.starting, it.nrr_numerator), (kind, first)


def test_every_month_opens_where_the_one_before_it_closed(log: BusinessLog) -> None:
    for month, following in pairwise(MONTHS):
        closed, opened = retention(log, "month", month), retention(log, "month", following)
        assert (closed.ending, closed.ending_customers) == (
            opened.starting,
            opened.starting_customers,
        )


@pytest.mark.parametrize("dimension", get_args(Dimension))
def test_segments_add_up_to_the_whole(log: BusinessLog, dimension: Dimension) -> None:
    for kind, first in PERIODS:
        whole = retention(log, kind, first)
        parts = retention_by(log, kind, first, dimension).values()
        for field in fields(TrueRetention):
            total = sum(getattr(part, field.name) for part in parts)
            assert total == getattr(whole, field.name), (kind, first, field.name)


def test_intervals_of_one_item_follow_each_other_and_never_overlap(log: BusinessLog) -> None:
    last_end: dict[str, date | None] = {}
    for interval in item_intervals(log):
        item_id = interval.subscription_item_id
        if item_id in last_end:
            end = last_end[item_id]
            assert end is not None
            assert end <= interval.valid_from
        assert interval.mrr_micros > 0
        assert interval.valid_to is None or interval.valid_from < interval.valid_to
        last_end[item_id] = interval.valid_to


@pytest.mark.parametrize("days_before_the_end", [0, 3, 20, 95, 190, 365, 600, 800])
def test_the_truth_of_a_day_is_what_the_account_shows_in_its_last_second(
    log: BusinessLog, days_before_the_end: int
) -> None:
    day = log.last_day - timedelta(days=days_before_the_end)
    now = midnight(day + timedelta(days=1)) - 1
    account = render(log, now)
    starts = {each.subscription_id: each for each in log.happenings if isinstance(each, Subscribed)}
    shown = {
        each["id"]: (each["price"]["id"], each["quantity"], subscription["customer"])
        for subscription in account.objects["subscriptions"]
        if counts(subscription)
        for each in subscription["items"]["data"]
        if "quantity" in each
        and not each["current_trial"]
        and gross(log.catalog.price_of[each["price"]["id"]], each["quantity"])
    }
    true = {
        each.subscription_item_id: (each.price_id, each.quantity, each.customer_id)
        for each in item_intervals(log)
        if each.holds_on(day) and starts[each.subscription_id].at <= now
    }
    assert true.items() <= shown.items()
    discounted = {each.customer_id for each in starts.values() if each.grants}
    assert {
        customer for _, _, customer in dict(shown.items() - true.items()).values()
    } <= discounted


def counts(subscription: StripeObject) -> bool:
    pause = subscription["pause_collection"]
    is_collected = pause is None or pause["behavior"] == "keep_as_draft"
    return subscription["status"] in {"active", "past_due"} and is_collected
