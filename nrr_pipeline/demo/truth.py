"""The truth about the simulated business: MRR by item and day as a perfect observer knows it.

Everything here is worked out from the log alone, in exact fractions, under the default policy. It
shares no code with the billing and rendering of the account, nor with the pipeline, so that tests
can hold the pipeline against it. What periods come to belongs to ``truth_retention``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import lru_cache

from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.log import BusinessLog, CustomerDiscounted, Happening
from nrr_pipeline.demo.truth_life import Life
from nrr_pipeline.demo.truth_pricing import mrr_micros


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


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()


def _last_second(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC).timestamp())
