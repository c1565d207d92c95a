"""Subscription history: what was true of every item when, before any policy.

How rows are replaced stands in ``bitemporal``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from nrr_pipeline.warehouse.bitemporal import HISTORY, ReplaceCounts, Row, replace, rows_of
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.transactions import FOREVER, WriteTransaction


def replace_history(
    tx: WriteTransaction, subscription_ids: Collection[str], rows: Iterable[Row]
) -> ReplaceCounts:
    """Make ``rows`` the known history of the subscriptions; ``changed_from`` is in UTC days.

    Figures do not change by it: they do when the intervals follow.
    """
    return replace(tx, HISTORY, subscription_ids, rows)


def history_of(
    connection: sa.Connection,
    *,
    subscription_ids: Iterable[str] = (),
    customer_ids: Iterable[str] = (),
    known_at: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the history of subscriptions, or of customers, as known at a time."""
    yield from rows_of(connection, HISTORY, "subscription_id", subscription_ids, known_at)
    yield from rows_of(connection, HISTORY, "customer_id", customer_ids, known_at)


def known_subscriptions(connection: sa.Connection) -> set[str]:
    """Return the subscriptions that have history, as known now."""
    table = HISTORY.table
    query = sa.select(table.c.subscription_id).distinct().where(known(table, None))
    return set(connection.scalars(query))


def customers_of(connection: sa.Connection, subscription_ids: Iterable[str]) -> set[str]:
    """Return the customers that the known history of the subscriptions names."""
    table = HISTORY.table
    query = sa.select(table.c.customer_id).distinct().where(known(table, None))
    return {
        customer_id
        for chunk in in_chunks(subscription_ids)
        for customer_id in connection.scalars(query.where(table.c.subscription_id.in_(chunk)))
    }


def subscriptions_having(connection: sa.Connection, column: str, ids: Iterable[str]) -> set[str]:
    """Return the subscriptions whose known history names one of the ids, by ``column``."""
    table = HISTORY.table
    query = sa.select(table.c.subscription_id).distinct().where(known(table, None))
    return {
        subscription_id
        for chunk in in_chunks(ids)
        for subscription_id in connection.scalars(query.where(table.c[column].in_(chunk)))
    }


def subscriptions_discounted_by(connection: sa.Connection, coupon_ids: Iterable[str]) -> set[str]:
    """Return the subscriptions whose known history has a discount of one of the coupons.

    One whose coupon was not known is among them whenever any coupon is asked for.
    """
    wanted = set(coupon_ids)
    if not wanted:
        return set()
    table = HISTORY.table
    query = sa.select(table.c.subscription_id, table.c.discounts).distinct()
    query = query.where(known(table, None), table.c.discounts.is_not(None))
    return {
        subscription_id
        for subscription_id, text in connection.execute(query)
        for discount in orjson.loads(text)
        if discount["coupon_id"] in wanted or discount["duration"] == "unknown"
    }


def subscriptions_changed_since(connection: sa.Connection, known_at: datetime) -> set[str]:
    """Return the subscriptions whose history was learned or corrected after a time."""
    table = HISTORY.table
    later = sa.or_(
        table.c.known_from > known_at,
        sa.and_(table.c.known_to > known_at, table.c.known_to != FOREVER),
    )
    return set(connection.scalars(sa.select(table.c.subscription_id).distinct().where(later)))
