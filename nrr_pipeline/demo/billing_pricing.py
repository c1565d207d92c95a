"""What a cycle of a price costs, by the rules of a billing system.

Here belongs the arithmetic of one price and one quantity. Discounts belong to
``billing_discounts``, prorations and lines to ``billing_lines``.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from nrr_pipeline.demo.catalog import Price
from nrr_pipeline.demo.currencies import CENTS


def cost(price: Price, quantity: int | None) -> Fraction:
    """What a quantity costs for one whole cycle, in minor units, not rounded; usage costs later.

    The first tier is also that of no unit at all.
    """
    if quantity is None:
        return Fraction(0)
    units = _units(price, quantity)
    if price.unit_amount is not None:
        return price.unit_amount * units
    return _volume(price, units) if price.tiers_mode == "volume" else _graduated(price, units)


def yearly_cost(price: Price, quantity: int | None) -> int:
    """About what a quantity costs in a year, in cents of a dollar, whatever it is paid in."""
    cadence = price.cadence
    per_year = Fraction(12, cadence.months) if cadence.months else Fraction(365, cadence.days)
    return floor(cost(price, quantity) * per_year * CENTS[price.currency])


def rounded(amount: Fraction) -> int:
    """Whole minor units, half up (away from zero for credits).

    >>> rounded(Fraction(5, 2)), rounded(Fraction(-5, 2))
    (3, -3)
    """
    whole = floor(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


def _units(price: Price, quantity: int) -> int:
    if price.packs is None:
        return quantity
    packs, rest = divmod(quantity, price.packs.size)
    return packs + (rest > 0 and price.packs.rounds_up)


def _volume(price: Price, units: int) -> Fraction:
    tier = next(each for each in price.tiers if each.up_to is None or units <= each.up_to)
    return tier.unit_amount * units + tier.flat_amount


def _graduated(price: Price, units: int) -> Fraction:
    total = Fraction(0)
    below = 0
    for tier in price.tiers:
        upper = units if tier.up_to is None else min(units, tier.up_to)
        total += tier.flat_amount + tier.unit_amount * (upper - below)
        below = upper
        if below == units:
            break
    return total
