"""When each discount of a subscription was in force, from objects, events and invoice lines.

What discounts take off is ``metrics.discounts``'s; where they were seen, ``discount_looks``'s.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.evidence import DiscountSpan, Finding, Source, StateSpan
from nrr_pipeline.stripe_source.coupons import Coupon, CouponBook, coupon_of
from nrr_pipeline.stripe_source.discount_looks import (
    ON_SUBSCRIPTION,
    Holder,
    Sightings,
    shown_on,
)
from nrr_pipeline.stripe_source.doubts import doubt
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.lines import Lines
from nrr_pipeline.stripe_source.payloads import Payload, readable_moment

_LEVELS = list(DiscountLevel)


@dataclass(frozen=True, slots=True)
class _Life:
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


class Discounts:
    """All discounts of one subscription.

    Args:
        sightings: What was seen of them.
        lines: The subscription's invoice lines.
        book: All coupons that are known.
        starts_at: When the subscription starts to count.
    """

    def __init__(
        self, sightings: Sightings, lines: Lines, book: CouponBook, *, starts_at: int
    ) -> None:
        self._sightings = sightings
        self._lines = lines
        self._book = book
        self._starts_at = starts_at
        self._shown = shown_on(lines)
        self._ids = sorted(sightings.attached | self._shown)
        self._positions: dict[Holder, dict[str, int]] = {}

    def spans(self, item_ids: Sequence[str]) -> tuple[DiscountSpan, ...]:
        """Every stretch in which a discount was in force, item by item.

        One whose coupon is known nowhere is in force too, with nothing that could be subtracted.
        """
        spans: list[DiscountSpan] = []
        for discount_id in self._ids:
            holder = self._sightings.holder_of(discount_id)
            if holder is None:
                continue
            discount, life = self.discount(discount_id), self._life(discount_id, holder)
            for item_id in item_ids if holder.item_id is None else [holder.item_id]:
                on_item = _Item(item_id, discount, self._lines, self._starts_at)
                spans.extend(on_item.spans(life))
        return tuple(sorted(spans, key=_order))

    def discount(self, discount_id: str) -> Discount:
        """What a discount takes off."""
        holder = self._sightings.holder_of(discount_id) or ON_SUBSCRIPTION
        coupon, payload = self._coupon(discount_id), self._sightings.payloads.get(discount_id, {})
        has_odd_end = _has_odd_end(payload)
        if holder not in self._positions:
            self._positions[holder] = self._sightings.positions(holder)
        return Discount(
            discount_id=discount_id,
            coupon_id=coupon.coupon_id,
            level=holder.level,
            position=self._positions[holder].get(discount_id, 0),
            duration=Duration.UNKNOWN if has_odd_end else coupon.duration,
            percent_off=coupon.percent_off,
            amounts_off=coupon.amounts_off,
            product_ids=coupon.product_ids,
        )

    def findings(self, subscription_id: str) -> list[Finding]:
        """Discounts that ended, or began, at a time which nothing tells."""
        found: list[Finding] = []
        for discount_id in self._ids:
            holder = self._sightings.holder_of(discount_id)
            life = None if holder is None else self._life(discount_id, holder)
            if life is None or not life.is_seen:
                continue
            if life.starts_at is None:
                detail = f"{discount_id} does not say when it began; it counts from the start"
                found.append(Finding("discount_start_assumed", *_about(subscription_id, detail)))
            if self._vanished(discount_id, life):
                detail = (
                    f"{discount_id} was removed at a time that no event tells; it counts until the "
                    "pull that first saw it gone, or the invoice line that shows it last"
                )
                found.append(Finding("discount_end_assumed", *_about(subscription_id, detail)))
        return found

    def doubts(self) -> tuple[StateSpan, ...]:
        """The stretches in which a discount was removed at a time that nothing tells."""
        found: list[StateSpan] = []
        for discount_id in self._ids:
            holder = self._sightings.holder_of(discount_id)
            life = None if holder is None else self._life(discount_id, holder)
            if life is None or life.seen_until is None or life.removed_at is None:
                continue
            if self._vanished(discount_id, life):
                reason = f"{discount_id} was removed at a time that no event tells"
                found.append(doubt(discount_id, life.seen_until, life.removed_at, reason))
        return tuple(found)

    def _vanished(self, discount_id: str, life: _Life) -> bool:
        """Whether a discount was gone early at a time that neither event nor invoice tells."""
        if life.is_exact or not _ended_early(life):
            return False
        is_once = self._coupon(discount_id).duration is Duration.ONCE
        return not (is_once and discount_id in self._shown)

    def _coupon(self, discount_id: str) -> Coupon:
        coupon_id, _ = coupon_of(self._sightings.payloads.get(discount_id, {}))
        return self._book.find(coupon_id or f"the coupon of {discount_id}")

    def _life(self, discount_id: str, holder: Holder) -> _Life:
        payload = self._sightings.payloads.get(discount_id, {})
        starts_at = readable_moment(payload, "start")
        ends_at = self._ends_at(discount_id, starts_at)
        looks = self._sightings.looks.get(holder, [])
        seen = [look.at for look in looks if discount_id in look.discount_ids]
        removed_at = self._sightings.removed_at.get(discount_id)
        if removed_at is not None:
            return _Life(starts_at, ends_at, is_seen=True, removed_at=removed_at)
        if not seen:
            is_cut = any(ends_at is not None and look.at < ends_at for look in looks)
            return _Life(starts_at, None if is_cut else ends_at, is_seen=False)
        gone = next((look for look in looks if look.at > seen[-1]), None)
        if gone is None:
            return _Life(starts_at, ends_at, is_seen=True, seen_until=seen[-1])
        return _Life(
            starts_at,
            ends_at,
            is_seen=True,
            seen_until=seen[-1],
            removed_at=gone.at,
            is_exact=gone.is_exact,
        )

    def _ends_at(self, discount_id: str, starts_at: int | None) -> int | None:
        """The end of a repeating discount; of one that does not say, by its coupon's months."""
        payload, coupon = self._sightings.payloads.get(discount_id, {}), self._coupon(discount_id)
        if _has_odd_end(payload):
            return None
        ends_at = readable_moment(payload, "end")
        if ends_at is not None or coupon.duration is not Duration.REPEATING:
            return ends_at
        if starts_at is None or coupon.months is None:
            return None
        return _months_later(starts_at, coupon.months)


def _has_odd_end(payload: Payload) -> bool:
    """Whether a discount has an end that is no time, or lies before its start."""
    starts_at, ends_at = readable_moment(payload, "start"), readable_moment(payload, "end")
    if payload.get("end") is None:
        return False
    return ends_at is None or (starts_at is not None and ends_at < starts_at)


def _about(subscription_id: str, detail: str) -> tuple[str, str, str]:
    return "warning", subscription_id, detail


def _months_later(at: int, months: int) -> int | None:
    """The same time of day some months later, on the month's last day where it is shorter."""
    try:
        start = datetime.fromtimestamp(at, UTC)
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        day = min(start.day, calendar.monthrange(year, month + 1)[1])
        return int(start.replace(year=year, month=month + 1, day=day).timestamp())
    except (ValueError, OverflowError, OSError, calendar.IllegalMonthError):
        return None


def _ended_early(life: _Life) -> bool:
    removed_at, ends_at = life.removed_at, life.ends_at
    return removed_at is not None and (ends_at is None or removed_at < ends_at)


class _Item:
    """One discount and one item that it may be in force on."""

    def __init__(self, item_id: str, discount: Discount, lines: Lines, starts_at: int) -> None:
        self._item_id = item_id
        self._discount = discount
        self._starts_at = starts_at
        every = (*lines.ordinary, *lines.prorations)
        mine = [line for line in every if line.item_id == item_id and not line.is_credit]
        self._shown = sorted(
            (line for line in mine if discount.discount_id in line.discount_ids),
            key=lambda line: (line.starts_at, line.line_id),
        )
        self._ordinary = sorted(
            (line for line in mine if not line.is_proration), key=lambda line: line.starts_at
        )
        self._used_at = min(
            (
                line.starts_at if line.invoiced_at is None else line.invoiced_at
                for line in every
                if discount.discount_id in line.discount_ids and line.is_charge
            ),
            default=None,
        )

    def spans(self, life: _Life) -> list[DiscountSpan]:
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

    def _start(self, life: _Life) -> int:
        if life.starts_at is not None:
            return life.starts_at
        return min((line.starts_at for line in self._shown), default=self._starts_at)

    def _end(self, life: _Life) -> int | None:
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


def _order(span: DiscountSpan) -> tuple[object, ...]:
    discount, ends_at = span.discount, span.ends_at
    level = _LEVELS.index(discount.level)
    return (
        *(span.item_id or "", level, discount.position, discount.discount_id),
        *(span.starts_at, ends_at is None, ends_at or 0, span.source_id),
    )
