"""What the truth says an item is worth, worked out on paper."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from nrr_pipeline.demo.billing_pricing import cost
from nrr_pipeline.demo.catalog import Packs, Plan, Price, Term, Tier
from nrr_pipeline.demo.coupons import Coupon
from nrr_pipeline.demo.truth_pricing import Held, Shared, gross, mrr_micros

NO_TAX = Fraction(0)
STEPS = (
    Tier(10, Fraction(1_000), Fraction(500)),
    Tier(20, Fraction(800)),
    Tier(None, Fraction(500), Fraction(3_000)),
)


def price(cents: int | str | None = None, term: Term = "month", **form: Any) -> Price:  # noqa: ANN401
    amount = None if cents is None else Fraction(cents)
    fields = {"id": "price", "product_id": "prod", "plan": Plan.TEAM, "created": 0, **form}
    return Price(unit_amount=amount, term=term, **fields)


def mrr(of: Price, quantity: int, *coupons: Coupon, tax: Fraction = NO_TAX) -> int:
    return worth([Held("si", of, quantity)], *coupons, tax=tax)["si"]


def worth(held: list[Held], *coupons: Coupon, tax: Fraction = NO_TAX) -> dict[str, int]:
    """The MRR of items that all have the same discounts of their subscription."""
    on_all = frozenset(each.item_id for each in held)
    return mrr_micros(held, [Shared(each, on_all) for each in coupons], tax)


def coupon(percent: str | None = None, cents: int | None = None, **fields: Any) -> Coupon:  # noqa: ANN401
    percent_off = None if percent is None else Fraction(percent)
    return Coupon(id="c", name="c", created=0, percent_off=percent_off, amount_off=cents, **fields)


@pytest.mark.parametrize(
    ("term", "micros"),
    [
        ("month", 12_000_000),
        ("quarter", 4_000_000),
        ("year", 1_000_000),
        ("two years", 500_000),
        ("week", 52_000_000),
    ],
)
def test_twelve_dollars_a_term_are_so_much_a_month(term: Term, micros: int) -> None:
    assert mrr(price(1_200, term), 1) == micros


@pytest.mark.parametrize(
    ("seats", "cents"),
    [(0, 500), (1, 1_500), (10, 10_500), (11, 11_300), (20, 18_500), (21, 22_000)],
)
def test_graduated_tiers_charge_each_slice_and_each_reached_flat_amount(
    seats: int, cents: int
) -> None:
    tiered = price(tiers=STEPS, tiers_mode="graduated")
    assert gross(tiered, seats) == cost(tiered, seats) == cents


@pytest.mark.parametrize(
    ("seats", "cents"), [(0, 500), (10, 10_500), (11, 8_800), (20, 16_000), (21, 13_500)]
)
def test_volume_tiers_charge_all_at_the_reached_tier(seats: int, cents: int) -> None:
    tiered = price(tiers=STEPS, tiers_mode="volume")
    assert gross(tiered, seats) == cost(tiered, seats) == cents


def test_a_part_of_a_pack_counts_as_one_or_not_at_all() -> None:
    up, down = (price(700, packs=Packs(5, rounds_up=each)) for each in (True, False))
    assert [gross(up, guests) for guests in (4, 5, 6)] == [700, 700, 1_400]
    assert [gross(down, guests) for guests in (4, 5, 6)] == [0, 700, 700]
    assert [cost(up, 6), cost(down, 4)] == [1_400, 0]


def test_a_fraction_of_a_cent_is_kept_until_the_end() -> None:
    assert mrr(price("1433.333333333", "year"), 3) == 3_583_333


def test_a_price_with_tax_is_worth_what_is_left_without_it() -> None:
    assert mrr(price(1_190, is_tax_inclusive=True), 1, tax=Fraction(19)) == 10_000_000
    assert mrr(price(1_190), 1, tax=Fraction(19)) == 11_900_000


def test_discounts_apply_in_their_order() -> None:
    assert mrr(price(10_000), 1, coupon("20"), coupon(cents=500)) == 75_000_000
    assert mrr(price(10_000), 1, coupon(cents=500), coupon("20")) == 76_000_000


def test_a_fixed_amount_takes_no_more_than_there_is() -> None:
    assert mrr(price(900), 2, coupon(cents=2_500)) == 0


def test_a_fixed_amount_is_spread_over_the_items_of_one_invoice_and_taken_from_each() -> None:
    held = [
        Held("a", price(3_000), 1),
        Held("b", price(1_000), 1),
        Held("c", price(12_000, "year"), 1),
    ]
    assert worth(held, coupon(cents=1_000)) == {
        "a": 22_500_000,
        "b": 7_500_000,
        "c": 9_166_667,
    }


def test_a_coupon_for_a_product_leaves_the_others_alone() -> None:
    other = price(1_000, product_id="prod_other")
    held = [Held("a", price(1_000), 1), Held("b", other, 1)]
    limited = coupon("50", product_ids=frozenset({"prod_other"}))
    assert worth(held, limited) == {"a": 10_000_000, "b": 5_000_000}


def test_a_discount_that_is_over_for_one_item_still_holds_for_the_other() -> None:
    held = [Held("monthly", price(1_000), 1), Held("two_years", price(24_000, "two years"), 1)]
    left = [Shared(coupon("50"), frozenset({"two_years"}))]
    assert mrr_micros(held, left, NO_TAX) == {"monthly": 10_000_000, "two_years": 5_000_000}


def test_an_items_own_discount_comes_before_those_of_the_subscription() -> None:
    held = [Held("a", price(10_000), 1, (coupon("50"),)), Held("b", price(10_000), 1)]
    assert worth(held, coupon(cents=3_000)) == {"a": 40_000_000, "b": 80_000_000}
