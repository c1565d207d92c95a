"""Reading for people: which edition was in force, and how far the figures reach.

Read only, and without frames, so that a question is answered as fast as it is asked. What is
published, and how, stands in the module of each stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from nrr_pipeline.warehouse.fields import PERIOD_OF_TABLE
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.pulls import last_complete_pull
from nrr_pipeline.warehouse.tables import (
    RETENTION,
    daily_mrr_totals,
    data_quality,
    mrr_intervals,
    published_days,
    restatements,
)
from nrr_pipeline.warehouse.transactions import Connection

Rows = list[dict[str, Any]]

TABLE_OF_PERIOD = {period: table for table, period in PERIOD_OF_TABLE.items()}
"""The table that holds a kind of period."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the figures reach: the account's clock at the last complete pull, and the days."""

    observed_at: datetime | None
    first_published_day: date | None
    last_published_day: date | None


def address_without_password(url: str) -> str:
    """Return a database's address as it may be shown.

    >>> address_without_password("postgresql+psycopg://me:secret@host/nrr")
    'postgresql+psycopg://me:***@host/nrr'
    """
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "an unreadable address"


def reach(connection: Connection) -> Reach:
    """Return how far the figures reach."""
    complete = last_complete_pull(connection)
    day = published_days.c.as_of_date
    first, last = connection.execute(sa.select(sa.func.min(day), sa.func.max(day))).one()
    return Reach(complete.observed_at if complete else None, first, last)


def is_published(connection: Connection, as_of_date: date) -> bool:
    """Say whether a day has a snapshot."""
    query = sa.select(sa.exists().where(published_days.c.as_of_date == as_of_date))
    return bool(connection.scalar(query))


def totals_of(connection: Connection, as_of_date: date) -> Rows:
    """Return a day's totals, native currencies first."""
    columns = daily_mrr_totals.c
    query = sa.select(daily_mrr_totals).where(columns.as_of_date == as_of_date)
    query = query.order_by(columns.is_reporting, columns.currency)
    return [dict(row) for row in connection.execute(query).mappings()]


def restatements_of_period(
    connection: Connection, table_name: str, period_start: date, dimension: str
) -> Rows:
    """Return what was restated about a period in one dimension, oldest first."""
    columns = restatements.c
    query = sa.select(restatements).where(
        columns.period == PERIOD_OF_TABLE[table_name],
        columns.period_start == period_start,
        columns.dimension == dimension,
    )
    query = query.order_by(columns.to_edition, columns.segment)
    return [dict(row) for row in connection.execute(query).mappings()]


def rows_in_force(
    connection: Connection,
    table_name: str,
    *,
    period_start: date | None = None,
    known_at: datetime | None = None,
    dimension: str | None = None,
    last: int | None = None,
) -> Rows:
    """Return the rows of the editions in force at a time (default: now), oldest period first.

    Args:
        connection: Where to read.
        table_name: One of the retention tables.
        period_start: Of this period alone.
        known_at: As published by then; provisional figures that were replaced are not kept.
        dimension: Of this dimension alone.
        last: Of so many latest periods alone.
    """
    table = RETENTION[table_name]
    start = table.c.period_start
    newest = sa.select(start, sa.func.max(table.c.edition).label("edition")).group_by(start)
    if period_start is not None:
        newest = newest.where(start == period_start)
    if known_at is not None:
        newest = newest.where(table.c.known_at <= known_at)
    if last is not None:
        newest = newest.order_by(start.desc()).limit(last)
    chosen = newest.subquery()
    is_chosen = sa.and_(start == chosen.c.period_start, table.c.edition == chosen.c.edition)
    query = sa.select(table).join(chosen, is_chosen)
    if dimension is not None:
        query = query.where(table.c.dimension == dimension)
    query = query.order_by(start, table.c.dimension, table.c.segment)
    return [dict(row) for row in connection.execute(query).mappings()]


def held_out_items(
    connection: Connection, *days: date, known_at: datetime | None = None
) -> dict[str, str]:
    """Return by item why those that cannot be priced on one of the days are in no figure.

    A subscription that cannot be read at all may have counted on any day, and is always among them.
    """
    columns = mrr_intervals.c
    on_a_day = sa.or_(*(sa.and_(columns.valid_from <= day, columns.valid_to > day) for day in days))
    query = sa.select(columns.subscription_item_id, columns.held_out).where(
        columns.held_out.is_not(None), on_a_day, known(mrr_intervals, known_at)
    )
    rows = connection.execute(query.order_by(columns.subscription_item_id)).all()
    items = {row.subscription_item_id: row.held_out for row in rows}
    return _unreadable_subscriptions(connection, known_at) | items


def _unreadable_subscriptions(connection: Connection, known_at: datetime | None) -> dict[str, str]:
    columns = data_quality.c
    left_out = sa.and_(
        columns.check_name == "unreadable_object", columns.scope_id == "subscriptions"
    )
    query = sa.select(columns.object_id, columns.detail).where(
        sa.or_(columns.check_name == "unreadable_subscription", left_out)
    )
    is_open = columns.resolved_at.is_(None)
    if known_at is not None:
        is_open = sa.or_(is_open, columns.resolved_at > known_at)
        query = query.where(columns.found_at <= known_at)
    rows = connection.execute(query.where(is_open).order_by(columns.object_id)).all()
    return {row.object_id: row.detail for row in rows}
