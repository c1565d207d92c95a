from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline.metrics.totals import TOTAL_COLUMNS, daily_totals
from nrr_pipeline_tests.metrics.brute_force import totals_of_day
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, DAYS, FIRST_DAY, histories

LAST_DAY = FIRST_DAY + timedelta(days=DAYS)


def totals(rows: list[Row], reporting_currency: str | None = None) -> pd.DataFrame:
    return daily_totals(frame(rows), FIRST_DAY, LAST_DAY, reporting_currency=reporting_currency)


@given(rows=histories(CURRENCIES))
def test_every_days_totals_are_what_its_snapshot_says(rows: list[Row]) -> None:
    found = totals(rows)
    currencies = sorted({each["currency"] for each in rows})
    expected = [
        {
            "as_of_date": FIRST_DAY + timedelta(days=number),
            "currency": currency,
            "is_reporting": False,
            **totals_of_day(rows, FIRST_DAY + timedelta(days=number), currency),
        }
        for number in range(DAYS + 1)
        for currency in currencies
    ]
    assert list(found.columns) == list(TOTAL_COLUMNS)
    assert found.to_dict("records") == expected


@given(rows=histories(CURRENCIES), seed=st.integers(0, 10**6))
def test_the_order_of_rows_changes_no_total(rows: list[Row], seed: int) -> None:
    shuffled = frame(rows).sample(frac=1, random_state=seed)
    found = daily_totals(shuffled, FIRST_DAY, LAST_DAY, reporting_currency=None)
    pd.testing.assert_frame_equal(found, totals(rows))


def test_the_only_currencys_totals_are_the_reporting_totals_too() -> None:
    found = totals([row("cus_1", 5)], "usd")
    assert found["is_reporting"].tolist() == [False, True] * (DAYS + 1)
    assert set(found["mrr_micros"]) == {5}


def test_with_several_currencies_there_are_native_totals_only() -> None:
    found = totals([row("cus_1", 5), row("cus_2", 5, currency="eur")], "usd")
    assert not found["is_reporting"].any()
    assert set(found["mrr_micros"]) == {5}


def test_without_mrr_every_day_has_a_zero_in_the_reporting_currency() -> None:
    found = totals([], "usd")
    assert len(found) == 2 * (DAYS + 1)
    assert set(found["mrr_micros"]) == set(found["customers"]) == {0}
    assert totals([]).empty


def test_one_day_is_enough() -> None:
    found = daily_totals(frame([row("cus_1", 5)]), FIRST_DAY, FIRST_DAY, reporting_currency=None)
    assert found["mrr_micros"].tolist() == [5]


def test_a_subscription_of_two_items_and_a_customer_of_two_subscriptions_count_once() -> None:
    rows = [
        row("cus_1", 5, subscription_item_id="si_1", subscription_id="sub_1"),
        row("cus_1", 5, subscription_item_id="si_2", subscription_id="sub_1"),
        row("cus_1", 5, subscription_item_id="si_3", subscription_id="sub_2"),
    ]
    last = totals(rows).iloc[-1]
    assert (last["mrr_micros"], last["subscriptions"], last["customers"]) == (15, 2, 1)


def test_sums_that_would_wrap_raise() -> None:
    with pytest.raises(MicrosOverflowError):
        totals([row("cus_1", 2**62), row("cus_2", 2**62)])


def test_a_change_on_a_day_is_seen_on_that_day() -> None:
    changes = FIRST_DAY + timedelta(days=2)
    rows = [
        row("cus_1", 5, valid_from=date(2020, 1, 1), valid_to=changes),
        row("cus_1", 8, valid_from=changes),
    ]
    assert totals(rows)["mrr_micros"].tolist()[:4] == [5, 5, 8, 8]
