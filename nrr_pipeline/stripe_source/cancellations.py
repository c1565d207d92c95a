"""What a customer said when it cancelled: from the subscription's payload as it was stored.

Whether and when a subscription ended is evidence, and does not belong here.
"""

from collections.abc import Mapping

from nrr_pipeline.stripe_source.payloads import Payload

_LONGEST_COMMENT = 80


def words_of_customer(payload: Payload, *, with_comment: bool) -> str | None:
    r"""Return why a subscription was cancelled, in Stripe's and the customer's words.

    The comment is there only where ``[privacy] keep`` lets it in.

    Args:
        payload: The subscription.
        with_comment: Whether to repeat what the customer wrote, too.

    >>> details = {"feedback": "too_expensive", "comment": "no\nbudget"}
    >>> words_of_customer({"cancellation_details": details}, with_comment=True)
    'too expensive, "no budget"'
    """
    details = payload.get("cancellation_details")
    if not isinstance(details, Mapping):
        return None
    feedback, comment = details.get("feedback"), details.get("comment")
    words: list[str] = []
    if isinstance(feedback, str) and feedback not in ("", "other"):
        words.append(feedback.replace("_", " "))
    if with_comment and isinstance(comment, str) and (said := " ".join(comment.split())):
        is_long = len(said) > _LONGEST_COMMENT
        words.append(f'"{said[: _LONGEST_COMMENT - 1]}…"' if is_long else f'"{said}"')
    return ", ".join(words) or None
