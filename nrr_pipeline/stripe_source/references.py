"""Which other objects an object names.

Here belongs finding ids inside payloads: the subscription that an object is evidence for, and
prices, products, customers and coupons that no list may show (inline prices, deleted customers).
What is done about them is decided in ``pull``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nrr_pipeline.stripe_source.payloads import entries, reference_id

Reference = tuple[str, str]
"""A kind, and the id of an object of that kind."""

_SUBSCRIPTION_OF_PARENT = (
    "subscription_details",
    "subscription_item_details",
    "invoice_item_details",
)
"""Where an invoice's or a line's ``parent`` names a subscription."""


def at(value: object, *path: str) -> Any:  # noqa: ANN401 - whatever JSON holds there
    """What lies at a path of nested objects; ``None`` where there is no such place.

    >>> at({"parent": {"type": "x"}}, "parent", "type"), at({"parent": None}, "parent", "type")
    ('x', None)
    """
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def subscription_of(payload: Mapping[str, Any]) -> str | None:
    """The subscription that an object is evidence for, by the object's own type."""
    match payload.get("object"):
        case "subscription":
            return reference_id(payload)
        case "invoice":
            return _subscription_of_invoice(payload)
        case "subscription_schedule":
            current = reference_id(payload.get("subscription"))
            return current or reference_id(payload.get("released_subscription"))
        case "discount":
            return reference_id(payload.get("subscription"))
        case "event":
            concerned = at(payload, "data", "object")
            return subscription_of(concerned) if isinstance(concerned, Mapping) else None
        case _:
            return None


def references_of(kind: str, payload: Mapping[str, Any]) -> Iterator[Reference]:
    """The objects of other kinds that an object names."""
    named = _NAMED_BY.get(kind)
    for other, value in named(payload) if named is not None else ():
        object_id = reference_id(value)
        if object_id:
            yield other, object_id


def _named_by_price(price: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "products", price.get("product")


def _named_by_customer(customer: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "coupons", at(customer, "discount", "source", "coupon")


def _named_by_subscription(subscription: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "customers", subscription.get("customer")
    yield from _coupons(subscription)
    for item in entries(subscription, "items"):
        yield "prices", item.get("price")
        yield "products", at(item, "price", "product")
        yield from _coupons(item)


def _named_by_invoice(invoice: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "customers", invoice.get("customer")
    yield from _coupons(invoice)
    for line in entries(invoice, "lines"):
        yield from _coupons(line)
        yield "prices", at(line, "pricing", "price_details", "price")
        yield "products", at(line, "pricing", "price_details", "product")


def _named_by_schedule(schedule: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "customers", schedule.get("customer")
    for phase in entries(schedule, "phases"):
        yield from (("prices", item.get("price")) for item in entries(phase, "items"))


_NAMED_BY = {
    "prices": _named_by_price,
    "customers": _named_by_customer,
    "subscriptions": _named_by_subscription,
    "invoices": _named_by_invoice,
    "subscription_schedules": _named_by_schedule,
}


def _coupons(discounted: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for discount in entries(discounted, "discounts"):
        yield "coupons", at(discount, "source", "coupon")


def _subscription_of_invoice(invoice: Mapping[str, Any]) -> str | None:
    """By the invoice's own parent; of a manual invoice, by the first line that has one."""
    parents = [invoice.get("parent"), *(line.get("parent") for line in entries(invoice, "lines"))]
    for parent in parents:
        for details in _SUBSCRIPTION_OF_PARENT:
            found = reference_id(at(parent, details, "subscription"))
            if found:
                return found
    return reference_id(invoice.get("subscription"))
