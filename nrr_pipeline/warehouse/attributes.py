"""Properties of customers and subscriptions, such as the country: by valid days and by knowledge.

How rows are replaced stands in ``bitemporal``; what users give beside Stripe, in ``given``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

import sqlalchemy as sa

from nrr_pipeline.warehouse.bitemporal import (
    CUSTOMER_ATTRIBUTES,
    SUBSCRIPTION_ATTRIBUTES,
    BitemporalTable,
    ReplaceCounts,
    Row,
    replace,
)
from nrr_pipeline.warehouse.chunks import in_chunks
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.tables import mrr_intervals
from nrr_pipeline.warehouse.transactions import WriteTransaction

__all__ = ["CUSTOMER_ATTRIBUTES", "SUBSCRIPTION_ATTRIBUTES"]


def replace_attributes(
    tx: WriteTransaction, kind: BitemporalTable, ids: Collection[str], rows: Iterable[Row]
) -> ReplaceCounts:
    """Make ``rows`` all that is known of the objects, and note from which day figures differ.

    Before the first MRR of those that changed no figure does.
    """
    counts = replace(tx, kind, ids, rows)
    paid_from = min(
        (
            day
            for chunk in in_chunks(counts.changed)
            if (day := _first_paid_day(tx.connection, kind, chunk)) is not None
        ),
        default=None,
    )
    if counts.changed_from is not None and paid_from is not None:
        tx.note_change(max(counts.changed_from, paid_from))
    return counts


def _first_paid_day(
    connection: sa.Connection, kind: BitemporalTable, ids: list[str]
) -> date | None:
    first = sa.select(sa.func.min(mrr_intervals.c.valid_from))
    mine = mrr_intervals.c[kind.scope].in_(ids)
    return connection.scalar(first.where(mine, known(mrr_intervals, None)))


def values_on(
    connection: sa.Connection,
    kind: BitemporalTable,
    as_of_date: date,
    known_at: datetime | None = None,
) -> dict[str, dict[str, str]]:
    """Return by attribute the value on a day of every object that has one."""
    columns = kind.table.c
    query = sa.select(columns.attribute, columns[kind.scope], columns.value).where(
        columns.valid_from <= as_of_date,
        columns.valid_to > as_of_date,
        known(kind.table, known_at),
    )
    values: dict[str, dict[str, str]] = {}
    for attribute, object_id, value in connection.execute(query):
        values.setdefault(attribute, {})[object_id] = value
    return values
