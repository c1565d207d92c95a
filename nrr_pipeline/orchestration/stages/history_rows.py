"""Segments of history as rows of the warehouse, and back again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.evidence import BillingState, EndReason, Source, Terms
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.orchestration.stages.discount_text import discounts_of, discounts_text
from nrr_pipeline.warehouse.transactions import FOREVER


def row_of(segment: HistorySegment) -> dict[str, Any]:
    """A segment as it is stored."""
    alternative, tax_rate = segment.alternative, segment.tax_rate
    return {
        "subscription_item_id": segment.subscription_item_id,
        "subscription_id": segment.subscription_id,
        "customer_id": segment.customer_id,
        "valid_from": _instant(segment.valid_from),
        "valid_to": FOREVER if segment.valid_to is None else _instant(segment.valid_to),
        "state": segment.state.value,
        "price_id": segment.terms.price_id,
        "quantity": segment.terms.quantity,
        "currency": segment.currency,
        "discounts": discounts_text(segment.discounts),
        "tax_rate": None if tax_rate is None else str(tax_rate),
        "is_scheduled_churn": segment.is_scheduled_churn,
        "is_at_risk": segment.is_at_risk,
        "at_risk_since": _optional_instant(segment.at_risk_since),
        "approximation": segment.approximation,
        "alternative_price_id": alternative.price_id if alternative else None,
        "alternative_quantity": alternative.quantity if alternative else None,
        "held_out": segment.held_out,
        "end_reason": segment.end_reason,
        "source": segment.source.value,
        "source_id": segment.source_id,
    }


def segment_of(row: Mapping[str, Any]) -> HistorySegment:
    """The segment that a stored row stands for."""
    at_risk_since, tax_rate = row["at_risk_since"], row["tax_rate"]
    alternative = None
    if row["alternative_price_id"] is not None:
        alternative = Terms(row["alternative_price_id"], row["alternative_quantity"])
    return HistorySegment(
        subscription_item_id=row["subscription_item_id"],
        subscription_id=row["subscription_id"],
        customer_id=row["customer_id"],
        currency=row["currency"],
        valid_from=int(row["valid_from"].timestamp()),
        valid_to=None if row["valid_to"] == FOREVER else int(row["valid_to"].timestamp()),
        terms=Terms(row["price_id"], row["quantity"]),
        state=BillingState(row["state"]),
        source=Source(row["source"]),
        source_id=row["source_id"],
        is_at_risk=row["is_at_risk"],
        at_risk_since=None if at_risk_since is None else int(at_risk_since.timestamp()),
        is_scheduled_churn=row["is_scheduled_churn"],
        approximation=row["approximation"],
        alternative=alternative,
        held_out=row["held_out"],
        end_reason=EndReason(row["end_reason"]) if row["end_reason"] else None,
        discounts=discounts_of(row["discounts"]),
        tax_rate=None if tax_rate is None else Fraction(tax_rate),
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _optional_instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)
