"""The columns of item snapshots, and how days and amounts are taken out of frames exactly.

Nothing here knows what a movement or a period is.
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]

ITEM_COLUMNS = (
    "subscription_item_id",
    "subscription_id",
    "customer_id",
    "account_id",
    "product_id",
    "price_id",
    "billing_interval",
    "billing_interval_count",
    "quantity",
    "currency",
    "mrr_micros",
    "is_at_risk",
    "is_scheduled_churn",
    "is_approximate",
    "approximation",
    "max_error_micros",
    "end_reason",
    "valid_from",
    "valid_to",
)
"""What an interval or snapshot frame holds; one row per item (and interval)."""


def day_numbers(days: "pd.Series[date]") -> IntArray:
    """Days since 1970-01-01 of a column of dates.

    >>> day_numbers(pd.Series([date(1970, 1, 2), date(9999, 12, 31)]))
    array([      1, 2932896])
    """
    return days.to_numpy(dtype="datetime64[D]").astype(np.int64)


def day_number(day: date) -> int:
    """Days since 1970-01-01 of one date."""
    return (day - date(1970, 1, 1)).days


def micros_of(frame: pd.DataFrame, column: str = "mrr_micros") -> IntArray:
    """A column of micros as 64-bit integers."""
    return frame[column].to_numpy(dtype=np.int64)


def sum_by_group(groups: IntArray, micros: IntArray, count: int) -> IntArray:
    """Exact sums of micros by group number ``0 .. count - 1``."""
    if count == 1:
        return micros.sum(keepdims=True)
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, groups, micros)
    return sums
