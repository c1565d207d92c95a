"""Which lists and objects of Stripe's are read, and with which parameters.

Here belongs what depends on a kind of object: its path, filters and expansions, the same for a
list and for a single object, so that both give the same content. How lists are walked is in
``windows``, what is kept of an object in ``intake``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

PAGE_SIZE = 100
"""The most that Stripe gives at once."""

STRIPE_BEGAN = 1_293_840_000
"""1 January 2011: older objects are rare, and found all the same; only estimates assume it."""

EVENT_DAYS = 30
"""How far back Stripe keeps events."""

EXPANSIONS: Mapping[str, tuple[str, ...]] = {
    "prices": ("tiers", "currency_options"),
    "coupons": ("applies_to", "currency_options"),
    "customers": ("discount.source.coupon",),
    "subscriptions": ("discounts.source.coupon", "items.data.discounts"),
    "invoices": (
        "discounts.source.coupon",
        "lines.data.discounts",
        "total_discount_amounts.discount",
    ),
}
"""What is expanded in an object, by kind; in a list each has ``data.`` before it.

Stripe goes no deeper than four levels, ``data`` included.
"""

COUPON_EXPANSIONS: Mapping[str, tuple[str, ...]] = {
    "customers": (
        "discount.source.coupon.applies_to",
        "discount.source.coupon.currency_options",
    ),
    "subscriptions": (
        "discounts.source.coupon.applies_to",
        "discounts.source.coupon.currency_options",
    ),
    "invoices": (
        "discounts.source.coupon.applies_to",
        "discounts.source.coupon.currency_options",
    ),
    "subscription_items": (
        "discounts.source.coupon.applies_to",
        "discounts.source.coupon.currency_options",
    ),
}
"""How an object that is read alone shows the whole of a coupon that no list has any more."""

ITEM_EXPANSIONS = ("data.discounts.source.coupon",)
"""For items and lines read on their own: one level deeper than within what they belong to."""

KIND_OF_TYPE: Mapping[str, str] = {
    "customer": "customers",
    "product": "products",
    "price": "prices",
    "coupon": "coupons",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "subscription_schedule": "subscription_schedules",
    "event": "events",
}
"""Our kinds by the word in an object's ``object``."""

TYPE_OF_KIND: Mapping[str, str] = {kind: word for word, kind in KIND_OF_TYPE.items()}

EVENT_TYPES = frozenset({*KIND_OF_TYPE, "discount"} - {"event"})
"""Events about these objects are kept; others (charges, payouts, …) concern no figure."""


@dataclass(frozen=True)
class Listing:
    """One list to be read to its end.

    Attributes:
        path: Its address.
        kind: The kind of its objects.
        params: Its filters; ``limit`` and ``expand`` included.
        has_created_filter: Whether it can be asked for a stretch of ``created``.
        is_large: Worth walking in several windows of ``created`` at once.
        earliest: Before this, in Unix seconds, there is hardly an object.
        since: Nothing older is wanted.
    """

    path: str
    kind: str
    params: Mapping[str, Any]
    has_created_filter: bool = True
    is_large: bool = False
    earliest: int = STRIPE_BEGAN
    since: int | None = None


def reference_listings() -> list[Listing]:
    """The lists that say what things cost; few objects, read first."""
    return [
        _listing("products", {"active": True}),
        _listing("products", {"active": False}),
        _listing("prices", {"active": True}),
        _listing("prices", {"active": False}),
        _listing("coupons", {}),
    ]


def account_listings(observed_at: int, events_since: int | None) -> list[Listing]:
    """The lists of who pays what; they grow with the account."""
    oldest_event = observed_at - EVENT_DAYS * 86_400
    return [
        _listing("invoices", {}, is_large=True),
        _listing("subscriptions", {"status": "all"}, is_large=True),
        _listing("customers", {}, is_large=True),
        _listing("subscription_schedules", {}),
        events_listing(oldest_event, events_since),
    ]


def events_listing(earliest: int, since: int | None) -> Listing:
    """The events of the last days, or only those since a moment."""
    return _listing("events", {}, is_large=True, earliest=earliest, since=since)


def items_listing(subscription_id: str) -> Listing:
    """All items of one subscription, with their discounts' coupons."""
    params = {"subscription": subscription_id, "limit": PAGE_SIZE, "expand": [*ITEM_EXPANSIONS]}
    path = "/v1/subscription_items"
    return Listing(path, "subscription_items", params, has_created_filter=False)


def lines_listing(invoice_id: str) -> Listing:
    """All lines of one invoice, with their discounts' coupons."""
    path = f"/v1/invoices/{quote(invoice_id, safe='')}/lines"
    params = {"limit": PAGE_SIZE, "expand": [*ITEM_EXPANSIONS]}
    return Listing(path, "lines", params, has_created_filter=False)


def sample_params(kind: str) -> dict[str, Any]:
    """The parameters of a kind's list, for a look at it without reading it all."""
    params: dict[str, Any] = {"expand": [f"data.{path}" for path in EXPANSIONS.get(kind, ())]}
    if kind == "subscriptions":
        params["status"] = "all"
    return params


def with_whole_coupons(kind: str, object_id: str) -> tuple[str, dict[str, Any]]:
    """Path and parameters of one object that shows all there is to know of its coupons."""
    return single(kind, object_id)[0], {"expand": list(COUPON_EXPANSIONS[kind])}


def single(kind: str, object_id: str) -> tuple[str, dict[str, Any]]:
    """Path and parameters of one object."""
    path = f"/v1/{kind}/{quote(object_id, safe='')}"
    return path, {"expand": list(EXPANSIONS.get(kind, ()))}


def with_tiers_of(currencies: Iterable[str], price_id: str) -> tuple[str, dict[str, Any]]:
    """Path and parameters of one price with its tiers in other currencies.

    Stripe shows these for currencies that are named one by one; ``currency_options.tiers`` without
    a name is accepted and leaves them out.
    """
    path, params = single("prices", price_id)
    named = [f"currency_options.{currency}.tiers" for currency in currencies]
    return path, {"expand": [*params["expand"], *named]}


def _listing(
    kind: str,
    params: Mapping[str, Any],
    *,
    is_large: bool = False,
    earliest: int = STRIPE_BEGAN,
    since: int | None = None,
) -> Listing:
    return Listing(
        f"/v1/{kind}",
        kind,
        {**sample_params(kind), **params, "limit": PAGE_SIZE},
        is_large=is_large,
        earliest=earliest,
        since=since,
    )
