"""What readers call an object of Stripe's: its name, from the payload as it was stored.

What an object is worth, or says about the past, does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.currencies import minor_to_micros


def readable_name(kind: str, payload: Mapping[str, Any]) -> str | None:
    """Return the name that people gave to an object; ``None`` where it has none.

    >>> readable_name("products", {"id": "prod_1", "name": "Team"})
    'Team'
    >>> readable_name("prices", {"id": "price_1", "nickname": None})
    """
    name = payload.get("nickname" if kind == "prices" else "name")
    return name.strip() or None if isinstance(name, str) else None


def product_of_price(payload: Mapping[str, Any]) -> str | None:
    """Return the id of the product that a price is for.

    >>> product_of_price({"product": "prod_1"}), product_of_price({"product": {"id": "prod_2"}})
    ('prod_1', 'prod_2')
    """
    product = payload.get("product")
    if isinstance(product, Mapping):
        product = product.get("id")
    return product if isinstance(product, str) else None


def billing_of_price(payload: Mapping[str, Any]) -> str | None:
    """Return how often a price bills.

    >>> billing_of_price({"recurring": {"interval": "month", "interval_count": 3}})
    'every 3 months'
    """
    recurring = payload.get("recurring")
    if not isinstance(recurring, Mapping):
        return None
    interval, count = recurring.get("interval"), recurring.get("interval_count")
    return f"every {interval}" if count in {None, 1} else f"every {count} {interval}s"


def unit_micros_of_price(payload: Mapping[str, Any]) -> tuple[int, str] | None:
    """Return what one unit costs, in micros, and the currency.

    ``None`` for tiers and the like, and for an amount that cannot be read.

    >>> unit_micros_of_price({"unit_amount_decimal": "1600", "currency": "usd"})
    (16000000, 'usd')
    """
    amount, currency = payload.get("unit_amount_decimal"), payload.get("currency")
    if not isinstance(amount, str) or not isinstance(currency, str):
        return None
    try:
        return round(minor_to_micros(Fraction(amount), currency)), currency
    except (ValueError, ZeroDivisionError):
        return None
