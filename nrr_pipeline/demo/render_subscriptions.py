"""Subscriptions and their items as API objects.

Here belongs how a subscription record looks in the API. How it came to be so belongs to
``billing``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_desk import DAYS_UNTIL_DUE
from nrr_pipeline.demo.billing_records import BilledItem, Subscription
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.render_catalog import CatalogObjects, tax_rate_object
from nrr_pipeline.demo.render_discounts import DiscountPrinter

_SAME_FOR_ALL: StripeObject = {
    "object": "subscription",
    "application": None,
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "customer_account": None,
    "default_payment_method": None,
    "default_source": None,
    "description": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "livemode": False,
    "managed_payments": {"enabled": False},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
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


class SubscriptionPrinter:
    """Shows subscriptions and their items."""

    def __init__(
        self,
        catalog: CatalogObjects,
        discounts: DiscountPrinter,
        channels: Mapping[str, str | None],
    ) -> None:
        self._catalog = catalog
        self._channels = channels
        self._discounts = discounts

    def show(self, subscription: Subscription) -> StripeObject:
        """A subscription with all of its items."""
        items = [self._item(item, subscription) for item in subscription.items]
        ends_with_period = subscription.cancel_at_period_end
        tax_rate = subscription.tax_rate
        channel = self._channels.get(subscription.customer_id)
        is_on_items = _has_tax_on_items(subscription)
        shown: StripeObject = {
            **_SAME_FOR_ALL,
            "id": subscription.id,
            "billing_cycle_anchor": subscription.cycle.cycles.anchor,
            "billing_mode": billing_mode(subscription),
            "cancel_at": subscription.cycle.end if ends_with_period else None,
            "cancel_at_period_end": ends_with_period,
            "canceled_at": subscription.canceled_at,
            "cancellation_details": {
                "comment": subscription.comment,
                "feedback": subscription.feedback,
                "feedback_option": None,
                "reason": subscription.cancellation_reason,
            },
            "collection_method": "send_invoice"
            if subscription.is_invoiced
            else "charge_automatically",
            "created": subscription.created,
            "days_until_due": DAYS_UNTIL_DUE if subscription.is_invoiced else None,
            "currency": subscription.items[0].price.currency,
            "customer": subscription.customer_id,
            "default_tax_rates": [tax_rate_object(tax_rate)]
            if tax_rate is not None and not is_on_items
            else [],
            "discounts": self._grants(subscription, subscription.discounts),
            "ended_at": subscription.ended_at,
            "items": {
                "object": "list",
                "data": items,
                "has_more": False,
                "url": f"/v1/subscription_items?subscription={subscription.id}",
            },
            "latest_invoice": subscription.latest_invoice_id,
            "metadata": _metadata(channel=channel, change_reason=subscription.change_reason),
            "pause_collection": _collection_pause(subscription),
            "pending_update": self._pending_update(subscription),
            "schedule": subscription.schedule_id,
            "start_date": subscription.start_date,
            "status": subscription.status,
            "trial_end": subscription.trial_end,
            "trial_start": subscription.created if subscription.trial_end else None,
        }
        if subscription.paused_at is not None:
            shown["status_details"] = {
                "paused": {
                    "subscription": {"type": "pause_requested"},
                    "transitioned_at": subscription.paused_at,
                    "type": "subscription",
                }
            }
        return shown

    def _grants(self, subscription: Subscription, grants: tuple[Grant, ...]) -> list[StripeObject]:
        return [
            self._discounts.show(grant, subscription.customer_id, subscription.id)
            for grant in grants
        ]

    def _pending_update(self, subscription: Subscription) -> StripeObject | None:
        pending = subscription.pending_update
        if pending is None:
            return None
        return {
            "billing_cycle_anchor": None,
            "cancel_at_period_end": None,
            "discount": None,
            "discounts": None,
            "expires_at": pending.expires_at,
            "metadata": None,
            "subscription_items": [self._item(item, subscription) for item in pending.items],
            "trial_end": None,
            "trial_from_plan": None,
        }

    def _item(self, item: BilledItem, subscription: Subscription) -> StripeObject:
        start, end = subscription.cycle_of(item)
        tax_rate = subscription.tax_rate
        own_discounts = subscription.item_discounts.get(item.id, ())
        shown: StripeObject = {
            "id": item.id,
            "object": "subscription_item",
            "billing_thresholds": None,
            "created": item.created,
            "current_period_end": end,
            "current_period_start": start,
            "current_trial": item.trial
            and {
                "end_date": item.trial.end,
                "start_date": item.trial.start,
                "trial_offer": _trial_offer(item),
            },
            "discounts": self._grants(subscription, own_discounts),
            "metadata": {},
            "plan": self._catalog.plans[item.price.id],
            "price": self._catalog.prices[item.price.id],
            "subscription": subscription.id,
            "tax_rates": [tax_rate_object(tax_rate)]
            if tax_rate is not None and _has_tax_on_items(subscription)
            else [],
        }
        if item.quantity is not None:
            shown["quantity"] = item.quantity
        return shown


def _metadata(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def billing_mode(subscription: Subscription) -> StripeObject:
    """How prorations are billed."""
    if subscription.billing_mode == "classic":
        return {"flexible": None, "type": "classic"}
    return {"flexible": {"proration_discounts": "included"}, "type": "flexible"}


def _collection_pause(subscription: Subscription) -> StripeObject | None:
    pause = subscription.collection_pause
    return pause and {"behavior": pause.behavior, "resumes_at": pause.resumes_at}


def _has_tax_on_items(subscription: Subscription) -> bool:
    """Some carry their tax rate on every item instead of as their default."""
    return zlib.crc32(subscription.id.encode()) % 4 == 0


def _trial_offer(item: BilledItem) -> str:
    return item.id.replace("si_", "trialoffer_")
