from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction

import pytest

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.log import BusinessLog, EndedByFailedPayment, ItemsChanged, Subscribed
from nrr_pipeline.demo.truth_retention import PLAIN, TrueRetention, retention

WORLD_CLASS = date(2025, 4, 1)
QUIET_CHURN = date(2026, 1, 1)
LAST_QUARTER = date(2026, 7, 1)
LAST_MONTH = date(2026, 9, 1)
QUARTERS = [
    date(year, month, 1)
    for year in (2024, 2025, 2026)
    for month in (1, 4, 7, 10)
    if date(2024, 7, 1) <= date(year, month, 1) <= LAST_QUARTER
]


def nrr(measured: TrueRetention) -> Fraction:
    assert measured.nrr is not None
    return measured.nrr


def logo_churn(measured: TrueRetention) -> Fraction:
    assert measured.logo_churn is not None
    return measured.logo_churn


@pytest.fixture(scope="module")
def log() -> BusinessLog:
    return simulate()


@pytest.fixture(scope="module")
def large() -> BusinessLog:
    return simulate(seed=11, customers=4_000)


def test_one_quarter_has_world_class_retention(log: BusinessLog) -> None:
    assert nrr(retention(log, "quarter", WORLD_CLASS)) >= Fraction(120, 100)


def test_one_healthy_quarter_hides_that_small_customers_leave(log: BusinessLog) -> None:
    measured = retention(log, "quarter", QUIET_CHURN)
    assert nrr(measured) >= 1
    assert logo_churn(measured) >= Fraction(8, 100)
    mean_lost = Fraction(measured.churned, measured.churned_customers)
    mean_held = Fraction(measured.starting, measured.starting_customers)
    assert mean_lost < mean_held / 3


def test_the_last_quarter_and_the_last_month_end_below_one_hundred_percent(
    log: BusinessLog,
) -> None:
    assert nrr(retention(log, "quarter", LAST_QUARTER)) < 1
    assert nrr(retention(log, "month", LAST_MONTH)) < 1


def test_what_was_lost_in_the_last_month_has_one_main_cause_in_the_log(log: BusinessLog) -> None:
    opening, closing = mrr_on(log, date(2026, 8, 31)), mrr_on(log, date(2026, 9, 30))
    lost = Counter({each: max(0, opening[each] - closing[each]) for each in opening})
    customer_of = {
        each.subscription_id: each.customer_id
        for each in log.happenings
        if isinstance(each, Subscribed)
    }
    blamed = {
        customer_of[each.subscription_id]
        for each in log.happenings
        if getattr(each, "cause", "") == "re-organization" or isinstance(each, EndedByFailedPayment)
    }
    assert sum(lost[each] for each in blamed) > 0.7 * sum(lost.values())
    assert any(
        isinstance(each, ItemsChanged) and each.cause == "re-organization"
        for each in log.happenings
    )


def test_the_other_quarters_are_ordinary(log: BusinessLog) -> None:
    for quarter in QUARTERS:
        if quarter not in {WORLD_CLASS, LAST_QUARTER}:
            assert 1 <= nrr(retention(log, "quarter", quarter)) <= Fraction(110, 100), quarter


def test_the_business_grows_every_quarter(log: BusinessLog) -> None:
    endings = [retention(log, "quarter", quarter).ending for quarter in QUARTERS]
    assert endings == sorted(endings)


def test_no_customer_is_the_whole_business(log: BusinessLog) -> None:
    closing = mrr_on(log, date(2026, 9, 30))
    assert max(closing.values()) < 0.10 * sum(closing.values())


def test_a_large_business_tells_the_same_story(large: BusinessLog) -> None:
    assert nrr(retention(large, "quarter", WORLD_CLASS)) >= Fraction(118, 100)
    quiet = retention(large, "quarter", QUIET_CHURN)
    assert nrr(quiet) >= 1
    assert logo_churn(quiet) >= Fraction(8, 100)
    assert nrr(retention(large, "quarter", LAST_QUARTER)) < 1
    assert nrr(retention(large, "month", LAST_MONTH)) < 1
    for quarter in QUARTERS:
        if quarter not in {WORLD_CLASS, LAST_QUARTER}:
            measured = retention(large, "quarter", quarter)
            assert 1 <= nrr(measured) <= Fraction(110, 100), quarter
            if quarter != QUIET_CHURN:
                assert logo_churn(measured) < logo_churn(quiet) / 2


def mrr_on(log: BusinessLog, day: date) -> Counter[str]:
    held: Counter[str] = Counter()
    for customer_id, interval in PLAIN.items(log):
        if interval.holds_on(day):
            held[customer_id] += PLAIN.worth(log, interval, day)
    return held
