from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.conversion import RateTable
from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline.metrics.totals import (
    TOTAL_COLUMNS,
    daily_totals,
    days_without_rate,
    reporting_totals,
)
from nrr_pipeline_tests.metrics.brute_force import reporting_totals_of_day, totals_of_day
from nrr_pipeline_tests.metrics.rates import known, rate_table
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import (
    CURRENCIES,
    DAYS,
    FIRST_DAY,
    RATES,
    histories,
)

LAST_DAY = FIRST_DAY + timedelta(days=DAYS)
ALL_DAYS = [FIRST_DAY + timedelta(days=number) for number in range(DAYS + 1)]


def totals(rows: list[Row]) -> pd.DataFrame:
    return daily_totals(frame(rows), FIRST_DAY, LAST_DAY)


def reported(rows: list[Row], rates: RateTable) -> pd.DataFrame:
    return reporting_totals(frame(rows), FIRST_DAY, LAST_DAY, rates)


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
    found = daily_totals(shuffled, FIRST_DAY, LAST_DAY)
    pd.testing.assert_frame_equal(found, totals(rows))


@given(rows=histories(CURRENCIES), data=st.data())
def test_reporting_totals_convert_every_item_at_the_days_rate(
    rows: list[Row], data: st.DataObject
) -> None:
    of_day = {day: data.draw(RATES) for day in ALL_DAYS}
    found = reported(rows, rate_table(of_day))
    assert list(found.columns) == list(TOTAL_COLUMNS)
    assert found.to_dict("records") == [
        {
            "as_of_date": day,
            "currency": "usd",
            "is_reporting": True,
            **reporting_totals_of_day(rows, day, rates),
        }
        for day, rates in of_day.items()
    ]


@given(rows=histories())
def test_the_only_currencys_totals_are_the_reporting_totals_too(rows: list[Row]) -> None:
    native = totals([row("cus_1", 5), *rows])
    found = reported([row("cus_1", 5), *rows], RateTable("usd"))
    pd.testing.assert_frame_equal(found, native.assign(is_reporting=True))


def test_who_pays_in_two_currencies_counts_once() -> None:
    rows = [
        row("cus_1", 5, subscription_item_id="si_1", subscription_id="sub_1"),
        row("cus_1", 7, subscription_item_id="si_2", subscription_id="sub_2", currency="eur"),
    ]
    last = reported(rows, RateTable("usd", [known("eur", FIRST_DAY, "2")], max_age_days=30)).iloc[
        -1
    ]
    assert (last["mrr_micros"], last["subscriptions"], last["customers"]) == (19, 2, 1)


def test_a_day_that_lacks_a_rate_has_no_reporting_total_and_is_named() -> None:
    leaves = FIRST_DAY + timedelta(days=10)
    rows = [
        row("cus_1", 5),
        row("cus_2", 7, subscription_item_id="si_2", currency="eur", valid_to=leaves),
    ]
    rates = RateTable("usd", [known("eur", FIRST_DAY, "2")], max_age_days=7)
    lacking = [FIRST_DAY + timedelta(days=number) for number in (8, 9)]
    found = reported(rows, rates)
    assert days_without_rate(frame(rows), FIRST_DAY, LAST_DAY, rates) == {"eur": lacking}
    assert found["as_of_date"].tolist() == [day for day in ALL_DAYS if day not in lacking]
    assert set(found["mrr_micros"]) == {19, 5}


def test_without_mrr_every_day_has_a_zero_in_the_reporting_currency() -> None:
    found = reported([], RateTable("usd"))
    assert found["as_of_date"].tolist() == ALL_DAYS
    assert set(found["mrr_micros"]) == set(found["customers"]) == {0}
    assert totals([]).empty


def test_reporting_sums_that_would_wrap_raise() -> None:
    rates = RateTable("usd", [known("eur", FIRST_DAY, "1/2")], max_age_days=30)
    rows = [
        row(f"cus_{number}", 2**62 - 2, subscription_item_id=f"si_{number}", currency="eur")
        for number in range(4)
    ]
    assert reported(rows[:3], rates)["mrr_micros"].tolist()[-1] == 3 * (2**61 - 1)
    with pytest.raises(MicrosOverflowError):
        reported([*rows, row("cus_9", 2**62, subscription_item_id="si_9", currency="eur")], rates)
    with pytest.raises(MicrosOverflowError):
        reported([*rows[:3], row("cus_9", 2**62, subscription_item_id="si_9")], rates)


def test_one_day_is_enough() -> None:
    found = daily_totals(frame([row("cus_1", 5)]), FIRST_DAY, FIRST_DAY)
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
