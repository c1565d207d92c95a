"""The price list of the simulated business: what each plan costs, and since when.

Here belong amounts, in cents; those in other currencies follow from them by a factor, as one price
with several currencies or as a price of their own. The forms that a price can have belong to
``catalog``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from nrr_pipeline.demo.catalog import Catalog, Packs, Plan, Price, Product, TaxRate, Term, Tier
from nrr_pipeline.demo.coupon_list import coupons
from nrr_pipeline.demo.cycles import DAY, midnight
from nrr_pipeline.demo.identifiers import Identifiers

_DESCRIPTIONS = {
    Plan.FREE: "One board for up to three people",
    Plan.STARTER: "Boards and lists for small teams",
    Plan.TEAM: "Timelines, goals and guests for teams",
    Plan.BUSINESS: "Portfolios, approvals and workload for whole companies",
    Plan.STUDIO: "Proofs and client folders for agencies; the larger, the cheaper for all",
    Plan.SCALE: "Everything, for organizations that keep growing",
    Plan.INSIGHTS: "Add-on: forecasts and reports across projects",
    Plan.GUESTS: "Add-on: guests, in packs of five",
    Plan.AUTOMATIONS: "Add-on: automatic steps, for each seat",
    Plan.API_CALLS: "Add-on: calls to the interface, by usage",
}

Form = dict[str, Any]
"""What an amount consists of, as fields of a price."""


def _each(cents: int | str) -> Form:
    return {"unit_amount": Fraction(cents)}


def _packs(cents: int, size: int, *, rounds_up: bool) -> Form:
    return {"unit_amount": Fraction(cents), "packs": Packs(size, rounds_up)}


def _tiers(mode: str, *steps: tuple[int | None, str, int]) -> Form:
    tiers = tuple(Tier(up_to, Fraction(unit), Fraction(flat)) for up_to, unit, flat in steps)
    return {"tiers": tiers, "tiers_mode": mode}


_FIRST_PRICES: dict[Plan, dict[Term, Form]] = {
    Plan.FREE: {"month": _each(0)},
    Plan.STARTER: {
        "week": _each(240),
        "month": _each(900),
        "year": _each(8_900),
    },
    Plan.TEAM: {
        "month": _each(1_600),
        "quarter": _each(4_500),
        "year": _each(15_900),
    },
    Plan.BUSINESS: {
        "month": _each(3_200),
        "quarter": _each(9_200),
        "year": _each(31_900),
        "two years": _each(59_900),
    },
    Plan.STUDIO: {
        "month": _tiers("volume", (10, "1500", 2_500), (40, "1250", 4_000), (None, "990", 9_000)),
        "year": _tiers("volume", (10, "14900", 0), (40, "12400", 0), (None, "9990.5", 25_000)),
    },
    Plan.SCALE: {
        "month": _tiers("graduated", (5, "0", 9_900), (50, "1890", 0), (None, "1312.5", 20_000)),
        "quarter": _tiers("graduated", (5, "0", 28_000), (50, "5400", 0), (None, "3800", 0)),
        "year": _tiers("graduated", (20, "19900", 15_000), (100, "17450", 0), (None, "12900", 0)),
    },
    Plan.INSIGHTS: {
        "month": _each(600),
        "quarter": _each(1_700),
        "year": _each(5_900),
        "two years": _each(10_900),
    },
    Plan.GUESTS: {
        "month": _packs(1_200, 5, rounds_up=True),
        "quarter": _packs(3_500, 5, rounds_up=True),
        "year": _packs(11_900, 5, rounds_up=False),
        "two years": _packs(22_000, 5, rounds_up=False),
    },
    Plan.AUTOMATIONS: {
        "week": _each("33.3"),
        "month": _each("137.5"),
        "quarter": _each("399.99"),
        "year": _each("1433.333333333"),
        "two years": _each("2750.25"),
    },
    Plan.API_CALLS: {"month": {"unit_amount": Fraction("0.125"), "is_metered": True}},
}
"""Cents, by the form of the price."""

_WITH_TAX: dict[Plan, dict[Term, Form]] = {
    Plan.STARTER: {"month": _each(1_100), "year": _each(10_900)},
    Plan.TEAM: {"month": _each(1_990), "year": _each(19_900)},
}
"""Prices that contain the tax, for small customers in Europe."""

_LATER_PRICES: dict[Plan, dict[Term, Form]] = {
    Plan.TEAM: {"month": _each(1_800), "quarter": _each(5_100), "year": _each(17_900)}
}
"""What a plan costs new subscriptions after the repricing; existing ones keep their price."""

_TAXES = {
    "GB": ("VAT", 20),
    "DE": ("VAT", 19),
    "FR": ("VAT", 20),
    "NL": ("VAT", 21),
    "SE": ("VAT", 25),
}
_REPRICING_DAY = 290
_CATALOG_AGE_DAYS = 30

_FACTORS: dict[str, Fraction] = {
    "eur": Fraction(95, 100),
    "gbp": Fraction(82, 100),
    "jpy": Fraction(3, 2),
}
"""Minor units of a currency for one cent; the yen has no smaller unit."""

_OWN_PRICES: dict[str, frozenset[Plan]] = {
    "jpy": frozenset(Plan),
    "eur": frozenset({Plan.TEAM}),
}
"""What has a price of its own in a currency; all else is one price with several currencies."""


def repricing_time(first_day: date) -> int:
    """When the Team plan becomes dearer for new subscriptions."""
    return midnight(first_day) + _REPRICING_DAY * DAY + 9 * 3_600


def standard_catalog(seed: int, first_day: date) -> Catalog:
    """The catalog of a project-management service that opens on a day.

    Two hundred and ninety days later the Team plan becomes dearer for new subscriptions: its first
    prices are archived, and those who have them keep them.
    """
    ids = Identifiers(seed)
    opened = midnight(first_day) - _CATALOG_AGE_DAYS * DAY
    repriced = repricing_time(first_day)
    products = {
        plan: Product(ids.short("prod", number), plan, _DESCRIPTIONS[plan], opened + 60 * number)
        for number, plan in enumerate(Plan)
    }
    prices: list[Price] = []

    def sell(terms: dict[Plan, dict[Term, Form]], created: int, *, with_tax: bool = False) -> None:
        for plan, forms in terms.items():
            for term, form in forms.items():
                is_replaced = (
                    created < repriced and not with_tax and term in _LATER_PRICES.get(plan, ())
                )
                price = Price(
                    id="",
                    product_id=products[plan].id,
                    plan=plan,
                    term=term,
                    created=created,
                    archived_at=repriced + 600 if is_replaced else None,
                    is_tax_inclusive=with_tax,
                    **form,
                )
                for each in _in_all_currencies(price):
                    number = len(prices)
                    prices.append(_numbered(each, ids.long("price", number), created + number))

    sell(_FIRST_PRICES, opened + 600)
    sell(_WITH_TAX, opened + 600, with_tax=True)
    sell(_LATER_PRICES, repriced)
    return Catalog(
        tuple(products.values()),
        tuple(prices),
        coupons(ids, products, opened),
        tuple(_tax_rates(ids, opened)),
    )


def _in_all_currencies(price: Price) -> list[Price]:
    """A price with its options in other currencies, and beside it those that stand alone."""
    others = [_converted(price, currency) for currency in _FACTORS]
    own = [each for each in others if price.plan in _OWN_PRICES.get(each.currency, ())]
    return [replace(price, options=tuple(each for each in others if each not in own)), *own]


def _converted(price: Price, currency: str) -> Price:
    """A price in another currency, to a thousandth of its minor unit."""

    def amount(cents: Fraction) -> Fraction:
        return Fraction(round(cents * _FACTORS[currency] * 1_000), 1_000)

    return replace(
        price,
        currency=currency,
        unit_amount=None if price.unit_amount is None else amount(price.unit_amount),
        tiers=tuple(
            Tier(each.up_to, amount(each.unit_amount), amount(each.flat_amount))
            for each in price.tiers
        ),
    )


def _numbered(price: Price, price_id: str, created: int) -> Price:
    options = tuple(replace(each, id=price_id, created=created) for each in price.options)
    return replace(price, id=price_id, created=created, options=options)


def _tax_rates(ids: Identifiers, created: int) -> list[TaxRate]:
    """For each country with a tax one that prices contain, and one that comes on top."""
    return [
        TaxRate(
            id=ids.long("txr", 2 * number + is_inclusive),
            country=country,
            name=name,
            percentage=Fraction(percentage),
            is_inclusive=is_inclusive,
            created=created,
        )
        for number, (country, (name, percentage)) in enumerate(_TAXES.items())
        for is_inclusive in (False, True)
    ]
