"""Products and prices as API objects.

Here belongs how the catalog looks in the API. What is in it belongs to ``price_list``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.catalog import Catalog, Plan, Price, Product, TaxRate

_METER = "mtr_test_api_calls"


@dataclass(frozen=True, slots=True)
class CatalogObjects:
    """The API objects of everything that was ever sold, each by the id of its price.

    What an invoice line refers to is in the currency of the line.
    """

    prices: dict[str, StripeObject]
    plans: dict[str, StripeObject]
    pricings: dict[tuple[str, str], StripeObject]


def catalog_objects(catalog: Catalog, now: int) -> CatalogObjects:
    """The objects that subscription items and invoice lines embed."""
    prices = {price.id: price_object(price, now) for price in catalog.prices}
    return CatalogObjects(
        prices=prices,
        plans={price.id: _plan_object(price, prices[price.id]) for price in catalog.prices},
        pricings={
            (each.id, each.currency): _pricing(each)
            for price in catalog.prices
            for each in (price, *price.options)
        },
    )


def product_object(product: Product, catalog: Catalog, now: int) -> StripeObject:
    """A product; its default price is the monthly one on sale."""
    return {
        "id": product.id,
        "object": "product",
        "active": True,
        "created": product.created,
        "default_price": catalog.offer(product.plan, "month", now).id,
        "description": product.description,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": product.plan.value,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": "call" if product.plan is Plan.API_CALLS else "seat",
        "updated": max(p.created for p in catalog.prices if _is_of(p, product, now)),
        "url": None,
    }


def price_object(price: Price, now: int) -> StripeObject:
    """A recurring price of any form; one made for a single subscription was never on sale."""
    is_on_sale = price.archived_at is None or price.archived_at > now
    interval, count = price.cadence
    amounts = _amounts(price)
    return {
        "id": price.id,
        "object": "price",
        "active": is_on_sale and not price.is_inline,
        "billing_scheme": "tiered" if price.tiers else "per_unit",
        "created": price.created,
        "currency": price.currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": f"{price.plan.value}, by the {price.term}",
        "product": price.product_id,
        "recurring": {
            "interval": interval,
            "interval_count": count,
            "meter": _METER if price.is_metered else None,
            "trial_period_days": None,
            "usage_type": _usage_type(price),
        },
        "tax_behavior": _tax_behavior(price),
        "tiers_mode": price.tiers_mode,
        "transform_quantity": _transform(price),
        "type": "recurring",
        **amounts,
        "currency_options": {
            each.currency: {
                "custom_unit_amount": None,
                "tax_behavior": _tax_behavior(each),
                **_amounts(each),
            }
            for each in (price, *price.options)
        },
    }


def tax_rate_object(rate: TaxRate) -> StripeObject:
    """A tax rate, as subscriptions and their items carry it."""
    return {
        "id": rate.id,
        "object": "tax_rate",
        "active": True,
        "country": rate.country,
        "created": rate.created,
        "description": None,
        "display_name": rate.name,
        "effective_percentage": None,
        "flat_amount": None,
        "inclusive": rate.is_inclusive,
        "jurisdiction": rate.country,
        "jurisdiction_level": "country",
        "livemode": False,
        "metadata": {},
        "percentage": _number(rate.percentage),
        "rate_type": "percentage",
        "state": None,
        "tax_type": "vat",
    }


def decimal_text(amount: Fraction) -> str:
    """An amount as the API's fields ``…_decimal`` write it.

    >>> decimal_text(Fraction("137.50")), decimal_text(Fraction(900))
    ('137.5', '900')
    """
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole_or_none(amount: Fraction) -> int | None:
    """An amount as the API's plain fields write it: only when it is a whole number."""
    return int(amount) if amount.denominator == 1 else None


def _number(amount: Fraction) -> int | float:
    return int(amount) if amount.denominator == 1 else float(amount)


def _amounts(price: Price) -> StripeObject:
    unit_amount = price.unit_amount
    if unit_amount is not None:
        return {
            "unit_amount": whole_or_none(unit_amount),
            "unit_amount_decimal": decimal_text(unit_amount),
        }
    tiers = [
        {
            "flat_amount": whole_or_none(tier.flat_amount) if tier.flat_amount else None,
            "flat_amount_decimal": decimal_text(tier.flat_amount) if tier.flat_amount else None,
            "unit_amount": whole_or_none(tier.unit_amount),
            "unit_amount_decimal": decimal_text(tier.unit_amount),
            "up_to": tier.up_to,
        }
        for tier in price.tiers
    ]
    return {"unit_amount": None, "unit_amount_decimal": None, "tiers": tiers}


def _transform(price: Price) -> StripeObject | None:
    if price.packs is None:
        return None
    return {"divide_by": price.packs.size, "round": "up" if price.packs.rounds_up else "down"}


def _tax_behavior(price: Price) -> str:
    return "inclusive" if price.is_tax_inclusive else "unspecified"


def _usage_type(price: Price) -> str:
    return "metered" if price.is_metered else "licensed"


def _is_of(price: Price, product: Product, now: int) -> bool:
    return price.product_id == product.id and price.created <= now


def _plan_object(price: Price, shown: StripeObject) -> StripeObject:
    """The older shape of a price, which subscription items still carry."""
    interval, count = price.cadence
    return {
        "id": price.id,
        "object": "plan",
        "active": shown["active"],
        "amount": shown["unit_amount"],
        "amount_decimal": shown["unit_amount_decimal"],
        "billing_scheme": shown["billing_scheme"],
        "created": price.created,
        "currency": price.currency,
        "interval": interval,
        "interval_count": count,
        "livemode": False,
        "metadata": {},
        "meter": shown["recurring"]["meter"],
        "nickname": shown["nickname"],
        "product": price.product_id,
        "tiers_mode": price.tiers_mode,
        "transform_usage": shown["transform_quantity"],
        "trial_period_days": None,
        "usage_type": _usage_type(price),
    }


def _pricing(price: Price) -> StripeObject:
    """How an invoice line refers to a price."""
    unit_amount = price.unit_amount
    return {
        "price_details": {"price": price.id, "product": price.product_id},
        "type": "price_details",
        "unit_amount_decimal": None if unit_amount is None else decimal_text(unit_amount),
    }
