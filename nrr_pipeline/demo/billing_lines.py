"""Invoice lines: what a cycle costs, and what a change in the middle of one gives and takes.

Here belongs the arithmetic of lines, and the book of prorations that still wait for an invoice.
When an invoice is made belongs to ``billing``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction

from nrr_pipeline.demo.billing_pricing import cost, rounded
from nrr_pipeline.demo.billing_records import BilledItem, Cycle, InvoiceLine, LineKind
from nrr_pipeline.demo.identifiers import PartNumbering

Span = tuple[int, int]
"""Start and end of a billing cycle."""

_MOST_USAGE = 90_000


def prorated(amount: Fraction | int, part: int, whole: int) -> int:
    """The share of an amount that a part of a cycle costs, rounded half up to minor units.

    >>> prorated(3_100, 1, 2), prorated(1_001, 1, 2)
    (1550, 501)
    """
    return rounded(Fraction(amount) * part / whole)


def usage_of(item: BilledItem, start: int) -> int:
    """How much of a metered item is used in a cycle: the same number each time one asks."""
    return zlib.crc32(f"{item.id} {start}".encode()) % _MOST_USAGE


class LineBook:
    """Makes the lines of one subscription and remembers which line billed an item last."""

    def __init__(self, numbering: PartNumbering) -> None:
        self._numbering = numbering
        self._pending: list[InvoiceLine] = []
        self._last_line: dict[str, InvoiceLine] = {}

    def cycle(self, items: Sequence[BilledItem], kind: LineKind, span: Span) -> list[InvoiceLine]:
        """The lines of a whole cycle (or trial): one for every item that is paid in advance."""
        start, end = span
        lines: list[InvoiceLine] = []
        for item in items:
            if item.price.is_metered or (item.trial is not None and item.trial.end > start):
                continue
            amount = 0 if kind is LineKind.TRIAL else rounded(cost(item.price, item.quantity))
            line = self._line(kind, item, amount, start, end)
            self._last_line[item.id] = line
            lines.append(line)
        return lines

    def usage(self, items: Sequence[BilledItem], ended: Cycle) -> list[InvoiceLine]:
        """What was used in a cycle that is over, for every metered item."""
        lines: list[InvoiceLine] = []
        for item in items:
            if not item.price.is_metered or item.created >= ended.end:
                continue
            line = self._line(LineKind.USAGE, item, 0, ended.start, ended.end)
            line.quantity = usage_of(item, ended.start)
            line.amount = rounded((item.price.unit_amount or Fraction(0)) * line.quantity)
            lines.append(line)
        return lines

    def give_back(
        self, items: Sequence[BilledItem], at: int, span_of: Callable[[BilledItem], Span]
    ) -> None:
        """Credit the unused rest of the cycle for all these items."""
        self._pending += [
            self._unused(item, at, span_of(item)) for item in items if not item.price.is_metered
        ]

    def prorate(
        self,
        old: Sequence[BilledItem],
        new: Sequence[BilledItem],
        at: int,
        span_of: Callable[[BilledItem], Span],
    ) -> None:
        """Credit what is left of the old items that changed, and debit what replaces them."""
        now = {item.id: item for item in new}
        for item in old:
            successor = now.pop(item.id, None)
            if successor == item or item.price.is_metered:
                continue
            self._pending.append(self._unused(item, at, span_of(item)))
            if successor:
                self.begin(successor, at, span_of(successor))
        for item in now.values():
            if not item.price.is_metered and item.trial is None:
                self.begin(item, at, span_of(item))

    def begin(self, item: BilledItem, at: int, span: Span) -> None:
        """Charge an item for the rest of a cycle."""
        line = self._proration(LineKind.REMAINING, item, at, span)
        self._last_line[item.id] = line
        self._pending.append(line)

    def charge_past(self, items: Sequence[BilledItem], since: int, at: int) -> list[InvoiceLine]:
        """Charge items for the time before their first cycle; a cycle is taken as long as that."""
        lines: list[InvoiceLine] = []
        for item in items:
            cycles = Fraction(at - since, 30 * 86_400) / (item.price.cadence.months or 1)
            amount = rounded(cost(item.price, item.quantity) * cycles)
            line = self._line(LineKind.REMAINING, item, amount, since, at)
            line.invoice_item_id = self._numbering.next_id("ii")
            lines.append(line)
        return lines

    def take_pending(self) -> list[InvoiceLine]:
        """Hand over the prorations that wait for an invoice."""
        pending, self._pending = self._pending, []
        return pending

    def remembered(self) -> dict[str, InvoiceLine]:
        """Which line billed each item last, to be put back if nothing comes of a change."""
        return dict(self._last_line)

    def put_back(self, remembered: dict[str, InvoiceLine]) -> None:
        """Forget the lines of a change that never came about."""
        self._last_line = remembered

    def _unused(self, item: BilledItem, at: int, span: Span) -> InvoiceLine:
        line = self._proration(LineKind.UNUSED, item, at, span)
        line.amount = -line.amount
        line.credited = self._last_line[item.id]
        return line

    def _proration(self, kind: LineKind, item: BilledItem, at: int, span: Span) -> InvoiceLine:
        start, end = span
        amount = prorated(cost(item.price, item.quantity), end - at, end - start)
        line = self._line(kind, item, amount, at, end)
        line.invoice_item_id = self._numbering.next_id("ii")
        return line

    def _line(
        self, kind: LineKind, item: BilledItem, amount: int, start: int, end: int
    ) -> InvoiceLine:
        line_id = self._numbering.next_id("il")
        return InvoiceLine(line_id, kind, item, amount, start, end, quantity=item.quantity)
