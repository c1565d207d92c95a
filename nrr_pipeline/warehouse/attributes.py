"""Customer attributes, such as the country: by valid days and by knowledge.

How rows are replaced stands in ``bitemporal``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

import sqlalchemy as sa

from nrr_pipeline.warehouse.bitemporal import ATTRIBUTES, ReplaceCounts, Row, replace
from nrr_pipeline.warehouse.knowledge import known
from nrr_pipeline.warehouse.transactions import WriteTransaction


def replace_customer_attributes(
    tx: WriteTransaction, customer_ids: Collection[str], rows: Iterable[Row]
) -> ReplaceCounts:
    """Make ``rows`` all that is known of the customers, and note from which day they differ."""
    counts = replace(tx, ATTRIBUTES, customer_ids, rows)
    tx.note_change(counts.changed_from)
    return counts


def customer_attribute(
    connection: sa.Connection,
    attribute: str,
    as_of_date: date,
    known_at: datetime | None = None,
) -> dict[str, str]:
    """Return the attribute's value on a day for every customer that has one."""
    table = ATTRIBUTES.table
    query = sa.select(table.c.customer_id, table.c.value).where(
        table.c.attribute == attribute,
        table.c.valid_from <= as_of_date,
        table.c.valid_to > as_of_date,
        known(table, known_at),
    )
    return {row.customer_id: row.value for row in connection.execute(query)}
