"""Customers' attributes as intervals of days, from the versions of the customers that were seen."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from nrr_pipeline.metrics.intervals import FOREVER_DAY, DayClock
from nrr_pipeline.stripe_source.payloads import reference_id, whole_number
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline.warehouse import raw_objects
from nrr_pipeline.warehouse.transactions import Connection


def billed_countries(record: SubscriptionRecord) -> dict[str, str]:
    """By customer id, where a subscription's latest invoice went to.

    It is all that tells of a deleted customer; of one that was ever seen nothing is returned.
    """
    if not all(version.is_deleted for version in record.customer_versions):
        return {}
    return {
        customer_id: country
        for invoice in sorted(
            record.invoices, key=lambda each: whole_number(each.get("created")) or 0
        )
        if (customer_id := reference_id(invoice.get("customer"))) is not None
        and (country := _country_in(invoice.get("customer_address"))) is not None
    }


def attribute_rows(
    connection: Connection,
    customers: set[str],
    raw_known_at: datetime,
    days: DayClock,
    billed: Mapping[str, str],
) -> Iterator[dict[str, Any]]:
    """Each customer's country: the first one seen holds for all the time before, too.

    ``billed`` are the countries of customers that were never seen; see ``billed_countries``.
    """
    versions: defaultdict[str, list[raw_objects.RawVersion]] = defaultdict(list)
    for version in raw_objects.versions_of(
        connection, "customers", sorted(customers), raw_known_at
    ):
        if not version.is_deleted:
            versions[version.object_id].append(version)
    for customer_id, seen in versions.items():
        yield from _country_rows(customer_id, seen, days)
    for customer_id in sorted((customers & billed.keys()) - versions.keys()):
        yield _row(customer_id, billed[customer_id], days.day(0), FOREVER_DAY)


def _country_rows(
    customer_id: str, versions: list[raw_objects.RawVersion], days: DayClock
) -> Iterator[dict[str, Any]]:
    changes: list[tuple[date, str | None]] = []
    for version in versions:
        country = _country_in(version.payload.get("address"))
        if not changes:
            changes.append((days.day(0), country))
        elif changes[-1][1] != country:
            changes.append((days.day(int(version.observed_at.timestamp())), country))
    for (valid_from, country), following in zip(
        changes, [*(change[0] for change in changes[1:]), FOREVER_DAY], strict=True
    ):
        if country and valid_from < following:
            yield _row(customer_id, country, valid_from, following)


def _country_in(address: object) -> str | None:
    country = address.get("country") if isinstance(address, Mapping) else None
    return str(country) if country else None


def _row(customer_id: str, country: str, valid_from: date, valid_to: date) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "attribute": "country",
        "value": country,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
