"""When each discount of a subscription was in force, from objects, events and invoice lines.

What discounts take off is ``metrics.discounts``'s; where they were seen, ``discount_looks``'s.
"""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.evidence import DiscountSpan, Finding, StateSpan
from nrr_pipeline.stripe_source.coupons import Coupon, CouponBook, coupon_of
from nrr_pipeline.stripe_source.discount_looks import (
    ON_SUBSCRIPTION,
    Holder,
    Sightings,
    shown_on,
)
from nrr_pipeline.stripe_source.discounted_item import DiscountedItem, Life
from nrr_pipeline.stripe_source.doubts import doubt
from nrr_pipeline.stripe_source.lines import Lines
from nrr_pipeline.stripe_source.payloads import Payload, readable_moment

_LEVELS = list(DiscountLevel)


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
        self._positions: dict[Holder, dict[str, int]] = {}
        self._held = [
            (self.discount(discount_id), holder, self._life(discount_id, holder))
            for discount_id in sorted(sightings.attached | self._shown)
            if (holder := sightings.holder_of(discount_id)) is not None
        ]

    def spans(self, item_ids: Sequence[str]) -> tuple[DiscountSpan, ...]:
        """Every stretch in which a discount was in force, item by item.

        One whose coupon is known nowhere is in force too, with nothing that could be subtracted.
        """
        spans: list[DiscountSpan] = []
        for discount, holder, life in self._held:
            for item_id in item_ids if holder.item_id is None else [holder.item_id]:
                on_item = DiscountedItem(item_id, discount, self._lines, self._starts_at)
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
            proven_price_ids=self._proven(discount_id) if coupon.are_limits_unknown else None,
        )

    def _proven(self, discount_id: str) -> frozenset[str]:
        """The prices that a discount took something off."""
        return frozenset(
            line.terms.price_id
            for line in (*self._lines.ordinary, *self._lines.prorations)
            if line.is_charge and discount_id in line.discount_ids
        )

    def findings(self, subscription_id: str) -> list[Finding]:
        """Discounts that ended, or began, at a time which nothing tells."""
        found: list[Finding] = []
        for discount, _, life in self._held:
            if not life.is_seen:
                continue
            discount_id = discount.discount_id
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
        for discount, _, life in self._held:
            if life.seen_until is None or life.removed_at is None:
                continue
            discount_id = discount.discount_id
            if self._vanished(discount_id, life):
                reason = f"{discount_id} was removed at a time that no event tells"
                found.append(doubt(discount_id, life.seen_until, life.removed_at, reason))
        return tuple(found)

    def doubts_of(self, item_id: str) -> tuple[StateSpan, ...]:
        """The stretches of an item in which a discount of others may have been in force on it."""
        found: list[StateSpan] = []
        for discount, holder, life in self._held:
            if holder.item_id is not None or discount.duration is Duration.ONCE:
                continue
            on_item = DiscountedItem(item_id, discount, self._lines, self._starts_at)
            doubted = on_item.doubt(life)
            if doubted is not None:
                discount_id = discount.discount_id
                reason = f"{discount_id} may still have been in force; nothing tells when it ended"
                found.append(doubt(discount_id, *doubted, reason))
        return tuple(found)

    def _vanished(self, discount_id: str, life: Life) -> bool:
        """Whether a discount was gone early at a time that neither event nor invoice tells."""
        if life.is_exact or not _ended_early(life):
            return False
        is_once = self._coupon(discount_id).duration is Duration.ONCE
        return not (is_once and discount_id in self._shown)

    def _coupon(self, discount_id: str) -> Coupon:
        coupon_id, _ = coupon_of(self._sightings.payloads.get(discount_id, {}))
        return self._book.find(coupon_id or f"the coupon of {discount_id}")

    def _life(self, discount_id: str, holder: Holder) -> Life:
        payload = self._sightings.payloads.get(discount_id, {})
        starts_at = readable_moment(payload, "start")
        ends_at = self._ends_at(discount_id, starts_at)
        looks = self._sightings.looks.get(holder, [])
        seen = [look.at for look in looks if discount_id in look.discount_ids]
        removed_at = self._sightings.removed_at.get(discount_id)
        if removed_at is not None:
            return Life(starts_at, ends_at, is_seen=True, removed_at=removed_at)
        if not seen:
            is_cut = any(ends_at is not None and look.at < ends_at for look in looks)
            return Life(starts_at, None if is_cut else ends_at, is_seen=False)
        gone = next((look for look in looks if look.at > seen[-1]), None)
        if gone is None:
            return Life(starts_at, ends_at, is_seen=True, seen_until=seen[-1])
        return Life(
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


def _ended_early(life: Life) -> bool:
    removed_at, ends_at = life.removed_at, life.ends_at
    return removed_at is not None and (ends_at is None or removed_at < ends_at)


def _order(span: DiscountSpan) -> tuple[object, ...]:
    discount, ends_at = span.discount, span.ends_at
    level = _LEVELS.index(discount.level)
    return (
        *(span.item_id or "", level, discount.position, discount.discount_id),
        *(span.starts_at, ends_at is None, ends_at or 0, span.source_id),
    )
