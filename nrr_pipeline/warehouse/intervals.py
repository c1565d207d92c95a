"""MRR intervals: the history priced under the policy, by valid days and by knowledge.

How rows are replaced stands in ``bitemporal``; reading whole days of them, in ``snapshots``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse.bitemporal import INTERVALS, ReplaceCounts, Row, replace, rows_of
from nrr_pipeline.warehouse.transactions import WriteTransaction


def replace_intervals(
    tx: WriteTransaction, subscription_ids: Collection[str], rows: Iterable[Row]
) -> ReplaceCounts:
    """Make ``rows`` the known intervals of the subscriptions, and note from which day they differ.

    A row that differs from the known one in its policy version alone stays as it is.
    """
    counts = replace(tx, INTERVALS, subscription_ids, rows)
    tx.note_change(counts.changed_from)
    return counts


def intervals_of(
    connection: sa.Connection,
    *,
    subscription_ids: Iterable[str] = (),
    customer_ids: Iterable[str] = (),
    known_at: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the intervals of subscriptions, or of customers, as known at a time."""
    yield from rows_of(connection, INTERVALS, "subscription_id", subscription_ids, known_at)
    yield from rows_of(connection, INTERVALS, "customer_id", customer_ids, known_at)
