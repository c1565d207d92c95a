"""Replacing what is known: rows with a valid time and a knowledge time, never edited.

One implementation for every bitemporal table. What a table's rows mean stands in its own module.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.frames import plain
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.tables import (
    customer_attributes,
    mrr_intervals,
    subscription_attributes,
    subscription_history,
)
from nrr_pipeline.warehouse.transactions import FOREVER, WriteTransaction

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BitemporalTable:
    """How the rows of a bitemporal table are told apart.

    Rows are replaced by ``scope``; the rows of one ``entity`` never overlap in valid time.
    ``ignored`` columns say how a row came about: a row that differs in them alone stays.
    """

    table: sa.Table
    scope: str
    entity: tuple[str, ...]
    ignored: frozenset[str] = frozenset()

    @property
    def number(self) -> sa.Column[Any]:
        """The column that numbers the rows."""
        return next(iter(self.table.primary_key.columns))

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns whose values make a row what it is."""
        left_out = {self.number.name, "known_from", "known_to", *self.ignored}
        return tuple(name for name in self.table.c.keys() if name not in left_out)  # noqa: SIM118


HISTORY = BitemporalTable(subscription_history, "subscription_id", ("subscription_item_id",))
INTERVALS = BitemporalTable(
    mrr_intervals, "subscription_id", ("subscription_item_id",), frozenset({"policy_version"})
)
CUSTOMER_ATTRIBUTES = BitemporalTable(
    customer_attributes, "customer_id", ("customer_id", "attribute")
)
SUBSCRIPTION_ATTRIBUTES = BitemporalTable(
    subscription_attributes, "subscription_id", ("subscription_id", "attribute")
)


@dataclass(frozen=True, slots=True)
class ReplaceCounts:
    """What a replacement did.

    ``changed_from`` is the earliest valid time that differs now, ``changed`` the scopes that do.
    """

    opened: int = 0
    closed: int = 0
    unchanged: int = 0
    changed_from: date | None = None
    changed: frozenset[str] = field(default=frozenset(), compare=False)

    def __add__(self, other: ReplaceCounts) -> ReplaceCounts:
        days = [day for day in (self.changed_from, other.changed_from) if day is not None]
        return ReplaceCounts(
            self.opened + other.opened,
            self.closed + other.closed,
            self.unchanged + other.unchanged,
            min(days, default=None),
            self.changed | other.changed,
        )


def replace(
    tx: WriteTransaction, kind: BitemporalTable, scope_ids: Collection[str], rows: Iterable[Row]
) -> ReplaceCounts:
    """Make ``rows`` what is known of ``scope_ids`` from now on.

    Equal rows stay as they are, vanished ones end their knowledge, new ones begin theirs.
    """
    by_scope = _group(kind, scope_ids, rows)
    counts = ReplaceCounts()
    for chunk in in_chunks(scope_ids):
        counts += _replace_chunk(tx, kind, chunk, by_scope)
    return counts


def rows_of(
    connection: sa.Connection,
    kind: BitemporalTable,
    column: str,
    ids: Iterable[str],
    known_at: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the given ids, as known at a time, by id, entity and valid time."""
    table = kind.table
    order = [table.c[name] for name in (column, *kind.entity, "valid_from")]
    query = sa.select(table).where(known(table, known_at)).order_by(*order)
    for chunk in in_chunks(ids):
        for row in connection.execute(query.where(table.c[column].in_(chunk))).mappings():
            yield dict(row)


def _group(
    kind: BitemporalTable, scope_ids: Collection[str], rows: Iterable[Row]
) -> dict[str, list[Row]]:
    allowed = set(scope_ids)
    by_scope: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        scope_id = row[kind.scope]
        if scope_id not in allowed:
            raise ValueError(f"{scope_id} has rows but is not among those to be replaced")
        by_scope[scope_id].append(row)
    for scope_rows in by_scope.values():
        _refuse_overlaps(kind, scope_rows)
    return by_scope


def _refuse_overlaps(kind: BitemporalTable, rows: list[Row]) -> None:
    ends: dict[tuple[Any, ...], Any] = {}
    for row in sorted(rows, key=lambda row: row["valid_from"]):
        entity = tuple(row[name] for name in kind.entity)
        if entity in ends and row["valid_from"] < ends[entity]:
            raise ValueError(f"Two rows of {' '.join(entity)} are valid at {row['valid_from']}")
        ends[entity] = row["valid_to"]


def _replace_chunk(
    tx: WriteTransaction,
    kind: BitemporalTable,
    scope_ids: list[str],
    by_scope: Mapping[str, list[Row]],
) -> ReplaceCounts:
    compared, table = kind.compared, kind.table
    wanted = {
        tuple(row[name] for name in compared): row
        for scope_id in scope_ids
        for row in by_scope.get(scope_id, ())
    }
    query = sa.select(kind.number, *(table.c[name] for name in compared))
    query = query.where(table.c[kind.scope].in_(scope_ids), known(table, None))
    present = {tuple(row[1:]): row[0] for row in tx.connection.execute(query)}
    vanished = {identity: number for identity, number in present.items() if identity not in wanted}
    fresh = {identity: row for identity, row in wanted.items() if identity not in present}
    _end(tx, kind, list(vanished.values()))
    _begin(tx, kind, list(fresh.values()))
    return ReplaceCounts(
        opened=len(fresh),
        closed=len(vanished),
        unchanged=len(present) - len(vanished),
        changed_from=_earliest_change(compared, vanished, fresh),
        changed=frozenset(each[compared.index(kind.scope)] for each in (*vanished, *fresh)),
    )


def _end(tx: WriteTransaction, kind: BitemporalTable, numbers: list[int]) -> None:
    update = sa.update(kind.table).values(known_to=tx.known_at)
    for chunk in in_chunks(numbers):
        tx.connection.execute(update.where(kind.number.in_(chunk)))


def _begin(tx: WriteTransaction, kind: BitemporalTable, rows: list[Row]) -> None:
    names = (*kind.compared, *sorted(kind.ignored))
    stamp = {"known_from": tx.known_at, "known_to": FOREVER}
    values = [{**{name: plain(row[name]) for name in names}, **stamp} for row in rows]
    insert_rows(tx.connection, kind.table, values)


def _earliest_change(
    compared: tuple[str, ...],
    vanished: Iterable[tuple[Any, ...]],
    fresh: Iterable[tuple[Any, ...]],
) -> date | None:
    """Return the first valid time at which the two sets of rows say different things.

    A row that is only cut in two changes nothing before the cut. Why a row ended is said of the
    time at which it ended, not of the time before.
    """
    difference: Counter[tuple[Any, ...]] = Counter()
    for sign, identities in ((1, fresh), (-1, vanished)):
        for identity in identities:
            row = dict(zip(compared, identity, strict=True))
            valid_from, valid_to = row.pop("valid_from"), row.pop("valid_to")
            end_reason = row.pop("end_reason", None)
            said = tuple(row.values())
            difference[said, valid_from] += sign
            difference[said, valid_to] -= sign
            if end_reason is not None:
                difference[(*said, end_reason), valid_to] += sign
    times = [time for (_, time), weight in difference.items() if weight]
    first = min(times, default=None)
    return first.date() if isinstance(first, datetime) else first
