"""Products and prices as API objects.

Here belongs how the catalog looks in the API. What is in it belongs to ``catalog``.
"""

from __future__ import annotations

from dataclasses import dataclass

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.catalog import Catalog, Price, Product


@dataclass(frozen=True, slots=True)
class CatalogObjects:
    """The API objects of everything that was ever sold, each by the id of its price."""

    prices: dict[str, StripeObject]
    plans: dict[str, StripeObject]
    pricings: dict[str, StripeObject]


def catalog_objects(catalog: Catalog, now: int) -> CatalogObjects:
    """The objects that subscription items and invoice lines embed."""
    prices = {price.id: price_object(price, now) for price in catalog.prices}
    return CatalogObjects(
        prices=prices,
        plans={price.id: _plan_object(price, prices[price.id]) for price in catalog.prices},
        pricings={price.id: _pricing(price) for price in catalog.prices},
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
        "unit_label": "seat",
        "updated": max(p.created for p in catalog.prices if _is_of(p, product, now)),
        "url": None,
    }


def price_object(price: Price, now: int) -> StripeObject:
    """A licensed price per unit."""
    return {
        "id": price.id,
        "object": "price",
        "active": price.archived_at is None or price.archived_at > now,
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": price.currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": f"{price.plan.value}, by the {price.interval}",
        "product": price.product_id,
        "recurring": {
            "interval": price.interval,
            "interval_count": price.interval_count,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": price.unit_amount,
        "unit_amount_decimal": str(price.unit_amount),
        "currency_options": {
            price.currency: {
                "custom_unit_amount": None,
                "tax_behavior": "unspecified",
                "unit_amount": price.unit_amount,
                "unit_amount_decimal": str(price.unit_amount),
            }
        },
    }


def _is_of(price: Price, product: Product, now: int) -> bool:
    return price.product_id == product.id and price.created <= now


def _plan_object(price: Price, shown: StripeObject) -> StripeObject:
    """The older shape of a price, which subscription items still carry."""
    return {
        "id": price.id,
        "object": "plan",
        "active": shown["active"],
        "amount": price.unit_amount,
        "amount_decimal": str(price.unit_amount),
        "billing_scheme": "per_unit",
        "created": price.created,
        "currency": price.currency,
        "interval": price.interval,
        "interval_count": price.interval_count,
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": shown["nickname"],
        "product": price.product_id,
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _pricing(price: Price) -> StripeObject:
    """How an invoice line refers to a price."""
    return {
        "price_details": {"price": price.id, "product": price.product_id},
        "type": "price_details",
        "unit_amount_decimal": str(price.unit_amount),
    }
