"""A tiered price whose tiers an invoice bills one by one."""

from fractions import Fraction

import pytest

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.pricing import Amounts, Price, Tier
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.tier_lines import join_tiers

TIERS = (Tier(5, Fraction(1_000), Fraction(500)), Tier(None, Fraction(600), Fraction(0)))
PRICE = Price("price_1", "prod_1", "usd", "month", 1, Amounts(None, TIERS), tiers_mode="graduated")


def line(line_id: str, quantity: int, subtotal: int, **fields: object) -> Line:
    known: dict[str, object] = {
        "line_id": line_id,
        "item_id": "si_1",
        "terms": Terms("price_1", quantity),
        "starts_at": 0,
        "ends_at": 100,
        "is_proration": False,
        "is_credit": False,
        "is_paid": True,
        "subtotal_minor": subtotal,
        "invoice_id": "in_1",
    }
    return Line(**{**known, **fields})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("lines", "quantity", "subtotal", "why"),
    [
        ([line("a", 5, 5_500), line("b", 3, 1_800)], 8, 7_300, "each tier with its flat amount"),
        (
            [line("a", 1, 500), line("b", 5, 5_000), line("c", 3, 1_800)],
            8,
            7_300,
            "the flat amount is a line of its own, whose 1 is no seat",
        ),
        ([line("a", 8, 7_300)], 8, 7_300, "one line for all tiers stays as it is"),
    ],
)
def test_the_lines_of_all_tiers_say_one_quantity(
    lines: list[Line], quantity: int, subtotal: int, why: str
) -> None:
    (joined,) = join_tiers(lines, {"price_1": PRICE})
    assert joined.terms.quantity == quantity, why
    assert joined.subtotal_minor == subtotal, why


def test_lines_of_other_periods_sides_and_invoices_stay_apart() -> None:
    apart = [
        line("a", 5, 5_500),
        line("b", 5, 5_500, starts_at=50),
        line("c", 5, -5_500, is_proration=True, is_credit=True),
        line("d", 5, 5_500, invoice_id="in_2"),
        line("e", 5, 5_500, item_id="si_2"),
    ]
    assert join_tiers(apart, {"price_1": PRICE}) == apart


def test_prices_without_tiers_are_left_alone() -> None:
    flat = Price("price_1", "prod_1", "usd", "month", 1, Amounts(Fraction(1_000)))
    twice = [line("a", 5, 5_000), line("b", 3, 3_000)]
    assert join_tiers(twice, {"price_1": flat}) == twice
