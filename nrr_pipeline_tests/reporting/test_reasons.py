"""Causes in points, quotes and discounts in words."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.metrics.reasons import Cause, find_reasons
from nrr_pipeline.reporting.explanation import CustomerMove
from nrr_pipeline.reporting.points import HUNDRED, nrr_tenths, rest, tenths
from nrr_pipeline.reporting.reasons import by_cause, discounts_in_words, in_words, quoted
from nrr_pipeline_tests.metrics.brute_force import Rates
from nrr_pipeline_tests.metrics.measuring import CLOSING, DOLLARS, OPENING, intervals, measure
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, RATES, snapshots


def move(cause: Cause, opening: int, closing: int, name: str = "acme") -> CustomerMove:
    movement = Movement.CHURN if closing == 0 else Movement.CONTRACTION
    return CustomerMove(name, name, movement, opening, closing, 0, cause.value, "")


@given(
    opening=snapshots(CURRENCIES),
    closing=snapshots(CURRENCIES),
    rates=RATES,
    listed=st.integers(0, 4),
)
def test_points_of_customers_and_causes_sum_to_nrr_less_100_percent(
    opening: list[Row], closing: list[Row], rates: Rates, listed: int
) -> None:
    measured = measure(opening, closing, rates)
    whole, customers = measured.whole, measured.customers.to_dict("records")
    moved = {
        each["account_id"]: Movement(each["movement"])
        for each in customers
        if each["movement"] != Movement.UNCHANGED
    }
    both = frame(intervals(opening, closing))
    reasons = find_reasons(both, (OPENING, CLOSING), (rates, rates), moved)
    moves = [
        CustomerMove(
            account_id=each["account_id"],
            name=each["account_id"],
            movement=moved[each["account_id"]],
            opening_mrr_micros=each["opening_mrr_micros"],
            closing_mrr_micros=each["closing_mrr_micros"],
            fx_micros=each["fx_micros"],
            cause=reasons[each["account_id"]].cause.value,
            reason="",
        )
        for each in customers
        if each["account_id"] in moved
    ]
    causes = by_cause(moves, whole)
    if whole.nrr is None:
        assert causes == ()
        return
    distance = 100 * (whole.nrr - 1)
    assert sum(each.points_of(whole) for each in moves) == distance
    assert sum(each.points for each in causes) == distance
    assert all(each.label for each in causes)
    in_cohort = [each for each in moves if each.opening_mrr_micros]
    assert sum(each.customers for each in causes) == len(in_cohort)
    shown = [tenths(each.points_of(whole)) for each in in_cohort[:listed]]
    total = nrr_tenths(whole) - HUNDRED
    assert sum(shown) + rest(total, shown) == total


def test_losses_and_gains_of_one_cause_stand_apart_the_most_costly_first() -> None:
    whole = measure([], []).whole
    moves = [
        move(Cause.SEATS, 10, 15),
        move(Cause.SEATS, 10, 4, "a"),
        move(Cause.SEATS, 10, 9, "b"),
        move(Cause.VOLUNTARY, 5, 0, "c"),
        move(Cause.NEW_BUSINESS, 0, 100, "d"),
    ]
    assert [
        (each.label, each.change_micros, each.customers) for each in by_cause(moves, whole)
    ] == [
        ("fewer seats", -7, 2),
        ("canceled", -5, 1),
        ("more seats", 5, 1),
    ]


def test_every_cause_has_a_name_for_the_way_it_can_go() -> None:
    whole = measure([], []).whole
    one_way = {Cause.VOLUNTARY, Cause.INVOLUNTARY, Cause.PAUSED, Cause.OTHER}
    for cause in set(Cause) - {Cause.NEW_BUSINESS, Cause.REACTIVATION}:
        closings = (0,) if cause in one_way else (5, 15)
        for closing in closings:
            assert by_cause([move(cause, 10, closing)], whole)[0].label


def test_what_somebody_wrote_is_one_line_however_it_was_written() -> None:
    assert quoted("we\n\n\tre-organize ") == '"we re-organize"'
    assert len(quoted("no " * 500) or "") == 82


def test_names_of_products_are_one_line_and_not_too_long() -> None:
    rows = [row("acme", 5, product_id="prod", valid_to=OPENING + ONE_DAY), row("acme", 9)]
    changed = [*rows[:1], {**rows[1], "valid_from": OPENING + ONE_DAY}]
    movements = {"acme": Movement.EXPANSION}
    days = OPENING, CLOSING
    (found,) = find_reasons(frame(changed), days, (DOLLARS, DOLLARS), movements).values()
    said = in_words(found, {"prod": "two\nlines", "prod_team": "x" * 300})
    assert said == f"two lines -> {'x' * 39}…"


def discount(name: str, percent: int | None, amount: int | None = None) -> Discount:
    return Discount(
        name,
        "coupon",
        DiscountLevel.SUBSCRIPTION,
        0,
        Duration.REPEATING,
        percent_off=None if percent is None else Fraction(percent),
        amounts_off=() if amount is None else (("usd", Fraction(amount)),),
    )


def test_discounts_are_told_by_what_they_take_off() -> None:
    half, fixed, nothing = discount("a", 50), discount("b", None, 2_500), discount("c", None)
    assert discounts_in_words([], [half], "usd") == "50 % off began"
    assert discounts_in_words([fixed], [], "usd") == "USD 25.00 off ended"
    assert discounts_in_words([half], [fixed], "usd") == "USD 25.00 off began, 50 % off ended"
    assert discounts_in_words([fixed], [], "eur") == "a discount ended"
    assert discounts_in_words([nothing], [], "usd") == "a discount ended"
