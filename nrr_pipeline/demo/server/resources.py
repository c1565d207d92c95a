"""The lists that the API offers, and the filters each of them has.

Here belongs one table: which parameters a list takes, how each is read, and which objects it
selects. How a page is cut out of what is selected stands in ``listing``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.server.account_index import KeysOf
from nrr_pipeline.demo.server.parameters import (
    Reader,
    boolean,
    fields,
    one_of,
    page_size,
    text,
    texts,
    window,
)

ENDED_STATUSES = frozenset({"canceled", "incomplete_expired"})


@dataclass(frozen=True)
class Filter:
    """One parameter that selects objects of a list.

    Attributes:
        reader: Reads the value that was sent.
        matches: Tells whether an object has the value; not needed where there are keys.
        keys_of: The values that an object answers to, where an index over them is worth it.
        kind: The kind of object that the value names, if it is an id.
        default: The value when nothing is sent; ``None`` selects everything.
    """

    reader: Reader
    matches: Callable[[StripeObject, Any], bool] | None = None
    keys_of: KeysOf | None = None
    kind: str | None = None
    default: object = None

    def selects(self, candidate: StripeObject, value: object) -> bool:
        """Tell whether an object has the value."""
        if self.keys_of is not None:
            return value in self.keys_of(candidate)
        return self.matches is None or self.matches(candidate, value)


@dataclass(frozen=True)
class Resource:
    """One kind of objects as the API offers it.

    Attributes:
        kind: The kind, which is also its path.
        permission: What a restricted key must be allowed to read.
        filters: The filters of its list, by parameter; ``created`` is one that all lists have.
        hides_test_clocks: Whether the list leaves out objects that live on a test clock unless
            the clock or a customer is named.
    """

    kind: str
    permission: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    hides_test_clocks: bool = False

    @property
    def list_readers(self) -> dict[str, Reader]:
        """The readers of all parameters that the list takes."""
        own = {name: each.reader for name, each in self.filters.items()}
        return {**PAGE_READERS, "created": window, **own}


PAGE_READERS: dict[str, Reader] = {
    "limit": page_size,
    "starting_after": text,
    "ending_before": text,
    "expand": texts,
}
"""The parameters that every list takes."""


def _equal(name: str, reader: Reader = text, *, default: object = None) -> Filter:
    """Select objects by the value of a field."""
    return Filter(reader, lambda each, value: each.get(name) == value, default=default)


def _during(name: str) -> Filter:
    """Select objects by a time in a window."""
    return Filter(window, lambda each, value: each.get(name) in value)


def _owner(name: str, kind: str) -> Filter:
    """Select objects by the id in a field."""
    return Filter(text, keys_of=lambda each: (each.get(name),), kind=kind)


def _listed_in(name: str) -> Filter:
    """Select objects whose field has one of several values."""
    return Filter(texts, lambda each, value: each.get(name) in value)


def _item_during(name: str) -> Filter:
    """Select subscriptions of which an item has a time in a window."""
    return Filter(
        window, lambda each, value: any(item.get(name) in value for item in each["items"]["data"])
    )


def _prices_of(subscription: StripeObject) -> Iterable[Hashable]:
    return [item["price"]["id"] for item in subscription["items"]["data"]]


def _subscription_of(invoice: StripeObject) -> Iterable[Hashable]:
    details = (invoice.get("parent") or {}).get("subscription_details") or {}
    return (details.get("subscription"),)


def _has_status(subscription: StripeObject, wanted: str) -> bool:
    status = subscription["status"]
    match wanted:
        case "all":
            return True
        case "ended":
            return status in ENDED_STATUSES
        case "not canceled":
            return status != "canceled"
        case _:
            return status == wanted


def _has_fields(name: str) -> Callable[[StripeObject, dict[str, Any]], bool]:
    """Compare the fields of a hash with the ones that were sent."""

    def matches(candidate: StripeObject, wanted: dict[str, Any]) -> bool:
        own = candidate.get(name) or {}
        return all(own.get(key) == value for key, value in wanted.items())

    return matches


def _has_type(event: StripeObject, wanted: str) -> bool:
    """Compare an event's type with one that may end in a star."""
    if wanted.endswith("*"):
        return event["type"].startswith(wanted[:-1])
    return event["type"] == wanted


_CUSTOMER = {
    "customer": _owner("customer", "customers"),
    "customer_account": _equal("customer_account"),
}
_COLLECTION = _equal("collection_method", one_of("charge_automatically", "send_invoice"))

RESOURCES: dict[str, Resource] = {
    resource.kind: resource
    for resource in (
        Resource(
            "customers",
            "customer",
            {"email": _equal("email"), "test_clock": _equal("test_clock")},
            hides_test_clocks=True,
        ),
        Resource(
            "products",
            "product",
            {
                "active": _equal("active", boolean),
                "ids": _listed_in("id"),
                "shippable": _equal("shippable", boolean),
                "url": _equal("url"),
            },
        ),
        Resource(
            "prices",
            "plan",
            {
                "active": _equal("active", boolean, default=True),
                "currency": _equal("currency"),
                "lookup_keys": _listed_in("lookup_key"),
                "product": _owner("product", "products"),
                "recurring": Filter(
                    fields(
                        interval=one_of("day", "month", "week", "year"),
                        meter=text,
                        usage_type=one_of("licensed", "metered"),
                    ),
                    _has_fields("recurring"),
                ),
                "type": _equal("type", one_of("one_time", "recurring")),
            },
        ),
        Resource("coupons", "coupon"),
        Resource(
            "subscriptions",
            "subscription",
            {
                **_CUSTOMER,
                "automatic_tax": Filter(fields(enabled=boolean), _has_fields("automatic_tax")),
                "collection_method": _COLLECTION,
                "current_period_end": _item_during("current_period_end"),
                "current_period_start": _item_during("current_period_start"),
                "price": Filter(text, keys_of=_prices_of, kind="prices"),
                "status": Filter(
                    one_of(
                        "active",
                        "all",
                        "canceled",
                        "ended",
                        "incomplete",
                        "incomplete_expired",
                        "past_due",
                        "paused",
                        "trialing",
                        "unpaid",
                    ),
                    _has_status,
                    default="not canceled",
                ),
                "test_clock": _equal("test_clock"),
            },
            hides_test_clocks=True,
        ),
        Resource(
            "invoices",
            "invoice",
            {
                **_CUSTOMER,
                "collection_method": _COLLECTION,
                "due_date": _during("due_date"),
                "status": _equal(
                    "status", one_of("draft", "open", "paid", "uncollectible", "void")
                ),
                "subscription": Filter(text, keys_of=_subscription_of, kind="subscriptions"),
            },
            hides_test_clocks=True,
        ),
        Resource(
            "subscription_schedules",
            "subscription",
            {
                **_CUSTOMER,
                "canceled_at": _during("canceled_at"),
                "completed_at": _during("completed_at"),
                "released_at": _during("released_at"),
                "scheduled": Filter(
                    boolean, lambda each, value: (each["status"] == "not_started") == value
                ),
            },
            hides_test_clocks=True,
        ),
        Resource(
            "events",
            "event",
            {
                "delivery_success": Filter(
                    boolean, lambda each, value: (each["pending_webhooks"] == 0) == value
                ),
                "type": Filter(text, _has_type),
                "types": _listed_in("type"),
            },
        ),
    )
}
"""The lists over the whole account, by path."""

PERMISSIONS = {
    **{kind: resource.permission for kind, resource in RESOURCES.items()},
    "subscription_items": "subscription",
}
"""What a restricted key must be allowed to read, by kind of object."""
