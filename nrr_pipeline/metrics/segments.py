"""Which segment of a dimension a customer belongs to in a period.

A customer's value is the one at opening, that of its item with the largest reporting MRR; a
customer without opening MRR takes its value at closing. So segments add up to the whole.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nrr_pipeline.metrics.frames import IntArray

UNKNOWN_SEGMENT = "unknown"
"""The segment of customers for whom a dimension has no value."""

DIMENSIONS = ("product", "price", "billing_interval", "country")
"""What retention is broken down by."""

Snapshot = tuple[pd.DataFrame, IntArray]
"""The items of a snapshot and each one's reporting micros."""


def with_dimensions(items: pd.DataFrame, countries: Mapping[str, str]) -> pd.DataFrame:
    """A snapshot's items with one column per dimension.

    Args:
        items: Columns of ``frames.ITEM_COLUMNS``.
        countries: Country by customer id on the snapshot's day; a missing one is "unknown".
    """
    return items.assign(
        product=items["product_id"],
        price=items["price_id"],
        billing_interval=_interval_names(items),
        country=[
            countries.get(str(customer), UNKNOWN_SEGMENT) for customer in items["customer_id"]
        ],
    )


def billing_interval_segment(billing_interval: str, billing_interval_count: int) -> str:
    """How a billing interval is called as a segment.

    >>> billing_interval_segment("year", 1), billing_interval_segment("month", 3)
    ('year', '3 months')
    """
    if billing_interval_count == 1:
        return billing_interval
    return f"{billing_interval_count} {billing_interval}s"


def segment_of_accounts(
    dimension: str, accounts: pd.Index, opening: Snapshot, closing: Snapshot
) -> list[str]:
    """The segment of every account, in order of ``accounts``."""
    at_opening = _largest_item_values(dimension, *opening)
    at_closing = _largest_item_values(dimension, *closing)
    values = {**at_closing, **at_opening}
    return [values[account] for account in accounts]


def _interval_names(items: pd.DataFrame) -> list[str]:
    pairs = zip(items["billing_interval"], items["billing_interval_count"], strict=True)
    return [billing_interval_segment(str(interval), int(count)) for interval, count in pairs]


def _largest_item_values(dimension: str, items: pd.DataFrame, micros: IntArray) -> dict[str, str]:
    """By account: the dimension's value of its largest item (ties: smallest item id)."""
    order = np.lexsort((items["subscription_item_id"].to_numpy(str), -micros))
    accounts = items["account_id"].to_numpy(object)[order]
    values = items[dimension].to_numpy(object)[order]
    largest: dict[str, str] = {}
    for account, value in zip(accounts, values, strict=True):
        largest.setdefault(account, value)
    return largest
