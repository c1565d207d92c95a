"""Subscriptions and their items as API objects.

Here belongs how a subscription record looks in the API. How it came to be so belongs to
``billing``.
"""

from __future__ import annotations

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import BilledItem, Subscription
from nrr_pipeline.demo.render_catalog import CatalogObjects

_SAME_FOR_ALL: StripeObject = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "collection_method": "charge_automatically",
    "customer_account": None,
    "days_until_due": None,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "livemode": False,
    "managed_payments": {"enabled": False},
    "metadata": {},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "test_clock": None,
    "transfer_data": None,
    "trial_settings": {
        "end_behavior": {
            "billing_cycle_anchor": None,
            "missing_payment_method": "create_invoice",
        }
    },
}
"""Fields that are alike on all subscriptions; this business has no use for most of them."""


def subscription_object(subscription: Subscription, catalog: CatalogObjects) -> StripeObject:
    """A subscription with all of its items."""
    trial_start = subscription.created if subscription.trial_end else None
    ends_with_period = subscription.cancel_at_period_end
    return {
        **_SAME_FOR_ALL,
        "id": subscription.id,
        "billing_cycle_anchor": subscription.cycles.anchor,
        "billing_mode": _billing_mode(subscription),
        "cancel_at": subscription.period_end if ends_with_period else None,
        "cancel_at_period_end": ends_with_period,
        "canceled_at": subscription.canceled_at,
        "cancellation_details": {
            "comment": subscription.comment,
            "feedback": subscription.feedback,
            "feedback_option": None,
            "reason": subscription.cancellation_reason,
        },
        "created": subscription.created,
        "currency": subscription.items[0].price.currency,
        "customer": subscription.customer_id,
        "ended_at": subscription.ended_at,
        "items": {
            "object": "list",
            "data": [_item_object(item, subscription, catalog) for item in subscription.items],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription.id}",
        },
        "latest_invoice": subscription.latest_invoice_id,
        "start_date": subscription.created,
        "status": subscription.status,
        "trial_end": subscription.trial_end,
        "trial_start": trial_start,
    }


def _billing_mode(subscription: Subscription) -> StripeObject:
    if subscription.billing_mode == "classic":
        return {"flexible": None, "type": "classic"}
    return {"flexible": {"proration_discounts": "included"}, "type": "flexible"}


def _item_object(
    item: BilledItem, subscription: Subscription, catalog: CatalogObjects
) -> StripeObject:
    return {
        "id": item.id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": item.created,
        "current_period_end": subscription.period_end,
        "current_period_start": subscription.period_start,
        "current_trial": None,
        "discounts": [],
        "metadata": {},
        "plan": catalog.plans[item.price.id],
        "price": catalog.prices[item.price.id],
        "quantity": item.quantity,
        "subscription": subscription.id,
        "tax_rates": [],
    }
