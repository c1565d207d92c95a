"""Published days, and the totals and movements that follow from their snapshots.

The snapshots themselves are views over the intervals; their figures come from the core. Figures
are to be read through the transaction that publishes them, so that nothing comes in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

import pandas as pd
import sqlalchemy as sa

from nrr_pipeline.warehouse import tables
from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.fields import column_names
from nrr_pipeline.warehouse.frames import frame_of, records_of
from nrr_pipeline.warehouse.transactions import WriteTransaction


def publish_days(tx: WriteTransaction, days: Iterable[date]) -> list[date]:
    """Publish the days that are not yet; return those. A first publication stands forever."""
    known = set(published_days(tx.connection))
    fresh = sorted(set(days) - known)
    rows = [{"as_of_date": day, "known_at": tx.known_at} for day in fresh]
    insert_rows(tx.connection, tables.published_days, rows)
    return fresh


def published_days(
    connection: sa.Connection, start: date | None = None, end: date | None = None
) -> list[date]:
    """Return the published days from ``start`` through ``end``, in order."""
    day = tables.published_days.c.as_of_date
    query = sa.select(day).where(*_within(day, start, end)).order_by(day)
    return list(connection.scalars(query))


def days_published_since(connection: sa.Connection, known_at: datetime) -> list[date]:
    """Return the days that were first published after a time, in order."""
    columns = tables.published_days.c
    query = sa.select(columns.as_of_date).where(columns.known_at > known_at)
    return list(connection.scalars(query.order_by(columns.as_of_date)))


def missing_days(connection: sa.Connection, start: date, end: date) -> list[date]:
    """Return the days from ``start`` through ``end`` that are not published."""
    known = set(published_days(connection, start, end))
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return [day for day in days if day not in known]


def replace_totals(tx: WriteTransaction, frame: pd.DataFrame, days: Collection[date]) -> None:
    """Make ``frame`` all the totals of the days."""
    table = tables.daily_mrr_totals
    rows = records_of(frame, table.name, column_names(table.name))
    _require_days(rows, set(days))
    if days:
        tx.connection.execute(
            sa.delete(table).where(table.c.as_of_date == sa.bindparam("day")),
            [{"day": day} for day in days],
        )
    insert_rows(tx.connection, table, rows)


def replace_movements(
    tx: WriteTransaction, frame: pd.DataFrame, from_day: date, to_day: date
) -> None:
    """Make ``frame`` all the movements from ``from_day`` through ``to_day``."""
    table = tables.mrr_movements
    rows = records_of(frame, table.name, column_names(table.name))
    if any(not from_day <= row["as_of_date"] <= to_day for row in rows):
        raise ValueError(f"Movements outside {from_day} .. {to_day}")
    tx.connection.execute(sa.delete(table).where(table.c.as_of_date.between(from_day, to_day)))
    insert_rows(tx.connection, table, rows)


def totals_frame(
    connection: sa.Connection, start: date | None = None, end: date | None = None
) -> pd.DataFrame:
    """Return the totals of the days from ``start`` through ``end``."""
    return _days_frame(connection, tables.daily_mrr_totals, start, end)


def movements_frame(
    connection: sa.Connection, start: date | None = None, end: date | None = None
) -> pd.DataFrame:
    """Return the movements of the days from ``start`` through ``end``."""
    return _days_frame(connection, tables.mrr_movements, start, end)


def _days_frame(
    connection: sa.Connection, table: sa.Table, start: date | None, end: date | None
) -> pd.DataFrame:
    query = sa.select(table).where(*_within(table.c.as_of_date, start, end))
    rows = connection.execute(query.order_by(*table.primary_key.columns)).all()
    return frame_of(rows, table.name, column_names(table.name))


def _within(
    day: sa.ColumnElement[date], start: date | None, end: date | None
) -> list[sa.ColumnElement[bool]]:
    bounds = [] if start is None else [day >= start]
    return bounds if end is None else [*bounds, day <= end]


def _require_days(rows: list[dict[str, date]], days: set[date]) -> None:
    stray = sorted({row["as_of_date"] for row in rows} - days)
    if stray:
        raise ValueError(f"Totals of {stray[0]} are not among the days to be replaced")
