"""The true figures of days and periods, in one currency: MRR, movements, retention.

Here belongs what follows from the items' own MRR by the definitions, in exact fractions and at the
rates of a named day. It shares no code with the pipeline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.exchange_rates import rate_on
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.truth import TrueInterval, item_intervals

PeriodKind = Literal["month", "quarter", "trailing_12_months"]
Dimension = Literal["product", "price", "billing_interval", "country", "currency"]

_MONTHS_BEFORE_START: dict[PeriodKind, int] = {
    "month": 0,
    "quarter": 0,
    "trailing_12_months": 11,
}
_MONTHS_AFTER_START: dict[PeriodKind, int] = {"month": 1, "quarter": 3, "trailing_12_months": 1}


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """What the owner of the business decides about its figures.

    Attributes:
        currency: What they are reported in.
        joined: Customers who count as part of another one.
        left_out: Customers who are in no figure.
    """

    currency: str = HOME
    joined: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: frozenset[str] = frozenset()

    def items(self, log: BusinessLog) -> Iterator[tuple[str, TrueInterval]]:
        """All items that count, each with the account that it counts for."""
        for each in item_intervals(log):
            if each.customer_id not in self.left_out:
                yield self.joined.get(each.customer_id, each.customer_id), each

    def worth(self, log: BusinessLog, interval: TrueInterval, day: date) -> int:
        """An item's MRR in the one currency at a day's rate, rounded half to even."""
        return round(interval.mrr_micros * rate_on(log, interval.currency, day, self.currency))


PLAIN = Viewpoint()
"""Everybody counts for himself."""


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


def reporting_mrr(log: BusinessLog, day: date, view: Viewpoint = PLAIN) -> int:
    """All MRR of a day in one currency at the day's rates, in micros, rounded item by item."""
    return sum(view.worth(log, each, day) for _, each in view.items(log) if each.holds_on(day))


def movements(log: BusinessLog, day: date, view: Viewpoint = PLAIN) -> dict[str, tuple[int, int]]:
    """Every customer whose own MRR moved on a day, before and after, at the rates before."""
    before = day - timedelta(days=1)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    native: dict[tuple[str, str], int] = defaultdict(int)
    for who, each in view.items(log):
        for side, moment in enumerate((before, day)):
            if each.holds_on(moment):
                found[who][side] += view.worth(log, each, before)
                native[who, each.currency] += each.mrr_micros * (2 * side - 1)
    moved = {who for (who, _), change in native.items() if change}
    return {who: (was, now) for who, (was, now) in found.items() if who in moved}


def retention(
    log: BusinessLog, kind: PeriodKind, period_start: date, view: Viewpoint = PLAIN
) -> TrueRetention:
    """The retention of a period over all customers, in one currency."""
    return _retention(log, kind, period_start, None, view).get("all", TrueRetention())


def retention_by(
    log: BusinessLog,
    kind: PeriodKind,
    period_start: date,
    dimension: Dimension,
    view: Viewpoint = PLAIN,
) -> dict[str, TrueRetention]:
    """The retention of a period for every segment of a dimension.

    A segment is the id of the product or price, an interval such as ``month`` or ``3 months``, or
    the code of the country or currency.
    """
    return _retention(log, kind, period_start, dimension, view)


@dataclass(slots=True)
class _Standing:
    """One customer at opening and at closing, at opening rates; then what rates have changed."""

    opening: int = 0
    closing: int = 0
    fx: int = 0
    paid_before: bool = False


def _retention(
    log: BusinessLog,
    kind: PeriodKind,
    period_start: date,
    dimension: Dimension | None,
    view: Viewpoint,
) -> dict[str, TrueRetention]:
    opening_day, closing_day = snapshot_days(kind, period_start)
    standings: dict[str, _Standing] = defaultdict(_Standing)
    opening: dict[str, list[_Valued]] = defaultdict(list)
    closing: dict[str, list[_Valued]] = defaultdict(list)
    for account_id, interval in view.items(log):
        standing = standings[account_id]
        standing.paid_before |= interval.valid_from <= opening_day
        worth = view.worth(log, interval, opening_day)
        if interval.holds_on(opening_day):
            standing.opening += worth
            opening[account_id].append((worth, interval))
        if interval.holds_on(closing_day):
            standing.closing += worth
            standing.fx += view.worth(log, interval, closing_day) - worth
            closing[account_id].append((worth, interval))
    segment_of = _segments(log, dimension)
    groups: dict[str, list[_Standing]] = defaultdict(list)
    for account_id, standing in standings.items():
        items = opening[account_id] or closing[account_id]
        if items:
            groups[segment_of(_largest(items))].append(standing)
    return {segment: _summary(group) for segment, group in groups.items()}


_Valued = tuple[int, TrueInterval]
"""An item and its MRR in the one currency."""


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


def _first_of_month(day: date, months_later: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months_later, 12)
    return date(year, month + 1, 1)
