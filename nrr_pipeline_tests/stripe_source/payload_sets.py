"""Small hand-written sets of Stripe objects: one subscription, its invoices and its events.

Only the fields that evidence is read from. Times are written as dates.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.evidence import SubscriptionEvidence
from nrr_pipeline.metrics.history import HistorySegment, fold_subscription
from nrr_pipeline.metrics.pricing import Amounts, Price
from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord

Payload = dict[str, Any]

PRICES = {
    "monthly": Price("monthly", "prod_team", "usd", "month", 1, Amounts(Fraction(1_000))),
    "yearly": Price("yearly", "prod_team", "usd", "year", 1, Amounts(Fraction(10_000))),
    "addon": Price("addon", "prod_addon", "usd", "month", 1, Amounts(Fraction(500))),
    "free": Price("free", "prod_free", "usd", "month", 1, Amounts(Fraction(0))),
    "calls": Price("calls", "prod_calls", "usd", "month", 1, Amounts(None), is_metered=True),
}


def at(text: str) -> int:
    """Unix seconds of a UTC date or date and time.

    >>> at("1970-01-02"), at("1970-01-01 00:01")
    (86400, 60)
    """
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def item(
    price: str, quantity: int | None, *, created: str = "2026-01-01", item_id: str = "si_1"
) -> Payload:
    fields: Payload = {
        "id": item_id,
        "object": "subscription_item",
        "created": at(created),
        "price": {"id": price, "object": "price"},
        "discounts": [],
    }
    return fields if quantity is None else {**fields, "quantity": quantity}


def subscription(*items: Payload, start: str = "2026-01-01", **fields: object) -> Payload:
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "currency": "usd",
        "status": "active",
        "created": at(start),
        "start_date": at(start),
        "discounts": [],
        "items": {"object": "list", "data": list(items), "has_more": False},
        **fields,
    }


def line(
    price: str,
    quantity: int | None,
    start: str,
    end: str,
    amount: int = 1_000,
    *,
    item_id: str | None = "si_1",
    line_id: str | None = None,
) -> Payload:
    """An ordinary line of a subscription item."""
    return {
        "id": line_id or f"il_{price}_{quantity}_{start}",
        "object": "line_item",
        "amount": amount,
        "subtotal": amount,
        "quantity": quantity,
        "period": {"start": at(start), "end": at(end)},
        "pricing": {"price_details": {"price": price, "product": "prod"}},
        "parent": {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "subscription": "sub_1",
                "subscription_item": item_id,
                "proration": False,
                "proration_details": {"credited_items": None},
            },
        },
    }


def debit(
    price: str, quantity: int, start: str, end: str, *, item_id: str | None = "si_1"
) -> Payload:
    """A proration that charges for the new state from ``start``; classic without an item."""
    return _proration(price, quantity, start, end, 700, item_id, None)


def credit(
    price: str,
    quantity: int,
    start: str,
    end: str,
    *,
    item_id: str | None = "si_1",
    credited: Sequence[str] = (),
) -> Payload:
    """A proration that gives back what was charged for the old state after ``start``."""
    credited_items = {"invoice": "in", "invoice_line_items": list(credited)} if credited else None
    return _proration(price, quantity, start, end, -400, item_id, credited_items)


def _proration(
    price: str,
    quantity: int,
    start: str,
    end: str,
    amount: int,
    item_id: str | None,
    credited_items: Payload | None,
) -> Payload:
    side = "credit" if amount < 0 else "debit"
    ordinary = line(price, quantity, start, end, amount, line_id=f"il_{side}_{price}_{start}")
    details: Payload = {
        "subscription": "sub_1",
        "proration": True,
        "proration_details": {"credited_items": credited_items},
    }
    if item_id is None:
        parent = {"type": "invoice_item_details", "invoice_item_details": details}
    else:
        details["subscription_item"] = item_id
        parent = {"type": "subscription_item_details", "subscription_item_details": details}
    return {**ordinary, "parent": parent}


def invoice(created: str, *lines: Payload, status: str = "paid", **fields: object) -> Payload:
    return {
        "id": f"in_{created}",
        "object": "invoice",
        "created": at(created),
        "status": status,
        "attempted": True,
        "attempt_count": 1,
        "status_transitions": {"paid_at": at(created) if status == "paid" else None},
        "lines": {"object": "list", "data": list(lines), "has_more": False},
        **fields,
    }


def months(
    price: str, quantity: int, first: str, count: int, *, item_id: str = "si_1", amount: int = 1_000
) -> list[Payload]:
    """The paid invoices of ``count`` months from ``first`` on, each with one ordinary line."""
    year, month, day = (int(part) for part in first.split("-"))
    starts = [
        f"{year + (month - 1 + n) // 12}-{(month - 1 + n) % 12 + 1:02}-{day:02}"
        for n in range(count + 1)
    ]
    return [
        invoice(start, line(price, quantity, start, end, amount, item_id=item_id))
        for start, end in itertools.pairwise(starts)
    ]


def event(created: str, after: Payload, event_id: str = "evt_1", **before: object) -> Payload:
    """An event on the subscription; ``before`` are the former values of what it changed."""
    data: Payload = {"object": after}
    if before:
        data["previous_attributes"] = before
    return {
        "id": event_id,
        "object": "event",
        "type": "customer.subscription.updated",
        "created": at(created),
        "data": data,
    }


def items_before(*items: Payload) -> Payload:
    """The former value of ``items`` in an event's ``previous_attributes``."""
    return {"data": list(items)}


def seen(
    payload: Payload, first: str, last: str | None = None, *, gone: bool = False
) -> ObservedVersion:
    """A version of the subscription, and the pulls that saw it."""
    return ObservedVersion(payload, at(first), at(last or first), is_deleted=gone)


def record(
    *versions: ObservedVersion,
    invoices: Sequence[Payload] = (),
    events: Sequence[Payload] = (),
    customers: Sequence[ObservedVersion] = (),
    discount_events: Sequence[Payload] = (),
    schedules: Sequence[Payload] = (),
) -> SubscriptionRecord:
    return SubscriptionRecord(
        "sub_1", versions, invoices, events, customers, discount_events, schedules
    )


def evidence(
    *versions: ObservedVersion, invoices: Sequence[Payload] = (), events: Sequence[Payload] = ()
) -> SubscriptionEvidence:
    found = subscription_evidence(record(*versions, invoices=invoices, events=events), PRICES)
    assert found is not None
    return found


def history(
    *versions: ObservedVersion, invoices: Sequence[Payload] = (), events: Sequence[Payload] = ()
) -> list[str]:
    """The folded history, one readable line per segment."""
    found = evidence(*versions, invoices=invoices, events=events)
    return [shown(segment) for segment in fold_subscription(found)]


def shown(segment: HistorySegment) -> str:
    """A segment in words: item, days, terms, and whatever else is not ordinary.

    The quantity is left out where it is not known.
    """
    quantity = "" if segment.terms.quantity is None else f"{segment.terms.quantity} x "
    words = [
        segment.subscription_item_id,
        f"{_day(segment.valid_from)}..{_day(segment.valid_to)}",
        f"{quantity}{segment.terms.price_id}",
        "" if segment.state == "active" else segment.state.value,
        "at-risk" if segment.is_at_risk else "",
        "leaving" if segment.is_scheduled_churn else "",
        _doubt(segment),
        "held-out" if segment.held_out else "",
        f"ends:{segment.end_reason.value}" if segment.end_reason else "",
    ]
    return " ".join(word for word in words if word)


def _doubt(segment: HistorySegment) -> str:
    if segment.approximation is None:
        return ""
    if segment.alternative is None:
        return "or-nothing"
    return f"or-{segment.alternative.quantity}-x-{segment.alternative.price_id}"


def _day(seconds: int | None) -> str:
    if seconds is None:
        return ""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d}" if seconds % 86_400 == 0 else f"{moment:%Y-%m-%dT%H:%M:%S}"
