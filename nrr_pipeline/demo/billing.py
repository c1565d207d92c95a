"""Billing by rule: from the happenings of one subscription to its invoices and its present state.

Here belong the rules of a billing system: renewals, prorations, collection. What happened is the
log's business, and how records look in the API is the rendering's.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatchmethod

from nrr_pipeline.demo.billing_lines import LineBook
from nrr_pipeline.demo.billing_records import (
    BilledItem,
    BillingReason,
    Invoice,
    InvoiceLine,
    LineKind,
    Moment,
    Subscription,
)
from nrr_pipeline.demo.catalog import Catalog
from nrr_pipeline.demo.cycles import DAY, HOUR, BillingCycles
from nrr_pipeline.demo.identifiers import PartNumbering
from nrr_pipeline.demo.log import (
    CanceledAtOnce,
    CancellationScheduled,
    CancellationTookEffect,
    EndedByFailedPayment,
    Happening,
    Item,
    ItemsChanged,
    PaymentFailed,
    PaymentRecovered,
    Subscribed,
)

FINALIZATION_DELAY = HOUR
"""How long a renewal stays a draft before it is finalized and charged."""

CHARGE_DELAY = 2
"""Seconds between an invoice's finalization and its charge."""

AT_ONCE_WINDOW = 2 * DAY
"""Changes this early in a monthly cycle are invoiced at once; see the README."""

_UPDATED = "customer.subscription.updated"
_NEVER = 1 << 62
_REQUESTS = (ItemsChanged, CancellationScheduled, CanceledAtOnce)
"""Happenings that somebody asked for; the others come about by themselves."""


class SubscriptionBilling:
    """Plays one subscription from its start to a moment and keeps its books."""

    def __init__(
        self,
        started: Subscribed,
        catalog: Catalog,
        numbering: PartNumbering,
        *,
        watched_from: int,
    ) -> None:
        self.invoices: list[Invoice] = []
        self.moments: list[Moment] = []
        self._catalog = catalog
        self._numbering = numbering
        self._watched_from = watched_from
        self._waiting: list[Invoice] = []
        self._lines = LineBook(numbering)
        self.state = self._start(started)

    # What is played

    def play(self, happenings: Iterable[Happening], now: int) -> None:
        """Live through the happenings after the start, and through what falls due until now."""
        for happening in happenings:
            self._run_until(happening.at)
            before = self._watch(happening.at)
            event_type = self._apply(happening)
            if event_type:
                is_request = isinstance(happening, _REQUESTS)
                self._tell(happening.at, event_type, before, is_request=is_request)
        self._run_until(now + 1)

    def _start(self, started: Subscribed) -> Subscription:
        items = tuple(self._billed(item, started.at) for item in started.items)
        at, trial_end = started.at, started.trial_end
        cycles = BillingCycles(trial_end or at, months=items[0].price.months)
        self.state = Subscription(
            id=started.subscription_id,
            customer_id=started.customer_id,
            created=at,
            billing_mode=started.billing_mode,
            items=items,
            cycles=cycles,
            cycle_number=-1 if trial_end else 0,
            period_start=at,
            period_end=trial_end or cycles.boundary(1),
            status="trialing" if trial_end else "active",
            trial_end=trial_end,
        )
        kind = LineKind.TRIAL if trial_end else LineKind.ORDINARY
        self._invoice(at, "subscription_create", self._lines.cycle(self.state, kind))
        self._tell(at, "customer.subscription.created", None, is_request=True)
        return self.state

    def _run_until(self, end: int) -> None:
        """Do everything that falls due before a moment, in order."""
        while True:
            charge_at = _NEVER
            for invoice in self._waiting:
                charge_at = min(charge_at, invoice.charge_at)
            renews_at = self.state.period_end if self.state.ended_at is None else _NEVER
            if min(charge_at, renews_at) >= end:
                return
            if charge_at <= renews_at:
                self._charge(charge_at)
            else:
                self._renew(renews_at)

    def _renew(self, at: int) -> None:
        before = self._watch(at)
        state = self.state
        if state.cancel_at_period_end:
            raise ValueError(
                f"{state.id} was to end at {at}, but the log does not say that it took effect."
            )
        previous_start = state.period_start
        state.cycle_number += 1
        state.period_start, state.period_end = at, state.cycles.boundary(state.cycle_number + 1)
        if state.status == "trialing":
            state.status = "active"
        lines = self._lines.take_pending() + self._lines.cycle(state, LineKind.ORDINARY)
        self._invoice(at, "subscription_cycle", lines, since=previous_start)
        self._tell(at, _UPDATED, before, is_request=False)

    def _charge(self, at: int) -> None:
        for invoice in [invoice for invoice in self._waiting if invoice.charge_at <= at]:
            invoice.paid_at = at
            self._waiting.remove(invoice)

    # What the happenings do: each returns the type of the event that Stripe would send

    @singledispatchmethod
    def _apply(self, happening: Happening) -> str | None:
        raise TypeError(f"Billing does not know what {happening!r} means.")

    @_apply.register
    def _(self, happening: ItemsChanged) -> str | None:
        state, at = self.state, happening.at
        old = state.items
        created = {item.id: item.created for item in old}
        state.items = tuple(
            self._billed(item, created.get(item.id, at)) for item in happening.items
        )
        if state.items == old:
            raise ValueError(f"This changes nothing: {happening}")
        period = (state.period_start, state.period_end)
        if state.items[0].price.months != state.cycles.months:
            self._lines.give_back(old, at, period)
            state.cycles = BillingCycles(at, months=state.items[0].price.months)
            state.cycle_number = 0
            state.period_start, state.period_end = at, state.cycles.boundary(1)
            lines = self._lines.take_pending() + self._lines.cycle(state, LineKind.ORDINARY)
            self._invoice(at, "subscription_update", lines)
            return _UPDATED
        self._lines.prorate(old, state.items, at, period)
        if state.interval == "year" or at < state.period_start + AT_ONCE_WINDOW:
            self._invoice(at, "subscription_update", self._lines.take_pending())
        return _UPDATED

    @_apply.register
    def _(self, happening: CancellationScheduled) -> str | None:
        self.state.cancel_at_period_end = True
        self._note_cancellation(happening)
        return _UPDATED

    @_apply.register
    def _(self, happening: CancellationTookEffect) -> str | None:
        if happening.at != self.state.period_end or not self.state.cancel_at_period_end:
            raise ValueError(f"Not the end that was asked for: {happening}")
        previous_start = self.state.period_start
        return self._end(happening.at, "subscription_cycle", since=previous_start)

    @_apply.register
    def _(self, happening: CanceledAtOnce) -> str | None:
        self._note_cancellation(happening)
        return self._end(happening.at, "subscription_update")

    @_apply.register
    def _(self, happening: PaymentFailed) -> str | None:
        invoice = self._open_renewal(happening)
        if invoice in self._waiting:
            self._waiting.remove(invoice)
        invoice.failures.append((happening.at, happening.next_attempt_at))
        is_first = self.state.status == "active"
        self.state.status = "past_due"
        return _UPDATED if is_first else None

    @_apply.register
    def _(self, happening: PaymentRecovered) -> str | None:
        self._open_renewal(happening).paid_at = happening.at
        self.state.status = "active"
        return _UPDATED

    @_apply.register
    def _(self, happening: EndedByFailedPayment) -> str | None:
        if happening.outcome == "unpaid":
            self.state.status = "unpaid"
            return _UPDATED
        self._open_renewal(happening).uncollectible_at = happening.at
        self.state.canceled_at = happening.at
        self.state.cancellation_reason = "payment_failed"
        return self._end(happening.at, "subscription_update")

    # Helpers of the above

    def _billed(self, item: Item, created: int) -> BilledItem:
        return BilledItem(item.id, self._catalog.price_of[item.price_id], item.quantity, created)

    def _note_cancellation(self, happening: CancellationScheduled | CanceledAtOnce) -> None:
        self.state.canceled_at = happening.at
        self.state.cancellation_reason = "cancellation_requested"
        self.state.feedback = happening.feedback
        self.state.comment = happening.cause or None

    def _end(self, at: int, reason: BillingReason, *, since: int | None = None) -> str:
        pending = self._lines.take_pending()
        if pending:
            self._invoice(at, reason, pending, since=since)
        self.state.status = "canceled"
        self.state.ended_at = at
        return "customer.subscription.deleted"

    def _open_renewal(self, happening: Happening) -> Invoice:
        invoice = self.invoices[-1]
        if invoice.paid_at is not None or invoice.reason != "subscription_cycle":
            raise ValueError(f"There is no open renewal that this could be about: {happening}")
        return invoice

    def _invoice(
        self, at: int, reason: BillingReason, lines: list[InvoiceLine], *, since: int | None = None
    ) -> None:
        state = self.state
        finalized_at = at + (FINALIZATION_DELAY if reason == "subscription_cycle" else 0)
        invoice = Invoice(
            id=self._numbering.next_id("in"),
            subscription_id=state.id,
            billing_mode=state.billing_mode,
            created=at,
            reason=reason,
            period_start=at if since is None else since,
            period_end=at,
            lines=lines,
            total=sum(line.amount for line in lines),
            charge_at=finalized_at + CHARGE_DELAY,
        )
        for line in lines:
            line.invoice_id = invoice.id
        if state.status != "unpaid":
            invoice.finalized_at = finalized_at
            self._waiting.append(invoice)
        self.invoices.append(invoice)
        state.latest_invoice_id = invoice.id

    def _watch(self, at: int) -> Subscription | None:
        return self.state.snapshot() if at >= self._watched_from else None

    def _tell(
        self, at: int, event_type: str, before: Subscription | None, *, is_request: bool
    ) -> None:
        if at < self._watched_from:
            self._numbering.skip("evt")
            return
        event_id = self._numbering.next_id("evt")
        after = self.state.snapshot()
        self.moments.append(Moment(at, event_id, event_type, before, after, is_request))
