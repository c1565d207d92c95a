"""What stretches are worth beside each other, and by how much that may be wrong."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.evidence import BillingState, Terms
from nrr_pipeline.metrics.intervals import MrrInterval
from nrr_pipeline.metrics.pricing import Amounts
from nrr_pipeline.metrics.terms_history import UNPROVEN_CHANGE
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.subscriptions import (
    at,
    build,
    discounts,
    items,
    price_of,
    segment,
)

DOLLAR = 1_000_000
FIVE = tuple(discounts("sub 500").values())


def states(found: list[MrrInterval], item_id: str) -> list[tuple[str, int | None]]:
    """An item's MRR in cents and the day from which it has it."""
    return [
        (f"{each.valid_from:%m-%d}", None if each.mrr_micros is None else each.mrr_micros // 10_000)
        for each in found
        if each.subscription_item_id == item_id
    ]


def test_an_item_that_joins_takes_over_its_share_of_a_fixed_amount() -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    found, findings = build(
        [
            segment("a", terms["a"], discounts=FIVE),
            segment("b", terms["b"], "2026-01-11", "2026-01-21", discounts=FIVE),
        ],
        prices,
    )
    assert states(found, "a") == [("01-01", 2_500), ("01-11", 2_625), ("01-21", 2_500)]
    assert states(found, "b") == [("01-11", 875)]
    assert findings == []


def test_an_item_is_cut_only_where_a_fixed_amount_is_in_force() -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    percent = tuple(discounts("sub 10%").values())
    found, _ = build(
        [
            segment("a", terms["a"], discounts=percent),
            segment("b", terms["b"], "2026-01-11", discounts=percent),
        ],
        prices,
    )
    assert states(found, "a") == [("01-01", 2_700)]


def test_an_item_on_trial_shares_nothing() -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    trial = segment(
        "b", terms["b"], "2026-01-01", "2026-01-15", state=BillingState.TRIALING, discounts=FIVE
    )
    found, _ = build(
        [
            segment("a", terms["a"], discounts=FIVE),
            trial,
            segment("b", terms["b"], "2026-01-15", discounts=FIVE),
        ],
        prices,
    )
    assert states(found, "a") == [("01-01", 2_500), ("01-15", 2_625)]
    assert states(found, "b") == [("01-15", 875)]


def test_only_the_last_part_of_a_cut_item_says_why_it_ended() -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    found, _ = build(
        [
            segment("a", terms["a"], "2026-01-01", "2026-02-01", discounts=FIVE, end_reason="x"),
            segment("b", terms["b"], "2026-01-11", "2026-01-21", discounts=FIVE),
        ],
        prices,
    )
    assert [each.end_reason for each in found] == [None, None, "x", None]


def test_a_price_that_nobody_knows_does_not_stop_the_others() -> None:
    prices, terms = items("a=team/month/3000")
    found, findings = build(
        [
            segment("a", terms["a"], discounts=FIVE),
            segment("b", Terms("price_gone", 1), discounts=FIVE),
        ],
        prices,
    )
    mine = next(each for each in found if each.subscription_item_id == "a")
    assert (mine.mrr_micros, mine.is_approximate, mine.max_error_micros) == (
        25 * DOLLAR,
        True,
        5 * DOLLAR,
    )
    assert [(each.object_id, each.severity) for each in findings] == [
        ("a", "warning"),
        ("b", "error"),
    ]


def test_what_cannot_be_on_the_same_invoice_leaves_no_doubt() -> None:
    prices, terms = items("a=team/month/3000 b=addon/year/9000")
    prices["price_b"] = replace(prices["price_b"], unsupported="no rule")
    found, findings = build(
        [segment("a", terms["a"], discounts=FIVE), segment("b", terms["b"], discounts=FIVE)],
        prices,
    )
    assert [each.is_approximate for each in found] == [False, False]
    assert [each.object_id for each in findings] == ["b"]


@pytest.mark.parametrize(
    ("alternative", "cents"),
    [(Terms("price_b", 3), 2_700), (None, 2_500), (Terms("price_y", 1), 2_500)],
)
def test_the_doubt_about_an_item_is_a_doubt_about_what_shares_its_discount(
    alternative: Terms | None, cents: int
) -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000 y=addon/year/5000")
    found, _ = build(
        [
            segment("a", terms["a"], discounts=FIVE),
            segment(
                "b", terms["b"], discounts=FIVE, approximation="perhaps", alternative=alternative
            ),
        ],
        prices,
    )
    first, second = found
    assert (first.mrr_micros, first.is_approximate) == (2_625 * 10_000, True)
    assert first.max_error_micros is not None
    assert abs(2_625 - cents) * 10_000 <= first.max_error_micros <= 5 * DOLLAR
    assert second.approximation == "perhaps"


def test_a_coupon_without_the_subscriptions_currency_holds_its_items_out_by_name() -> None:
    prices, terms = items("a=team/month/3000 b=addon/month/1000")
    euros = Discount(
        "di_1",
        "EUROS",
        DiscountLevel.SUBSCRIPTION,
        0,
        Duration.FOREVER,
        amounts_off=(("eur", Fraction(500)),),
        product_ids=frozenset({"team"}),
    )
    found, findings = build(
        [
            segment("a", terms["a"], discounts=(euros,)),
            segment("b", terms["b"], discounts=(euros,)),
        ],
        prices,
    )
    assert [each.mrr_micros for each in found] == [None, 10 * DOLLAR]
    assert "EUROS" in findings[0].detail
    assert "usd" in findings[0].detail
    assert build([segment("a", terms["a"], discounts=(euros,))], prices, discounts="none")[0]


def test_a_coupon_that_is_not_known_does_not_matter_to_what_is_free() -> None:
    prices, terms = items("a=free/month/0")
    unknown = Discount("di_1", "GONE", DiscountLevel.SUBSCRIPTION, 0, Duration.FOREVER)
    assert build([segment("a", terms["a"], discounts=(unknown,))], prices) == ([], [])


@cases("mrr_intervals/tax.csv")
def test_tax_is_taken_out_of_a_price_that_contains_it(case: Case) -> None:
    is_inclusive = {"yes": True, "no": False, "": None}[case["is_inclusive"]]
    amounts = Amounts(Fraction(case["unit_amount"]), is_tax_inclusive=is_inclusive)
    stretch = segment(
        "a",
        Terms("price_1", 1),
        tax_rate=Fraction(case["rate"]) if case["rate"] else None,
        discounts=tuple(discounts(case["discount"]).values()),
    )
    found, findings = build([stretch], {"price_1": price_of(None, amounts=amounts)})
    worth = micros(case["mrr"])
    assert [each.mrr_micros for each in found] == [worth] * bool(worth), case["why"]
    flags = [(each.is_approximate, each.max_error_micros) for each in found]
    expected = (True, worth) if case["approximate"] == "yes" else (False, None)
    assert flags == [expected] * bool(worth), case["why"]
    assert len(findings) == (case["approximate"] == "yes"), case["why"]


def test_a_negative_tax_rate_is_an_error_that_names_the_item() -> None:
    amounts = Amounts(Fraction(1_000), is_tax_inclusive=True)
    stretch = segment("a", Terms("price_1", 1), tax_rate=Fraction(-1, 5))
    found, findings = build([stretch], {"price_1": price_of(None, amounts=amounts)})
    assert [each.mrr_micros for each in found] == [None]
    assert "tax rate is negative" in findings[0].detail


@cases("mrr_intervals/past_due.csv")
def test_what_is_past_due_counts_until_the_limit(case: Case) -> None:
    since, recovers = case["at_risk_since"], case["recovers"] or None
    prices, terms = items("a=team/month/1000")
    stretches = [
        segment("a", terms["a"], "2026-03-01", since),
        segment("a", terms["a"], since, recovers, is_at_risk=True, at_risk_since=at(since)),
    ]
    if recovers:
        stretches.append(segment("a", terms["a"], recovers))
    limit = int(case["max_days"]) * 86_400 if case["max_days"] else None
    found, _ = build(stretches, prices, past_due_max_seconds=limit)
    days = {day for each in found for day in range(each.valid_from.day, _last(each) + 1)}
    assert days == _days(case["days"]), case["why"]
    reasons = [each.end_reason for each in found if each.end_reason is not None]
    assert reasons == [case["end_reason"]] * bool(case["end_reason"]), case["why"]


def _last(interval: MrrInterval) -> int:
    return 31 if interval.valid_to > date(2026, 3, 31) else interval.valid_to.day - 1


def _days(text: str) -> set[int]:
    if text == "all":
        return set(range(1, 32))
    spans = [span.partition("..") for span in text.split()]
    return {
        day for first, _, last in spans for day in range(int(first[-2:]), int(last[-2:] or 31) + 1)
    }


def test_price_and_quantity_may_have_changed_one_after_the_other() -> None:
    """Ten seats at 9 a month, seen as two at 100 next: it may have been ten at 100 in between."""
    prices, _ = items("a=team/month/900 b=pro/month/10000")
    doubtful = segment(
        "a", Terms("price_a", 10), approximation="perhaps", alternative=Terms("price_b", 2)
    )
    (found,), _ = build([doubtful], prices)
    assert (found.mrr_micros, found.max_error_micros) == (90 * DOLLAR, 910 * DOLLAR)


@pytest.mark.parametrize(
    ("reason", "dollars"),
    [(UNPROVEN_CHANGE, 10), (f"{UNPROVEN_CHANGE}; it may have been paused", 40)],
    ids=["changed", "changed or paused"],
)
def test_what_may_have_changed_and_may_not_have_counted_can_be_off_by_all_of_it(
    reason: str, dollars: int
) -> None:
    prices, _ = items("a=team/month/1000")
    doubtful = segment(
        "a", Terms("price_a", 4), approximation=reason, alternative=Terms("price_a", 5)
    )
    (found,), _ = build([doubtful], prices)
    assert found.max_error_micros == dollars * DOLLAR
