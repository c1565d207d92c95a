from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.pricing import (
    Normalization,
    Price,
    UnpriceableError,
    item_mrr_micros,
)
from nrr_pipeline_tests.golden import Case, cases, micros

INTERVALS = st.sampled_from(["day", "week", "month", "year"])
AMOUNTS = st.fractions(0, 10**7, max_denominator=10**12)


def mrr(price: Price, quantity: int | None, currency: str = "usd") -> int:
    return item_mrr_micros(price, quantity, currency=currency, normalization=Normalization())


def price_of(
    amount: Fraction | None, interval: str = "month", count: int = 1, **fields: object
) -> Price:
    known = {"price_id": "price_1", "product_id": "prod_1", "currency": "usd", **fields}
    return Price(
        billing_interval=interval,
        billing_interval_count=count,
        unit_amount=amount,
        **known,  # pyright: ignore[reportArgumentType]
    )


@cases("mrr_intervals/normalization.csv")
def test_an_item_is_worth_what_was_worked_out_by_hand(case: Case) -> None:
    price = price_of(
        Fraction(case["unit_amount"]),
        case["interval"],
        int(case["interval_count"]),
        currency=case["currency"],
    )
    normalization = Normalization(Fraction(case["week"] or 52), Fraction(case["day"] or 365))
    worth = item_mrr_micros(
        price, int(case["quantity"]), currency=case["currency"], normalization=normalization
    )
    assert worth == micros(case["mrr"]), case["why"]


@cases("mrr_intervals/unpriceable.csv")
def test_what_has_no_rule_is_an_error_that_names_the_price(case: Case) -> None:
    price = price_of(
        Fraction(case["unit_amount"]) if case["unit_amount"] else None,
        case["interval"],
        int(case["interval_count"]),
        currency=case["price_currency"],
    )
    quantity = int(case["quantity"]) if case["quantity"] else None
    with pytest.raises(UnpriceableError) as raised:
        mrr(price, quantity, case["item_currency"])
    assert "price_1" in str(raised.value), case["why"]
    assert case["named"] in str(raised.value), case["why"]


def test_a_price_of_a_form_without_a_rule_says_which() -> None:
    with pytest.raises(UnpriceableError, match="price_1: tiers have no rule"):
        mrr(price_of(None, unsupported="tiers have no rule"), 1)


def test_metered_usage_is_no_mrr_whatever_its_form() -> None:
    assert mrr(price_of(None, is_metered=True, unsupported="tiers have no rule"), None) == 0


@given(amount=AMOUNTS, more=AMOUNTS, interval=INTERVALS, count=st.integers(1, 36))
def test_more_money_is_never_less_mrr(
    amount: Fraction, more: Fraction, interval: str, count: int
) -> None:
    dearer = price_of(amount + more, interval, count)
    assert mrr(price_of(amount, interval, count), 3) <= mrr(dearer, 3)


@given(amount=AMOUNTS, interval=INTERVALS, seats=st.integers(0, 10**4), more=st.integers(0, 10**3))
def test_more_seats_are_never_less_mrr(
    amount: Fraction, interval: str, seats: int, more: int
) -> None:
    price = price_of(amount, interval)
    assert mrr(price, seats) <= mrr(price, seats + more)


@given(amount=st.integers(0, 10**8), seats=st.integers(0, 10**4))
def test_twelve_months_of_a_yearly_price_are_the_year_within_six_micros(
    amount: int, seats: int
) -> None:
    exact = amount * seats * 10_000
    assert abs(12 * mrr(price_of(Fraction(amount), "year"), seats) - exact) <= 6


@given(amount=AMOUNTS, count=st.integers(1, 12))
def test_twelve_months_and_a_year_are_the_same(amount: Fraction, count: int) -> None:
    months = price_of(amount, "month", 12 * count)
    assert mrr(months, 5) == mrr(price_of(amount, "year", count), 5)


def test_an_item_too_large_for_64_bits_is_held_out_by_name() -> None:
    price = Price("price_huge", "prod", "usd", "month", 1, Fraction(10**12))
    with pytest.raises(UnpriceableError, match="price_huge x 100000"):
        item_mrr_micros(price, 100_000, currency="usd", normalization=Normalization())
