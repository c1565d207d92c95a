"""What the simulated business sells: products, prices of every form, and the taxes on them.

Here belong the records. The business's own list of them stands in ``price_list``; who buys what,
and when, belongs to the simulation; how a price looks in the API belongs to the rendering.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Literal, NamedTuple

from nrr_pipeline.demo.coupons import Coupon
from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.cycles import Cadence

Term = Literal["week", "month", "quarter", "year", "two years"]
"""For how long a customer pays in advance."""

CADENCES: dict[Term, Cadence] = {
    "week": Cadence("week"),
    "month": Cadence("month"),
    "quarter": Cadence("month", 3),
    "year": Cadence("year"),
    "two years": Cadence("year", 2),
}


class Plan(Enum):
    """What can be bought; each is one product. The last four are add-ons to the others."""

    FREE = "Free"
    STARTER = "Starter"
    TEAM = "Team"
    BUSINESS = "Business"
    STUDIO = "Studio"
    SCALE = "Scale"
    INSIGHTS = "Insights"
    GUESTS = "Guests"
    AUTOMATIONS = "Automations"
    API_CALLS = "API calls"


class Tier(NamedTuple):
    """One step of a tiered price, in minor units; the last one goes up to no end."""

    up_to: int | None
    unit_amount: Fraction
    flat_amount: Fraction = Fraction(0)


class Packs(NamedTuple):
    """Units are sold in packs of a size; a part of one counts as a whole one, or not at all."""

    size: int
    rounds_up: bool


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalog."""

    id: str
    plan: Plan
    description: str
    created: int


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A tax on what customers of a country buy, in percent."""

    id: str
    country: str
    name: str
    percentage: Fraction
    is_inclusive: bool
    created: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Price:
    """A recurring price; amounts are in minor units of the currency.

    Attributes:
        options: The same price, under the same id, in other currencies.
        unit_amount: For one unit, or for one pack; nothing where there are tiers.
        tiers: The steps of a tiered price.
        tiers_mode: Whether each unit costs what its own tier says, or all what the last one says.
        packs: How many units one price pays for, where that is not one.
        is_metered: Whether usage is charged afterwards, instead of a quantity in advance.
        is_tax_inclusive: Whether the amounts contain the tax.
        is_inline: Whether it was made for one subscription, so that no list shows it.
        archived_at: When it was taken off the list for new subscriptions.
    """

    id: str
    product_id: str
    plan: Plan
    currency: str = HOME
    options: tuple[Price, ...] = ()
    unit_amount: Fraction | None = None
    tiers: tuple[Tier, ...] = ()
    tiers_mode: Literal["graduated", "volume"] | None = None
    packs: Packs | None = None
    term: Term
    created: int
    is_metered: bool = False
    is_tax_inclusive: bool = False
    is_inline: bool = False
    archived_at: int | None = None

    @property
    def cadence(self) -> Cadence:
        """How often it is billed."""
        return CADENCES[self.term]

    def in_currency(self, currency: str) -> Price:
        """This price with its amounts in one of its currencies."""
        return next(each for each in (self, *self.options) if each.currency == currency)


@dataclass(frozen=True, eq=False)
class Catalog:
    """All products and prices, those no longer sold included, with coupons and tax rates."""

    products: tuple[Product, ...]
    prices: tuple[Price, ...]
    coupons: tuple[Coupon, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()

    @cached_property
    def price_of(self) -> dict[str, Price]:
        """Every price by its id."""
        return {price.id: price for price in self.prices}

    @cached_property
    def coupon_of(self) -> dict[str, Coupon]:
        """Every coupon by its id."""
        return {coupon.id: coupon for coupon in self.coupons}

    @cached_property
    def tax_rate_of(self) -> dict[str, TaxRate]:
        """Every tax rate by its id."""
        return {rate.id: rate for rate in self.tax_rates}

    @cached_property
    def _offers(self) -> dict[tuple[Plan, Term, bool, str], list[Price]]:
        offers: dict[tuple[Plan, Term, bool, str], list[Price]] = {}
        for price in sorted(self.prices, key=lambda price: price.created):
            if not price.is_inline:
                for each in (price, *price.options):
                    key = (each.plan, each.term, each.is_tax_inclusive, each.currency)
                    offers.setdefault(key, []).append(each)
        return offers

    def sells(self, plan: Plan, term: Term, *, with_tax: bool = False) -> bool:
        """Whether a plan can be had for a term, and with the tax in its price."""
        return (plan, term, with_tax, HOME) in self._offers

    def offer(
        self, plan: Plan, term: Term, at: int, *, with_tax: bool = False, currency: str = HOME
    ) -> Price:
        """The price at which a plan is sold at a moment, in a currency."""
        offers = self._offers[plan, term, with_tax, currency]
        return next((price for price in reversed(offers) if price.created <= at), offers[0])

    def with_inline(self, prices: tuple[Price, ...]) -> Catalog:
        """The catalog with prices that were made for single subscriptions."""
        return replace(self, prices=(*self.prices, *prices))
