"""The rules once more, as plainly as they can be said: what an item is worth at an instant.

Fractions throughout, no memory, every item priced anew; of the project only its types are used.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from nrr_pipeline.metrics.discounts import Discount
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.pricing import Amounts, Price

MINOR_UNITS = {"jpy": 1, "kwd": 1_000}
PER_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}


def mrr_micros(
    segments: Sequence[HistorySegment], item_id: str, at: int, prices: dict[str, Price]
) -> int:
    """MRR of one item in micros, from all segments of its subscription."""
    holding = [each for each in segments if holds(each, at) and each.state == "active"]
    mine = next(each for each in holding if each.subscription_item_id == item_id)
    price = prices[mine.terms.price_id]
    interval = (price.billing_interval, price.billing_interval_count)
    invoice = {
        each.subscription_item_id: each
        for each in holding
        if interval_of(prices[each.terms.price_id]) == interval
    }
    left = {
        name: gross(prices[each.terms.price_id], each.terms.quantity, each.currency)
        for name, each in invoice.items()
    }
    for discount in discounts_of(invoice.values()):
        members = [
            name
            for name, each in invoice.items()
            if discount in each.discounts
            and covers(discount, prices[each.terms.price_id].product_id)
        ]
        take_off(left, members, discount, mine.currency)
    net = left[item_id]
    is_without_tax = amounts_of(price, mine.currency).is_tax_inclusive is False
    if mine.tax_rate is not None and not is_without_tax:
        net /= 1 + mine.tax_rate
    major = net / MINOR_UNITS.get(mine.currency, 100)
    return round(major * 1_000_000 * PER_YEAR[interval[0]] / (12 * interval[1]))


def holds(segment: HistorySegment, at: int) -> bool:
    return segment.valid_from <= at and (segment.valid_to is None or at < segment.valid_to)


def interval_of(price: Price) -> tuple[str, int]:
    return price.billing_interval, price.billing_interval_count


def amounts_of(price: Price, currency: str) -> Amounts:
    return price.amounts if price.currency == currency else price.options[currency]


def gross(price: Price, quantity: int, currency: str) -> Fraction:
    """Minor units of one billing interval before discounts, unit by unit through the tiers."""
    amounts = amounts_of(price, currency)
    units = quantity
    if price.divide_by:
        packs = Fraction(quantity, price.divide_by)
        units = packs.__ceil__() if price.round_up else packs.__floor__()
    if not amounts.tiers:
        return amounts.unit_amount * units
    total, below = Fraction(0), 0
    for number, tier in enumerate(amounts.tiers):
        is_reached = number == 0 or units > below
        is_last = tier.up_to is None or units <= tier.up_to
        if price.tiers_mode == "volume" and is_last:
            return tier.unit_amount * units + tier.flat_amount
        if price.tiers_mode == "graduated" and is_reached:
            top = units if is_last else tier.up_to
            total += tier.unit_amount * (top - below) + tier.flat_amount
        if is_last:
            return total
        below = tier.up_to
    raise AssertionError(price)


def discounts_of(segments: Iterable[HistorySegment]) -> list[Discount]:
    """Every discount of an invoice that recurs, the items' own first, then by position."""
    found: list[Discount] = []
    for segment in segments:
        found += [each for each in segment.discounts if each not in found]
    rank = {"item": 0, "subscription": 1, "customer": 2}
    recurring = [each for each in found if each.duration in {"forever", "repeating"}]
    return sorted(recurring, key=lambda each: (rank[each.level], each.position))


def covers(discount: Discount, product_id: str) -> bool:
    return discount.product_ids is None or product_id in discount.product_ids


def take_off(
    left: dict[str, Fraction], members: Sequence[str], discount: Discount, currency: str
) -> None:
    total = sum(left[name] for name in members)
    for name in members:
        if discount.percent_off is not None:
            left[name] -= left[name] * discount.percent_off / 100
        elif total:
            off = min(dict(discount.amounts_off)[currency], total)
            left[name] -= off * left[name] / total
