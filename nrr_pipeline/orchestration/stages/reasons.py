"""Says why customers' MRR moved: in names that readers know, with what was written down about it.

What a customer said stands in its canceled subscription, what the account team knows in the field
that ``alerts.reason`` names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.discounts import Discount
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.reasons import Cause, Holding, Reason, changed_once
from nrr_pipeline.orchestration.stages.attributes import value_at
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.reasons import discounts_in_words, in_words, quoted
from nrr_pipeline.stripe_source.cancellations import comment_of, feedback_of
from nrr_pipeline.warehouse.history import history_of
from nrr_pipeline.warehouse.intervals import intervals_of
from nrr_pipeline.warehouse.raw_objects import latest, versions_of
from nrr_pipeline.warehouse.transactions import Connection

_OF_ITEMS = {Cause.SEATS, Cause.PLAN, Cause.BILLING, Cause.SUBSCRIPTION}
"""Causes that are a change of a subscription's items, unless all of it ended."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where to read, as known at a time; ``is_quoted``: whether to repeat what people wrote."""

    connection: Connection
    known_at: datetime
    is_quoted: bool


def say_reasons(
    known: Known, policy: MetricPolicy, period: Period, reasons: Mapping[str, Reason]
) -> dict[str, str]:
    """By account why its MRR moved, in words.

    What the account team wrote about a change is repeated only where it can mean no other: the
    subscription's items changed once since the opening day, and before that it was not written.
    """
    names = _names(known, reasons)
    written = _of_customers(
        known, sorted(why.subscription_id for why in reasons.values() if _canceled(why))
    )
    source = policy.alerts.reason
    if source is not None and known.is_quoted:
        changed = sorted(why.subscription_id for why in reasons.values() if _changed(why))
        written |= _of_account_team(known, source, period.opening_date, changed)
    discounts = _discounts(known, policy, period, reasons)
    said: dict[str, str] = {}
    for account, why in reasons.items():
        words = in_words(why, names, discounts.get(why.subscription_id))
        said[account] = ": ".join(filter(None, (words, written.get(why.subscription_id))))
    return said


def _canceled(why: Reason) -> bool:
    return why.is_whole_subscription and why.ended is Cause.VOLUNTARY


def _changed(why: Reason) -> bool:
    is_all_of_it = why.is_whole_subscription and why.ended is not None
    return why.cause in _OF_ITEMS and not is_all_of_it


def _names(known: Known, reasons: Mapping[str, Reason]) -> dict[str, str]:
    """What products and prices are called."""
    names = Names(known.connection)
    holdings = [each for why in reasons.values() for each in (why.opening, why.closing) if each]
    products = names.products({each.product_id for each in holdings if each.product_id})
    return products | names.prices({each.price_id for each in holdings})


def _discounts(
    known: Known, policy: MetricPolicy, period: Period, reasons: Mapping[str, Reason]
) -> dict[str, str]:
    """By subscription which discounts began or ended on the item whose price speaks."""
    clock, rules = DayClock(policy.timezone), policy.counting_rules()
    pairs = {
        why.subscription_id: (why.opening, why.closing)
        for why in reasons.values()
        if why.cause is Cause.PRICE
    }
    history = history_of(known.connection, subscription_ids=sorted(pairs), known_at=known.known_at)
    said: dict[str, str] = {}
    for subscription, rows in groupby(history, itemgetter("subscription_id")):
        segments = [segment_of(row) for row in rows]
        opening, closing = pairs[subscription]
        before = _discounts_of(opening, segments, clock.last_second(period.opening_date), rules)
        after = _discounts_of(closing, segments, clock.last_second(period.closing_date), rules)
        if words := discounts_in_words(before, after, segments[0].currency):
            said[subscription] = words
    return said


def _discounts_of(
    item: Holding | None, segments: Sequence[HistorySegment], at: int, rules: CountingRules
) -> list[Discount]:
    """The discounts that reduce an item's MRR at an instant."""
    return [
        discount
        for segment in segments
        if item and segment.subscription_item_id == item.subscription_item_id and segment.holds(at)
        for discount in rules.subtracted(segment.discounts)
        if discount.covers(item.product_id or "")
    ]


def _of_customers(known: Known, subscription_ids: Collection[str]) -> dict[str, str]:
    """What customers said when they canceled."""
    versions = latest(
        known.connection, "subscriptions", known_at=known.known_at, ids=subscription_ids
    )
    said: dict[str, str] = {}
    for each in versions:
        chosen, wrote = feedback_of(each.payload), comment_of(each.payload)
        is_new = known.is_quoted and wrote != chosen
        words = (chosen, quoted(wrote) if is_new else None)
        said[each.object_id] = ", ".join(filter(None, words))
    return said


def _of_account_team(
    known: Known, source: str, opening_date: date, subscription_ids: Collection[str]
) -> dict[str, str]:
    """What was written down about the one change that each of some subscriptions had."""
    intervals = intervals_of(
        known.connection, subscription_ids=subscription_ids, known_at=known.known_at
    )
    changed = [
        subscription
        for subscription, rows in groupby(intervals, itemgetter("subscription_id"))
        if changed_once(rows, opening_date)
    ]
    written: dict[str, str] = {}
    versions = versions_of(known.connection, "subscriptions", changed, known.known_at)
    for subscription, seen in groupby(versions, itemgetter(0)):
        values = [(each.observed_at.date(), value_at(each.payload, source)) for each in seen]
        latest_value = values[-1][1]
        was_there = any(day <= opening_date and value == latest_value for day, value in values)
        if latest_value and not was_there:
            written[subscription] = quoted(latest_value) or ""
    return written
