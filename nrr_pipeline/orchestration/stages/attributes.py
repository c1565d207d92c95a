"""What customers and subscriptions are told apart by: from Stripe's objects, and from a given list.

A property of an object of Stripe's is known by day only from when the object was first seen; the
first value that was seen holds for all the time before.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from operator import itemgetter
from typing import Any

import orjson

from nrr_pipeline.inputs.csv_files import Fact
from nrr_pipeline.metrics.dimensions import segment_name
from nrr_pipeline.metrics.intervals import FOREVER_DAY, DayClock
from nrr_pipeline.metrics.segments import AttributeValues
from nrr_pipeline.orchestration.stages.history import require_complete_pull
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.payloads import reference_id, whole_number
from nrr_pipeline.warehouse import attributes, given, history, knowledge, quality, raw_objects
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse

STAGE = "stripe_attributes"

_KINDS = {
    "customer": ("customers", attributes.CUSTOMER_ATTRIBUTES),
    "subscription": ("subscriptions", attributes.SUBSCRIPTION_ATTRIBUTES),
}


@dataclass(frozen=True, slots=True)
class AttributeReport:
    """How many objects were read anew."""

    objects: int


def build_attributes(
    warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock
) -> AttributeReport:
    """Read the properties of objects that changed, or of all when the policy names others.

    Raises:
        NothingPulledError: No pull has been completed yet.
    """
    sources = policy.attribute_sources
    named = orjson.dumps(sources, option=orjson.OPT_SORT_KEYS).decode()
    with warehouse.read() as connection:
        raw_known_at = require_complete_pull(connection)
        before = knowledge.progress_of(connection, STAGE)
        is_same = before is not None and before.policy_version == named
        after = before.raw_known_at if before is not None and is_same else None
        changed = {
            word: raw_objects.changed_ids(connection, kind, after, raw_known_at)
            for word, (kind, _) in _KINDS.items()
        }
        if is_same and not any(changed.values()):
            return AttributeReport(0)
        rows = {
            word: list(_rows(connection, word, ids, sources, raw_known_at, policy.timezone))
            for word, ids in changed.items()
        }
    with warehouse.write("history", clock=clock, policy_version=policy.version) as tx:
        for word, (_, table) in _KINDS.items():
            attributes.replace_attributes(tx, table, changed[word], rows[word])
        knowledge.set_progress(tx, STAGE, raw_known_at=raw_known_at, policy_version=named)
    return AttributeReport(sum(map(len, changed.values())))


def values_by_dimension(
    connection: Connection,
    policy: MetricPolicy,
    opening_date: date,
    closing_date: date,
    known_at: datetime | None,
) -> dict[str, AttributeValues]:
    """The values of every dimension that is an attribute, on a period's two days."""
    on_days = [
        {
            "attributes": _given_on(connection, day, known_at),
            **{
                word: attributes.values_on(connection, table, day, known_at)
                for word, (_, table) in _KINDS.items()
            },
        }
        for day in (opening_date, closing_date)
    ]
    values: dict[str, AttributeValues] = {}
    for dimension, source in policy.attribute_sources.items():
        word, _, rest = source.partition(".")
        name = rest.lower() if word == "attributes" else dimension
        at_opening, at_closing = (found[word].get(name, {}) for found in on_days)
        of = "subscription_id" if word == "subscription" else "customer_id"
        values[dimension] = AttributeValues(of, at_opening, at_closing)
    return values


def judge_attributes(
    policy: MetricPolicy, connection: Connection, facts: Sequence[Fact]
) -> list[quality.Finding]:
    """Remark on dimensions that read an attribute which no customer has."""
    del connection
    present = sorted({str(fact["attribute"]).lower() for fact in facts})
    return [
        quality.Finding(
            check_name="unknown_attribute",
            severity="warning",
            object_id=f"segments.{dimension}",
            detail=f"it reads {source}, which no customer has, so that all are unknown; there is "
            f"{', '.join(present) or 'no attribute at all'}. Correct [segments] in policy.toml, "
            "or add the column to the list of attributes",
            scope_id=given.ATTRIBUTES.table.name,
        )
        for dimension, source in policy.segments.items()
        if source.startswith("attributes.")
        and source.removeprefix("attributes.").lower() not in present
    ]


def _given_on(
    connection: Connection, day: date, known_at: datetime | None
) -> dict[str, dict[str, str]]:
    """Your own list on a day; of two values the one of the later day, then the file's, counts."""
    facts = [
        (fact["valid_from"] or date.min, fact["source"] == "file", fact)
        for fact in given.facts_of(connection, given.ATTRIBUTES, known_at)
        if (fact["valid_from"] or date.min) <= day < (fact["valid_to"] or date.max)
    ]
    values: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for *_, fact in sorted(facts, key=itemgetter(0, 1)):
        name = str(fact["attribute"]).lower()
        values[name][fact["customer_id"]] = segment_name(fact["value"])
    return values


def _rows(
    connection: Connection,
    word: str,
    ids: set[str],
    sources: Mapping[str, str],
    raw_known_at: datetime,
    timezone: str,
) -> Iterator[dict[str, Any]]:
    kind, table = _KINDS[word]
    days = DayClock(timezone)
    mine = {name: source for name, source in sources.items() if source.startswith(f"{word}.")}
    versions: defaultdict[str, list[raw_objects.RawVersion]] = defaultdict(list)
    for version in raw_objects.versions_of(connection, kind, sorted(ids), raw_known_at):
        if not version.is_deleted:
            versions[version.object_id].append(version)
    for object_id, seen in versions.items():
        for dimension, source in mine.items():
            for valid_from, valid_to, value in _changes(seen, source, days):
                yield _row(table.scope, object_id, dimension, value, valid_from, valid_to)
    if word == "customer":
        for customer_id, country in _billed_countries(connection, ids - versions.keys()).items():
            everyday = (days.day(0), FOREVER_DAY)
            yield _row(table.scope, customer_id, "country", country, *everyday)


def _row(
    scope: str, object_id: str, attribute: str, value: str, valid_from: date, valid_to: date
) -> dict[str, Any]:
    return {
        scope: object_id,
        "attribute": attribute,
        "value": value,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }


def _billed_countries(connection: Connection, unseen: set[str]) -> dict[str, str]:
    """Where the latest invoices of deleted customers went to: all that still tells of them."""
    countries: dict[str, str] = {}
    subscriptions = history.subscriptions_having(connection, "customer_id", unseen)
    versions = raw_objects.versions_for_subscriptions(connection, "invoices", subscriptions)
    invoices = (version.payload for version in versions if not version.is_deleted)
    for invoice in sorted(invoices, key=lambda each: whole_number(each.get("created")) or 0):
        customer_id = reference_id(invoice.get("customer"))
        country = value_at(invoice, "invoice.customer_address.country")
        if customer_id in unseen and country:
            countries[customer_id] = country
    return countries


def _changes(
    versions: list[raw_objects.RawVersion], source: str, days: DayClock
) -> Iterator[tuple[date, date, str]]:
    """The days on which an object had which value."""
    changes: list[tuple[date, str | None]] = [(days.day(0), value_at(versions[0].payload, source))]
    for version in versions[1:]:
        value = value_at(version.payload, source)
        if value != changes[-1][1]:
            changes.append((days.day(int(version.observed_at.timestamp())), value))
    for (valid_from, value), (valid_to, _) in pairwise([*changes, (FOREVER_DAY, None)]):
        if value and valid_from < valid_to:
            yield valid_from, valid_to, value


def value_at(payload: Mapping[str, Any], source: str) -> str | None:
    """What an object says at a place such as ``customer.address.country``, as text."""
    _, _, place = source.partition(".")
    is_metadata = place.startswith("metadata.")
    names = ["metadata", place.removeprefix("metadata.")] if is_metadata else place.split(".")
    found: Any = payload
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return str(found).lower()
    return segment_name(str(found).strip()) if isinstance(found, str | int | float) else None
