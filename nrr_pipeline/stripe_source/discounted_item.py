"""One discount and one item that it may be in force on: since when, until when, how surely.

What the object of a discount and its holder tell of its time is read in ``discounts``.
"""

from dataclasses import dataclass

from nrr_pipeline.metrics.discounts import Discount, Duration
from nrr_pipeline.metrics.evidence import DiscountSpan, Source
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.lines import Lines


@dataclass(frozen=True, slots=True)
class Life:
    """What the object of a discount and its holder tell of its time.

    ``removed_at`` is when it was gone before it would have ended; ``seen_until`` when it was last
    seen. Where it ``is_seen`` nowhere but on invoices, these tell all.
    """

    starts_at: int | None
    ends_at: int | None
    is_seen: bool
    seen_until: int | None = None
    removed_at: int | None = None
    is_exact: bool = True


class DiscountedItem:
    """One discount and one item that it may be in force on."""

    def __init__(self, item_id: str, discount: Discount, lines: Lines, starts_at: int) -> None:
        self._item_id = item_id
        self._discount = discount
        self._lines = lines
        self._starts_at = starts_at
        every = (*lines.ordinary, *lines.prorations)
        mine = [line for line in every if line.item_id == item_id and not line.is_credit]
        self._mine = [line.starts_at for line in mine]
        self._shown = sorted(
            (line for line in mine if self._is_shown_on(line)),
            key=lambda line: (line.starts_at, line.line_id),
        )
        self._ordinary = sorted(
            (line for line in mine if not line.is_proration), key=lambda line: line.starts_at
        )
        self._used_at = min(
            (
                line.starts_at if line.invoiced_at is None else line.invoiced_at
                for line in every
                if self._is_shown_on(line) and line.is_charge
            ),
            default=None,
        )

    def spans(self, life: Life) -> list[DiscountSpan]:
        """The stretches that the discount's own time gives, and those that lines prove."""
        start = self._start(life)
        if self._discount.duration is Duration.ONCE:
            ends = [at for at in (self._used_at, life.removed_at) if at is not None]
            return self._span(start, min(ends, default=None), None)
        found: list[DiscountSpan] = []
        if life.is_seen or life.ends_at is not None:
            found += self._span(start, self._end(life), None)
        elif self._shown:
            found += self._span(start, self._covered_until(self._shown[-1]), self._shown[-1])
        for line in self._shown:
            found += self._span(line.starts_at, self._covered_until(line), line)
        return found

    def doubt(self, life: Life) -> tuple[int, int | None] | None:
        """When the item may have had a discount that only lines of other items show.

        That is so for one that joined after the last of these: the discount may have been removed
        before that, or after, and at the latest before the first bill without it.
        """
        others = [each for each in self._lines.ordinary if self._is_shown_on(each)]
        if life.is_seen or life.ends_at is not None or self._shown or not others:
            return None
        last = max(line.starts_at for line in others)
        holders = {line.item_id for line in others} | {self._item_id}
        bills = [
            line.starts_at
            for line in self._lines.ordinary
            if line.item_id in holders and line.is_charge and line.starts_at > last
        ]
        joined, gone = min(self._mine, default=None), min(bills, default=None)
        if joined is None or joined <= last or (gone is not None and gone <= joined):
            return None
        return joined, gone

    def _is_shown_on(self, line: Line) -> bool:
        return self._discount.discount_id in line.discount_ids

    def _start(self, life: Life) -> int:
        if life.starts_at is not None:
            return life.starts_at
        return min((line.starts_at for line in self._shown), default=self._starts_at)

    def _end(self, life: Life) -> int | None:
        """When the discount's own time ends for this item; ``None`` while it lasts."""
        ends = [at for at in (life.ends_at, life.removed_at) if at is not None]
        if not life.is_seen or (life.removed_at is not None and not life.is_exact):
            lacking = self._first_line_without(life.seen_until)
            if lacking is not None:
                ends.append(lacking)
        return min(ends, default=None)

    def _first_line_without(self, seen_until: int | None) -> int | None:
        """When the first ordinary charge begins that no longer shows the discount."""
        if not self._shown:
            return None
        since = max(self._shown[-1].starts_at, seen_until or 0)
        return next(
            (
                line.starts_at
                for line in self._ordinary
                if line.starts_at > since
                and line.is_charge
                and self._discount.discount_id not in line.discount_ids
            ),
            None,
        )

    def _covered_until(self, shown: Line) -> int:
        """The end of a line's period, or where another bill for the item takes its place."""
        following = [
            line.starts_at
            for line in self._ordinary
            if shown.starts_at < line.starts_at < shown.ends_at
        ]
        return min(following, default=shown.ends_at)

    def _span(self, start: int, end: int | None, line: Line | None) -> list[DiscountSpan]:
        if end is not None and end <= start:
            return []
        source = Source.SUBSCRIPTION if line is None else Source.INVOICE_LINE
        source_id = self._discount.discount_id if line is None else line.line_id
        return [DiscountSpan(start, end, self._discount, self._item_id, source, source_id)]
