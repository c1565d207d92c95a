"""What payments, pauses and cancellations mean for billing.

Here belong the happenings that change whether a subscription goes on. Each returns the type of the
event that Stripe would send, if it would send one.
"""

from __future__ import annotations

from nrr_pipeline.demo.billing_changes import UPDATED
from nrr_pipeline.demo.billing_desk import CHARGE_DELAY, Desk
from nrr_pipeline.demo.billing_records import CollectionPause, cycle_from
from nrr_pipeline.demo.log import (
    CanceledAtOnce,
    CancellationScheduled,
    CancellationTookEffect,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    EndedByFailedPayment,
    FirstPaymentExpired,
    FirstPaymentMade,
    Paused,
    PaymentFailed,
    PaymentRecovered,
    Resumed,
)


def cancellation_scheduled(desk: Desk, happening: CancellationScheduled) -> str:
    """It is to end with its period."""
    desk.state.cancel_at_period_end = True
    _note(desk, happening)
    return UPDATED


def cancellation_withdrawn(desk: Desk, happening: CancellationWithdrawn) -> str:
    """It goes on after all, and nothing but an event tells that it was to end."""
    state = desk.state
    if not state.cancel_at_period_end:
        raise ValueError(f"No end was asked for: {happening}")
    state.cancel_at_period_end = False
    state.canceled_at = state.cancellation_reason = state.feedback = state.comment = None
    return UPDATED


def cancellation_took_effect(desk: Desk, happening: CancellationTookEffect) -> str:
    """The end that was asked for."""
    if happening.at != desk.state.cycle.end or not desk.state.cancel_at_period_end:
        raise ValueError(f"Not the end that was asked for: {happening}")
    return desk.end(happening.at, "subscription_cycle", since=desk.state.cycle.start)


def canceled_at_once(desk: Desk, happening: CanceledAtOnce) -> str:
    """It ends now."""
    _note(desk, happening)
    return desk.end(happening.at, "subscription_update")


def payment_failed(desk: Desk, happening: PaymentFailed) -> str | None:
    """The renewal stays open and the subscription is past due."""
    invoice = desk.open_renewal(happening)
    if invoice in desk.waiting:
        desk.waiting.remove(invoice)
    invoice.failures.append((happening.at, happening.next_attempt_at))
    is_first = desk.state.status == "active"
    desk.state.status = "past_due"
    return UPDATED if is_first else None


def payment_recovered(desk: Desk, happening: PaymentRecovered) -> str:
    """The renewal is paid."""
    desk.open_renewal(happening).paid_at = happening.at
    desk.state.status = "active"
    return UPDATED


def ended_by_failed_payment(desk: Desk, happening: EndedByFailedPayment) -> str:
    """No more attempts: it ends, or is left unpaid."""
    if happening.outcome == "unpaid":
        desk.state.status = "unpaid"
        return UPDATED
    desk.open_renewal(happening).uncollectible_at = happening.at
    desk.state.canceled_at = happening.at
    desk.state.cancellation_reason = "payment_failed"
    return desk.end(happening.at, "subscription_update")


def first_payment_made(desk: Desk, happening: FirstPaymentMade) -> str:
    """It is active from now on."""
    desk.invoices[0].paid_at = happening.at
    desk.state.status = "active"
    return UPDATED


def first_payment_expired(desk: Desk, happening: FirstPaymentExpired) -> str:
    """It never was active."""
    state = desk.state
    desk.invoices[0].voided_at = happening.at
    state.status = "incomplete_expired"
    state.ended_at = state.canceled_at = happening.at
    return UPDATED


def collection_paused(desk: Desk, happening: CollectionPaused) -> str:
    """Invoices come, but nobody is to pay them."""
    desk.state.collection_pause = CollectionPause(happening.behavior, happening.resumes_at)
    return UPDATED


def collection_resumed(desk: Desk, happening: CollectionResumed) -> str:
    """Invoices are paid again; drafts that were kept are finalized now."""
    desk.state.collection_pause = None
    for invoice in desk.invoices:
        if invoice.finalized_at is None and invoice.voided_at is None:
            invoice.finalized_at = happening.at
            invoice.charge_at = happening.at + CHARGE_DELAY
            desk.waiting.append(invoice)
    return UPDATED


def paused(desk: Desk, happening: Paused) -> str:
    """No cycle begins until it is resumed."""
    desk.state.status = "paused"
    desk.state.paused_at = happening.at
    return "customer.subscription.paused"


def resumed(desk: Desk, happening: Resumed) -> str:
    """A new cycle begins, and is invoiced."""
    state, at = desk.state, happening.at
    state.status, state.paused_at = "active", None
    state.periods = {cadence: cycle_from(at, cadence) for cadence in state.periods}
    lines = desk.renewal_lines(list(state.periods.values()), [])
    desk.invoice(at, "subscription_update", lines)
    return "customer.subscription.resumed"


def _note(desk: Desk, happening: CancellationScheduled | CanceledAtOnce) -> None:
    state = desk.state
    state.canceled_at = happening.at
    state.cancellation_reason = "cancellation_requested"
    state.feedback = happening.feedback
    state.comment = happening.cause or None
