"""The average month of metered usage of a day's items, from stored invoices, on reading.

It is shown beside MRR and stored nowhere: no figure may ever contain it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from nrr_pipeline.metrics.counting import CountingRules, counting_pieces
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.metrics.usage import AverageUsage, UsageLine, average_usage
from nrr_pipeline.orchestration.stages.accounts import excluded_now
from nrr_pipeline.orchestration.stages.history import (
    coupons_known_at,
    prices_known_at,
    require_complete_pull,
)
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.records import subscription_records
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, Payload
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline.stripe_source.usage import usage_lines
from nrr_pipeline.warehouse import history
from nrr_pipeline.warehouse.transactions import Connection


@dataclass(frozen=True, slots=True)
class ItemUsage:
    """A metered item that counts on a day, and its average month of usage.

    ``months`` of it were paid for, from ``first_day`` to before ``end_day``. All four are ``None``
    where no whole billing interval was paid by that day, or none can be read.
    """

    subscription_item_id: str
    subscription_id: str
    price_id: str
    currency: str
    trailing_3_months_micros: int | None = None
    months: Fraction | None = None
    first_day: date | None = None
    end_day: date | None = None


def usage_of_day(
    connection: Connection,
    policy: MetricPolicy,
    as_of_date: date,
    *,
    customer_ids: Sequence[str] | None = None,
) -> list[ItemUsage]:
    """The usage of every metered item of a day, as known now, or of some customers' items.

    That of customers whom the policy excludes is not among it.

    Raises:
        NothingPulledError: No pull has been completed yet.
    """
    raw_known_at = require_complete_pull(connection)
    prices, _ = prices_known_at(connection, raw_known_at)
    clock, rules = DayClock(policy.timezone), policy.counting_rules()
    at = clock.last_second(as_of_date)
    metered = {price_id for price_id, price in prices.items() if price.is_metered}
    holding: dict[str, list[HistorySegment]] = {}
    for segment in counting_pieces(_segments(connection, metered, customer_ids), rules):
        if segment.terms.price_id in metered and segment.holds(at):
            holding.setdefault(segment.subscription_id, []).append(segment)
    coupons = coupons_known_at(connection, raw_known_at) if holding else {}
    found: list[ItemUsage] = []
    for record in subscription_records(connection, sorted(holding), raw_known_at):
        lines = _lines(record, prices, coupons)
        for segment in holding[record.subscription_id]:
            mine = lines.get(segment.subscription_item_id, [])
            average = _average(mine, at, segment.currency, prices, rules)
            found.append(_item(segment, average, clock))
    return found


def _lines(
    record: SubscriptionRecord, prices: Mapping[str, Price], coupons: Mapping[str, Payload]
) -> Mapping[str, list[UsageLine]]:
    try:
        return usage_lines(record, prices, coupons)
    except MalformedObjectError:
        return {}  # history names it as a finding


def _average(
    lines: list[UsageLine],
    at: int,
    currency: str,
    prices: Mapping[str, Price],
    rules: CountingRules,
) -> AverageUsage | None:
    try:
        return average_usage(lines, at=at, currency=currency, prices=prices, rules=rules)
    except MicrosOverflowError:
        return None


def _item(segment: HistorySegment, average: AverageUsage | None, clock: DayClock) -> ItemUsage:
    item = ItemUsage(
        segment.subscription_item_id,
        segment.subscription_id,
        segment.terms.price_id,
        segment.currency,
    )
    if average is None:
        return item
    return replace(
        item,
        trailing_3_months_micros=average.micros,
        months=average.months,
        first_day=clock.day(average.starts_at),
        end_day=clock.day(average.ends_at),
    )


def _segments(
    connection: Connection, metered: set[str], customer_ids: Sequence[str] | None
) -> Iterator[HistorySegment]:
    excluded = {each.object_id for each in excluded_now(connection)}
    if customer_ids is not None:
        rows = history.history_of(connection, customer_ids=customer_ids)
    else:
        ids = history.subscriptions_having(connection, "price_id", metered)
        rows = history.history_of(connection, subscription_ids=sorted(ids))
    return (segment_of(row) for row in rows if row["customer_id"] not in excluded)
