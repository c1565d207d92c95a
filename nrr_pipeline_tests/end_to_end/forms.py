"""Prices and invoice lines as Stripe shows them, made by hand; and the times of the account.

What is not said about an object is filled in from the schema.
"""

from datetime import UTC, datetime
from typing import Any

from nrr_pipeline_tests.demo.schema import completed

Object = dict[str, Any]

DAY = 86_400


def at(text: str) -> int:
    """The second of ``2026-08-10``, at noon, or of ``2026-08-10 23:59:59``, in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) + (DAY // 2 if len(text) == len("2026-08-10") else 0)


NOW, START = at("2026-11-05 06:00:00"), at("2026-08-10")
MONTHS = [at(day) for day in ("2026-08-10", "2026-09-10", "2026-10-10", "2026-11-10")]


def price(price_id: str, amount: int, **fields: Any) -> Object:  # noqa: ANN401
    """A monthly price in US dollars; the amount is in cents."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    recurring |= {"meter": None, "trial_period_days": None}
    return completed(
        "prices",
        {
            "id": price_id,
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": START,
            "currency": "usd",
            "product": "prod_a",
            "recurring": recurring | fields.pop("recurring", {}),
            "type": "recurring",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
            **fields,
        },
    )


def line(
    of: Object,
    since: int,
    until: int,
    quantity: int | None = None,
    **fields: Any,  # noqa: ANN401
) -> Object:
    """An ordinary line of an item for a period; the amount follows from price and quantity."""
    quantity = of["quantity"] if quantity is None else quantity
    amount = fields.pop("amount", of["price"]["unit_amount"] * quantity)
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": of["subscription"],
        "subscription_item": of["id"],
    }
    details |= fields.pop("details", {})
    parent = {
        "type": "subscription_item_details",
        "subscription_item_details": details,
        "invoice_item_details": None,
    }
    pricing = {"price": of["price"]["id"], "product": of["price"]["product"]}
    return completed(
        "lines",
        {
            "object": "line_item",
            "amount": amount,
            "currency": of["price"]["currency"],
            "discountable": True,
            "parent": parent,
            "period": {"start": since, "end": until},
            "pricing": {
                "type": "price_details",
                "price_details": pricing,
                "unit_amount_decimal": of["price"]["unit_amount_decimal"],
            },
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "subscription": of["subscription"],
            "subtotal": amount,
            **fields,
        },
    )


def proration(
    of: Object, since: int, until: int, quantity: int, amount: int, *, classic: bool = False
) -> Object:
    """A line for a part of a period: a credit where the amount is negative, else a debit.

    Flexible billing names the item; classic billing knows a proration as an invoice item only.
    """
    details = {"invoice_item": f"ii_{of['id']}_{since}_{amount}", "proration": True}
    shown = line(of, since, until, quantity, amount=amount, discountable=False, details=details)
    if classic:
        shown["parent"] = {
            "type": "invoice_item_details",
            "subscription_item_details": None,
            "invoice_item_details": details
            | {"proration_details": {"credited_items": None}, "subscription": of["subscription"]},
        }
    return shown


TEN, TWENTY = price("price_10", 1_000), price("price_20", 2_000)
