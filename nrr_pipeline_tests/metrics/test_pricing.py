from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.pricing import (
    Amounts,
    Normalization,
    Price,
    Tier,
    UnpriceableError,
    interval_amount,
    item_mrr_micros,
)
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.subscriptions import price_of, tiered, tiers

INTERVALS = st.sampled_from(["day", "week", "month", "year"])
AMOUNTS = st.fractions(0, 10**7, max_denominator=10**12)


def mrr(price: Price, quantity: int | None, currency: str = "usd") -> int:
    return item_mrr_micros(price, quantity, currency=currency, normalization=Normalization())


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


@cases("mrr_intervals/tiers.csv")
def test_tiers_add_up_to_what_was_worked_out_by_hand(case: Case) -> None:
    price = tiered(case["mode"], tiers(case["tiers"]))
    assert mrr(price, int(case["quantity"])) == micros(case["mrr"]), case["why"]


@cases("mrr_intervals/malformed_tiers.csv")
def test_tiers_without_a_rule_are_an_error_that_names_the_price(case: Case) -> None:
    price = tiered(case["mode"], tiers(case["tiers"]))
    for quantity in (1, 100):
        with pytest.raises(UnpriceableError) as raised:
            mrr(price, quantity)
        assert "price_1" in str(raised.value), case["why"]
        assert case["named"] in str(raised.value), case["why"]


@cases("mrr_intervals/packs.csv")
def test_packs_are_charged_as_worked_out_by_hand(case: Case) -> None:
    price = price_of(
        case["unit_amount"], divide_by=int(case["divide_by"]), round_up=case["round"] == "up"
    )
    assert mrr(price, int(case["quantity"])) == micros(case["mrr"]), case["why"]


def test_packs_come_before_tiers() -> None:
    price = tiered("graduated", tiers("2:1000 *:500"), divide_by=10, round_up=True)
    assert mrr(price, 21) == 25_000_000


def options(text: str) -> dict[str, Amounts]:
    found: dict[str, Amounts] = {}
    for words in text.split():
        currency, amount = words.split("=")
        if amount == "?":
            found[currency] = Amounts(None, unsupported="it is not readable")
        elif ":" in amount:
            found[currency] = Amounts(None, tiers(amount, "/"))
        else:
            found[currency] = Amounts(Fraction(amount))
    return found


@cases("mrr_intervals/price_currency.csv")
def test_the_subscriptions_currency_chooses_the_amounts(case: Case) -> None:
    price = price_of(
        case["unit_amount"],
        currency=case["price_currency"],
        options=options(case["options"]),
        tiers_mode="graduated",
    )
    if case["mrr"]:
        found = mrr(price, int(case["quantity"]), case["item_currency"])
        assert found == micros(case["mrr"]), case["why"]
        return
    with pytest.raises(UnpriceableError, match=f"price_1: .*{case['named']}"):
        mrr(price, int(case["quantity"]), case["item_currency"])


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


@st.composite
def some_tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = draw(st.lists(st.integers(1, 60), max_size=4, unique=True).map(sorted))
    return tuple(Tier(end, draw(AMOUNTS), draw(AMOUNTS)) for end in [*ends, None])


@given(some_tiers(), st.integers(0, 80), st.integers(0, 20))
def test_more_seats_in_graduated_tiers_are_never_less_mrr(
    steps: tuple[Tier, ...], seats: int, more: int
) -> None:
    price = tiered("graduated", steps)
    assert mrr(price, seats) <= mrr(price, seats + more)


@given(some_tiers(), st.integers(0, 80))
def test_one_more_seat_in_graduated_tiers_costs_its_own_price_and_no_more(
    steps: tuple[Tier, ...], seats: int
) -> None:
    flat_free = tuple(Tier(tier.up_to, tier.unit_amount) for tier in steps)
    price = tiered("graduated", flat_free)
    step = amount(price, seats + 1) - amount(price, seats)
    reached = next(tier for tier in steps if tier.up_to is None or seats + 1 <= tier.up_to)
    assert step == reached.unit_amount


@given(some_tiers(), st.integers(0, 80))
def test_volume_tiers_charge_everything_at_the_reached_tier(
    steps: tuple[Tier, ...], seats: int
) -> None:
    reached = next(tier for tier in steps if tier.up_to is None or seats <= tier.up_to)
    expected = reached.unit_amount * seats + reached.flat_amount
    assert amount(tiered("volume", steps), seats) == expected


@given(some_tiers(), st.integers(0, 80))
def test_graduated_tiers_are_what_seat_by_seat_adds_up_to(
    steps: tuple[Tier, ...], seats: int
) -> None:
    expected = steps[0].flat_amount
    for seat in range(1, seats + 1):
        tier = next(each for each in steps if each.up_to is None or seat <= each.up_to)
        is_first = seat > 1 and any(each.up_to == seat - 1 for each in steps)
        expected += tier.unit_amount + (tier.flat_amount if is_first else 0)
    assert amount(tiered("graduated", steps), seats) == expected


@given(AMOUNTS, st.integers(0, 10**4))
def test_one_open_tier_is_a_unit_price(unit_amount: Fraction, seats: int) -> None:
    for mode in ("graduated", "volume"):
        price = tiered(mode, (Tier(None, unit_amount),))
        assert mrr(price, seats) == mrr(price_of(unit_amount), seats)


@pytest.mark.parametrize("started", [0, 1])
@given(unit_amount=AMOUNTS, size=st.integers(1, 50), packs=st.integers(0, 500))
def test_whole_packs_are_charged_as_often_as_they_are_filled(
    unit_amount: Fraction, size: int, packs: int, started: int
) -> None:
    price = price_of(unit_amount, divide_by=size, round_up=started == 1)
    assert amount(price, packs * size) == packs * unit_amount
    if size > 1:
        assert amount(price, packs * size + 1) == (packs + started) * unit_amount


def amount(price: Price, quantity: int) -> Fraction:
    return interval_amount(price, quantity, currency="usd")


def test_an_item_too_large_for_64_bits_is_held_out_by_name() -> None:
    price = Price("price_huge", "prod", "usd", "month", 1, Amounts(Fraction(10**12)))
    with pytest.raises(UnpriceableError, match=r"price_huge: .* do not fit 64 bits"):
        item_mrr_micros(price, 100_000, currency="usd", normalization=Normalization())
