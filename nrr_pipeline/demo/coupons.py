"""Coupons of the simulated business, and the discounts that customers get by them.

Here belong the records. Who is given which discount belongs to the simulation, what it takes off
an invoice to ``billing_discounts`` and what it means for MRR to the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

CouponDuration = Literal["forever", "repeating", "once"]
DiscountLevel = Literal["item", "subscription", "customer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """A rebate: a percentage, or an amount in cents per invoice.

    Attributes:
        options: The amount in minor units of other currencies.
        months: How long a repeating one lasts.
        product_ids: The only products it is for; nothing where it is for all.
        deleted_at: When it was deleted. Those who have it keep it.
    """

    id: str
    name: str
    created: int
    duration: CouponDuration = "forever"
    percent_off: Fraction | None = None
    amount_off: int | None = None
    options: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)
    months: int | None = None
    product_ids: frozenset[str] | None = None
    deleted_at: int | None = None

    def amount_in(self, currency: str) -> int:
        """What it takes off an invoice in a currency; nothing where it is a percentage."""
        return self.options.get(currency, self.amount_off or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A discount that was given: a coupon, for whom, since when, and when it ends by itself.

    ``owner_id`` is the item, the subscription or the customer.
    """

    id: str
    coupon_id: str
    level: DiscountLevel
    owner_id: str
    start: int
    end: int | None = None
