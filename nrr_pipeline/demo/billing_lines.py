"""Invoice lines: what a cycle costs, and what a change in the middle of one gives and takes.

Here belongs the arithmetic of lines, and the book of prorations that still wait for an invoice.
When an invoice is made belongs to ``billing``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nrr_pipeline.demo.billing_records import BilledItem, InvoiceLine, LineKind, Subscription
from nrr_pipeline.demo.identifiers import PartNumbering

Cycle = tuple[int, int]
"""Start and end of a billing cycle."""


def prorated(amount: int, part: int, whole: int) -> int:
    """The share of an amount that a part of a cycle costs, rounded half up to minor units.

    >>> prorated(3_100, 1, 2), prorated(1_001, 1, 2)
    (1550, 501)
    """
    return (2 * amount * part + whole) // (2 * whole)


class LineBook:
    """Makes the lines of one subscription and remembers which line billed an item last."""

    def __init__(self, numbering: PartNumbering) -> None:
        self._numbering = numbering
        self._pending: list[InvoiceLine] = []
        self._last_line: dict[str, InvoiceLine] = {}

    def cycle(self, subscription: Subscription, kind: LineKind) -> list[InvoiceLine]:
        """The lines of a whole cycle (or trial): one for every item."""
        lines: list[InvoiceLine] = []
        for item in subscription.items:
            amount = 0 if kind is LineKind.TRIAL else item.price.unit_amount * item.quantity
            line = InvoiceLine(
                self._numbering.next_id("il"),
                kind,
                item,
                amount,
                subscription.period_start,
                subscription.period_end,
            )
            self._last_line[item.id] = line
            lines.append(line)
        return lines

    def give_back(self, items: Sequence[BilledItem], at: int, cycle: Cycle) -> None:
        """Credit the unused rest of the cycle for all these items."""
        self._pending += [self._unused(item, at, cycle) for item in items]

    def prorate(
        self, old: Sequence[BilledItem], new: Sequence[BilledItem], at: int, cycle: Cycle
    ) -> None:
        """Credit what is left of the old items that changed, and debit what replaces them."""
        now = {item.id: item for item in new}
        for item in old:
            successor = now.pop(item.id, None)
            if successor == item:
                continue
            self._pending.append(self._unused(item, at, cycle))
            if successor:
                self._pending.append(self._remaining(successor, at, cycle))
        self._pending += [self._remaining(item, at, cycle) for item in now.values()]

    def take_pending(self) -> list[InvoiceLine]:
        """Hand over the prorations that wait for an invoice."""
        pending, self._pending = self._pending, []
        return pending

    def _unused(self, item: BilledItem, at: int, cycle: Cycle) -> InvoiceLine:
        line = self._proration(LineKind.UNUSED, item, at, cycle)
        line.amount = -line.amount
        line.credited = self._last_line[item.id]
        return line

    def _remaining(self, item: BilledItem, at: int, cycle: Cycle) -> InvoiceLine:
        line = self._proration(LineKind.REMAINING, item, at, cycle)
        self._last_line[item.id] = line
        return line

    def _proration(self, kind: LineKind, item: BilledItem, at: int, cycle: Cycle) -> InvoiceLine:
        start, end = cycle
        amount = prorated(item.price.unit_amount * item.quantity, end - at, end - start)
        line_id, invoice_item_id = self._numbering.next_id("il"), self._numbering.next_id("ii")
        return InvoiceLine(line_id, kind, item, amount, at, end, invoice_item_id)
