from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.evidence import BillingState, Terms
from nrr_pipeline.metrics.explanation import Step, explain_stretch
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import CountingRules, DayClock
from nrr_pipeline.metrics.pricing import Amounts, Price, UnpriceableError
from nrr_pipeline_tests.golden import Case, cases
from nrr_pipeline_tests.metrics.subscriptions import (
    at,
    build,
    discounts,
    items,
    price_of,
    segment,
    segments,
    tiered,
    tiers,
)

NOON = at("2026-03-15 12:00")


def explain(
    stretches: list[HistorySegment],
    prices: dict[str, Price],
    item_id: str = "a",
    when: int = NOON,
    **rules: object,
) -> list[Step]:
    counting = CountingRules(**rules)  # pyright: ignore[reportArgumentType]
    return explain_stretch(stretches, item_id, when, prices=prices, rules=counting)


def labels(steps: list[Step]) -> list[tuple[str, int]]:
    return [(step.label, int(step.minor_units)) for step in steps]


def test_each_step_stands_in_its_order_with_what_it_yields() -> None:
    prices, terms = items("a=team/year/6000x2 b=addon/year/4000")
    steps = explain(segments(terms, discounts("a 50%; sub 2000; sub 10%")), prices)
    assert labels(steps) == [
        ("price", 6_000),
        ("quantity", 12_000),
        ("discount", -6_000),
        ("discount", -1_200),
        ("discount", -480),
        ("normalization", 360),
        ("mrr", 360),
    ]
    assert [step.detail for step in steps] == [
        "price_a: USD 60 for 1 year",
        "2 x USD 60",
        "coupon_0 of the item (forever): 50 % off USD 120",
        "coupon_1 of the subscription (forever): USD 20 off the invoice, spread: USD 60 of USD 100",
        "coupon_2 of the subscription (forever): 10 % off USD 48",
        "USD 43.2 for 1 year / 12 months",
        "USD 3.6, rounded half to even to a micro",
    ]


def test_packs_and_tiers_are_shown() -> None:
    price = tiered("graduated", tiers("2:1000+500 *:300"), divide_by=10, round_up=True)
    steps = explain([segment("a", Terms("price_1", 35))], {"price_1": price})
    assert labels(steps) == [
        ("price", 0),
        ("tier", 2_500),
        ("tier", 600),
        ("normalization", 3_100),
        ("mrr", 3_100),
    ]
    assert steps[0].detail.endswith("quantity 4 (packs of 10 in 35, rounded up)")
    assert steps[1].detail == "tier 1 (up to 2): 2 x USD 10 + USD 5 flat"


def test_tax_is_shown_where_the_price_contains_it() -> None:
    price = price_of(None, amounts=Amounts(Fraction(11_900), is_tax_inclusive=True))
    known = segment("a", Terms("price_1", 1), tax_rate=Fraction(19, 100))
    assert labels(explain([known], {"price_1": price}))[2] == ("tax", -1_900)
    unknown = segment("a", Terms("price_1", 1))
    step = explain([unknown], {"price_1": price})[2]
    assert (step.label, step.minor_units) == ("tax", 0)
    assert "not known" in step.detail


def test_usage_is_no_mrr_and_says_so() -> None:
    steps = explain(
        [segment("a", Terms("price_1", None))], {"price_1": price_of(1, is_metered=True)}
    )
    assert labels(steps) == [("usage", 0), ("mrr", 0)]


def test_what_does_not_count_has_no_arithmetic() -> None:
    prices, terms = items("a=team/month/1000")
    trial = segment("a", terms["a"], state=BillingState.TRIALING)
    assert explain([trial], prices) == []
    assert explain([segment("a", terms["a"], "2026-04-01")], prices) == []
    assert explain([segment("a", terms["a"])], prices, "other") == []


def test_what_is_held_out_says_why_instead() -> None:
    with pytest.raises(UnpriceableError, match="price_gone"):
        explain([segment("a", Terms("price_gone", 1))], {})


@cases("mrr_intervals/discounts.csv")
def test_the_last_step_is_the_mrr_of_the_interval(case: Case) -> None:
    currency = case["currency"]
    prices, terms = items(case["items"], currency)
    stretches = segments(terms, discounts(case["discounts"], currency), currency)
    worth = {each.subscription_item_id: each.mrr_micros for each in build(stretches, prices)[0]}
    unit = {"usd": 10_000, "jpy": 1_000_000, "kwd": 1_000}[currency]
    for item_id in terms:
        steps = explain(stretches, prices, item_id)
        assert steps[-1].label == "mrr"
        assert steps[-1].minor_units * unit == worth.get(item_id, 0), case["why"]


@given(
    st.lists(
        st.tuples(st.integers(1, 28), st.integers(1, 28), st.sampled_from([None, "sub 500"])),
        min_size=2,
        max_size=2,
    ),
    st.integers(1, 28),
)
def test_the_arithmetic_at_the_end_of_a_day_is_that_of_the_days_interval(
    drawn: list[tuple[int, int, str | None]], day: int
) -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    stretches = [
        segment(
            item_id,
            terms[item_id],
            f"2026-01-{first:02} 09:00",
            f"2026-02-{last:02} 17:00",
            discounts=tuple(discounts(off or "").values()),
        )
        for item_id, (first, last, off) in zip(terms, drawn, strict=True)
    ]
    found, _ = build(stretches, prices)
    for month in (1, 2):
        clock = DayClock("UTC")
        on = clock.day(at(f"2026-{month:02}-{day:02}"))
        steps = explain(stretches, prices, "a", clock.last_second(on))
        expected = [
            each.mrr_micros
            for each in found
            if each.subscription_item_id == "a" and each.valid_from <= on < each.valid_to
        ]
        assert [step.minor_units * 10_000 for step in steps[-1:]] == expected
