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

from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.exchange_rates import rate_on
from nrr_pipeline.demo.log import BusinessLog, CustomerDiscounted, Happening
from nrr_pipeline.demo.truth_life import Life
from nrr_pipeline.demo.truth_pricing import mrr_micros

PeriodKind = Literal["month", "quarter", "trailing_12_months"]
Dimension = Literal["product", "price", "billing_interval", "country", "currency"]

_MONTHS_BEFORE_START: dict[PeriodKind, int] = {
    "month": 0,
    "quarter": 0,
    "trailing_12_months": 11,
}
_MONTHS_AFTER_START: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "trailing_12_months": 1}


@dataclass(frozen=True, slots=True)
class TrueInterval:
    """The MRR of one subscription item on the days from ``valid_from`` up to ``valid_to``.

    It is in the item's own ``currency``.
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
    currency: str = HOME

    def holds_on(self, day: date) -> bool:
        """Whether this counts in the snapshot of a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class TrueRetention:
    """Retention of one period, for the whole or for one segment; amounts are micros.

    All is at the rates of the opening day, but ``ending``: the rest is ``fx``.
    """

    starting: int = 0
    expansion: int = 0
    contraction: int = 0
    churned: int = 0
    new_business: int = 0
    reactivation: int = 0
    fx: int = 0
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
    grants: dict[str, list[Grant]] = defaultdict(list)
    for each in log.customer_happenings:
        if isinstance(each, CustomerDiscounted):
            grants[each.customer_id].append(each.grant)
    intervals: list[TrueInterval] = []
    for history in histories.values():
        customer_id = getattr(history[0], "customer_id", "")
        life = Life(log.catalog, history, grants.get(customer_id, ()), log.ends_at)
        intervals += _intervals(log, life)
    return tuple(intervals)


def reporting_mrr(log: BusinessLog, day: date, into: str = HOME) -> int:
    """All MRR of a day in one currency at the day's rates, in micros, rounded item by item."""
    return sum(_worth(log, each, day, into) for each in item_intervals(log) if each.holds_on(day))


def movements(log: BusinessLog, day: date, into: str = HOME) -> dict[str, tuple[int, int]]:
    """Every customer whose own MRR moved on a day, before and after, at the rates before."""
    before = day - timedelta(days=1)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    native: dict[str, int] = defaultdict(int)
    for each in item_intervals(log):
        for side, moment in enumerate((before, day)):
            if each.holds_on(moment):
                found[each.customer_id][side] += _worth(log, each, before, into)
                native[each.customer_id] += each.mrr_micros * (2 * side - 1)
    return {who: (was, now) for who, (was, now) in found.items() if native[who] != 0}


def retention(
    log: BusinessLog, kind: PeriodKind, period_start: date, into: str = HOME
) -> TrueRetention:
    """The retention of a period over all customers, in one currency."""
    return _retention(log, kind, period_start, None, into).get("all", TrueRetention())


def retention_by(
    log: BusinessLog,
    kind: PeriodKind,
    period_start: date,
    dimension: Dimension,
    into: str = HOME,
) -> dict[str, TrueRetention]:
    """The retention of a period for every segment of a dimension.

    A segment is the id of the product or price, an interval such as ``month`` or ``3 months``, or
    the code of the country or currency.
    """
    return _retention(log, kind, period_start, dimension, into)


# From happenings to days


Step = tuple[str, int, int]
"""Price, quantity and MRR in micros."""


def _intervals(log: BusinessLog, life: Life) -> list[TrueInterval]:
    """The intervals of a subscription's items; the last state of a day is the day's."""
    days = sorted({_day(at) for at in life.turning_points()})
    steps = [(day, _steps_at(log, life, _last_second(day))) for day in days]
    intervals: list[TrueInterval] = []
    for item_id in life.item_ids:
        mine = [(day, found.get(item_id)) for day, found in steps]
        before = [(None, None), *mine]
        changes = [now for now, then in zip(mine, before, strict=False) if now[1] != then[1]]
        ends = [*(day for day, _ in changes[1:]), None][: len(changes)]
        intervals += [
            TrueInterval(
                subscription_item_id=item_id,
                subscription_id=life.started.subscription_id,
                customer_id=life.started.customer_id,
                valid_from=day,
                valid_to=end,
                mrr_micros=step[2],
                price_id=step[0],
                quantity=step[1],
                currency=life.started.currency,
            )
            for (day, step), end in zip(changes, ends, strict=True)
            if step is not None
        ]
    return intervals


def _steps_at(log: BusinessLog, life: Life, at: int) -> dict[str, Step]:
    """Every item with MRR at a moment."""
    held = life.held_at(at)
    rate_id = life.started.tax_rate_id
    percentage = log.catalog.tax_rate_of[rate_id].percentage if rate_id else Fraction(0)
    micros = mrr_micros(held, life.shared_at(at), percentage)
    return {
        each.item_id: (each.price.id, each.quantity, micros[each.item_id])
        for each in held
        if micros[each.item_id] > 0
    }


# From days to retention


@dataclass(slots=True)
class _Standing:
    """One customer at opening and at closing, at opening rates; then what rates have changed."""

    opening: int = 0
    closing: int = 0
    fx: int = 0
    paid_before: bool = False


def _retention(
    log: BusinessLog, kind: PeriodKind, period_start: date, dimension: Dimension | None, into: str
) -> dict[str, TrueRetention]:
    opening_day, closing_day = snapshot_days(kind, period_start)
    standings: dict[str, _Standing] = defaultdict(_Standing)
    opening: dict[str, list[_Valued]] = defaultdict(list)
    closing: dict[str, list[_Valued]] = defaultdict(list)
    for interval in item_intervals(log):
        standing = standings[interval.customer_id]
        standing.paid_before |= interval.valid_from <= opening_day
        worth = _worth(log, interval, opening_day, into)
        if interval.holds_on(opening_day):
            standing.opening += worth
            opening[interval.customer_id].append((worth, interval))
        if interval.holds_on(closing_day):
            standing.closing += worth
            standing.fx += _worth(log, interval, closing_day, into) - worth
            closing[interval.customer_id].append((worth, interval))
    segment_of = _segments(log, dimension)
    groups: dict[str, list[_Standing]] = defaultdict(list)
    for customer_id, standing in standings.items():
        items = opening[customer_id] or closing[customer_id]
        if items:
            groups[segment_of(_largest(items))].append(standing)
    return {segment: _summary(group) for segment, group in groups.items()}


_Valued = tuple[int, TrueInterval]
"""An item and its MRR in the one currency."""


def _worth(log: BusinessLog, interval: TrueInterval, day: date, into: str) -> int:
    """An item's MRR in one currency at a day's rate, rounded half to even."""
    return round(interval.mrr_micros * rate_on(log, interval.currency, day, into))


def _largest(items: list[_Valued]) -> TrueInterval:
    """The item with the largest MRR; of equals the one with the smallest id."""
    return min(items, key=lambda item: (-item[0], item[1].subscription_item_id))[1]


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
            return lambda item: _interval_name(*price_of[item.price_id].cadence)
        case "country":
            return lambda item: countries[item.customer_id]
        case "currency":
            return lambda item: item.currency


def _interval_name(interval: str, every: int) -> str:
    return interval if every == 1 else f"{every} {interval}s"


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
        fx=sum(each.fx for each in group),
        ending=sum(each.closing + each.fx for each in group),
        nrr_numerator=sum(each.closing for each in cohort),
        grr_numerator=sum(min(each.opening, each.closing) for each in cohort),
        starting_customers=len(cohort),
        churned_customers=len(left),
        ending_customers=sum(each.closing > 0 for each in group),
    )


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _last_second(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC).timestamp())


def _first_of_month(day: date, months_later: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months_later, 12)
    return date(year, month + 1, 1)
