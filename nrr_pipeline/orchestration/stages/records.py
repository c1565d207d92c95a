"""Gathers the raw objects of each subscription, as known at a time. What they prove is not said."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord
from nrr_pipeline.warehouse import pulls, raw_objects
from nrr_pipeline.warehouse.transactions import Connection

SUBSCRIPTIONS_PER_READ = 500


def subscription_records(
    connection: Connection, subscription_ids: list[str], raw_known_at: datetime
) -> Iterator[SubscriptionRecord]:
    """The objects of each subscription, a few hundred subscriptions at a time."""
    pull_times = [int(at.timestamp()) for at in pulls.complete_pull_times(connection)]
    for start in range(0, len(subscription_ids), SUBSCRIPTIONS_PER_READ):
        chunk = subscription_ids[start : start + SUBSCRIPTIONS_PER_READ]
        versions = _by_subscription(connection, "subscriptions", chunk, raw_known_at)
        invoices = _by_subscription(connection, "invoices", chunk, raw_known_at)
        events = _by_subscription(connection, "events", chunk, raw_known_at)
        for subscription_id in chunk:
            yield SubscriptionRecord(
                subscription_id,
                tuple(_observed(versions[subscription_id], pull_times)),
                tuple(_latest_payloads(invoices[subscription_id])),
                tuple(
                    payload
                    for payload in _latest_payloads(events[subscription_id])
                    if _speaks_of_subscription(payload)
                ),
            )


def _by_subscription(
    connection: Connection, kind: str, subscription_ids: list[str], raw_known_at: datetime
) -> defaultdict[str, list[raw_objects.RawVersion]]:
    grouped: defaultdict[str, list[raw_objects.RawVersion]] = defaultdict(list)
    for version in raw_objects.versions_for_subscriptions(
        connection, kind, subscription_ids, raw_known_at
    ):
        grouped[str(version.subscription_id)].append(version)
    return grouped


def _latest_payloads(versions: Iterable[raw_objects.RawVersion]) -> list[Mapping[str, Any]]:
    latest = {version.object_id: version for version in versions}
    return [version.payload for version in latest.values() if not version.is_deleted]


def _speaks_of_subscription(event: Mapping[str, Any]) -> bool:
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    return isinstance(subject, Mapping) and subject.get("object") == "subscription"


def _observed(
    versions: list[raw_objects.RawVersion], pull_times: list[int]
) -> Iterator[ObservedVersion]:
    """Each version with the first and the last time that it was surely so.

    The pull that shows a version may have begun when the one before still held, so that one's last
    time is the pull before.
    """
    seen: dict[int, raw_objects.RawVersion] = {}
    for version in versions:
        seen[int(version.observed_at.timestamp())] = version
    firsts = sorted(seen)
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        confirmed = (
            pull_times if following is None else pull_times[: _pull_of(following, pull_times)]
        )
        last = max(first, confirmed[-1] if confirmed else first)
        yield ObservedVersion(seen[first].payload, first, last, seen[first].is_deleted)


def _pull_of(at: int, pull_times: list[int]) -> int:
    """The position of the complete pull that was under way at a time."""
    return max(0, bisect_right(pull_times, at) - 1)
