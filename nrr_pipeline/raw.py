"""The one shape in which an object of Stripe's travels between the rooms.

It belongs to no room: ``stripe_source`` makes it, ``warehouse`` keeps it. What an object *means* is
not said here; that is ``stripe_source.evidence``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = (
    "customers",
    "products",
    "prices",
    "coupons",
    "subscriptions",
    "invoices",
    "subscription_schedules",
    "events",
)
"""The kinds of objects that are pulled, in order; each lands in the table ``stripe_<kind>``."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """One object as Stripe sent it, without the fields that privacy drops.

    ``payload`` is the object's JSON with its nested lists (items, lines) completed. A deleted or
    vanished object has ``is_deleted`` and the payload ``{"id", "object", "deleted": true}``.
    ``subscription_id`` names the subscription that the object is evidence for, where there is one.
    ``observed_at`` is when Stripe showed it so, in unix seconds on Stripe's clock; ``None`` stands
    for the time of the pull.
    """

    kind: str
    object_id: str
    payload: Mapping[str, Any]
    is_deleted: bool = False
    subscription_id: str | None = None
    observed_at: int | None = None
