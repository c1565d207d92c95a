"""What does not count and is listed: what is planned and has not happened, and metered usage."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from nrr_pipeline.metrics.evidence import Finding
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.payloads import Payload, entries, readable_moment, reference_id
from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord
from nrr_pipeline.stripe_source.scheduled_pauses import step_at

_GOES_ON = frozenset({"active", "not_started"})
"""The statuses of a schedule that will still change something."""


def planned_changes(record: SubscriptionRecord, latest: ObservedVersion) -> list[Finding]:
    """Updates that wait for their payment, and later phases and pauses of schedules."""
    if latest.payload.get("ended_at") is not None or record.versions[-1].is_deleted:
        return []
    details = [*_phases(record, latest.last_seen), *_pauses(record)]
    if latest.payload.get("pending_update"):
        details.insert(0, "an update waits for its payment and does not count before that")
    return [
        Finding("scheduled_change", "info", record.subscription_id, detail) for detail in details
    ]


def metered_usage(latest: ObservedVersion, prices: Mapping[str, Price]) -> list[Finding]:
    """Items that bill what was used: usage is not in MRR."""
    if latest.payload.get("ended_at") is not None:
        return []
    metered = [
        (item, price)
        for item in entries(latest.payload, "items")
        if (price := prices.get(reference_id(item.get("price")) or "")) is not None
        and price.is_metered
    ]
    return [
        Finding(
            "usage_not_in_mrr",
            "info",
            str(item.get("id")),
            f"it bills metered usage by {price.price_id}, which is not in MRR",
        )
        for item, price in metered
    ]


def _phases(record: SubscriptionRecord, now: int) -> Iterator[str]:
    for schedule in record.schedules:
        if str(schedule.get("status")) not in _GOES_ON:
            continue
        for phase in entries(schedule, "phases"):
            starts_at = readable_moment(phase, "start_date")
            if starts_at is not None and starts_at > now:
                yield (
                    f"{schedule.get('id')} changes it on {_day(starts_at)} to "
                    f"{_terms(phase)}; that counts from then on"
                )


def _pauses(record: SubscriptionRecord) -> Iterator[str]:
    for schedule in record.schedules:
        for each in entries(schedule, "pause_schedules"):
            paused_at = step_at(each, "pause", "scheduled")
            if paused_at is not None:
                yield f"{schedule.get('id')} pauses it on {_day(paused_at)}; it counts until then"


def _terms(phase: Payload) -> str:
    terms = [
        f"{item.get('quantity', 1)} x {reference_id(item.get('price'))}"
        for item in entries(phase, "items")
    ]
    return ", ".join(terms) or "other terms"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
