from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.currencies import THREE_DECIMAL, ZERO_DECIMAL, minor_unit_micros
from nrr_pipeline.metrics.money import (
    MAX_MICROS,
    MicrosOverflowError,
    MixedCurrencyError,
    format_money,
    format_ratio,
    guard_sum,
    is_rounding_shortfall,
    round_half_even,
    total,
)
from nrr_pipeline_tests.golden import Case, cases


@cases("monthly_nrr/display.csv")
def test_ratios_are_shown_as_worked_out_by_hand(case: Case) -> None:
    shown = format_ratio(
        int(case["numerator"]), int(case["denominator"]), currency=case["currency"] or None
    )
    assert shown == case["shown"], case["why"]


@given(numerator=st.integers(-(10**15), 10**15), denominator=st.integers(1, 10**15))
def test_a_shown_ratio_never_exaggerates(numerator: int, denominator: int) -> None:
    shown = Fraction(format_ratio(numerator, denominator).removesuffix(" %")) / 100
    exact = Fraction(numerator, denominator)
    assert abs(shown) <= abs(exact)
    assert abs(exact - shown) < Fraction(1, 1_000)


@given(denominator=st.integers(1, 10**15), gain=st.integers(0, 10**15))
def test_what_is_not_below_hundred_is_no_shortfall(denominator: int, gain: int) -> None:
    assert not is_rounding_shortfall(denominator + gain, denominator, "usd")


@given(value=st.fractions(-(10**6), 10**6))
def test_rounding_is_half_to_even_and_never_off_by_more_than_a_half(value: Fraction) -> None:
    rounded = round_half_even(value)
    assert abs(rounded - value) <= Fraction(1, 2)
    if abs(rounded - value) == Fraction(1, 2):
        assert rounded % 2 == 0


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30])
def test_an_amount_that_64_bits_cannot_hold_raises(value: int) -> None:
    with pytest.raises(MicrosOverflowError):
        round_half_even(Fraction(value))


@given(st.lists(st.integers(-MAX_MICROS, MAX_MICROS), max_size=6))
def test_a_guarded_sum_is_exact_or_raises(amounts: list[int]) -> None:
    array = np.array(amounts, dtype=np.int64)
    if sum(abs(amount) for amount in amounts) > MAX_MICROS:
        with pytest.raises(MicrosOverflowError):
            guard_sum(array)
    else:
        assert total(array, ["usd"] * len(amounts)) == sum(amounts)


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(MixedCurrencyError, match="eur, usd"):
        total(np.array([1, 2], dtype=np.int64), ["usd", "eur"])


def test_one_currency_is_added_and_nothing_is_nothing() -> None:
    assert total(np.array([1, 2], dtype=np.int64), ["usd", "usd"]) == 3
    assert total(np.array([], dtype=np.int64), []) == 0


def test_no_currency_has_two_kinds_of_minor_units() -> None:
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert {minor_unit_micros(code) for code in ZERO_DECIMAL} == {1_000_000}
    assert {minor_unit_micros(code) for code in THREE_DECIMAL} == {1_000}
    assert minor_unit_micros("isk") == minor_unit_micros("usd") == 10_000


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [
        (1_234_500_000, "usd", "USD 1,234.50"),
        (-1_234_500_000, "usd", "-USD 1,234.50"),
        (1_999_999, "usd", "USD 2.00"),
        (-4_000, "usd", "USD 0.00"),
        (1_500_000, "kwd", "KWD 1.500"),
        (7_000_000, "jpy", "JPY 7"),
        (0, "usd", "USD 0.00"),
    ],
)
def test_money_is_shown_in_the_minor_units_of_its_currency(
    micros: int, currency: str, shown: str
) -> None:
    assert format_money(micros, currency) == shown


def test_money_may_be_shown_whole() -> None:
    assert format_money(1_234_500_001, "usd", whole=True) == "USD 1,235"
