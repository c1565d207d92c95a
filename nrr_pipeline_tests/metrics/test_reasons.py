"""Why a customer's MRR moved: what its items say on the two days of a period."""

import re
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from nrr_pipeline.metrics.intervals import FOREVER_DAY
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.reasons import Cause, changed_once, find_reasons
from nrr_pipeline.reporting.reasons import in_words
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.brute_force import Rates
from nrr_pipeline_tests.metrics.measuring import CLOSING, DOLLARS, OPENING, intervals, measure
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, RATES, snapshots

ITEM = re.compile(r"(\w+)(?:@(\w+))?=([\w-]+)/(\w+)\*(\d+)/(\d+)")
NAMES = {
    "team": "Team",
    "pro": "Pro",
    "extra": "Extra",
    "team-month": "Team by the month",
    "team-new-month": "Team since May",
}
MIDDLE, LATER = date(2026, 2, 10), date(2026, 2, 20)


def item(text: str, **fields: object) -> Row:
    """An item such as ``a@sub=team-new/month*2/22``: two seats of a price, 22.00 in all."""
    match = ITEM.fullmatch(text)
    assert match, text
    item_id, subscription, price, interval, quantity, amount = match.groups()
    return row(
        "acme",
        micros(amount),
        subscription_item_id=item_id,
        subscription_id=subscription or "own_sub",
        product_id=price.partition("-")[0],
        price_id=f"{price}-{interval}",
        billing_interval=interval,
        quantity=int(quantity),
        **fields,
    )


def history(case: Case) -> list[Row]:
    """The intervals that a golden case tells."""
    opening = {each["subscription_item_id"]: each for each in map(item, case["opening"].split())}
    closing = {each["subscription_item_id"]: each for each in map(item, case["closing"].split())}
    rows: list[Row] = []
    ends = case["ends"].replace(";", " ").split()
    reasons = dict(zip(ends[::2], ends[1::2], strict=True))
    for token, reason in reasons.items():
        if "=" in token:
            ended = None if reason == "-" else reason
            rows.append(item(token, valid_from=MIDDLE, valid_to=LATER, end_reason=ended))
    for item_id, each in opening.items():
        reason = reasons.get(item_id, "-")
        ended = None if reason == "-" else reason
        rows.append({**each, "valid_to": MIDDLE, "end_reason": ended})
    rows += [{**each, "valid_from": MIDDLE} for each in closing.values()]
    return rows


MOVEMENT_OF = {"new_business": Movement.NEW_BUSINESS, "reactivation": Movement.REACTIVATION}


def movement(case: Case) -> Movement:
    sides = [
        sum(item(text)["mrr_micros"] for text in case[side].split())
        for side in ("opening", "closing")
    ]
    if sides[0] == 0:
        return MOVEMENT_OF[case["cause"]]
    if sides[1] == 0:
        return Movement.CHURN
    return Movement.EXPANSION if sides[1] > sides[0] else Movement.CONTRACTION


@cases("mrr_movements/reasons.csv")
def test_a_customer_moved_for_the_reason_that_was_worked_out_by_hand(case: Case) -> None:
    rates = (DOLLARS, DOLLARS)
    days = (OPENING, CLOSING)
    found = find_reasons(frame(history(case)), days, rates, {"acme": movement(case)})["acme"]
    assert found.cause.value == case["cause"], case["why"]
    assert in_words(found, NAMES) == case["words"], case["why"]


def test_a_rate_that_moved_is_a_reason_only_where_it_counts() -> None:
    rows = [row("acme", 5, currency="eur")]
    daily = ({"eur": Fraction(1)}, {"eur": Fraction(2)})
    found = find_reasons(frame(rows), (OPENING, CLOSING), daily, {"acme": Movement.EXPANSION})
    assert found["acme"].cause is Cause.EXCHANGE_RATE
    assert in_words(found["acme"], {}) == "exchange rate"


@given(opening=snapshots(CURRENCIES), closing=snapshots(CURRENCIES), rates=RATES)
def test_everybody_who_moved_has_a_reason_that_goes_the_same_way(
    opening: list[Row], closing: list[Row], rates: Rates
) -> None:
    measured = measure(opening, closing, rates)
    customers = measured.customers
    moved = {
        account: Movement(movement)
        for account, movement in zip(customers["account_id"], customers["movement"], strict=True)
        if movement != Movement.UNCHANGED
    }
    both = frame(intervals(opening, closing))
    found = find_reasons(both, (OPENING, CLOSING), (rates, rates), moved)
    assert found.keys() == moved.keys()
    for account, reason in found.items():
        change = (reason.closing.micros if reason.closing else 0) - (
            reason.opening.micros if reason.opening else 0
        )
        is_more = moved[account] not in (Movement.CONTRACTION, Movement.CHURN)
        assert (change > 0) is is_more
        assert in_words(reason, {})


def states(*changes: tuple[int, str, int]) -> list[dict[str, Any]]:
    """Intervals of one item from a day of 2026 on, each with its price and quantity."""
    starts = [OPENING + timedelta(days=day) for day, *_ in changes]
    return [
        row("acme", 1, price_id=price, quantity=quantity, valid_from=start, valid_to=end)
        for (_, price, quantity), start, end in zip(
            changes, starts, [*starts[1:], FOREVER_DAY], strict=True
        )
    ]


@pytest.mark.parametrize(
    ("changes", "is_once"),
    [
        pytest.param([(-9, "team", 5)], False, id="never"),
        pytest.param([(-9, "team", 5), (3, "team", 4)], True, id="once"),
        pytest.param([(-9, "team", 6), (-5, "team", 5), (3, "team", 4)], True, id="earlier too"),
        pytest.param([(-9, "team", 5), (3, "team", 4), (60, "team", 7)], False, id="later too"),
        pytest.param([(-9, "team", 5), (3, "team", 4), (9, "team", 5)], False, id="back"),
        pytest.param([(-9, "team", 5), (3, "team", 5), (9, "pro", 5)], True, id="discount before"),
        pytest.param([(3, "team", 5), (60, "team", 4)], False, id="began later"),
    ],
)
def test_what_was_written_about_a_change_can_mean_no_other(
    changes: list[tuple[int, str, int]], *, is_once: bool
) -> None:
    assert changed_once(states(*changes), OPENING) is is_once


def test_the_end_of_a_subscription_is_no_change_of_its_items() -> None:
    rows = states((-9, "team", 5), (3, "team", 4))
    rows[-1]["valid_to"] = CLOSING + timedelta(days=40)
    assert changed_once(rows, OPENING)


def test_an_item_that_came_later_is_a_change() -> None:
    rows = states((-9, "team", 5))
    rows.append({**rows[0], "subscription_item_id": "si_more", "valid_from": MIDDLE})
    assert changed_once(rows, OPENING)
