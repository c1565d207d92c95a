"""Customers' attributes as intervals of days, from the versions of the customers that were seen."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from nrr_pipeline.metrics.intervals import FOREVER_DAY, DayClock
from nrr_pipeline.warehouse import raw_objects
from nrr_pipeline.warehouse.transactions import Connection


def attribute_rows(
    connection: Connection, customers: set[str], raw_known_at: datetime, days: DayClock
) -> Iterator[dict[str, Any]]:
    """Each customer's country: the first one seen holds for all the time before, too."""
    versions: defaultdict[str, list[raw_objects.RawVersion]] = defaultdict(list)
    for version in raw_objects.versions_of(
        connection, "customers", sorted(customers), raw_known_at
    ):
        if not version.is_deleted:
            versions[version.object_id].append(version)
    for customer_id, seen in versions.items():
        yield from _country_rows(customer_id, seen, days)


def _country_rows(
    customer_id: str, versions: list[raw_objects.RawVersion], days: DayClock
) -> Iterator[dict[str, Any]]:
    changes: list[tuple[Any, str | None]] = []
    for version in versions:
        address = version.payload.get("address")
        country = address.get("country") if isinstance(address, Mapping) else None
        if not changes:
            changes.append((days.day(0), country))
        elif changes[-1][1] != country:
            changes.append((days.day(int(version.observed_at.timestamp())), country))
    for (valid_from, country), following in zip(
        changes, [*(change[0] for change in changes[1:]), FOREVER_DAY], strict=True
    ):
        if country and valid_from < following:
            yield {
                "customer_id": customer_id,
                "attribute": "country",
                "value": country,
                "valid_from": valid_from,
                "valid_to": following,
            }
