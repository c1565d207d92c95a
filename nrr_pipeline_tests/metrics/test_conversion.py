from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.conversion import MissingRateError, reporting_micros
from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, rates, snapshots

RATES = st.fixed_dictionaries({"usd": st.just(Fraction(1)), "eur": rates, "jpy": rates})


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


def test_a_missing_rate_names_the_currency() -> None:
    with pytest.raises(MissingRateError, match="No exchange rate for EUR"):
        reporting_micros(frame([row("cus_1", 1, currency="eur")]), {"usd": Fraction(1)})
