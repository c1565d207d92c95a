from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.conversion import RateTable
from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline.metrics.movements import (
    MOVEMENT_COLUMNS,
    churn_reasons,
    classify,
    daily_movements,
)
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.brute_force import movements_of_day
from nrr_pipeline_tests.metrics.rates import known, rate_table
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import (
    CURRENCIES,
    DAYS,
    FIRST_DAY,
    histories,
    rates,
)

LAST_DAY = FIRST_DAY + timedelta(days=DAYS)
DOLLARS = RateTable("usd")


def moves(
    rows: list[Row], rates: RateTable = DOLLARS, window_days: int | None = None
) -> pd.DataFrame:
    found, missing = daily_movements(
        frame(rows), FIRST_DAY, LAST_DAY, rates=rates, window_days=window_days
    )
    assert missing == {}
    return found


def day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def names(found: pd.DataFrame) -> list[tuple[date, str]]:
    return list(zip(found["as_of_date"], found["movement"], strict=True))


@cases("mrr_movements/classification.csv")
def test_a_change_is_called_as_worked_out_by_hand(case: Case) -> None:
    found = classify(
        micros(case["opening"]),
        micros(case["closing"]),
        paid_before=case["paid_before"] == "yes",
    )
    assert found.value == case["movement"], case["why"]


@cases("mrr_movements/churn_reasons.csv")
def test_churn_has_the_reason_worked_out_by_hand(case: Case) -> None:
    lost: list[dict[str, Any]] = []
    for entry in case["subscriptions"].split(";"):
        subscription_id, rest = entry.split("=")
        amount, _, reason = rest.partition(" ")
        lost.append(
            {
                "pair": 0,
                "subscription_id": subscription_id,
                "reporting": micros(amount),
                "end_reason": reason or None,
            }
        )
    assert churn_reasons(pd.DataFrame(lost)).get(0, "other") == case["reason"], case["why"]


@given(
    rows=histories(CURRENCIES),
    fixing=st.lists(st.fixed_dictionaries({"eur": rates, "jpy": rates}), min_size=DAYS + 2),
    window_days=st.one_of(st.none(), st.integers(1, 4)),
)
def test_every_days_movements_are_what_consecutive_snapshots_say(
    rows: list[Row], fixing: list[dict[str, Fraction]], window_days: int | None
) -> None:
    of_day = {day(number - 1): {"usd": Fraction(1), **each} for number, each in enumerate(fixing)}
    found = moves(rows, rate_table(of_day), window_days)
    expected = [
        (each, *movement)
        for each in (day(number) for number in range(DAYS + 1))
        for movement in movements_of_day(
            rows, each, of_day[each - timedelta(days=1)], window_days=window_days
        )
    ]
    columns = ["as_of_date", "account_id", "movement", "opening_mrr_micros", "closing_mrr_micros"]
    assert [tuple(each) for each in found[columns].itertuples(index=False)] == expected
    change = found["closing_mrr_micros"] - found["opening_mrr_micros"]
    assert (found["change_micros"] == change).all()
    has_reason = found["reason"].notna()
    assert (has_reason == (found["movement"] == "churn")).all()


@given(rows=histories(), seed=st.integers(0, 10**6))
def test_the_order_of_rows_changes_no_movement(rows: list[Row], seed: int) -> None:
    expected = moves(rows)
    shuffled = frame(rows).sample(frac=1, random_state=seed)
    found, _ = daily_movements(shuffled, FIRST_DAY, LAST_DAY, rates=DOLLARS)
    pd.testing.assert_frame_equal(found, expected)


def test_no_change_is_no_row() -> None:
    found = moves([row("cus_1", 5)])
    assert found.empty
    assert list(found.columns) == list(MOVEMENT_COLUMNS)


def test_a_plan_switch_is_one_net_movement() -> None:
    found = moves(
        [
            row("cus_1", 10, subscription_item_id="si_1", valid_to=day(3)),
            row("cus_1", 25, subscription_item_id="si_2", valid_from=day(3)),
        ]
    )
    assert names(found) == [(day(3), "expansion")]
    assert found["change_micros"].tolist() == [15]


def test_a_switch_between_items_of_equal_worth_is_no_movement() -> None:
    found = moves(
        [
            row("cus_1", 10, subscription_item_id="si_1", valid_to=day(3)),
            row("cus_1", 10, subscription_item_id="si_2", valid_from=day(3)),
        ]
    )
    assert found.empty


def test_one_of_two_subscriptions_canceled_is_contraction() -> None:
    found = moves(
        [
            row("cus_1", 10, subscription_id="sub_1"),
            row("cus_1", 25, subscription_id="sub_2", valid_to=day(3), end_reason="voluntary"),
        ]
    )
    assert names(found) == [(day(3), "contraction")]
    assert found["reason"].tolist() == [None]


def test_customers_of_one_account_are_netted() -> None:
    found = moves(
        [
            row("acme", 10, customer_id="cus_1", valid_to=day(3)),
            row("acme", 30, customer_id="cus_2", valid_from=day(3)),
        ]
    )
    assert names(found) == [(day(3), "expansion")]
    assert found["account_id"].tolist() == ["acme"]


def test_a_return_is_reactivation_whatever_the_gap() -> None:
    rows = [
        row("cus_1", 10, valid_from=date(2020, 1, 1), valid_to=date(2020, 2, 1)),
        row("cus_1", 25, valid_from=day(3)),
    ]
    assert names(moves(rows)) == [(day(3), "reactivation")]
    assert names(moves(rows, window_days=365)) == [(day(3), "new_business")]


@pytest.mark.parametrize(("window_days", "movement"), [(2, "reactivation"), (1, "new_business")])
def test_a_gap_is_counted_in_days_without_mrr(window_days: int, movement: str) -> None:
    rows = [
        row("cus_1", 10, valid_to=day(3)),
        row("cus_1", 10, valid_from=day(5)),
    ]
    assert names(moves(rows, window_days=window_days)) == [(day(3), "churn"), (day(5), movement)]


def test_an_exchange_rate_moves_nobody() -> None:
    drifting = RateTable(
        "usd", [known("eur", day(n), Fraction(100 + n, 100)) for n in range(-1, DAYS)]
    )
    assert moves([row("cus_1", 1_000_000, currency="eur")], drifting).empty


def test_only_a_currency_with_mrr_on_either_day_needs_a_rate() -> None:
    rows = [
        row("cus_1", 10, valid_to=day(3)),
        row("cus_1", 10, currency="eur", valid_from=day(8)),
    ]
    euro_from_day_seven = RateTable("usd", [known("eur", day(7), "2")])
    assert names(moves(rows, euro_from_day_seven)) == [(day(3), "churn"), (day(8), "reactivation")]


def test_a_day_that_lacks_a_rate_has_no_movements_and_is_named() -> None:
    rows = [
        row("cus_1", 10, valid_to=day(3)),
        row("cus_2", 10, valid_to=day(8)),
        row("cus_3", 10, currency="eur", valid_from=day(8)),
        row("cus_4", 10, valid_to=day(9)),
    ]
    found, missing = daily_movements(frame(rows), FIRST_DAY, LAST_DAY, rates=DOLLARS)
    assert names(found) == [(day(3), "churn"), (day(9), "churn")]
    assert list(missing) == [day(8)]
    assert (missing[day(8)].currency, missing[day(8)].day) == ("eur", day(7))


def test_sums_that_would_wrap_raise() -> None:
    rows = [
        row("cus_1", 2**62, subscription_item_id=f"si_{number}", valid_to=day(3))
        for number in range(3)
    ]
    with pytest.raises(MicrosOverflowError):
        moves(rows)
