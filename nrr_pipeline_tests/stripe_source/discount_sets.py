"""Hand-written discounts and coupons, and what is in force when, in readable lines."""

from datetime import UTC, datetime
from typing import Any

from nrr_pipeline.metrics.evidence import SubscriptionEvidence
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline_tests.stripe_source.payload_sets import PRICES, Payload, at, line


def coupon(coupon_id: str, duration: str = "forever", **fields: object) -> Payload:
    percent = {} if "amount_off" in fields else {"percent_off": 20}
    return {"id": coupon_id, "object": "coupon", "duration": duration, **percent, **fields}


COUPONS = {
    "always": coupon("always"),
    "three": coupon("three", "repeating", duration_in_months=3),
    "first": coupon("first", "once"),
    "five": coupon("five", amount_off=500, currency="usd"),
}


def discount(
    discount_id: str,
    coupon: object,
    start: str = "2026-01-01",
    end: str | None = None,
    **fields: object,
) -> Payload:
    """A discount object; attached to the subscription unless its fields say otherwise."""
    return {
        "id": discount_id,
        "object": "discount",
        "start": at(start),
        "end": None if end is None else at(end),
        "source": {"type": "coupon", "coupon": coupon},
        "subscription": "sub_1",
        "subscription_item": None,
        "customer": "cus_1",
        "invoice": None,
        "invoice_item": None,
        **fields,
    }


def discounted(charge: Payload, **taken: int) -> Payload:
    """A line from which each of the discounts took something off."""
    amounts = [{"amount": amount, "discount": each} for each, amount in taken.items()]
    return {**charge, "discount_amounts": amounts}


def month(start: str, end: str, *discounts: str, price: str = "monthly") -> Payload:
    """The line of a month, or of whatever lies between the days."""
    return discounted(line(price, 1, start, end), **dict.fromkeys(discounts, 200))


def evidence_of(
    objects: SubscriptionRecord, coupons: dict[str, Any] | None = None
) -> SubscriptionEvidence:
    found = subscription_evidence(objects, PRICES, coupons=COUPONS if coupons is None else coupons)
    assert found is not None
    return found


def in_force(objects: SubscriptionRecord, coupons: dict[str, Any] | None = None) -> list[str]:
    """For every stretch of history its item, its days and the coupons in force, in order."""
    return [
        " ".join(
            [
                segment.subscription_item_id,
                f"{_day(segment.valid_from)}..{_day(segment.valid_to)}",
                *(each.coupon_id for each in segment.discounts),
            ]
        )
        for segment in fold_subscription(evidence_of(objects, coupons))
    ]


def _day(seconds: int | None) -> str:
    return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
