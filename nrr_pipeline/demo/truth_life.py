"""The true life of one subscription: what it held, when it counted, what was off the price.

Here belongs what the happenings of a subscription mean for its MRR at any moment. What that comes
to in money belongs to ``truth_pricing``, days and periods to ``truth``.
"""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nrr_pipeline.demo import log as logged
from nrr_pipeline.demo.catalog import Catalog
from nrr_pipeline.demo.coupons import Coupon, Grant
from nrr_pipeline.demo.truth_pricing import Held, Shared

_UNCOLLECTED = {"void", "mark_uncollectible"}


class InForce(NamedTuple):
    """A discount, and when it was taken away early."""

    grant: Grant
    coupon: Coupon
    removed_at: int | None

    @property
    def stops_at(self) -> int | None:
        """When it is no longer given."""
        ends = [each for each in (self.grant.end, self.removed_at) if each is not None]
        return min(ends, default=None)


class Life:
    """One subscription from its start, as far as the log knows."""

    def __init__(
        self,
        catalog: Catalog,
        history: Sequence[logged.Happening],
        of_customer: Sequence[Grant],
        ends_at: int,
    ) -> None:
        started = history[0]
        if not isinstance(started, logged.Subscribed):
            raise TypeError(f"A subscription's first happening is its start, not {started!r}.")
        self.started = started
        self._catalog = catalog
        self._log_ends_at = ends_at
        self._items: list[tuple[int, tuple[logged.Item, ...]]] = [
            (started.start_date or started.at, started.items)
        ]
        self._off: list[tuple[int, int | None]] = []
        self._anchors = [(started.at, started.trial_end or started.at)]
        if started.trial_end is not None:
            self._off.append((started.at, started.trial_end))
        self._live(history)
        grants = _grants(history)
        self._own = [self._in_force(each, history) for each in grants if each.level == "item"]
        self._shared = [
            self._in_force(each, history) for each in grants if each.level == "subscription"
        ]
        self._of_customer = [self._in_force(each, history) for each in of_customer]

    @property
    def item_ids(self) -> list[str]:
        """Every item that it ever had."""
        return list(dict.fromkeys(item.id for _, items in self._items for item in items))

    def turning_points(self) -> Iterator[int]:
        """Every moment at which its MRR may change."""
        for at, items in self._items:
            yield at
            yield from (item.trial_end for item in items if item.trial_end is not None)
        for start, end in self._off:
            yield start
            if end is not None:
                yield end
        for each in (*self._own, *self._shared, *self._of_customer):
            yield each.grant.start
            for item_id in self.item_ids:
                until = self._until(each, item_id)
                if until is not None:
                    yield until

    def held_at(self, at: int) -> list[Held]:
        """The items that count at a moment, each with the discounts on it in force."""
        if any(start <= at and (end is None or at < end) for start, end in self._off):
            return []
        return [
            Held(
                item.id,
                self._catalog.price_of[item.price_id].in_currency(self.started.currency),
                item.quantity,
                tuple(each.coupon for each in self._own_of(item.id) if self._is_on(each, item, at)),
            )
            for item in self._items_at(at)
            if item.quantity is not None and (item.trial_end is None or item.trial_end <= at)
        ]

    def shared_at(self, at: int) -> list[Shared]:
        """The discounts of the subscription, or those of the customer where it has none.

        One that a line shows until that line's end may be over for items with shorter periods.
        """
        items = self._items_at(at)
        for level in (self._shared, self._of_customer):
            found = [
                Shared(
                    each.coupon,
                    frozenset(item.id for item in items if self._is_on(each, item, at)),
                )
                for each in level
            ]
            if any(item_ids for _, item_ids in found):
                return found
        return []

    def _live(self, history: Sequence[logged.Happening]) -> None:
        """Fold what happened into items, times that do not count, and billing anchors."""
        agreed: tuple[logged.Item, ...] = ()
        off_since = self.started.at if self.started.is_payment_open else None
        for each in history[1:]:
            if isinstance(each, logged.ItemsChanged):
                self._change(each.at, each.items)
            elif isinstance(each, logged.ChangeScheduled | logged.UpdatePending):
                agreed = each.items
            elif isinstance(each, logged.ScheduledChangeTookEffect | logged.PendingUpdateApplied):
                self._change(each.at, agreed)
            elif _stops(each):
                off_since = off_since or each.at
            elif isinstance(each, _GOES_ON) and off_since is not None:
                self._off.append((off_since, each.at))
                off_since = None
        if off_since is not None:
            self._off.append((off_since, None))
        self._anchors += [
            (each.at, each.at) for each in history if isinstance(each, logged.Resumed)
        ]
        self._anchors.sort()

    def _change(self, at: int, items: tuple[logged.Item, ...]) -> None:
        before = self._catalog.price_of[self._items[-1][1][0].price_id]
        if self._catalog.price_of[items[0].price_id].cadence != before.cadence:
            self._anchors.append((at, at))
        self._items.append((at, items))

    def _items_at(self, at: int) -> tuple[logged.Item, ...]:
        place = bisect_right(self._items, at, key=lambda each: each[0])
        return self._items[place - 1][1] if place else ()

    def _own_of(self, item_id: str) -> list[InForce]:
        return [each for each in self._own if each.grant.owner_id == item_id]

    def _in_force(self, grant: Grant, history: Sequence[logged.Happening]) -> InForce:
        removed = [
            each.at
            for each in history
            if isinstance(each, logged.DiscountRemoved) and each.discount_id == grant.id
        ]
        return InForce(grant, self._catalog.coupon_of[grant.coupon_id], min(removed, default=None))

    def _is_on(self, discount: InForce, item: logged.Item, at: int) -> bool:
        """Whether a discount is off an item's price; one for a single invoice is not recurring."""
        if discount.coupon.duration == "once" or at < discount.grant.start:
            return False
        until = self._until(discount, item.id)
        return until is None or at < until

    def _until(self, discount: InForce, item_id: str) -> int | None:
        """When a discount ends for an item: what was already billed with it keeps it."""
        stops_at = discount.stops_at
        if stops_at is None:
            return None
        item = next((i for i in self._items_at(stops_at - 1) if i.id == item_id), None)
        anchor = self._anchor_at(stops_at - 1)
        if item is None or stops_at - 1 < anchor:
            return stops_at
        cadence = self._catalog.price_of[item.price_id].cadence
        billed_at, following = _cycle_around(anchor, stops_at - 1, *cadence)
        was_there = any(i.id == item_id for i in self._items_at(billed_at))
        was_used = discount.grant.start <= billed_at <= self._log_ends_at and was_there
        return following if was_used else stops_at

    def _anchor_at(self, at: int) -> int:
        place = bisect_right(self._anchors, at, key=lambda each: each[0])
        return self._anchors[max(0, place - 1)][1]


_STOPS = (
    logged.CancellationTookEffect,
    logged.CanceledAtOnce,
    logged.EndedByFailedPayment,
    logged.FirstPaymentExpired,
    logged.Paused,
)
_GOES_ON = (logged.FirstPaymentMade, logged.CollectionResumed, logged.Resumed)


def _stops(happening: logged.Happening) -> bool:
    """Whether nothing counts from this moment on, for a while or for good."""
    if isinstance(happening, logged.CollectionPaused):
        return happening.behavior in _UNCOLLECTED
    return isinstance(happening, _STOPS)


def _grants(history: Sequence[logged.Happening]) -> list[Grant]:
    found: list[Grant] = []
    for each in history:
        if isinstance(each, logged.Subscribed):
            found += each.grants
        elif isinstance(each, logged.DiscountGiven):
            found.append(each.grant)
    return found


def _cycle_around(anchor: int, at: int, interval: str, count: int) -> tuple[int, int]:
    """The cycle that a moment lies in: whole weeks, or months that keep the anchor's day."""
    start = datetime.fromtimestamp(anchor, UTC)
    moment = datetime.fromtimestamp(at, UTC)
    if interval == "week":
        length = timedelta(weeks=count)
        begun = start + (moment - start) // length * length
        return int(begun.timestamp()), int((begun + length).timestamp())
    step = count * (12 if interval == "year" else 1)
    number = ((moment.year - start.year) * 12 + moment.month - start.month) // step
    if _later(start, number * step) > moment:
        number -= 1
    cycle = (_later(start, number * step), _later(start, (number + 1) * step))
    return int(cycle[0].timestamp()), int(cycle[1].timestamp())


def _later(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
