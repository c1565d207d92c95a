"""Rows as the stages make them, with every value that a test does not care about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd

from nrr_pipeline.raw import RawObject
from nrr_pipeline.warehouse.transactions import FOREVER, FOREVER_DAY


def history_row(
    item: str = "si_1", subscription: str = "sub_1", **values: object
) -> dict[str, Any]:
    return {
        "subscription_item_id": item,
        "subscription_id": subscription,
        "customer_id": "cus_1",
        "valid_from": datetime(2026, 1, 10, 8, 30, tzinfo=UTC),
        "valid_to": FOREVER,
        "state": "active",
        "price_id": "price_1",
        "quantity": 3,
        "currency": "usd",
        "discounts": None,
        "tax_rate": None,
        "is_scheduled_churn": False,
        "is_at_risk": False,
        "at_risk_since": None,
        "approximation": None,
        "alternative_price_id": None,
        "alternative_quantity": None,
        "held_out": None,
        "end_reason": None,
        "source": "invoice_line",
        "source_id": "il_1",
        **values,
    }


def interval_row(
    item: str = "si_1", subscription: str = "sub_1", **values: object
) -> dict[str, Any]:
    return {
        "subscription_item_id": item,
        "subscription_id": subscription,
        "customer_id": "cus_1",
        "account_id": "cus_1",
        "product_id": "prod_1",
        "price_id": "price_1",
        "billing_interval": "month",
        "billing_interval_count": 1,
        "quantity": 3,
        "currency": "usd",
        "mrr_micros": 30_000_000,
        "is_at_risk": False,
        "is_scheduled_churn": False,
        "is_approximate": False,
        "approximation": None,
        "max_error_micros": None,
        "end_reason": None,
        "held_out": None,
        "valid_from": date(2026, 1, 10),
        "valid_to": FOREVER_DAY,
        "policy_version": "p1",
        **values,
    }


def attribute_row(customer: str, value: str, **values: object) -> dict[str, Any]:
    days = {"valid_from": date(2026, 1, 1), "valid_to": FOREVER_DAY}
    return {"customer_id": customer, "attribute": "country", "value": value, **days, **values}


def retention_row(
    dimension: str = "all",
    segment: str = "all",
    *,
    starting: int = 100_000_000,
    expansion: int = 20_000_000,
    **values: object,
) -> dict[str, Any]:
    closing = starting + expansion
    return {
        "period_end": date(2026, 4, 1),
        "opening_date": date(2026, 2, 28),
        "closing_date": date(2026, 3, 31),
        "dimension": dimension,
        "segment": segment,
        "currency": "usd",
        "starting_mrr_micros": starting,
        "expansion_micros": expansion,
        "contraction_micros": 0,
        "churned_mrr_micros": 0,
        "new_business_micros": 0,
        "reactivation_micros": 0,
        "fx_micros": 0,
        "ending_mrr_micros": closing,
        "nrr": closing / starting if starting else None,
        "nrr_numerator": closing,
        "nrr_denominator": starting,
        "grr": 1.0 if starting else None,
        "grr_numerator": starting,
        "grr_denominator": starting,
        "starting_customers": 4,
        "churned_customers": 0,
        "ending_customers": 4,
        "logo_churn": 0.0,
        **values,
    }


def retention_frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def subscription(object_id: str = "sub_1", **payload: object) -> RawObject:
    body = {"id": object_id, "object": "subscription", "status": "active", **payload}
    return RawObject("subscriptions", object_id, body, subscription_id=object_id)


def customer(object_id: str = "cus_1", **payload: object) -> RawObject:
    return RawObject("customers", object_id, {"id": object_id, "object": "customer", **payload})


def tombstone(kind: str, object_id: str) -> RawObject:
    return RawObject(kind, object_id, {"id": object_id, "deleted": True}, is_deleted=True)
