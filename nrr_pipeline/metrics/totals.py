"""Totals of every day from interval boundaries, never from expanded days.

Movements and periods do not belong here.
"""

from datetime import date

import numpy as np
import pandas as pd

from nrr_pipeline.metrics.frames import IntArray, day_number, day_numbers, micros_of
from nrr_pipeline.metrics.money import guard_sum

TOTAL_COLUMNS = (
    "as_of_date",
    "currency",
    "is_reporting",
    "mrr_micros",
    "customers",
    "subscriptions",
    "at_risk_mrr_micros",
    "scheduled_churn_mrr_micros",
)


def daily_totals(
    intervals: pd.DataFrame, first_day: date, last_day: date, *, reporting_currency: str | None
) -> pd.DataFrame:
    """MRR, customers and subscriptions of every day, in each native currency.

    Args:
        intervals: All intervals with MRR, as known now (columns of ``frames.ITEM_COLUMNS``).
        first_day: First day of the result.
        last_day: Last day of the result, included.
        reporting_currency: When all MRR is in this one currency its totals are the reporting
            totals too, and stand once more with ``is_reporting``. ``None``: native rows only.

    Returns:
        One row per (``as_of_date``, ``currency``, ``is_reporting``) with the columns
        ``TOTAL_COLUMNS``; every currency has a row on every day, also with 0.
    """
    frames = [
        _currency_totals(rows, str(currency), first_day, last_day)
        for currency, rows in intervals.groupby("currency", sort=True)
    ]
    if not frames and reporting_currency is not None:
        frames = [_currency_totals(intervals, reporting_currency, first_day, last_day)]
    if len(frames) == 1 and reporting_currency is not None:
        frames.append(frames[0].assign(is_reporting=True))
    if not frames:
        return pd.DataFrame(columns=list(TOTAL_COLUMNS))
    totals = pd.concat(frames, ignore_index=True)
    order = totals.sort_values(["as_of_date", "is_reporting", "currency"], kind="stable")
    return order.reset_index(drop=True)[list(TOTAL_COLUMNS)]


def _currency_totals(
    intervals: pd.DataFrame, currency: str, first_day: date, last_day: date
) -> pd.DataFrame:
    first, last = day_number(first_day), day_number(last_day)
    span = (first, last - first + 1)
    starts, ends = day_numbers(intervals["valid_from"]), day_numbers(intervals["valid_to"])
    micros = micros_of(intervals)
    guard_sum(micros)
    at_risk = micros * intervals["is_at_risk"].to_numpy(dtype=bool)
    scheduled = micros * intervals["is_scheduled_churn"].to_numpy(dtype=bool)
    days = [date.fromordinal(first_day.toordinal() + offset) for offset in range(span[1])]
    return pd.DataFrame(
        {
            "as_of_date": days,
            "currency": currency,
            "is_reporting": False,
            "mrr_micros": _running_sum(starts, ends, micros, span),
            "customers": _running_count(intervals["account_id"], starts, ends, span),
            "subscriptions": _running_count(intervals["subscription_id"], starts, ends, span),
            "at_risk_mrr_micros": _running_sum(starts, ends, at_risk, span),
            "scheduled_churn_mrr_micros": _running_sum(starts, ends, scheduled, span),
        }
    )


def _running_sum(
    starts: IntArray, ends: IntArray, amounts: IntArray, span: tuple[int, int]
) -> IntArray:
    """Sum of the amounts of all intervals that hold on each day, by a difference array."""
    first, count = span
    difference = np.zeros(count + 1, dtype=np.int64)
    np.add.at(difference, np.clip(starts - first, 0, count), amounts)
    np.subtract.at(difference, np.clip(ends - first, 0, count), amounts)
    return np.cumsum(difference[:count])


def _running_count(
    entities: "pd.Series[str]", starts: IntArray, ends: IntArray, span: tuple[int, int]
) -> IntArray:
    """How many distinct entities have an interval on each day."""
    codes = pd.factorize(entities)[0]
    events = pd.DataFrame(
        {
            "entity": np.concatenate([codes, codes]),
            "day": np.concatenate([starts, ends]),
            "delta": np.repeat([1, -1], len(codes)),
        }
    )
    changes = events.groupby(["entity", "day"], sort=True)["delta"].sum().reset_index()
    present = changes.groupby("entity")["delta"].cumsum().to_numpy(dtype=np.int64) > 0
    entity = changes["entity"].to_numpy()
    previous = np.concatenate([[False], present[:-1]])
    previous[np.concatenate([[True], entity[1:] != entity[:-1]])[: len(previous)]] = False
    moves = present.astype(np.int64) - previous.astype(np.int64)
    days = changes["day"].to_numpy(dtype=np.int64)
    return _running_sum(days, np.full_like(days, span[0] + span[1]), moves, span)
