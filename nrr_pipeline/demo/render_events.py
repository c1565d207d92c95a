"""Events as API objects: what changed in the last thirty days, and what it was before.

Here belongs the making of event objects and of their ``previous_attributes``. Which changes are
worth an event belongs to ``billing`` (subscriptions) and to ``rendering`` (the others).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import Invoice
from nrr_pipeline.demo.cycles import DAY

API_VERSION = "2026-10-28.endive"
EVENT_WINDOW = 30 * DAY
"""How long Stripe keeps events."""

_EVENTS_PER_INVOICE = 16
_INVOICE_EVENTS_BASE = 1 << 19
"""Event numbers of a subscription from here on belong to its invoices."""


def event_object(
    event_id: str,
    event_type: str,
    created: int,
    shown: StripeObject,
    *,
    before: StripeObject | None = None,
    request_id: str | None = None,
) -> StripeObject:
    """An event; ``before`` is the object before an update."""
    data: StripeObject = {"object": shown}
    if before is not None:
        data["previous_attributes"] = previous_attributes(before, shown)
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": None},
        "type": event_type,
    }


def previous_attributes(before: StripeObject, after: StripeObject) -> StripeObject:
    """The attributes that changed, with their old values.

    Objects are compared attribute by attribute; of a changed array the whole old array is shown.

    >>> previous_attributes(
    ...     {"status": "active", "items": {"data": [1], "url": "/"}},
    ...     {"status": "active", "items": {"data": [2], "url": "/"}},
    ... )
    {'items': {'data': [1]}}
    """
    changed: StripeObject = {}
    for name in before.keys() | after.keys():
        old: Any = before.get(name)
        new: Any = after.get(name)
        if old is new or old == new:
            continue
        both_are_objects = isinstance(old, dict) and isinstance(new, dict)
        changed[name] = previous_attributes(old, new) if both_are_objects else old
    return dict(sorted(changed.items()))


def invoice_moments(invoice: Invoice, index: int, now: int) -> Iterator[tuple[int, int, str]]:
    """When an invoice changed until now: the event's number, its time and its type."""
    first = _INVOICE_EVENTS_BASE + index * _EVENTS_PER_INVOICE
    moments: list[tuple[int | None, str]] = [
        (invoice.created, "invoice.created"),
        (invoice.finalized_at, "invoice.finalized"),
        (invoice.paid_at, "invoice.paid"),
        (invoice.uncollectible_at, "invoice.marked_uncollectible"),
        (invoice.voided_at, "invoice.voided"),
    ]
    moments += [(at, "invoice.payment_failed") for at, _ in invoice.failures]
    for offset, (at, event_type) in enumerate(moments):
        if at is not None and now - EVENT_WINDOW <= at <= now:
            yield first + offset, at, event_type
