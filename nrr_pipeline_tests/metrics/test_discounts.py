from collections.abc import Sequence
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.discounts import (
    Charge,
    Discount,
    DiscountLevel,
    Duration,
    Net,
    apply_discounts,
)
from nrr_pipeline.metrics.pricing import UnpriceableError
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.subscriptions import build, discounts, items, segments


def worth(text: str, off: str, currency: str = "usd", **rules: object) -> dict[str, int | None]:
    """MRR by item; 0 where there is no interval."""
    prices, terms = items(text, currency)
    found, _ = build(segments(terms, discounts(off, currency), currency), prices, **rules)
    return dict.fromkeys(terms, 0) | {each.subscription_item_id: each.mrr_micros for each in found}


@cases("mrr_intervals/discounts.csv")
def test_discounts_leave_what_was_worked_out_by_hand(case: Case) -> None:
    expected = dict(part.split("=") for part in case["mrr"].split())
    found = worth(case["items"], case["discounts"], case["currency"])
    assert found == {item_id: micros(mrr) for item_id, mrr in expected.items()}, case["why"]


@pytest.mark.parametrize("duration", ["forever", "repeating", "once"])
@cases("mrr_intervals/discount_settings.csv")
def test_the_setting_decides_which_durations_are_subtracted(case: Case, duration: str) -> None:
    found = worth("a=team/month/10000", f"sub 20% {duration}", discounts=case["setting"])
    assert found == {"a": micros(case[duration])}, case["why"]


def discount(**fields: object) -> Discount:
    known: dict[str, object] = {
        "discount_id": "di_1",
        "coupon_id": "SPRING",
        "level": DiscountLevel.SUBSCRIPTION,
        "position": 0,
        "duration": Duration.FOREVER,
        **fields,
    }
    return Discount(**known)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "not known"),
        ({"duration": Duration.UNKNOWN}, "no such coupon .* Create a coupon of this id"),
        (
            {"percent_off": Fraction(20), "duration": Duration.UNKNOWN},
            "an end that is no time, .* remove the discount di_1",
        ),
        ({"percent_off": Fraction(101)}, "101 per cent"),
        ({"percent_off": Fraction(-1)}, "-1 per cent"),
        ({"amounts_off": (("eur", Fraction(500)),)}, "no amount off in usd"),
        ({"amounts_off": (("usd", Fraction(-500)),)}, "negative"),
    ],
)
def test_a_discount_without_a_rule_is_an_error_that_names_its_coupon(
    fields: dict[str, object], named: str
) -> None:
    charge = Charge("si_1", "team", Fraction(1_000), (discount(**fields),))
    with pytest.raises(UnpriceableError, match=f"SPRING: .*{named}"):
        apply_discounts([charge], "usd")


def test_a_discount_without_a_rule_does_not_matter_where_it_does_not_apply() -> None:
    elsewhere = discount(product_ids=frozenset({"addon"}))
    charge = Charge("si_1", "team", Fraction(1_000), (elsewhere,))
    assert apply_discounts([charge], "usd") == [Net(Fraction(1_000))]


def test_a_coupon_takes_off_the_amount_of_the_subscriptions_currency() -> None:
    both = discount(amounts_off=(("eur", Fraction(400)), ("usd", Fraction(500))))
    charge = Charge("si_1", "team", Fraction(1_000), (both,))
    assert [net.amount for net in apply_discounts([charge], "eur")] == [600]
    assert [net.amount for net in apply_discounts([charge], "usd")] == [500]


def test_each_step_says_what_it_took_off_what() -> None:
    charges = [
        Charge(name, "team", Fraction(amount), tuple(discounts("sub 50%; sub 300").values()))
        for name, amount in (("a", 2_000), ("b", 1_000))
    ]
    first, _ = apply_discounts(charges, "usd")
    steps = [(int(each.before), int(each.amount)) for each in first.reductions]
    assert steps == [(2_000, 1_000), (1_000, 200)]
    assert int(first.reductions[1].spread_over) == 1_500


amounts = st.fractions(0, 10**6, max_denominator=10**6)
percents = st.fractions(0, 100, max_denominator=100)
products = st.one_of(st.none(), st.sets(st.sampled_from(["x", "y"])).map(frozenset))


@st.composite
def some_discounts(draw: st.DrawFn) -> tuple[Discount, ...]:
    found: list[Discount] = []
    for position in range(draw(st.integers(0, 4))):
        is_percent = draw(st.booleans())
        percent = draw(percents) if is_percent else None
        fixed = () if is_percent else (("usd", draw(amounts)),)
        level = draw(st.sampled_from([DiscountLevel.ITEM, DiscountLevel.SUBSCRIPTION]))
        found.append(
            discount(
                discount_id=f"di_{position}",
                level=level,
                position=position,
                percent_off=percent,
                amounts_off=fixed,
                product_ids=draw(products),
            )
        )
    return tuple(found)


invoices = st.lists(st.tuples(amounts, st.sampled_from(["x", "y"])), min_size=1, max_size=4)


def nets(charged: Sequence[tuple[Fraction, str]], off: tuple[Discount, ...]) -> list[Fraction]:
    charges = [
        Charge(f"si_{number}", product, amount, off)
        for number, (amount, product) in enumerate(charged)
    ]
    return [net.amount for net in apply_discounts(charges, "usd")]


@given(invoices, some_discounts())
def test_no_item_ever_falls_below_nothing_or_rises(
    charged: list[tuple[Fraction, str]], off: tuple[Discount, ...]
) -> None:
    for (amount, _), net in zip(charged, nets(charged, off), strict=True):
        assert 0 <= net <= amount


@given(invoices, some_discounts(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_the_order_of_evidence_do_not_matter(
    charged: list[tuple[Fraction, str]], off: tuple[Discount, ...], random: Random
) -> None:
    order = list(range(len(charged)))
    random.shuffle(order)
    expected = nets(charged, off)
    assert nets([charged[index] for index in order], off[::-1]) == [
        expected[index] for index in order
    ]


@given(invoices, st.lists(percents, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_percentages_does_not_matter(
    charged: list[tuple[Fraction, str]], shares: list[Fraction], random: Random
) -> None:
    def off(order: list[Fraction]) -> tuple[Discount, ...]:
        return tuple(
            discount(discount_id=f"di_{position}", position=position, percent_off=share)
            for position, share in enumerate(order)
        )

    mixed = list(shares)
    random.shuffle(mixed)
    assert nets(charged, off(shares)) == nets(charged, off(mixed))


@given(invoices, st.fractions(1, 99), st.fractions(1, 1000, max_denominator=100))
def test_the_order_of_a_percentage_and_an_amount_matters(
    charged: list[tuple[Fraction, str]], share: Fraction, fixed: Fraction
) -> None:
    percent = discount(discount_id="di_p", percent_off=share)
    amount = discount(discount_id="di_a", position=1, amounts_off=(("usd", fixed),))
    total = sum(nets(charged, (percent, amount)))
    turned = sum(nets(charged, (percent, discount_at(amount, position=-1))))
    before = sum(each for each, _ in charged)
    if fixed < before * (1 - share / 100):
        assert turned - total == fixed * share / 100
    else:
        assert turned >= total


def discount_at(moved: Discount, *, position: int) -> Discount:
    return discount(discount_id=moved.discount_id, position=position, amounts_off=moved.amounts_off)


@given(invoices, st.fractions(0, 10**6, max_denominator=100))
def test_a_fixed_amount_is_taken_off_once_whatever_the_number_of_items(
    charged: list[tuple[Fraction, str]], fixed: Fraction
) -> None:
    before = sum(amount for amount, _ in charged)
    after = sum(nets(charged, (discount(amounts_off=(("usd", fixed),)),)))
    assert before - after == min(before, fixed)


@given(invoices, some_discounts(), st.integers(0, 3), amounts)
def test_a_dearer_item_never_makes_any_item_cheaper(
    charged: list[tuple[Fraction, str]], off: tuple[Discount, ...], which: int, more: Fraction
) -> None:
    index = which % len(charged)
    dearer = [
        (amount + more, product) if number == index else (amount, product)
        for number, (amount, product) in enumerate(charged)
    ]
    for before, after in zip(nets(charged, off), nets(dearer, off), strict=True):
        assert before <= after
