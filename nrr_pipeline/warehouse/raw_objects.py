"""Raw objects: every version of every object of Stripe's, as it came, append-only.

A version exists only where the content changed. What an object means is not said here.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from nrr_pipeline.raw import KINDS, RawObject
from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.pulls import require_own_lease
from nrr_pipeline.warehouse.tables import RAW
from nrr_pipeline.warehouse.transactions import WriteTransaction

EVIDENCE_KINDS = ("subscriptions", "invoices", "subscription_schedules", "events")
"""The kinds whose objects name the subscription that they are evidence for."""


@dataclass(frozen=True, slots=True)
class LandingCounts:
    """What became of the objects of one landing; ``deleted`` are new tombstones."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0

    def __add__(self, other: LandingCounts) -> LandingCounts:
        return LandingCounts(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
        )


class RawVersion(NamedTuple):
    """One version of one object."""

    object_id: str
    payload: dict[str, Any]
    observed_at: datetime
    is_deleted: bool
    subscription_id: str | None


def land(
    tx: WriteTransaction, objects: Sequence[RawObject], *, pull_id: int, observed_at: datetime
) -> LandingCounts:
    """Keep what is new about the objects; of two versions of one object the last counts.

    ``observed_at`` is when Stripe showed the objects that do not say so themselves. A tombstone
    that names no subscription concerns the one that the object named while it existed.
    """
    require_own_lease(tx, pull_id)
    by_kind: dict[str, dict[str, RawObject]] = defaultdict(dict)
    for item in objects:
        by_kind[item.kind][item.object_id] = item
    counts = LandingCounts()
    for kind, items in by_kind.items():
        known = _latest_of(tx.connection, RAW[kind], items)
        landing = [_row(item, known.get(item.object_id), observed_at) for item in items.values()]
        fresh = [row for row in landing if _identity(row) != _known_identity(known, row)]
        stamp = {"known_from": tx.known_at, "pull_id": pull_id}
        insert_rows(tx.connection, RAW[kind], [{**row, **stamp} for row in fresh])
        counts += _count(landing, fresh, known)
    return counts


def known_ids(connection: sa.Connection, kind: str) -> set[str]:
    """Return the ids whose latest version is not a tombstone."""
    table = RAW[kind]
    alive = _latest_versions(table, None, table.c.object_id).where(table.c.is_deleted.is_(False))
    return set(connection.scalars(alive))


def deleted_ids(connection: sa.Connection, kind: str) -> set[str]:
    """Return the ids whose latest version is a tombstone."""
    table = RAW[kind]
    gone = _latest_versions(table, None, table.c.object_id).where(table.c.is_deleted.is_(True))
    return set(connection.scalars(gone))


def oldest_customers(connection: sa.Connection, limit: int) -> list[str]:
    """Return the ids of the customers that have been known longest and are not deleted."""
    table = RAW["customers"]
    first = sa.select(
        table.c.object_id,
        sa.func.min(table.c.known_from).label("first"),
        sa.func.max(sa.case((table.c.is_deleted.is_(True), 1), else_=0)).label("deleted"),
    ).group_by(table.c.object_id)
    seen = first.subquery()
    query = sa.select(seen.c.object_id).where(seen.c.deleted == 0)
    return list(connection.scalars(query.order_by(seen.c.first, seen.c.object_id).limit(limit)))


def latest(
    connection: sa.Connection,
    kind: str,
    *,
    known_at: datetime | None = None,
    ids: Iterable[str] | None = None,
) -> Iterator[RawVersion]:
    """Yield the latest version of each object, as known at a time (default: now), by id."""
    table = RAW[kind]
    query = _latest_versions(table, known_at, *_columns(table)).order_by(table.c.object_id)
    if ids is None:
        yield from _stream(connection, query)
        return
    for chunk in in_chunks(ids):
        yield from _stream(connection, query.where(table.c.object_id.in_(chunk)))


def versions_for_subscriptions(
    connection: sa.Connection,
    kind: str,
    subscription_ids: Iterable[str],
    known_at: datetime | None = None,
) -> Iterator[RawVersion]:
    """Yield all versions that concern the subscriptions: by subscription, oldest first."""
    table = RAW[kind]
    query = sa.select(*_columns(table)).order_by(
        table.c.subscription_id, table.c.known_from, table.c.object_id
    )
    if known_at is not None:
        query = query.where(table.c.known_from <= known_at)
    for chunk in in_chunks(subscription_ids):
        yield from _stream(connection, query.where(table.c.subscription_id.in_(chunk)))


def versions_of(
    connection: sa.Connection,
    kind: str,
    ids: Iterable[str],
    known_at: datetime | None = None,
) -> Iterator[RawVersion]:
    """Yield all versions of the objects: by object, oldest first."""
    table = RAW[kind]
    query = sa.select(*_columns(table)).order_by(table.c.object_id, table.c.known_from)
    if known_at is not None:
        query = query.where(table.c.known_from <= known_at)
    for chunk in in_chunks(ids):
        yield from _stream(connection, query.where(table.c.object_id.in_(chunk)))


def versions_of_kind(
    connection: sa.Connection, kind: str, known_at: datetime
) -> Iterator[RawVersion]:
    """Yield all versions of all objects of a kind: by object, oldest first."""
    table = RAW[kind]
    query = sa.select(*_columns(table)).where(table.c.known_from <= known_at)
    yield from _stream(connection, query.order_by(table.c.object_id, table.c.known_from))


def changed_subscriptions(
    connection: sa.Connection, after: datetime | None, known_at: datetime
) -> set[str]:
    """Return the subscriptions with evidence that became known after a time, up to another."""
    changed: set[str] = set()
    for kind in EVIDENCE_KINDS:
        table = RAW[kind]
        query = sa.select(table.c.subscription_id).distinct()
        query = query.where(table.c.subscription_id.is_not(None), _between(table, after, known_at))
        changed.update(connection.scalars(query))
    return changed


def changed_ids(
    connection: sa.Connection, kind: str, after: datetime | None, known_at: datetime
) -> set[str]:
    """Return the objects of a kind with a version that became known in that time."""
    table = RAW[kind]
    query = sa.select(table.c.object_id).distinct().where(_between(table, after, known_at))
    return set(connection.scalars(query))


def changed_kinds(
    connection: sa.Connection, after: datetime | None, known_at: datetime
) -> set[str]:
    """Return the kinds with any version that became known in that time."""
    return {
        kind
        for kind in KINDS
        if connection.scalar(sa.select(sa.exists().where(_between(RAW[kind], after, known_at))))
    }


@dataclass(frozen=True, slots=True)
class _Latest:
    """The latest version of an object, as far as landing asks."""

    content_hash: str
    is_deleted: bool
    subscription_id: str | None


def _row(item: RawObject, known: _Latest | None, observed_at: datetime) -> dict[str, Any]:
    payload = orjson.dumps(item.payload, option=orjson.OPT_SORT_KEYS)
    subscription_id = item.subscription_id
    if item.is_deleted and subscription_id is None and known is not None:
        subscription_id = known.subscription_id
    seen_at = item.observed_at
    return {
        "object_id": item.object_id,
        "observed_at": observed_at if seen_at is None else datetime.fromtimestamp(seen_at, UTC),
        "content_hash": hashlib.blake2b(payload, digest_size=16).hexdigest(),
        "is_deleted": item.is_deleted,
        "subscription_id": subscription_id,
        "payload": payload.decode(),
    }


def _identity(row: dict[str, Any]) -> tuple[str, bool]:
    return row["content_hash"], row["is_deleted"]


def _known_identity(known: dict[str, _Latest], row: dict[str, Any]) -> tuple[str, bool] | None:
    latest_version = known.get(row["object_id"])
    if latest_version is None:
        return None
    return latest_version.content_hash, latest_version.is_deleted


def _latest_of(
    connection: sa.Connection, table: sa.Table, ids: Iterable[str]
) -> dict[str, _Latest]:
    columns = table.c
    query = sa.select(
        columns.object_id, columns.content_hash, columns.is_deleted, columns.subscription_id
    )
    return {
        object_id: _Latest(*rest)
        for chunk in in_chunks(ids)
        for object_id, *rest in connection.execute(
            query.where(columns.object_id.in_(chunk)).order_by(columns.known_from)
        )
    }


def _count(
    landing: list[dict[str, Any]],
    fresh: list[dict[str, Any]],
    known: dict[str, _Latest],
) -> LandingCounts:
    deleted = sum(row["is_deleted"] for row in fresh)
    new = sum(row["object_id"] not in known for row in fresh if not row["is_deleted"])
    return LandingCounts(
        new=new,
        changed=len(fresh) - deleted - new,
        unchanged=len(landing) - len(fresh),
        deleted=deleted,
    )


def _columns(table: sa.Table) -> list[sa.Column[Any]]:
    return [table.c[name] for name in RawVersion._fields]


def _latest_versions(
    table: sa.Table, known_at: datetime | None, *columns: sa.Column[Any]
) -> sa.Select[Any]:
    newer = table.alias("newer")
    superseded = sa.exists().where(
        newer.c.object_id == table.c.object_id, newer.c.known_from > table.c.known_from
    )
    if known_at is None:
        return sa.select(*columns).where(~superseded)
    superseded = superseded.where(newer.c.known_from <= known_at)
    return sa.select(*columns).where(table.c.known_from <= known_at, ~superseded)


def _between(table: sa.Table, after: datetime | None, known_at: datetime) -> sa.ColumnElement[bool]:
    until = table.c.known_from <= known_at
    return until if after is None else sa.and_(table.c.known_from > after, until)


def _stream(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[RawVersion]:
    rows = connection.execute(query.execution_options(yield_per=1_000))
    for row in rows:
        object_id, payload, *rest = tuple(row)
        yield RawVersion(object_id, orjson.loads(payload), *rest)
