"""Prices as Stripe's JSON has them."""

import contextlib
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.pricing import (
    Normalization,
    Price,
    Tier,
    UnpriceableError,
    item_mrr_micros,
)
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, exact_number, read_price

TIERS = [
    {
        "up_to": 5,
        "unit_amount": 700,
        "unit_amount_decimal": "700",
        "flat_amount": None,
        "flat_amount_decimal": None,
    },
    {
        "up_to": None,
        "unit_amount": None,
        "unit_amount_decimal": "0.25",
        "flat_amount": 1_000,
        "flat_amount_decimal": "1000",
    },
]


def payload(**fields: object) -> dict[str, Any]:
    return {
        "id": "price_1",
        "object": "price",
        "product": "prod_1",
        "currency": "usd",
        "type": "recurring",
        "billing_scheme": "per_unit",
        "tiers_mode": None,
        "transform_quantity": None,
        "tax_behavior": "unspecified",
        "unit_amount": 1_000,
        "unit_amount_decimal": "1000",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        **fields,
    }


def tiered(**fields: object) -> dict[str, Any]:
    form = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS}
    return payload(**{**form, "unit_amount": None, "unit_amount_decimal": None, **fields})


def read(fields: dict[str, Any]) -> Price:
    price = read_price(fields)
    assert price is not None
    return price


def mrr(price: Price, quantity: int | None = 1, currency: str = "usd") -> int:
    return item_mrr_micros(price, quantity, currency=currency, normalization=Normalization())


def refused(price: Price, quantity: int | None = 1, currency: str = "usd") -> str:
    with pytest.raises(UnpriceableError) as raised:
        mrr(price, quantity, currency)
    return str(raised.value)


def test_tiers_are_read_with_their_flat_amounts_and_decimals() -> None:
    price = read(tiered())
    assert price.amounts.tiers == (
        Tier(5, Fraction(700), Fraction(0)),
        Tier(None, Fraction(1, 4), Fraction(1_000)),
    )
    assert price.amounts.unit_amount is None
    assert price.tiers_mode == "graduated"


def test_tiers_may_come_without_the_decimal_fields() -> None:
    whole = [{"up_to": 2, "unit_amount": 300}, {"up_to": None, "flat_amount": 900}]
    assert mrr(read(tiered(tiers=whole)), 3) == 15_000_000


def test_packs_are_read_with_their_rounding() -> None:
    up = read(payload(transform_quantity={"divide_by": 5, "round": "up"}))
    down = read(payload(transform_quantity={"divide_by": 5, "round": "down"}))
    assert (up.divide_by, up.round_up, mrr(up, 6)) == (5, True, 20_000_000)
    assert (down.divide_by, down.round_up, mrr(down, 6)) == (5, False, 10_000_000)


def test_currency_options_are_read_in_their_own_form() -> None:
    price = read(
        payload(
            currency_options={
                "eur": {"unit_amount": None, "unit_amount_decimal": "900.5"},
                "jpy": {"unit_amount": 1_500, "tax_behavior": "inclusive"},
            }
        )
    )
    assert mrr(price, 2, "eur") == 18_010_000
    assert mrr(price, 1, "jpy") == 1_500_000_000
    assert price.options["jpy"].is_tax_inclusive
    assert not price.amounts.is_tax_inclusive
    tiers = read(tiered(currency_options={"eur": {"tiers": TIERS[1:]}}))
    assert mrr(tiers, 4, "eur") == 10_010_000


@pytest.mark.parametrize(
    ("behavior", "contains"),
    [("inclusive", True), ("exclusive", False), ("unspecified", None), (None, None)],
)
def test_a_price_says_whether_it_contains_tax(behavior: str | None, contains: object) -> None:
    assert read(payload(tax_behavior=behavior)).amounts.is_tax_inclusive is contains


def test_a_metered_price_is_no_mrr_in_any_form() -> None:
    usage = {"interval": "month", "interval_count": 1, "usage_type": "metered"}
    assert mrr(read(payload(recurring=usage)), None) == 0
    assert mrr(read(tiered(recurring=usage, tiers=None)), None) == 0


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (payload(billing_scheme="next years"), "billing scheme"),
        (payload(billing_scheme=None), "billing scheme"),
        (payload(transform_quantity={"divide_by": 0, "round": "up"}), "transform_quantity"),
        (payload(transform_quantity={"divide_by": 5, "round": "even"}), "transform_quantity"),
        (payload(transform_quantity="by five"), "transform_quantity"),
        (payload(tax_behavior="sideways"), "tax behavior"),
        (payload(unit_amount=None, unit_amount_decimal=None), "unit_amount_decimal is missing"),
        (payload(unit_amount_decimal="ten"), "unit_amount_decimal is 'ten'"),
        (payload(unit_amount_decimal="1e400000000"), "unit_amount_decimal"),
        (payload(unit_amount_decimal="9" * 5_000), "unit_amount_decimal"),
        (payload(unit_amount_decimal="-1"), "negative"),
        (payload(unit_amount_decimal=True), "unit_amount_decimal"),
        (payload(unit_amount=10**5_000, unit_amount_decimal=None), "unit_amount_decimal"),
        (payload(recurring={"interval": "month", "interval_count": 1}), "usage type"),
        (payload(recurring=None), "usage type"),
        (tiered(tiers_mode="staircase"), "tiers mode"),
        (tiered(tiers_mode=None), "tiers mode"),
        (tiered(tiers=None), "no tiers"),
        (tiered(tiers=[]), "no tiers"),
        (tiered(tiers=TIERS[:1]), "last tier ends at 5"),
        (tiered(tiers=[*TIERS, TIERS[1]]), "tier 2 ends at None"),
        (tiered(tiers=[TIERS[0], *TIERS]), "tier 2 ends at 5"),
        (tiered(tiers=[{"up_to": None}]), "neither unit_amount nor flat_amount"),
        (tiered(tiers=[{"up_to": None, "flat_amount_decimal": "?"}]), "flat_amount_decimal"),
        (tiered(tiers=[{"up_to": None, "unit_amount": -5}]), "negative"),
        (tiered(tiers=[{"unit_amount": 5}]), "up_to"),
        (tiered(tiers=[{"up_to": "many", "unit_amount": 5}, TIERS[1]]), "up_to is 'many'"),
        (tiered(tiers=[None, TIERS[1]]), "no object"),
    ],
)
def test_what_has_no_rule_is_named_and_never_free(fields: dict[str, Any], named: str) -> None:
    sentence = refused(read(fields), 7)
    assert sentence.startswith("price_1: ")
    assert named in sentence


def test_what_is_wrong_in_one_currency_does_not_matter_in_another() -> None:
    price = read(payload(currency_options={"eur": {"unit_amount_decimal": "?"}, "gbp": None}))
    assert mrr(price) == 10_000_000
    assert "unit_amount_decimal" in refused(price, currency="eur")
    assert "missing" in refused(price, currency="gbp")
    assert "jpy" in refused(price, currency="jpy")


@given(st.randoms(use_true_random=False))
def test_the_order_of_fields_does_not_matter(random_order: random.Random) -> None:
    fields = tiered(currency_options={"eur": {"tiers": TIERS}, "gbp": {"tiers": TIERS[1:]}})
    mixed = dict(random_order.sample(list(fields.items()), len(fields)))
    assert read(mixed) == read(fields)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(
    st.sampled_from([payload(), tiered()]),
    st.dictionaries(st.sampled_from(sorted(payload(tiers=None))), junk, min_size=1, max_size=3),
)
def test_no_price_however_broken_crashes_or_is_silently_worth_less_than_nothing(
    whole: dict[str, Any], broken: dict[str, Any]
) -> None:
    try:
        price = read_price({**whole, **broken})
    except MalformedObjectError:
        return
    if price is None:
        assert broken.get("type") == "one_time"
        return
    with contextlib.suppress(UnpriceableError):
        assert mrr(price, 3) >= 0


@pytest.mark.parametrize(
    ("value", "number"),
    [("1.50", Fraction(3, 2)), (3, 3), (2.5, Fraction(5, 2)), ("-7", -7), ("007", 7)],
)
def test_numbers_are_read_to_all_their_digits(value: object, number: Fraction) -> None:
    assert exact_number(value) == number


@pytest.mark.parametrize(
    "value",
    [None, True, "", "1e9", "1/3", "0x10", " 1", "1_000", "٣", [], {}, float("nan"), float("inf")],
)
def test_what_is_no_plain_decimal_is_no_number(value: object) -> None:
    assert exact_number(value) is None
