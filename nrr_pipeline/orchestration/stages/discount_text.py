"""Discounts as text: how a row of history keeps all that it takes to price it again."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration


def discounts_text(discounts: Sequence[Discount]) -> str | None:
    """Discounts in order as JSON; ``None`` for none.

    >>> half = Discount(
    ...     "di_1", "half", DiscountLevel.ITEM, 0, Duration.FOREVER, percent_off=Fraction(50)
    ... )
    >>> discounts_of(discounts_text([half])) == (half,)
    True
    """
    if not discounts:
        return None
    return json.dumps([discount_document(each) for each in discounts], sort_keys=True)


def discounts_of(text: str | None) -> tuple[Discount, ...]:
    """The discounts that a text stands for."""
    return () if text is None else tuple(map(_discount, json.loads(text)))


def discount_document(discount: Discount) -> dict[str, Any]:
    """A discount for JSON; exact numbers are fractions in quotes."""
    products, percent = discount.product_ids, discount.percent_off
    document = {
        "discount_id": discount.discount_id,
        "coupon_id": discount.coupon_id,
        "level": discount.level.value,
        "position": discount.position,
        "duration": discount.duration.value,
        "percent_off": None if percent is None else str(percent),
        "amounts_off": {currency: str(amount) for currency, amount in discount.amounts_off},
        "product_ids": None if products is None else sorted(products),
    }
    if discount.proven_price_ids is not None:
        document["proven_price_ids"] = sorted(discount.proven_price_ids)
    return document


def _discount(document: Mapping[str, Any]) -> Discount:
    percent, products = document["percent_off"], document["product_ids"]
    proven = document.get("proven_price_ids")
    return Discount(
        discount_id=document["discount_id"],
        coupon_id=document["coupon_id"],
        level=DiscountLevel(document["level"]),
        position=document["position"],
        duration=Duration(document["duration"]),
        percent_off=None if percent is None else Fraction(percent),
        amounts_off=tuple(
            (currency, Fraction(amount))
            for currency, amount in sorted(document["amounts_off"].items())
        ),
        product_ids=None if products is None else frozenset(products),
        proven_price_ids=None if proven is None else frozenset(proven),
    )
