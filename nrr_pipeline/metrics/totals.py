"""Totals of every day from interval boundaries, never from expanded days.

Movements and periods do not belong here.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd

from nrr_pipeline.metrics.conversion import DaysWithoutRate, RateTable, convert_each
from nrr_pipeline.metrics.frames import IntArray, day_number, day_numbers, micros_of
from nrr_pipeline.metrics.money import MAX_MICROS, check_micros, guard_sum

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


MICROS_COLUMNS = ("mrr_micros", "at_risk_mrr_micros", "scheduled_churn_mrr_micros")


def daily_totals(intervals: pd.DataFrame, first_day: date, last_day: date) -> pd.DataFrame:
    """MRR, customers and subscriptions of every day, in each native currency.

    Args:
        intervals: All intervals with MRR, as known now (columns of ``frames.ITEM_COLUMNS``).
        first_day: First day of the result.
        last_day: Last day of the result, included.

    Returns:
        One row per (``as_of_date``, ``currency``) with the columns ``TOTAL_COLUMNS``; every
        currency has a row on every day, also with 0.

    Raises:
        MicrosOverflowError: A sum would not fit 64 bits.
    """
    frames = [
        _frame(
            str(currency),
            first_day,
            _native_sums(rows, _span(first_day, last_day)),
            _counts(rows, _span(first_day, last_day)),
        )
        for currency, rows in intervals.groupby("currency", sort=True)
    ]
    if not frames:
        return pd.DataFrame(columns=list(TOTAL_COLUMNS))
    totals = pd.concat(frames, ignore_index=True)
    return totals.sort_values(["as_of_date", "currency"], kind="stable").reset_index(drop=True)


def reporting_totals(
    intervals: pd.DataFrame, first_day: date, last_day: date, rates: RateTable
) -> pd.DataFrame:
    """MRR, customers and subscriptions of every day in the reporting currency, at its own rates.

    Every item is converted and rounded for itself; who has MRR in two currencies counts once.

    Args:
        intervals: All intervals with MRR, as known now (columns of ``frames.ITEM_COLUMNS``).
        first_day: First day of the result.
        last_day: Last day of the result, included.
        rates: The rates into the reporting currency.

    Returns:
        One row with the columns ``TOTAL_COLUMNS`` per day that has every rate that it needs.

    Raises:
        MicrosOverflowError: A sum would not fit 64 bits.
    """
    span = _span(first_day, last_day)
    missing = days_without_rate(intervals, first_day, last_day, rates)
    parts = [np.zeros((len(MICROS_COLUMNS), span[1]), dtype=np.int64)]
    for currency, rows in intervals.groupby("currency", sort=True):
        if currency == rates.reporting_currency:
            parts.append(_native_sums(rows, span))
        else:
            days_rates = _rates_by_offset(str(currency), first_day, span[1], rates)
            parts.append(_converted_sums(rows, days_rates, span))
    guard_sum(np.array([part.max() for part in parts]))
    counts = _counts(intervals, span)
    frame = _frame(rates.reporting_currency, first_day, np.sum(parts, axis=0), counts)
    frame["is_reporting"] = True
    lacking = {day for days in missing.values() for day in days}
    return frame[~frame["as_of_date"].isin(list(lacking))].reset_index(drop=True)


def days_without_rate(
    intervals: pd.DataFrame, first_day: date, last_day: date, rates: RateTable
) -> DaysWithoutRate:
    """By currency the days, in order, on which it has MRR and no rate, or only one too old."""
    first, count = _span(first_day, last_day)
    lacking: DaysWithoutRate = {}
    for currency, rows in intervals.groupby("currency", sort=True):
        starts, ends = day_numbers(rows["valid_from"]), day_numbers(rows["valid_to"])
        present = _running_sum(starts, ends, np.ones_like(starts), (first, count)) > 0
        of_days = _rates_by_offset(str(currency), first_day, count, rates)
        days = [
            date.fromordinal(first_day.toordinal() + offset)
            for offset in np.flatnonzero(present).tolist()
            if of_days[offset] is None
        ]
        if days:
            lacking[str(currency)] = days
    return lacking


def _rates_by_offset(
    currency: str, first_day: date, count: int, rates: RateTable
) -> list[Fraction | None]:
    start = first_day.toordinal()
    return [rates.find(currency, date.fromordinal(start + offset)) for offset in range(count)]


def _span(first_day: date, last_day: date) -> tuple[int, int]:
    """Number of the first day, and how many days there are."""
    return day_number(first_day), (last_day - first_day).days + 1


def _frame(currency: str, first_day: date, sums: IntArray, counts: IntArray) -> pd.DataFrame:
    days = [date.fromordinal(first_day.toordinal() + offset) for offset in range(sums.shape[1])]
    return pd.DataFrame(
        {
            "as_of_date": days,
            "currency": currency,
            "is_reporting": False,
            **dict(zip(MICROS_COLUMNS, sums, strict=True)),
            **dict(zip(("customers", "subscriptions"), counts, strict=True)),
        }
    )[list(TOTAL_COLUMNS)]


def _counts(intervals: pd.DataFrame, span: tuple[int, int]) -> IntArray:
    starts, ends = day_numbers(intervals["valid_from"]), day_numbers(intervals["valid_to"])
    return np.stack(
        [
            _running_count(intervals[entity], starts, ends, span)
            for entity in ("account_id", "subscription_id")
        ]
    )


def _flags(intervals: pd.DataFrame) -> IntArray:
    """Which intervals each of ``MICROS_COLUMNS`` counts, as 0 and 1."""
    return np.stack(
        [
            np.ones(len(intervals), dtype=np.int64),
            intervals["is_at_risk"].to_numpy(dtype=np.int64),
            intervals["is_scheduled_churn"].to_numpy(dtype=np.int64),
        ]
    )


def _native_sums(intervals: pd.DataFrame, span: tuple[int, int]) -> IntArray:
    """Sums of ``MICROS_COLUMNS`` on each day of the span, in the intervals' own currency."""
    starts, ends = day_numbers(intervals["valid_from"]), day_numbers(intervals["valid_to"])
    micros = micros_of(intervals)
    guard_sum(micros)
    flags = _flags(intervals)
    return np.stack([_running_sum(starts, ends, micros * flag, span) for flag in flags])


def _converted_sums(
    intervals: pd.DataFrame, rates: Sequence[Fraction | None], span: tuple[int, int]
) -> IntArray:
    """The same of one currency at the rate of each day; 0 on days that have none.

    An amount that many items have is converted once and multiplied by their number.
    """
    first, days = span
    starts = np.clip(day_numbers(intervals["valid_from"]) - first, 0, days)
    ends = np.clip(day_numbers(intervals["valid_to"]) - first, 0, days)
    amounts, codes = np.unique(micros_of(intervals), return_inverse=True)
    flags = _flags(intervals)
    numbers = np.zeros((len(flags), len(amounts)), dtype=np.int64)
    sums = np.zeros((len(flags), days), dtype=np.int64)
    by_start, by_end = _groups(starts, days), _groups(ends, days)
    converted_at, converted = Fraction(1), amounts
    for offset, rate in enumerate(rates):
        for rows, sign in ((by_start[offset], 1), (by_end[offset], -1)):
            for number, flag in zip(numbers, flags, strict=True):
                np.add.at(number, codes[rows], sign * flag[rows])
        if rate is None:
            continue
        if rate != converted_at:
            converted_at, converted = rate, convert_each(amounts, rate)
        sums[:, offset] = _sum_products(numbers, converted)
    return sums


def _sum_products(numbers: IntArray, amounts: IntArray) -> IntArray:
    """Sums of numbers x amounts, refused where they could wrap."""
    if int(numbers[0].sum()) * int(amounts.max()) > MAX_MICROS:
        exact = [check_micros(int(row @ amounts.astype(object))) for row in numbers.astype(object)]
        return np.array(exact, dtype=np.int64)
    return numbers @ amounts


def _groups(offsets: IntArray, count: int) -> list[IntArray]:
    """By offset ``0 .. count - 1``: the positions that have it."""
    order = np.argsort(offsets, kind="stable")
    bounds = np.searchsorted(offsets[order], np.arange(count + 1))
    return np.split(order, bounds[1:])[:count]


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
