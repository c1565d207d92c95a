"""What the simulated business sells: its products and their prices.

Here belong the terms of sale. Who buys what, and when, belongs to the simulation; how a price looks
in the API belongs to the rendering.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cached_property
from typing import Literal

from nrr_pipeline.demo.cycles import DAY, midnight
from nrr_pipeline.demo.identifiers import Identifiers

Interval = Literal["month", "year"]
MONTHS_OF_INTERVAL: dict[Interval, int] = {"month": 1, "year": 12}


class Plan(Enum):
    """What can be bought; each is one product. Insights is an add-on to the others."""

    STARTER = "Starter"
    TEAM = "Team"
    BUSINESS = "Business"
    INSIGHTS = "Insights"


_DESCRIPTIONS = {
    Plan.STARTER: "Boards and lists for small teams",
    Plan.TEAM: "Timelines, goals and guests for teams",
    Plan.BUSINESS: "Portfolios, approvals and workload for whole companies",
    Plan.INSIGHTS: "Add-on: forecasts and reports across projects",
}

_FIRST_PRICES: dict[Plan, dict[Interval, int]] = {
    Plan.STARTER: {"month": 900, "year": 8_900},
    Plan.TEAM: {"month": 1_600, "year": 15_900},
    Plan.BUSINESS: {"month": 3_200, "year": 31_900},
    Plan.INSIGHTS: {"month": 600, "year": 5_900},
}
"""Cents per seat."""

_LATER_PRICES: dict[Plan, dict[Interval, int]] = {Plan.TEAM: {"month": 1_800, "year": 17_900}}
"""What a plan costs new subscriptions after the repricing; existing ones keep their price."""

_REPRICING_DAY = 290
_CATALOG_AGE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalog."""

    id: str
    plan: Plan
    description: str
    created: int


@dataclass(frozen=True, slots=True, eq=False)
class Price:
    """A licensed price per seat; ``unit_amount`` is in minor units of the currency."""

    id: str
    product_id: str
    plan: Plan
    currency: str
    unit_amount: int
    interval: Interval
    created: int
    interval_count: int = 1
    archived_at: int | None = None

    @property
    def months(self) -> int:
        """The length of one billing cycle."""
        return MONTHS_OF_INTERVAL[self.interval] * self.interval_count


@dataclass(frozen=True, eq=False)
class Catalog:
    """All products and prices, those no longer sold included."""

    products: tuple[Product, ...]
    prices: tuple[Price, ...]

    @cached_property
    def price_of(self) -> dict[str, Price]:
        """Every price by its id."""
        return {price.id: price for price in self.prices}

    @cached_property
    def _offers(self) -> dict[tuple[Plan, Interval], list[Price]]:
        offers: dict[tuple[Plan, Interval], list[Price]] = {}
        for price in sorted(self.prices, key=lambda price: price.created):
            offers.setdefault((price.plan, price.interval), []).append(price)
        return offers

    def offer(self, plan: Plan, interval: Interval, at: int) -> Price:
        """The price at which a plan is sold at a moment."""
        offers = self._offers[plan, interval]
        return next((price for price in reversed(offers) if price.created <= at), offers[0])


def standard_catalog(seed: int, first_day: date) -> Catalog:
    """The catalog of a project-management service that opens on a day.

    Two hundred and ninety days later the Team plan becomes dearer for new subscriptions: its first
    prices are archived, and those who have them keep them.
    """
    ids = Identifiers(seed)
    opened = midnight(first_day) - _CATALOG_AGE_DAYS * DAY
    repriced = midnight(first_day) + _REPRICING_DAY * DAY + 9 * 3_600
    products = {
        plan: Product(ids.short("prod", number), plan, _DESCRIPTIONS[plan], opened + 60 * number)
        for number, plan in enumerate(Plan)
    }
    prices: list[Price] = []

    def sell(terms: dict[Plan, dict[Interval, int]], created: int) -> None:
        for plan, amounts in terms.items():
            for interval, amount in amounts.items():
                is_replaced = created < repriced and plan in _LATER_PRICES
                prices.append(
                    Price(
                        id=ids.long("price", len(prices)),
                        product_id=products[plan].id,
                        plan=plan,
                        currency="usd",
                        unit_amount=amount,
                        interval=interval,
                        created=created + len(prices),
                        archived_at=repriced + 600 if is_replaced else None,
                    )
                )

    sell(_FIRST_PRICES, opened + 600)
    sell(_LATER_PRICES, repriced)
    return Catalog(tuple(products.values()), tuple(prices))
