"""The truth about the simulated business: MRR and retention as a perfect observer knows them.

Everything here is worked out from the log alone, in exact fractions, under the default policy. It
shares no code with the billing and rendering of the account, nor with the pipeline, so that tests
can hold the pipeline against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from nrr_pipeline.demo.log import (
    BusinessLog,
    CanceledAtOnce,
    CancellationTookEffect,
    EndedByFailedPayment,
    Happening,
    Item,
    ItemsChanged,
    Subscribed,
)

PeriodKind = Literal["month", "quarter", "trailing_12_months"]
Dimension = Literal["product", "price", "billing_interval", "country"]

_MICROS_PER_MINOR_UNIT = 10_000
_MONTHS_PER_INTERVAL = {"month": 1, "year": 12}
_MONTHS_BEFORE_START: dict[PeriodKind, int] = {
    "month": 0,
    "quarter": 0,
    "trailing_12_months": 11,
}
_MONTHS_AFTER_START: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "trailing_12_months": 1}


@dataclass(frozen=True, slots=True)
class TrueInterval:
    """The MRR of one subscription item on the days from ``valid_from`` up to ``valid_to``.

    ``valid_to`` is the first day on which this is no longer so; ``None`` while it still is.
    """

    subscription_item_id: str
    subscription_id: str
    customer_id: str
    valid_from: date
    valid_to: date | None
    mrr_micros: int
    price_id: str
    quantity: int

    def holds_on(self, day: date) -> bool:
        """Whether this counts in the snapshot of a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class TrueRetention:
    """Retention of one period, for the whole or for one segment; amounts are micros."""

    starting: int = 0
    expansion: int = 0
    contraction: int = 0
    churned: int = 0
    new_business: int = 0
    reactivation: int = 0
    ending: int = 0
    nrr_numerator: int = 0
    grr_numerator: int = 0
    starting_customers: int = 0
    churned_customers: int = 0
    ending_customers: int = 0

    @property
    def nrr(self) -> Fraction | None:
        """Net revenue retention; nothing when there was nothing to retain."""
        return Fraction(self.nrr_numerator, self.starting) if self.starting else None

    @property
    def grr(self) -> Fraction | None:
        """Gross revenue retention."""
        return Fraction(self.grr_numerator, self.starting) if self.starting else None

    @property
    def logo_churn(self) -> Fraction | None:
        """The share of the opening customers that are without MRR at closing."""
        if not self.starting_customers:
            return None
        return Fraction(self.churned_customers, self.starting_customers)


def snapshot_days(kind: PeriodKind, period_start: date) -> tuple[date, date]:
    """The days of a period's opening and closing snapshots.

    ``period_start`` is the period's first day; of trailing twelve months it is, as in the
    warehouse, the first day of their last month.

    >>> snapshot_days("quarter", date(2026, 1, 1))
    (datetime.date(2025, 12, 31), datetime.date(2026, 3, 31))
    >>> snapshot_days("trailing_12_months", date(2026, 3, 1))
    (datetime.date(2025, 3, 31), datetime.date(2026, 3, 31))
    """
    first = _first_of_month(period_start, -_MONTHS_BEFORE_START[kind])
    following = _first_of_month(period_start, _MONTHS_AFTER_START[kind])
    return first - timedelta(days=1), following - timedelta(days=1)


@lru_cache(maxsize=8)
def item_intervals(log: BusinessLog) -> tuple[TrueInterval, ...]:
    """The MRR of every item on every day until the log's end, where it is more than nothing."""
    histories: dict[str, list[Happening]] = defaultdict(list)
    for happening in log.happenings:
        histories[happening.subscription_id].append(happening)
    intervals: list[TrueInterval] = []
    for history in histories.values():
        intervals += _subscription_intervals(log, history)
    return tuple(intervals)


def retention(log: BusinessLog, kind: PeriodKind, period_start: date) -> TrueRetention:
    """The retention of a period over all customers."""
    return _retention(log, kind, period_start, None).get("all", TrueRetention())


def retention_by(
    log: BusinessLog, kind: PeriodKind, period_start: date, dimension: Dimension
) -> dict[str, TrueRetention]:
    """The retention of a period for every segment of a dimension.

    A segment is the id of the product or price, ``month`` or ``year``, or the country's code.
    """
    return _retention(log, kind, period_start, dimension)


# From happenings to days


def _subscription_intervals(log: BusinessLog, history: list[Happening]) -> list[TrueInterval]:
    started = history[0]
    if not isinstance(started, Subscribed):
        raise TypeError(f"A subscription's first happening is its start, not {started!r}.")
    days = _states_by_day(started, history[1:])
    intervals: list[TrueInterval] = []
    for item_id in dict.fromkeys(item.id for _, items in days for item in items):
        steps = [(day, next((i for i in items if i.id == item_id), None)) for day, items in days]
        intervals += _item_steps(log, started, steps)
    return intervals


def _states_by_day(
    started: Subscribed, later: list[Happening]
) -> list[tuple[date, tuple[Item, ...]]]:
    """What counts from which day on; the last state of a day is the day's."""
    first_paid_day = _day(started.trial_end or started.at)
    states: dict[date, tuple[Item, ...]] = {first_paid_day: started.items}
    for happening in later:
        items = _items_after(happening)
        if items is not None:
            states[max(first_paid_day, _day(happening.at))] = items
    return sorted(states.items())


def _items_after(happening: Happening) -> tuple[Item, ...] | None:
    """The items that count after a happening; nothing when it leaves them as they are."""
    match happening:
        case ItemsChanged():
            return happening.items
        case CancellationTookEffect() | CanceledAtOnce() | EndedByFailedPayment():
            return ()
        case _:
            return None


def _item_steps(
    log: BusinessLog, started: Subscribed, steps: list[tuple[date, Item | None]]
) -> list[TrueInterval]:
    """The intervals of one item; days on which nothing changed belong to one interval."""
    changes = [
        step
        for step, before in zip(steps, [(None, None), *steps], strict=False)
        if step[1] != before[1]
    ]
    ends = [day for day, _ in changes[1:]]
    return [
        TrueInterval(
            subscription_item_id=item.id,
            subscription_id=started.subscription_id,
            customer_id=started.customer_id,
            valid_from=day,
            valid_to=end,
            mrr_micros=mrr_micros(log, item),
            price_id=item.price_id,
            quantity=item.quantity,
        )
        for (day, item), end in zip(changes, [*ends, None], strict=True)
        if item is not None and mrr_micros(log, item) > 0
    ]


def mrr_micros(log: BusinessLog, item: Item) -> int:
    """The MRR of an item in whole micros, rounded half to even."""
    price = log.catalog.price_of[item.price_id]
    months = _MONTHS_PER_INTERVAL[price.interval] * price.interval_count
    return round(Fraction(price.unit_amount * item.quantity * _MICROS_PER_MINOR_UNIT, months))


# From days to retention


@dataclass(slots=True)
class _Standing:
    """One customer at opening and at closing."""

    opening: int = 0
    closing: int = 0
    paid_before: bool = False


def _retention(
    log: BusinessLog, kind: PeriodKind, period_start: date, dimension: Dimension | None
) -> dict[str, TrueRetention]:
    opening_day, closing_day = snapshot_days(kind, period_start)
    standings: dict[str, _Standing] = defaultdict(_Standing)
    opening: dict[str, list[TrueInterval]] = defaultdict(list)
    closing: dict[str, list[TrueInterval]] = defaultdict(list)
    for interval in item_intervals(log):
        standing = standings[interval.customer_id]
        standing.paid_before |= interval.valid_from <= opening_day
        if interval.holds_on(opening_day):
            standing.opening += interval.mrr_micros
            opening[interval.customer_id].append(interval)
        if interval.holds_on(closing_day):
            standing.closing += interval.mrr_micros
            closing[interval.customer_id].append(interval)
    segment_of = _segments(log, dimension)
    groups: dict[str, list[_Standing]] = defaultdict(list)
    for customer_id, standing in standings.items():
        items = opening[customer_id] or closing[customer_id]
        if items:
            groups[segment_of(_largest(items))].append(standing)
    return {segment: _summary(group) for segment, group in groups.items()}


def _largest(items: list[TrueInterval]) -> TrueInterval:
    """The item with the largest MRR; of equals the one with the smallest id."""
    return min(items, key=lambda item: (-item.mrr_micros, item.subscription_item_id))


def _segments(log: BusinessLog, dimension: Dimension | None) -> Callable[[TrueInterval], str]:
    """How to tell a customer's segment by its largest item."""
    price_of = log.catalog.price_of
    countries = {customer.id: customer.country for customer in log.customers}
    match dimension:
        case None:
            return lambda _: "all"
        case "product":
            return lambda item: price_of[item.price_id].product_id
        case "price":
            return lambda item: item.price_id
        case "billing_interval":
            return lambda item: price_of[item.price_id].interval
        case "country":
            return lambda item: countries[item.customer_id]


def _summary(group: Iterable[_Standing]) -> TrueRetention:
    group = list(group)
    cohort = [each for each in group if each.opening > 0]
    arrived = [each for each in group if each.opening == 0 and each.closing > 0]
    stayed = [each for each in cohort if each.closing > 0]
    left = [each for each in cohort if each.closing == 0]
    return TrueRetention(
        starting=sum(each.opening for each in cohort),
        expansion=sum(max(0, each.closing - each.opening) for each in stayed),
        contraction=sum(max(0, each.opening - each.closing) for each in stayed),
        churned=sum(each.opening for each in left),
        new_business=sum(each.closing for each in arrived if not each.paid_before),
        reactivation=sum(each.closing for each in arrived if each.paid_before),
        ending=sum(each.closing for each in group),
        nrr_numerator=sum(each.closing for each in cohort),
        grr_numerator=sum(min(each.opening, each.closing) for each in cohort),
        starting_customers=len(cohort),
        churned_customers=len(left),
        ending_customers=sum(each.closing > 0 for each in group),
    )


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _first_of_month(day: date, months_later: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months_later, 12)
    return date(year, month + 1, 1)
