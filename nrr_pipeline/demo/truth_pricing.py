"""What one subscription's items are truly worth a month: exact fractions, rounded once.

Here belongs the arithmetic of prices, discounts and taxes under the default policy. When an item
counts, and which discounts were in force, belongs to ``truth_life``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from nrr_pipeline.demo.catalog import Price
from nrr_pipeline.demo.coupons import Coupon

_MICROS_PER_MINOR_UNIT = {"usd": 10_000, "eur": 10_000, "gbp": 10_000, "jpy": 1_000_000}
_PER_MONTH = {"month": Fraction(1), "year": Fraction(1, 12), "week": Fraction(52, 12)}
_NOTHING = Fraction(0)


class Held(NamedTuple):
    """An item that counts, with the coupons on it alone."""

    item_id: str
    price: Price
    quantity: int
    coupons: tuple[Coupon, ...] = ()


class Shared(NamedTuple):
    """A coupon of the whole subscription, or of its customer, and the items it is still on."""

    coupon: Coupon
    item_ids: frozenset[str]


def gross(price: Price, quantity: int) -> Fraction:
    """What a quantity costs for one interval before discounts, in minor units.

    >>> from nrr_pipeline.demo.catalog import Plan, Tier
    >>> tiers = (Tier(5, Fraction(0), Fraction(900)), Tier(None, Fraction(150)))
    >>> price = Price(
    ...     id="p", product_id="q", plan=Plan.SCALE, term="month", created=0,
    ...     tiers=tiers, tiers_mode="graduated",
    ... )  # fmt: skip
    >>> [int(gross(price, seats)) for seats in (0, 5, 6, 8)]
    [900, 900, 1050, 1350]
    """
    units = quantity
    if price.packs is not None:
        size = price.packs.size
        units = -(-quantity // size) if price.packs.rounds_up else quantity // size
    if price.unit_amount is not None:
        return units * price.unit_amount
    slices: list[tuple[int, Fraction, Fraction]] = []
    start = 0
    for up_to, unit_amount, flat_amount in price.tiers:
        if start == 0 or units > start:
            end = units if up_to is None else min(units, up_to)
            slices.append((end - start, unit_amount, flat_amount))
        start = up_to or start
    if price.tiers_mode == "volume":
        _, unit_amount, flat_amount = slices[-1]
        return units * unit_amount + flat_amount
    return sum((count * unit + flat for count, unit, flat in slices), _NOTHING)


def mrr_micros(
    held: Sequence[Held], shared: Sequence[Shared], tax_percentage: Fraction
) -> dict[str, int]:
    """The MRR of the items of one subscription in whole micros, each rounded half to even.

    Args:
        held: The items that count.
        shared: The coupons of the whole subscription, in order.
        tax_percentage: The tax that prices with tax contain.
    """
    left = {each.item_id: gross(each.price, each.quantity) for each in held}
    for each in held:
        for coupon in each.coupons:
            _rebate(left, [each], coupon)
    invoices: dict[tuple[str, int], list[Held]] = defaultdict(list)
    for each in held:
        invoices[each.price.cadence].append(each)
    for billed in invoices.values():
        for coupon, item_ids in shared:
            _rebate(left, [each for each in billed if each.item_id in item_ids], coupon)
    found: dict[str, int] = {}
    for each in held:
        interval, count = each.price.cadence
        amount = left[each.item_id] * _PER_MONTH[interval] / count
        if each.price.is_tax_inclusive:
            amount /= 1 + tax_percentage / 100
        found[each.item_id] = round(amount * _MICROS_PER_MINOR_UNIT[each.price.currency])
    return found


def _rebate(left: dict[str, Fraction], billed: Sequence[Held], coupon: Coupon) -> None:
    """Take a coupon off what is left of the items of one invoice."""
    meant = [
        each
        for each in billed
        if coupon.product_ids is None or each.price.product_id in coupon.product_ids
    ]
    total = sum((left[each.item_id] for each in meant), _NOTHING)
    if not total:
        return
    if coupon.percent_off is not None:
        share = coupon.percent_off / 100
    else:
        share = min(Fraction(coupon.amount_in(meant[0].price.currency)), total) / total
    for each in meant:
        left[each.item_id] -= left[each.item_id] * share
