"""Prices and discounts held against what invoice lines charged."""

import pytest

from nrr_pipeline.metrics.evidence import Finding, LineAmount, Terms
from nrr_pipeline.metrics.intervals import CountingRules, DayClock, IntervalBuilder
from nrr_pipeline_tests.metrics.subscriptions import discounts, price_of

DOLLAR = 1_000_000
PRICES = {
    "monthly": price_of(1_000, price_id="monthly"),
    "yearly": price_of(12_000, "year", price_id="yearly"),
    "calls": price_of(None, price_id="calls", is_metered=True),
    "odd": price_of(1_000, "fortnight", price_id="odd"),
}


def check(
    terms: Terms, subtotal_minor: int, currency: str = "usd", **more: object
) -> list[Finding]:
    line = LineAmount("il_1", terms, subtotal_minor, **more)  # pyright: ignore[reportArgumentType]
    return check_all(line, currency=currency)


def check_all(*lines: LineAmount, currency: str = "usd") -> list[Finding]:
    builder = IntervalBuilder(PRICES, CountingRules(), DayClock("UTC"))
    return builder.check_lines(lines, currency)


def discounted(
    line_id: str, subtotal: int, net: int, off: str, invoice: str = "in_1"
) -> LineAmount:
    attached = tuple(discounts(off).values())
    return LineAmount(
        line_id, Terms("monthly", subtotal // 1_000), subtotal, net, attached, invoice
    )


def test_a_line_that_its_discounts_explain_is_in_order_whatever_their_duration() -> None:
    assert check_all(discounted("il_1", 3_000, 1_900, "sub 20% once; sub 500")) == []
    assert check_all(discounted("il_1", 3_000, 3_000, "")) == []


def test_lines_of_one_invoice_share_a_fixed_amount() -> None:
    first, second = (
        discounted("il_1", 3_000, 2_625, "sub 500"),
        discounted("il_2", 1_000, 875, "sub 500"),
    )
    assert check_all(first, second) == []
    alone = discounted("il_2", 1_000, 875, "sub 500", "in_2")
    assert [each.object_id for each in check_all(first, alone)] == ["il_1", "il_2"]


def test_a_line_that_its_discounts_do_not_explain_is_listed_with_the_amount() -> None:
    (finding,) = check_all(discounted("il_1", 3_000, 2_000, "sub 20%"))
    assert (finding.check_name, finding.object_id) == ("line_amount", "il_1")
    assert (finding.amount_micros, finding.currency) == (-4 * DOLLAR, "usd")
    assert "after discounts" in finding.detail


def test_whole_cents_that_stripe_rounds_to_are_no_mismatch() -> None:
    thirds = [discounted(f"il_{number}", 1_000, 667, "sub 1000") for number in range(3)]
    assert check_all(*thirds) == []


def test_a_huge_line_is_listed_without_an_amount() -> None:
    (finding,) = check(Terms("monthly", 1), 10**30)
    assert finding.amount_micros is None


def test_a_line_that_charges_what_its_price_says_is_in_order() -> None:
    assert check(Terms("monthly", 3), 3_000) == []
    assert check(Terms("yearly", 2), 24_000) == []


def test_a_line_that_charges_something_else_is_listed_with_the_amount() -> None:
    (finding,) = check(Terms("monthly", 3), 2_500)
    assert (finding.check_name, finding.object_id) == ("line_amount", "il_1")
    assert (finding.amount_micros, finding.currency) == (-5 * DOLLAR, "usd")


@pytest.mark.parametrize(
    "terms", [Terms("calls", None), Terms("odd", 1), Terms("gone", 1), Terms("monthly", None)]
)
def test_a_line_whose_price_tells_nothing_is_not_held_against_it(terms: Terms) -> None:
    assert check(terms, 12_345) == []
