"""Why each customer's MRR moved in a period: what its items say on the period's two days.

How a reason is put into words stands in ``reporting.reasons``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any

import pandas as pd

from nrr_pipeline.metrics.conversion import Rates, reporting_micros
from nrr_pipeline.metrics.dimensions import billing_interval_segment
from nrr_pipeline.metrics.movements import Movement


class Cause(StrEnum):
    """By what reasons are counted; the first four are why MRR ended."""

    VOLUNTARY = "voluntary"
    INVOLUNTARY = "involuntary"
    PAUSED = "paused"
    OTHER = "other"
    SEATS = "seats"
    PLAN = "plan"
    BILLING = "billing"
    PRICE = "price"
    EXCHANGE_RATE = "exchange_rate"
    SUBSCRIPTION = "subscription"
    NEW_BUSINESS = "new_business"
    REACTIVATION = "reactivation"


@dataclass(frozen=True, slots=True)
class Holding:
    """One subscription item on one day; ``micros`` are in the reporting currency."""

    subscription_item_id: str
    subscription_id: str
    product_id: str | None
    price_id: str
    billing: str
    quantity: int
    native_micros: int
    micros: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one customer's MRR moved.

    Attributes:
        cause: The word by which it is counted.
        subscription_id: The subscription whose change says it.
        opening: The item that says it, at opening; ``None`` where it was not there.
        closing: The same item, or the one that took its place, at closing; ``None`` where it ended.
        ended: Why the item's MRR ended; ``None`` where it did not, or goes on at no charge.
        is_whole_subscription: Whether all of the subscription came or ended.
    """

    cause: Cause
    subscription_id: str
    opening: Holding | None
    closing: Holding | None
    ended: Cause | None = None
    is_whole_subscription: bool = False


def find_reasons(
    intervals: pd.DataFrame,
    days: tuple[date, date],
    rates: tuple[Rates, Rates],
    movements: Mapping[str, Movement],
) -> dict[str, Reason]:
    """Why the MRR of each of the accounts moved.

    Of a customer that left, the subscription with the most lost MRR speaks (ties: smallest id), by
    the last of its items (ties: the largest). Of any other, the item with the largest change in the
    direction of the customer's own; an item that ended and one that began in the same subscription
    are one that was changed, the largest with the largest.

    Args:
        intervals: All intervals with MRR up to the closing day (``frames.ITEM_COLUMNS``).
        days: The period's opening and closing day.
        rates: Those at which the two days are held against each other.
        movements: The accounts that moved, and how.
    """
    mine = intervals[intervals["account_id"].isin(movements.keys())]
    opening, closing = (_holdings(mine, day, at) for day, at in zip(days, rates, strict=True))
    ends = _end_reasons(mine, days[1])
    return {
        account: _reason(movement, opening[account], closing[account], ends)
        for account, movement in movements.items()
    }


def changed_once(intervals: Iterable[Mapping[str, Any]], opening_date: date) -> bool:
    """Whether a subscription had items at an opening that changed once, and only once, since.

    What changes is which items there are, their prices and quantities; not their discounts, and
    not that all of them end.

    Args:
        intervals: Those of the subscription (columns of ``frames.ITEM_COLUMNS``).
        opening_date: The opening day.
    """
    rows = list(intervals)
    edges = {row[name] for row in rows for name in ("valid_from", "valid_to")}
    days = sorted({opening_date, *(day for day in edges if day > opening_date)})
    held = [
        frozenset(
            (row["subscription_item_id"], row["price_id"], row["quantity"])
            for row in rows
            if row["valid_from"] <= day < row["valid_to"]
        )
        for day in days
    ]
    distinct = [items for items, _ in groupby(filter(None, held))]
    return bool(held[0]) and len(distinct) == 2  # noqa: PLR2004


_By = defaultdict[str, list[Holding]]


def _holdings(intervals: pd.DataFrame, day: date, rates: Rates) -> _By:
    """By account what it holds on a day, by item."""
    holds = (intervals["valid_from"] <= day) & (intervals["valid_to"] > day)
    items = intervals[holds.to_numpy(dtype=bool)].sort_values("subscription_item_id", kind="stable")
    found: _By = defaultdict(list)
    rows: Iterable[dict[Any, Any]] = items.to_dict("records")
    for row, micros in zip(rows, reporting_micros(items, rates).tolist(), strict=True):
        found[row["account_id"]].append(
            Holding(
                subscription_item_id=row["subscription_item_id"],
                subscription_id=row["subscription_id"],
                product_id=row["product_id"],
                price_id=row["price_id"],
                billing=billing_interval_segment(
                    row["billing_interval"], row["billing_interval_count"]
                ),
                quantity=row["quantity"],
                native_micros=row["mrr_micros"],
                micros=micros,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Ends:
    """Why MRR ended by the closing day: by item, and by subscription."""

    of_item: Mapping[str, Cause | None]
    of_subscription: Mapping[str, Cause | None]


def _end_reasons(intervals: pd.DataFrame, closing_date: date) -> _Ends:
    ended = intervals[(intervals["valid_to"] <= closing_date).to_numpy(dtype=bool)]
    in_order = ended.sort_values(["valid_to", "mrr_micros", "subscription_item_id"], kind="stable")
    of_item: dict[str, Cause | None] = {}
    of_subscription: dict[str, Cause | None] = {}
    columns = ("subscription_item_id", "subscription_id", "end_reason")
    for item, subscription, reason in zip(*(in_order[name] for name in columns), strict=True):
        of_item[item] = of_subscription[subscription] = (
            Cause(reason) if isinstance(reason, str) else None
        )
    return _Ends(of_item, of_subscription)


def _reason(
    movement: Movement, opening: list[Holding], closing: list[Holding], ends: _Ends
) -> Reason:
    if movement in (Movement.NEW_BUSINESS, Movement.REACTIVATION):
        largest = max(closing, key=lambda each: each.micros)
        return Reason(Cause(movement.value), largest.subscription_id, None, largest)
    if movement is Movement.CHURN:
        return _churn(opening, ends)
    sign = 1 if movement is Movement.EXPANSION else -1
    pair = max(_pairs(opening, closing), key=lambda each: sign * _change(*each))
    return _changed(*pair, opening, closing, ends)


def _churn(opening: list[Holding], ends: _Ends) -> Reason:
    lost: defaultdict[str, int] = defaultdict(int)
    for each in opening:
        lost[each.subscription_id] += each.micros
    subscription = min(lost, key=lambda each: (-lost[each], each))
    largest = max(
        (each for each in opening if each.subscription_id == subscription),
        key=lambda each: each.micros,
    )
    ended = ends.of_subscription[subscription]
    cause = ended or Cause.OTHER
    return Reason(cause, subscription, largest, None, ended, is_whole_subscription=True)


_Pair = tuple[Holding | None, Holding | None]


def _pairs(opening: list[Holding], closing: list[Holding]) -> list[_Pair]:
    """Every item on both days, or the one that took its place; in order of the items."""
    before = {each.subscription_item_id: each for each in opening}
    after = {each.subscription_item_id: each for each in closing}
    pairs: list[_Pair] = [(before[item], after[item]) for item in before if item in after]
    gone, came = (
        sorted(
            (each for each in own.values() if each.subscription_item_id not in others),
            key=lambda each: -each.micros,
        )
        for own, others in ((before, after), (after, before))
    )
    for each in gone:
        successor = next((other for other in came if _is_successor(each, other)), None)
        if successor is not None:
            came.remove(successor)
        pairs.append((each, successor))
    return [*pairs, *((None, each) for each in came)]


def _is_successor(gone: Holding, came: Holding) -> bool:
    return gone.subscription_id == came.subscription_id


def _change(opening: Holding | None, closing: Holding | None) -> int:
    return (closing.micros if closing else 0) - (opening.micros if opening else 0)


def _changed(
    before: Holding | None,
    after: Holding | None,
    opening: list[Holding],
    closing: list[Holding],
    ends: _Ends,
) -> Reason:
    if before is None or after is None:
        item = next(each for each in (before, after) if each is not None)
        others = closing if before else opening
        is_whole = all(each.subscription_id != item.subscription_id for each in others)
        ended = ends.of_item[item.subscription_item_id] if before else None
        return Reason(Cause.SUBSCRIPTION, item.subscription_id, before, after, ended, is_whole)
    return Reason(_cause(before, after), after.subscription_id, before, after)


def _cause(before: Holding, after: Holding) -> Cause:
    """What differs between an item's two sides; seats only where they go the way MRR went."""
    if before.product_id != after.product_id:
        return Cause.PLAN
    grew = after.micros > before.micros
    if before.quantity != after.quantity and (after.quantity > before.quantity) == grew:
        return Cause.SEATS
    if before.billing != after.billing:
        return Cause.BILLING
    if before.native_micros == after.native_micros:
        return Cause.EXCHANGE_RATE
    return Cause.PRICE
