"""Joins the invoice lines of one tiered price: Stripe may bill each tier on a line of its own.

What the joined line proves is not said here.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.pricing import Price, UnpriceableError, interval_amount
from nrr_pipeline.stripe_source.line import Line

_Key = tuple[object, ...]


def join_tiers(lines: list[Line], prices: Mapping[str, Price]) -> list[Line]:
    """One line for all lines that bill the tiers of one item's period on one invoice."""
    groups: defaultdict[_Key, list[Line]] = defaultdict(list)
    for line in lines:
        price = prices.get(line.terms.price_id)
        is_tiered = price is not None and price.tiers_mode is not None
        groups[_key(line) if is_tiered else (line.line_id, len(groups))].append(line)
    return [
        tiers[0] if len(tiers) == 1 else _joined(tiers, prices[tiers[0].terms.price_id])
        for tiers in groups.values()
    ]


def _key(line: Line) -> _Key:
    period = (line.starts_at, line.ends_at)
    sides = (line.is_proration, line.is_credit)
    return (line.invoice_id, line.item_id, line.terms.price_id, period, sides)


def _joined(lines: list[Line], price: Price) -> Line:
    discounts: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        for discount_id, amount in line.discounts:
            discounts[discount_id] += amount
    subtotals = [line.subtotal_minor for line in lines if line.subtotal_minor is not None]
    subtotal = sum(subtotals) if len(subtotals) == len(lines) else None
    return replace(
        lines[0],
        terms=Terms(price.price_id, _quantity(lines, price, subtotal)),
        subtotal_minor=subtotal,
        credited_line_ids=tuple(each for line in lines for each in line.credited_line_ids),
        discounts=tuple(discounts.items()),
    )


def _quantity(lines: list[Line], price: Price, subtotal: int | None) -> int | None:
    """The quantity of all tiers together: the one whose price is what the lines charge.

    A line for a flat amount has a quantity of 1 that is none of the item's. Prorated amounts tell
    nothing, so their lines are simply added up.
    """
    quantities = [line.terms.quantity for line in lines if line.terms.quantity is not None]
    if len(quantities) < len(lines):
        return None
    total = sum(quantities)
    if subtotal is None or lines[0].is_proration:
        return total
    flat_lines = sum(quantity == 1 for quantity in quantities)
    for candidate in range(total, total - flat_lines - 1, -1):
        try:
            if abs(interval_amount(price, candidate, currency=price.currency) - subtotal) < 1:
                return candidate
        except UnpriceableError:
            return total
    return total
