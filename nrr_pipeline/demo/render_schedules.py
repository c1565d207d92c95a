"""Subscription schedules as API objects.

Here belongs how an agreed change looks in the API: the phase that runs, and the one that follows.
"""

from __future__ import annotations

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import BilledItem, Schedule, Subscription

_NO_SETTINGS: StripeObject = {
    "application_fee_percent": None,
    "billing_cycle_anchor": "automatic",
    "billing_thresholds": None,
    "collection_method": "charge_automatically",
    "default_payment_method": None,
    "description": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "days_until_due": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "on_behalf_of": None,
    "transfer_data": None,
}


def schedule_object(
    schedule: Schedule, subscription: Subscription, billing_mode: StripeObject
) -> StripeObject:
    """A schedule: released once its second phase has begun, canceled with its subscription."""
    is_released = schedule.released_at is not None
    is_canceled = not is_released and subscription.ended_at is not None
    is_active = not is_released and not is_canceled
    phases = [
        _phase(schedule.before, schedule.phase_start, schedule.effective_at),
        _phase(schedule.after, schedule.effective_at, schedule.then_until),
    ]
    return {
        "id": schedule.id,
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": billing_mode,
        "canceled_at": subscription.ended_at if is_canceled else None,
        "completed_at": None,
        "created": schedule.created,
        "current_phase": {"end_date": schedule.effective_at, "start_date": schedule.phase_start}
        if is_active
        else None,
        "customer": subscription.customer_id,
        "customer_account": None,
        "default_settings": _NO_SETTINGS,
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": phases,
        "released_at": schedule.released_at,
        "released_subscription": subscription.id if is_released else None,
        "status": "active" if is_active else "released" if is_released else "canceled",
        "subscription": None if is_released else subscription.id,
        "test_clock": None,
    }


def _phase(items: tuple[BilledItem, ...], start: int, end: int) -> StripeObject:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": items[0].price.currency,
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [_item(item) for item in items],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "none",
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


def _item(item: BilledItem) -> StripeObject:
    shown: StripeObject = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": item.price.id,
        "price": item.price.id,
        "tax_rates": [],
    }
    if item.quantity is not None:
        shown["quantity"] = item.quantity
    return shown
