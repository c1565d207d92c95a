"""Net and gross revenue retention of a period between its two days, whole and by segment.

Finality, editions and words for readers do not belong here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.bridge import Parts, Retention
from nrr_pipeline.metrics.conversion import Rates
from nrr_pipeline.metrics.frames import IntArray, day_number
from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.segments import (
    SegmentRules,
    Side,
    joined_segments,
    segment_of_accounts,
)


@dataclass(frozen=True)
class Measurement:
    """A period's retention and the customers behind it.

    Attributes:
        rows: The row for all customers first, then every segment by dimension and name.
        numbers: Which of the ``names`` have MRR on either side, in order.
        names: All accounts, also those without.
        parts: What each of them adds.
        segments: By dimension each one's segment.
    """

    rows: tuple[Retention, ...]
    numbers: IntArray
    names: npt.NDArray[np.object_]
    parts: Parts
    segments: Mapping[str, npt.NDArray[np.object_]]

    @property
    def whole(self) -> Retention:
        """The row for all customers."""
        return self.rows[0]

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One row per account with MRR on either side.

        Columns: ``account_id``, ``opening_mrr_micros`` and ``closing_mrr_micros`` (both at the
        opening day's rates), ``fx_micros``, ``movement``, and one with the account's segment of
        every dimension.
        """
        return self.parts.frame(self.names[self.numbers]).assign(**self.segments)


def measure_retention(
    intervals: IntervalArrays,
    opening_date: date,
    closing_date: date,
    *,
    opening_rates: Rates,
    closing_rates: Rates,
    reporting_currency: str,
    window_days: int | None = None,
    segments: SegmentRules | None = None,
    is_constant_currency: bool = True,
) -> Measurement:
    """Measure a period's retention between its opening and closing snapshots.

    Args:
        intervals: All intervals with MRR on some day up to the closing one.
        opening_date: The day before the period.
        closing_date: The period's last day.
        opening_rates: Rates of the opening day; both snapshots are held against each other here.
        closing_rates: Rates of the closing day, for the ending MRR and the FX row.
        reporting_currency: Currency of every figure.
        window_days: A gap longer than this makes a return new business (``None``: any gap).
        segments: What to break the figures down by.
        is_constant_currency: Whether the closing snapshot counts at the opening day's rates, and
            the rest is the FX row. Otherwise it counts at its own day's rates, so that exchange
            rates are expansion and contraction and the FX row is 0.

    Returns:
        The row for all customers first, then every segment in order of dimension and name.

    Raises:
        MissingRateError: A currency with MRR has no rate on a day that needs it.
        MicrosOverflowError: A sum would not fit 64 bits.
    """
    days = day_number(opening_date), day_number(closing_date)
    held_at = opening_rates if is_constant_currency else closing_rates
    opening = _side(intervals, days[0], opening_rates)
    closing = _side(intervals, days[1], held_at)
    fx = _fx(intervals, closing, held_at, closing_rates)
    returned = intervals.paid_before(*days, window_days)
    present = intervals.accounts_of(opening.holds | closing.holds)
    amounts = opening.by_account[present], closing.by_account[present], fx[present]
    parts = Parts.of(*amounts, returned[present])
    rules = segments or SegmentRules()
    rows = [parts.whole(reporting_currency)]
    segment_of: dict[str, npt.NDArray[np.object_]] = {}
    for dimension in rules.dimensions:
        values = segment_of_accounts(dimension, rules, intervals, present, opening, closing)
        sizes = (parts.opening, parts.closing)
        segment_of[dimension] = joined_segments(values, sizes, rules.max_segments)
        rows.extend(parts.by_segment(dimension, segment_of[dimension], reporting_currency))
    return Measurement(tuple(rows), present, intervals.accounts, parts, segment_of)


def crossed(measurement: Measurement, first: str, second: str) -> list[tuple[str, str, Retention]]:
    """The figures of every pair of segments of two dimensions, in order; they add up to the whole.

    Args:
        measurement: With both dimensions among its customers' columns.
        first: A dimension.
        second: Another dimension.
    """
    segments = measurement.segments[first], measurement.segments[second]
    pairs = np.empty(len(measurement.numbers), dtype=object)
    pairs[:] = list(zip(*segments, strict=True))
    rows = measurement.parts.by_segment(f"{first},{second}", pairs, measurement.whole.currency)
    return [(*pair, row) for pair, row in zip(sorted(set(pairs)), rows, strict=True)]


def _side(intervals: IntervalArrays, day: int, rates: Rates) -> Side:
    holds = intervals.holding(day)
    micros = intervals.reporting(rates, holds)
    return Side(holds, micros, intervals.sum_by_account(micros))


def _fx(intervals: IntervalArrays, closing: Side, held_at: Rates, closing_rates: Rates) -> IntArray:
    """What the closing day's rates add to each account's closing MRR."""
    reported = intervals.reporting(closing_rates, closing.holds)
    if held_at is closing_rates or np.array_equal(reported, closing.micros):
        return np.zeros_like(closing.by_account)
    return intervals.sum_by_account(reported) - closing.by_account
