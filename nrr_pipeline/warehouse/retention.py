"""Published retention: editions that stand, and the restatements between them.

The figures come from the core; they are to be read through the transaction that publishes them,
so that nothing comes in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.fields import PERIOD_OF_TABLE, column_names, columns_of
from nrr_pipeline.warehouse.frames import frame_of, records_of
from nrr_pipeline.warehouse.tables import RETENTION, evaluated_periods, knowledge, restatements
from nrr_pipeline.warehouse.transactions import WriteTransaction

PROVISIONAL = 0
FIRST = 1

_STAMPED = frozenset(
    {"period_start", "is_final", "is_historical", "policy_version", "edition", "known_at"}
)
FRAME_COLUMNS = tuple(name for name in column_names("monthly_nrr") if name not in _STAMPED)
"""The columns that a frame of retention brings; the others are set as it is published."""

_FIGURES = tuple(
    field.name
    for field in columns_of("monthly_nrr")
    if field.type == "bigint" or field.name == "currency"
)

LATE_DATA = "late_data"
_CAUSES = {"history": LATE_DATA}
"""What a restatement calls a cause of knowledge, where it is not the same word."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Publication:
    """What publishing did: the edition now in force, and whether this call wrote it."""

    edition: int
    is_new: bool
    previous_edition: int | None = None
    restated: int = 0

    @property
    def is_restatement(self) -> bool:
        """Whether a final figure was replaced by this call."""
        return self.is_new and self.edition > FIRST


@dataclass(frozen=True, slots=True)
class PublishedPeriod:
    """The latest edition of one period."""

    period_start: date
    closing_date: date
    edition: int
    is_final: bool
    is_historical: bool
    policy_version: str
    known_at: datetime


def publish_retention(
    tx: WriteTransaction,
    table_name: str,
    period_start: date,
    frame: pd.DataFrame,
    *,
    is_final: bool,
    is_historical: bool,
    policy_version: str,
) -> Publication:
    """Publish a period's figures as far as they say anything new.

    Provisional ones are replaced in place; the first final ones are edition 1. Later final ones
    that differ make the next edition of all rows, and a restatement per row that differs, unless
    its whole dimension is new or gone. A final edition is never followed by a provisional one.
    """
    table = RETENTION[table_name]
    rows = records_of(frame, table_name, FRAME_COLUMNS)
    if not rows:
        raise ValueError(f"No figures for {table_name} of {period_start}")
    previous = _rows_of_edition(tx.connection, table, period_start, None)
    cause = _evaluate(tx, table_name, period_start, rows, policy_version)
    edition, changed = _decide(previous, rows, is_final=is_final)
    before = previous[0]["edition"] if previous else None
    if not changed:
        return Publication(edition, is_new=False, previous_edition=before)
    stamp = {
        "period_start": period_start,
        "is_final": is_final,
        "is_historical": is_historical,
        "policy_version": policy_version,
        "edition": edition,
        "known_at": tx.known_at,
    }
    if before == PROVISIONAL:
        tx.connection.execute(sa.delete(table).where(table.c.period_start == period_start))
    insert_rows(tx.connection, table, [{**row, **stamp} for row in rows])
    restated = _restate(tx, PERIOD_OF_TABLE[table_name], previous, rows, edition, cause)
    return Publication(edition, is_new=True, previous_edition=before, restated=restated)


def retention_rows(
    connection: sa.Connection, table_name: str, period_start: date, edition: int | None = None
) -> pd.DataFrame:
    """Return one edition of a period, by default the latest; without rows where there is none."""
    rows = _rows_of_edition(connection, RETENTION[table_name], period_start, edition)
    names = column_names(table_name)
    return frame_of([tuple(row[name] for name in names) for row in rows], table_name, names)


def published_periods(connection: sa.Connection, table_name: str) -> list[PublishedPeriod]:
    """Return every published period in its latest edition, oldest first."""
    table = RETENTION[table_name]
    names = PublishedPeriod.__slots__
    newer = table.alias("newer")
    superseded = sa.exists().where(
        newer.c.period_start == table.c.period_start, newer.c.edition > table.c.edition
    )
    query = sa.select(*(table.c[name] for name in names)).distinct().where(~superseded)
    rows = connection.execute(query.order_by(table.c.period_start))
    return [PublishedPeriod(*row) for row in rows]


def stale_periods(
    connection: sa.Connection, table_name: str, *, policy_version: str | None = None
) -> list[date]:
    """Return the periods that something learned since, or another policy, can have changed."""
    columns = evaluated_periods.c
    stale = sa.exists().where(
        knowledge.c.known_at > columns.known_at, knowledge.c.changed_from <= columns.closing_date
    )
    if policy_version is not None:
        stale = sa.or_(stale, columns.policy_version != policy_version)
    query = sa.select(columns.period_start).where(columns.table_name == table_name, stale)
    return list(connection.scalars(query.order_by(columns.period_start)))


def restatements_of(connection: sa.Connection) -> Rows:
    """Return every restatement, oldest first."""
    columns = restatements.c
    order = (columns.known_at, columns.period, columns.period_start, columns.dimension)
    query = sa.select(restatements).order_by(*order, columns.segment)
    return [dict(row) for row in connection.execute(query).mappings()]


def _rows_of_edition(
    connection: sa.Connection, table: sa.Table, period_start: date, edition: int | None
) -> Rows:
    mine = table.c.period_start == period_start
    wanted: Any = edition
    if edition is None:
        wanted = sa.select(sa.func.max(table.c.edition)).where(mine).scalar_subquery()
    query = sa.select(table).where(mine, table.c.edition == wanted)
    query = query.order_by(table.c.dimension, table.c.segment)
    return [dict(row) for row in connection.execute(query).mappings()]


def _evaluate(
    tx: WriteTransaction,
    table_name: str,
    period_start: date,
    rows: Rows,
    policy_version: str,
) -> str:
    """Note that the period was computed; return why it can differ from the computation before."""
    columns = evaluated_periods.c
    mine = sa.and_(columns.table_name == table_name, columns.period_start == period_start)
    query = sa.select(columns.policy_version, columns.known_at).where(mine)
    before = tx.connection.execute(query).one_or_none()
    values = {"closing_date": rows[0]["closing_date"], "policy_version": policy_version}
    values |= {"known_at": tx.known_at}
    if before is None:
        values |= {"table_name": table_name, "period_start": period_start}
        tx.connection.execute(sa.insert(evaluated_periods).values(values))
        return LATE_DATA
    tx.connection.execute(sa.update(evaluated_periods).where(mine).values(values))
    if before.policy_version != policy_version:
        return "policy"
    return _learned(tx.connection, before.known_at, rows[0]["closing_date"])


def _learned(connection: sa.Connection, after: datetime, closing_date: date) -> str:
    """Return the causes of what was learned after a time about days up to the closing one."""
    columns = knowledge.c
    query = sa.select(columns.cause).where(
        columns.known_at > after, columns.changed_from <= closing_date
    )
    learned = [str(cause) for cause in connection.scalars(query.distinct())]
    causes = sorted({_CAUSES.get(cause, cause) for cause in learned})
    return ", ".join(causes) or LATE_DATA


def _decide(previous: Rows, rows: Rows, *, is_final: bool) -> tuple[int, bool]:
    """Return the edition in force afterwards, and whether it has to be written."""
    edition = previous[0]["edition"] if previous else None
    differs = _figures_by_row(previous) != _figures_by_row(rows)
    if edition is None or edition == PROVISIONAL:
        return (FIRST, True) if is_final else (PROVISIONAL, differs)
    if is_final and differs:
        return edition + 1, True
    return edition, False


def _figures_by_row(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (row["dimension"], row["segment"]): tuple(row[name] for name in _FIGURES) for row in rows
    }


def _restate(
    tx: WriteTransaction, period: str, previous: Rows, rows: Rows, edition: int, cause: str
) -> int:
    """Note what differs; dimensions that only one of the editions has are no restatement."""
    if edition <= FIRST:
        return 0
    compared = {row["dimension"] for row in previous} & {row["dimension"] for row in rows}
    before = {(row["dimension"], row["segment"]): row for row in previous}
    after = {(row["dimension"], row["segment"]): row for row in rows}
    changes = [
        {
            "period": period,
            "period_start": previous[0]["period_start"],
            "dimension": key[0],
            "segment": key[1],
            "from_edition": edition - 1,
            "to_edition": edition,
            "cause": cause,
            "nrr_before": before[key]["nrr"] if key in before else None,
            "nrr_after": after[key]["nrr"] if key in after else None,
            "detail": detail,
            "known_at": tx.known_at,
        }
        for key in sorted({*before, *after})
        if key[0] in compared and (detail := _difference(before.get(key), after.get(key)))
    ]
    insert_rows(tx.connection, restatements, changes)
    return len(changes)


def _difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if before is None:
        return "The segment is new."
    if after is None:
        return "The segment no longer exists."
    return "; ".join(
        f"{name} {before[name]} -> {after[name]}"
        for name in _FIGURES
        if before[name] != after[name]
    )
