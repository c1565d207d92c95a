"""What a customer said when it canceled: from the subscription's payload as it was stored.

Whether and when a subscription ended is evidence, and does not belong here.
"""

from collections.abc import Mapping

from nrr_pipeline.stripe_source.payloads import Payload


def feedback_of(payload: Payload) -> str | None:
    """Return which of Stripe's reasons was chosen; ``None`` for none and for "other".

    >>> feedback_of({"cancellation_details": {"feedback": "too_expensive"}})
    'too expensive'
    """
    feedback = _detail(payload, "feedback")
    return None if feedback in (None, "other") else feedback.replace("_", " ")


def comment_of(payload: Payload) -> str | None:
    """Return what the customer wrote; it is there only where ``[privacy] keep`` lets it in."""
    return _detail(payload, "comment")


def _detail(payload: Payload, field: str) -> str | None:
    details = payload.get("cancellation_details")
    value = details.get(field) if isinstance(details, Mapping) else None
    return value if isinstance(value, str) and value.strip() else None
