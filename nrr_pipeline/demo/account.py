"""The simulated Stripe account, as the API server serves it.

Here belongs the shape in which a rendered account is handed to a server: plain JSON objects by
kind. How the objects come about (``rendering``) and how they are served (``server``) do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

StripeObject = dict[str, Any]
"""One API object as plain JSON, in full form; see ``StripeAccount.objects``."""

OBJECT_KINDS = (
    "customers",
    "products",
    "prices",
    "coupons",
    "subscriptions",
    "subscription_items",
    "invoices",
    "subscription_schedules",
    "events",
)


@dataclass(frozen=True)
class StripeAccount:
    """Everything one Stripe account shows at one moment.

    Objects may share parts (a subscription and its items, a price and the items that carry it), so
    nothing in an account is ever changed in place.

    Attributes:
        account_id: The account's own id, ``acct_…``.
        now: The account's clock, in Unix seconds.
        livemode: Whether the objects belong to live mode.
        objects: For every one of ``OBJECT_KINDS`` its objects, newest ``created`` first (ties by
            id). Expandable references are ids; discounts, which no list has, are objects; nested
            lists (a subscription's items, an invoice's lines) are complete; fields that Stripe
            shows only when they are expanded are present, and hiding them is the server's part.
        deleted: For each kind the objects that can be retrieved as ``{"deleted": true}`` but are
            no longer listed, by id.
        unlisted: For each kind the objects that can be retrieved although no list ever shows
            them, by id, such as prices that were made for one subscription.
    """

    account_id: str
    now: int
    livemode: bool
    objects: dict[str, list[StripeObject]]
    deleted: dict[str, dict[str, StripeObject]]
    unlisted: dict[str, dict[str, StripeObject]] = field(default_factory=dict)
