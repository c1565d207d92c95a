"""Snapshots: whole days of MRR intervals as frames, as known at a time.

What the frames are made into is the core's business; publishing days is in ``daily``.
"""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import sqlalchemy as sa

from nrr_pipeline.metrics.frames import ITEM_COLUMNS
from nrr_pipeline.warehouse.frames import frame_of
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.tables import mrr_intervals, published_days


def snapshot(
    connection: sa.Connection, as_of_date: date, *, known_at: datetime | None = None
) -> pd.DataFrame:
    """Return every item with MRR on a day, by item, as known at a time (default: now)."""
    return intervals_frame(connection, known_at=known_at, first_day=as_of_date, last_day=as_of_date)


def intervals_frame(
    connection: sa.Connection,
    *,
    known_at: datetime | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
) -> pd.DataFrame:
    """Return every interval that has a day in common with the given days, by item and time."""
    columns = mrr_intervals.c
    query = sa.select(*(columns[name] for name in ITEM_COLUMNS))
    query = query.where(_priced(known_at))
    query = query.order_by(columns.subscription_item_id, columns.valid_from)
    if last_day is not None:
        query = query.where(columns.valid_from <= last_day)
    if first_day is not None:
        query = query.where(columns.valid_to > first_day)
    return frame_of(connection.execute(query).all(), "mrr_intervals", ITEM_COLUMNS)


def approximations_on(
    connection: sa.Connection, as_of_date: date, *, known_at: datetime | None = None
) -> list[tuple[str, str, int | None]]:
    """Return the items whose MRR on a day is approximate: id, currency, largest error if known."""
    columns = mrr_intervals.c
    query = sa.select(
        columns.subscription_item_id, columns.currency, columns.max_error_micros
    ).where(
        _priced(known_at),
        columns.is_approximate,
        columns.valid_from <= as_of_date,
        columns.valid_to > as_of_date,
    )
    rows = connection.execute(query.order_by(columns.subscription_item_id))
    return [tuple(row) for row in rows]


def customers_by_account(
    connection: sa.Connection, known_at: datetime | None = None
) -> dict[str, list[str]]:
    """Return the Stripe customers that every account with MRR at any time consists of."""
    columns = mrr_intervals.c
    query = sa.select(columns.account_id, columns.customer_id).distinct().where(_priced(known_at))
    joined: dict[str, list[str]] = {}
    for account_id, customer_id in connection.execute(query):
        joined.setdefault(account_id, []).append(customer_id)
    return {account_id: sorted(ids) for account_id, ids in joined.items()}


def earliest_paid_day(connection: sa.Connection) -> date | None:
    """Return the first day with any MRR, as known now."""
    first = sa.select(sa.func.min(mrr_intervals.c.valid_from))
    return connection.scalar(first.where(_priced(None)))


def currencies(connection: sa.Connection) -> list[str]:
    """Return the currencies of all MRR until the last published day, as known now.

    What begins later, such as the MRR of a trial, is in no figure yet.
    """
    last = sa.select(sa.func.max(published_days.c.as_of_date)).scalar_subquery()
    has_begun = sa.or_(last.is_(None), mrr_intervals.c.valid_from <= last)
    query = sa.select(mrr_intervals.c.currency).distinct().where(_priced(None), has_begun)
    return sorted(connection.scalars(query))


def first_days_by_currency(connection: sa.Connection) -> dict[str, date]:
    """Return the first day with MRR in each currency, as known now."""
    columns = mrr_intervals.c
    query = sa.select(columns.currency, sa.func.min(columns.valid_from)).where(_priced(None))
    rows = connection.execute(query.group_by(columns.currency))
    return {currency: first for currency, first in rows if first is not None}


def _priced(known_at: datetime | None) -> sa.ColumnElement[bool]:
    """Condition for the intervals that have MRR, as known at a time."""
    return sa.and_(known(mrr_intervals, known_at), mrr_intervals.c.held_out.is_(None))
