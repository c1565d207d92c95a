from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.conversion import (
    MissingRateError,
    RateTable,
    convert_each,
    reporting_micros,
)
from nrr_pipeline.metrics.money import MAX_MICROS, MicrosOverflowError
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.rates import known
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, RATES, snapshots
from nrr_pipeline_tests.metrics.strategies import rates as ordinary_rates


@given(rows=snapshots(CURRENCIES), rate=RATES)
def test_every_item_is_converted_and_rounded_for_itself(
    rows: list[Row], rate: dict[str, Fraction]
) -> None:
    found = reporting_micros(frame(rows), rate)
    assert found.dtype == np.int64
    for each, converted in zip(rows, found.tolist(), strict=True):
        exact = each["mrr_micros"] * rate[each["currency"]]
        assert converted == round(exact)


@given(rows=snapshots(["eur"]))
def test_a_rate_of_one_changes_nothing(rows: list[Row]) -> None:
    converted = reporting_micros(frame(rows), {"eur": Fraction(1)})
    assert converted.tolist() == [each["mrr_micros"] for each in rows]


def test_the_snapshot_itself_is_left_alone() -> None:
    items = frame([row("cus_1", 100, currency="eur")])
    reporting_micros(items, {"eur": Fraction(2)})
    assert items["mrr_micros"].tolist() == [100]


def test_half_a_micro_goes_to_the_even_neighbor() -> None:
    items = frame([row(f"cus_{amount}", amount, currency="eur") for amount in (1, 3, 5)])
    assert reporting_micros(items, {"eur": Fraction(1, 2)}).tolist() == [0, 2, 2]


def test_the_product_may_pass_64_bits_but_not_the_result() -> None:
    items = frame([row("cus_1", 2**62, currency="jpy")])
    assert reporting_micros(items, {"jpy": Fraction(10**6, 10**6 + 1)}).tolist() == [
        round(Fraction(2**62 * 10**6, 10**6 + 1))
    ]
    with pytest.raises(MicrosOverflowError):
        reporting_micros(items, {"jpy": Fraction(3)})


@given(
    amounts=st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=5),
    rate=st.one_of(ordinary_rates, st.fractions(Fraction(1, 10**30), Fraction(10**9)).filter(bool)),
)
def test_amounts_of_any_size_and_sign_are_exact_or_refused(
    amounts: list[int], rate: Fraction
) -> None:
    exact = [round(amount * rate) for amount in amounts]
    native = np.array(amounts, dtype=np.int64)
    if any(abs(each) > MAX_MICROS for each in exact):
        with pytest.raises(MicrosOverflowError):
            convert_each(native, rate)
    else:
        assert convert_each(native, rate).tolist() == exact


@cases("daily_mrr_totals/conversion.csv")
def test_an_amount_is_converted_as_worked_out_by_hand(case: Case) -> None:
    native = np.array([micros(amount) for amount in case["items"].split()], dtype=np.int64)
    converted = convert_each(native, Fraction(case["rate"]))
    assert converted.tolist() == [micros(amount) for amount in case["converted"].split()], case[
        "why"
    ]


@cases("daily_mrr_totals/rate_of_a_day.csv")
def test_a_day_has_the_rate_worked_out_by_hand(case: Case) -> None:
    rates = [
        known("eur", date.fromisoformat(day), rate)
        for day, rate in (each.split("=") for each in case["rates"].split())
    ]
    table = RateTable("usd", rates, max_age_days=int(case["max_age_days"]))
    day = date.fromisoformat(case["day"])
    if case["rate"] == "missing":
        with pytest.raises(MissingRateError, match=f"No exchange rate for EUR on {day}") as raised:
            table.on(day)["eur"]
        assert str(raised.value.last_known or "") == case["last_known"], case["why"]
    else:
        assert table.on(day)["eur"] == Fraction(case["rate"]), case["why"]
        assert str(table.last_known("eur", day)) == case["last_known"], case["why"]


def test_the_reporting_currency_needs_no_rate_and_takes_no_other() -> None:
    day = date(2026, 3, 31)
    assert RateTable("usd").on(day)["usd"] == 1
    assert RateTable("usd", [known("usd", day, "2")]).on(day)["usd"] == 1


def test_a_missing_rate_names_the_currency() -> None:
    with pytest.raises(MissingRateError, match="No exchange rate for EUR"):
        reporting_micros(frame([row("cus_1", 1, currency="eur")]), {"usd": Fraction(1)})
