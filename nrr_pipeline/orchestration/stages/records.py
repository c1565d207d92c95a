"""Gathers the raw objects of each subscription, as known at a time. What they prove is not said."""

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from nrr_pipeline.stripe_source.payloads import reference_id
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
        schedules = _by_subscription(connection, "subscription_schedules", chunk, raw_known_at)
        customers = _customers_of(connection, versions, raw_known_at)
        for subscription_id in chunk:
            mine = _latest_payloads(events[subscription_id])
            customer_id = _customer_id(versions[subscription_id])
            yield SubscriptionRecord(
                subscription_id,
                tuple(_observed(versions[subscription_id], pull_times)),
                tuple(_latest_payloads(invoices[subscription_id])),
                tuple(payload for payload in mine if _subject(payload) == "subscription"),
                customer_versions=tuple(_observed(customers[customer_id], pull_times)),
                discount_events=tuple(
                    payload for payload in mine if _subject(payload) == "discount"
                ),
                schedules=tuple(_latest_payloads(schedules[subscription_id])),
            )


def _customers_of(
    connection: Connection,
    versions: Mapping[str, list[raw_objects.RawVersion]],
    raw_known_at: datetime,
) -> defaultdict[str | None, list[raw_objects.RawVersion]]:
    """By customer: all versions of the customers that the subscriptions have."""
    ids = {customer_id for mine in versions.values() if (customer_id := _customer_id(mine))}
    grouped: defaultdict[str | None, list[raw_objects.RawVersion]] = defaultdict(list)
    for version in raw_objects.versions_of(connection, "customers", sorted(ids), raw_known_at):
        grouped[version.object_id].append(version)
    return grouped


def _customer_id(versions: Iterable[raw_objects.RawVersion]) -> str | None:
    found = [reference_id(version.payload.get("customer")) for version in versions]
    return next((each for each in reversed(found) if each is not None), None)


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


def _subject(event: Mapping[str, Any]) -> object:
    """What kind of object an event is about."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    return subject.get("object") if isinstance(subject, Mapping) else None


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
    for first, following in itertools.pairwise([*sorted(seen), None]):
        assert first is not None  # noqa: S101  (only what follows the last one is not known)
        confirmed = (
            pull_times if following is None else pull_times[: _pull_of(following, pull_times)]
        )
        last = max(first, confirmed[-1] if confirmed else first)
        yield ObservedVersion(seen[first].payload, first, last, seen[first].is_deleted)


def _pull_of(at: int, pull_times: list[int]) -> int:
    """The position of the complete pull that was under way at a time."""
    return max(0, bisect_right(pull_times, at) - 1)
