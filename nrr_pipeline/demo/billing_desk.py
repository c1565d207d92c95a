"""The desk at which one subscription is billed: its state, its invoices, and how they are made.

Here belong invoices and their collection. What a happening means for the desk belongs to
``billing_changes`` and ``billing_states``, the course of time to ``billing``.
"""

from __future__ import annotations

from fractions import Fraction

from nrr_pipeline.demo.billing_discounts import Rebates
from nrr_pipeline.demo.billing_lines import LineBook
from nrr_pipeline.demo.billing_pricing import rounded
from nrr_pipeline.demo.billing_records import (
    BilledItem,
    BillingReason,
    Cycle,
    Invoice,
    InvoiceLine,
    LineKind,
    Schedule,
    Subscription,
)
from nrr_pipeline.demo.catalog import Catalog, TaxRate
from nrr_pipeline.demo.cycles import DAY, HOUR
from nrr_pipeline.demo.identifiers import PartNumbering
from nrr_pipeline.demo.log import Happening, Item

FINALIZATION_DELAY = HOUR
"""How long a renewal stays a draft before it is finalized and charged."""

CHARGE_DELAY = 2
"""Seconds between an invoice's finalization and its charge."""


DAYS_UNTIL_DUE = 30
_TRANSFER_TAKES = 12 * DAY + 5 * HOUR
"""Customers who are sent invoices pay them by bank transfer, in time."""


class Desk:
    """Bills one subscription."""

    state: Subscription

    def __init__(
        self, catalog: Catalog, numbering: PartNumbering, rebates: Rebates, currency: str
    ) -> None:
        self.invoices: list[Invoice] = []
        self.schedules: list[Schedule] = []
        self.waiting: list[Invoice] = []
        self.numbering = numbering
        self.lines = LineBook(numbering)
        self.rebates = rebates
        self.lines_before_update: dict[str, InvoiceLine] = {}
        self._catalog = catalog
        self._currency = currency

    def billed(self, item: Item, created: int, before: BilledItem | None = None) -> BilledItem:
        """An item of the log with its price, as the books keep it."""
        trial = before.trial if before is not None else None
        price = self._catalog.price_of[item.price_id].in_currency(self._currency)
        return BilledItem(item.id, price, item.quantity, created, trial)

    def renewal_lines(self, renewed: list[Cycle], ended: list[Cycle]) -> list[InvoiceLine]:
        """What a renewal bills: what waited, the cycles that begin, the usage of those over."""
        items = self.state.items
        lines = self.lines.take_pending()
        for cycle in renewed:
            mine = [item for item in items if item.price.cadence == cycle.cycles.cadence]
            lines += self.lines.cycle(mine, LineKind.ORDINARY, (cycle.start, cycle.end))
        for cycle in ended:
            mine = [item for item in items if item.price.cadence == cycle.cycles.cadence]
            lines += self.lines.usage(mine, cycle)
        return lines

    def invoice(
        self, at: int, reason: BillingReason, lines: list[InvoiceLine], *, since: int | None = None
    ) -> Invoice:
        """Make an invoice; it is charged as soon as that is due."""
        state = self.state
        finalized_at = at + (FINALIZATION_DELAY if reason == "subscription_cycle" else 0)
        discounts = self.rebates.apply(state, lines, at)
        tax = _levy(state.tax_rate, lines)
        total = sum(line.net for line in lines) + tax
        is_sent = state.is_invoiced and total > 0
        invoice = Invoice(
            id=self.numbering.next_id("in"),
            subscription_id=state.id,
            billing_mode=state.billing_mode,
            created=at,
            reason=reason,
            period_start=at if since is None else since,
            period_end=at,
            lines=lines,
            total=total,
            charge_at=finalized_at + (_TRANSFER_TAKES if is_sent else CHARGE_DELAY),
            due_at=finalized_at + DAYS_UNTIL_DUE * DAY if state.is_invoiced else None,
            tax_rate=state.tax_rate,
            discounts=discounts,
        )
        for line in lines:
            line.invoice_id = invoice.id
        self._collect(invoice, finalized_at)
        self.invoices.append(invoice)
        state.latest_invoice_id = invoice.id
        return invoice

    def open_renewal(self, happening: Happening) -> Invoice:
        """The invoice that a failed payment is about."""
        invoice = self.invoices[-1]
        if invoice.paid_at is not None or invoice.reason != "subscription_cycle":
            raise ValueError(f"There is no open renewal that this could be about: {happening}")
        return invoice

    def end(self, at: int, reason: BillingReason, *, since: int | None = None) -> str:
        """End the subscription; what still waits is invoiced."""
        pending = self.lines.take_pending()
        if pending:
            self.invoice(at, reason, pending, since=since)
        self.state.status = "canceled"
        self.state.ended_at = at
        return "customer.subscription.deleted"

    def _collect(self, invoice: Invoice, finalized_at: int) -> None:
        """Send an invoice on its way, unless nothing is collected at the time."""
        pause = self.state.collection_pause
        if self.state.status == "unpaid" or (pause and pause.behavior == "keep_as_draft"):
            return
        invoice.finalized_at = finalized_at
        if pause is None:
            self.waiting.append(invoice)
        elif pause.behavior == "void":
            invoice.voided_at = finalized_at
        else:
            invoice.uncollectible_at = finalized_at


def _levy(rate: TaxRate | None, lines: list[InvoiceLine]) -> int:
    """Work out the tax of every line; returns what of it comes on top of the lines."""
    if rate is None:
        return 0
    share = rate.percentage / 100
    on_top = 0
    for line in lines:
        if rate.is_inclusive:
            line.tax = rounded(line.net - Fraction(line.net) / (1 + share))
        else:
            line.tax = rounded(line.net * share)
            on_top += line.tax
    return on_top
