"""Billing by rule: from the happenings of one subscription to its invoices and its present state.

Here belongs the course of time: what falls due when, and which happening comes next. What a
happening means belongs to ``billing_changes`` and ``billing_states``, how invoices are made to
``billing_desk``, and how records look in the API to the rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nrr_pipeline.demo import billing_changes as changes
from nrr_pipeline.demo import billing_states as states
from nrr_pipeline.demo import log
from nrr_pipeline.demo.billing_desk import CHARGE_DELAY, FINALIZATION_DELAY, Desk
from nrr_pipeline.demo.billing_discounts import Rebates
from nrr_pipeline.demo.billing_records import (
    Cycle,
    InvoiceLine,
    LineKind,
    Moment,
    Schedule,
    Subscription,
    cycle_from,
)
from nrr_pipeline.demo.catalog import Catalog
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.cycles import BillingCycles, Cadence
from nrr_pipeline.demo.identifiers import PartNumbering

__all__ = ["CHARGE_DELAY", "FINALIZATION_DELAY", "SubscriptionBilling"]

_NEVER = 1 << 62
_RESTING = frozenset({"paused", "incomplete", "incomplete_expired"})
_REQUESTS = (
    log.ItemsChanged,
    log.CancellationScheduled,
    log.CancellationWithdrawn,
    log.CanceledAtOnce,
    log.ChangeScheduled,
    log.UpdatePending,
    log.DiscountGiven,
    log.DiscountRemoved,
    log.CollectionPaused,
    log.CollectionResumed,
    log.Paused,
    log.Resumed,
)
"""Happenings that somebody asked for; the others come about by themselves."""

_MEANINGS: dict[type[log.Happening], Callable[[Desk, Any], str | None]] = {
    log.ItemsChanged: changes.items_changed,
    log.ChangeScheduled: changes.change_scheduled,
    log.ScheduledChangeTookEffect: changes.scheduled_change_took_effect,
    log.UpdatePending: changes.update_pending,
    log.PendingUpdateApplied: changes.pending_update_applied,
    log.PendingUpdateExpired: changes.pending_update_expired,
    log.DiscountGiven: changes.discount_given,
    log.DiscountRemoved: changes.discount_removed,
    log.CancellationScheduled: states.cancellation_scheduled,
    log.CancellationWithdrawn: states.cancellation_withdrawn,
    log.CancellationTookEffect: states.cancellation_took_effect,
    log.CanceledAtOnce: states.canceled_at_once,
    log.PaymentFailed: states.payment_failed,
    log.PaymentRecovered: states.payment_recovered,
    log.EndedByFailedPayment: states.ended_by_failed_payment,
    log.FirstPaymentMade: states.first_payment_made,
    log.FirstPaymentExpired: states.first_payment_expired,
    log.CollectionPaused: states.collection_paused,
    log.CollectionResumed: states.collection_resumed,
    log.Paused: states.paused,
    log.Resumed: states.resumed,
}


class SubscriptionBilling:
    """Plays one subscription from its start to a moment and keeps its books."""

    def __init__(
        self,
        started: log.Subscribed,
        catalog: Catalog,
        numbering: PartNumbering,
        *,
        watched_from: int,
        customer_discounts: Sequence[Grant] = (),
    ) -> None:
        self.moments: list[Moment] = []
        self._catalog = catalog
        self._numbering = numbering
        self._watched_from = watched_from
        rebates = Rebates(catalog.coupon_of, customer_discounts)
        self._desk = Desk(catalog, numbering, rebates, started.currency)
        self.invoices = self._desk.invoices
        self._start(started)

    @property
    def state(self) -> Subscription:
        """The subscription as it is now."""
        return self._desk.state

    @property
    def schedules(self) -> list[Schedule]:
        """What was agreed for later."""
        return self._desk.schedules

    def play(self, happenings: Iterable[log.Happening], now: int) -> None:
        """Live through the happenings after the start, and through what falls due until now."""
        for happening in happenings:
            self._run_until(happening.at)
            before = self._watch(happening.at)
            meaning = _MEANINGS.get(type(happening))
            if meaning is None:
                raise TypeError(f"Billing does not know what {happening!r} means.")
            event_type = meaning(self._desk, happening)
            if event_type:
                is_request = isinstance(happening, _REQUESTS)
                self._tell(happening.at, event_type, before, is_request=is_request)
        self._run_until(now + 1)
        self._desk.rebates.drop_ended(self.state, now)

    def _start(self, started: log.Subscribed) -> None:
        at, trial_end, desk = started.at, started.trial_end, self._desk
        items = tuple(desk.billed(item, at) for item in started.items)
        tax_rate_id = started.tax_rate_id
        cadences = dict.fromkeys(item.price.cadence for item in items)
        desk.state = Subscription(
            id=started.subscription_id,
            customer_id=started.customer_id,
            created=at,
            start_date=started.start_date or at,
            billing_mode=started.billing_mode,
            items=items,
            periods={each: _first_cycle(at, trial_end, each) for each in cadences},
            status="trialing" if trial_end else "active",
            trial_end=trial_end,
            is_invoiced=started.is_invoiced,
            tax_rate=self._catalog.tax_rate_of[tax_rate_id] if tax_rate_id else None,
            discounts=tuple(each for each in started.grants if each.level == "subscription"),
            item_discounts={
                item.id: own
                for item in items
                if (own := tuple(each for each in started.grants if each.owner_id == item.id))
            },
        )
        kind = LineKind.TRIAL if trial_end else LineKind.ORDINARY
        lines: list[InvoiceLine] = []
        if started.start_date is not None and started.is_past_billed:
            lines += desk.lines.charge_past(items, started.start_date, at)
        for item in items:
            lines += desk.lines.cycle([item], kind, desk.state.cycle_of(item))
        invoice = desk.invoice(at, "subscription_create", lines)
        if started.is_payment_open:
            desk.state.status = "incomplete"
            desk.waiting.remove(invoice)
        self._tell(at, "customer.subscription.created", None, is_request=True)

    def _run_until(self, end: int) -> None:
        """Do everything that falls due before a moment, in order."""
        while True:
            charge_at = min((each.charge_at for each in self._desk.waiting), default=_NEVER)
            trial_ends_at = self._next_trial_end()
            renews_at = self._next_renewal()
            due = min(charge_at, trial_ends_at, renews_at)
            if due >= end:
                return
            if charge_at == due:
                self._charge(due)
            elif trial_ends_at == due:
                self._end_item_trials(due)
            else:
                self._renew(due)

    def _next_renewal(self) -> int:
        state = self.state
        if state.ended_at is not None or state.status in _RESTING:
            return _NEVER
        return state.next_renewal

    def _next_trial_end(self) -> int:
        if self.state.ended_at is not None:
            return _NEVER
        return min(
            (item.trial.end for item in self.state.items if item.trial is not None), default=_NEVER
        )

    def _renew(self, at: int) -> None:
        before = self._watch(at)
        state = self.state
        if state.cancel_at_period_end and state.cycle.end == at:
            raise ValueError(
                f"{state.id} was to end at {at}, but the log does not say that it took effect."
            )
        previous_start = state.cycle.start
        ended = [cycle for cycle in state.periods.values() if cycle.end == at]
        was_trial = state.status == "trialing"
        renewed = [cycle.following() for cycle in ended]
        state.periods = state.periods | {cycle.cycles.cadence: cycle for cycle in renewed}
        if was_trial:
            state.status = "active"
        lines = self._desk.renewal_lines(renewed, [] if was_trial else ended)
        self._desk.invoice(at, "subscription_cycle", lines, since=previous_start)
        self._tell(at, changes.UPDATED, before, is_request=False)

    def _end_item_trials(self, at: int) -> None:
        before = self._watch(at)
        changes.end_item_trials(self._desk, at)
        self._tell(at, changes.UPDATED, before, is_request=False)

    def _charge(self, at: int) -> None:
        waiting = self._desk.waiting
        for invoice in [invoice for invoice in waiting if invoice.charge_at <= at]:
            invoice.paid_at = at
            waiting.remove(invoice)

    def _watch(self, at: int) -> Subscription | None:
        if at < self._watched_from:
            return None
        self._desk.rebates.drop_ended(self.state, at)
        return self.state.snapshot()

    def _tell(
        self, at: int, event_type: str, before: Subscription | None, *, is_request: bool
    ) -> None:
        if at < self._watched_from:
            self._numbering.skip("evt")
            return
        event_id = self._numbering.next_id("evt")
        after = self.state.snapshot()
        self.moments.append(Moment(at, event_id, event_type, before, after, is_request))


def _first_cycle(at: int, trial_end: int | None, cadence: Cadence) -> Cycle:
    """The first cycle; a trial is one of its own before the calendar begins."""
    if trial_end is None:
        return cycle_from(at, cadence)
    return Cycle(BillingCycles(trial_end, cadence), -1, at, trial_end)
