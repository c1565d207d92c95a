"""When revenue was at risk: a payment had failed, and the subscription went on."""

from collections.abc import Iterable, Sequence

from nrr_pipeline.metrics.evidence import BillingState
from nrr_pipeline.stripe_source.payloads import Payload, required_moment, whole_number
from nrr_pipeline.stripe_source.states import StateFact, transition


def at_risk_spans(
    invoices: Iterable[Payload], facts: Sequence[StateFact]
) -> tuple[tuple[int, int | None], ...]:
    """From the creation of each invoice whose payment failed until it was settled.

    Stretches that pulls and events saw past due count as well: paying a failed invoice by hand
    leaves no second attempt on it. What is open goes on when the subscription is canceled, so that
    its status before tells whether it was at risk.
    """
    alive = [fact for fact in facts if fact.payload.get("status") != "canceled"]
    is_at_risk = not alive or alive[-1].state is not BillingState.ACTIVE or alive[-1].is_past_due
    spans: set[tuple[int, int | None]] = set(_past_due_spans(facts))
    for invoice in invoices:
        span = _unsettled(invoice)
        if span is not None and (span[1] is not None or is_at_risk):
            spans.add(span)
    return tuple(sorted(spans, key=lambda span: (span[0], span[1] is None, span[1] or 0)))


def _past_due_spans(facts: Sequence[StateFact]) -> list[tuple[int, int | None]]:
    spans: list[tuple[int, int | None]] = []
    since: int | None = None
    for fact in facts:
        if fact.is_past_due and since is None:
            since = fact.at
        elif not fact.is_past_due and since is not None:
            if fact.at - since > 1:  # an event tells what was before it, but not since when
                spans.append((since, fact.at))
            since = None
    return spans if since is None else [*spans, (since, None)]


def _unsettled(invoice: Payload) -> tuple[int, int | None] | None:
    """From an invoice's creation to its settlement, if a payment of it failed."""
    attempts = whole_number(invoice.get("attempt_count")) or 0
    created, status = required_moment(invoice, "created"), invoice.get("status")
    if status == "open" and attempts > 0:
        return created, None
    settled_at: int | None = None
    if status == "paid" and attempts > 1:
        settled_at = transition(invoice, "paid_at")
    elif status in ("void", "uncollectible") and attempts > 0:
        voided_at = transition(invoice, "voided_at")
        settled_at = voided_at or transition(invoice, "marked_uncollectible_at")
    return None if settled_at is None else (created, settled_at)
