"""Net and gross revenue retention of a period between its two days, whole and by segment.

Finality, editions and words for readers do not belong here.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.conversion import Rates
from nrr_pipeline.metrics.frames import IntArray, day_number, sum_by_group
from nrr_pipeline.metrics.interval_arrays import BoolArray, IntervalArrays
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.segments import (
    SegmentRules,
    Side,
    joined_segments,
    segment_of_accounts,
)

BRIDGE_AMOUNTS = (
    "starting_mrr_micros",
    "expansion_micros",
    "contraction_micros",
    "churned_mrr_micros",
    "new_business_micros",
    "reactivation_micros",
    "fx_micros",
    "ending_mrr_micros",
)
"""The parts of a period's bridge, from its starting to its ending MRR."""

WHOLE = "all"
"""Dimension and segment of the row for all customers."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The figures of one period and one segment; amounts in micros of ``currency``.

    Amounts of movements carry no sign. ``nrr_numerator`` is the cohort's closing MRR at opening
    rates, ``grr_numerator`` the sum of each cohort customer's smaller side.
    """

    dimension: str
    segment: str
    currency: str
    starting_mrr_micros: int
    expansion_micros: int
    contraction_micros: int
    churned_mrr_micros: int
    new_business_micros: int
    reactivation_micros: int
    fx_micros: int
    ending_mrr_micros: int
    nrr_numerator: int
    grr_numerator: int
    starting_customers: int
    churned_customers: int
    ending_customers: int

    @property
    def nrr(self) -> Fraction | None:
        """Net revenue retention; ``None`` when there was nothing to retain."""
        if self.starting_mrr_micros == 0:
            return None
        return Fraction(self.nrr_numerator, self.starting_mrr_micros)

    @property
    def grr(self) -> Fraction | None:
        """Gross revenue retention; never above 1 and never above ``nrr``."""
        if self.starting_mrr_micros == 0:
            return None
        return Fraction(self.grr_numerator, self.starting_mrr_micros)

    @property
    def logo_churn(self) -> Fraction | None:
        """Share of the cohort's customers without MRR at closing."""
        if self.starting_customers == 0:
            return None
        return Fraction(self.churned_customers, self.starting_customers)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A period's retention and the customers behind it.

    ``customers`` has one row per account with MRR on either side: ``account_id``,
    ``opening_mrr_micros`` and ``closing_mrr_micros`` (both at the opening day's rates),
    ``fx_micros``, ``movement``, and one column per dimension with the account's segment.
    """

    rows: tuple[Retention, ...]
    customers: pd.DataFrame

    @property
    def whole(self) -> Retention:
        """The row for all customers."""
        return self.rows[0]


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
    compared = _compare(intervals, *days, opening_rates, held_at, closing_rates)
    returned = intervals.paid_before(*days, window_days)
    holds = compared.opening.holds | compared.closing.holds
    present = np.unique(intervals.account_of[holds])
    parts = _Parts.of(compared, returned, present)
    customers = parts.frame(intervals.accounts[present])
    rules = segments or SegmentRules()
    rows = [parts.whole(reporting_currency)]
    for dimension in rules.dimensions:
        values = segment_of_accounts(
            dimension, rules, intervals, present, compared.opening, compared.closing
        )
        amounts = (parts.opening, parts.closing)
        named = joined_segments(values, amounts, rules.max_segments)
        customers[dimension] = named
        rows.extend(parts.retentions(dimension, named, reporting_currency))
    return Measurement(tuple(rows), customers)


def crossed(measurement: Measurement, first: str, second: str) -> list[tuple[str, str, Retention]]:
    """The figures of every pair of segments of two dimensions, in order; they add up to the whole.

    Args:
        measurement: With both dimensions among its customers' columns.
        first: A dimension.
        second: Another dimension.
    """
    customers = measurement.customers
    parts = _Parts.of_frame(customers)
    pairs = np.empty(len(customers), dtype=object)
    pairs[:] = list(zip(customers[first], customers[second], strict=True))
    rows = parts.retentions(f"{first},{second}", pairs, measurement.whole.currency)
    return [(*pair, row) for pair, row in zip(sorted(set(pairs)), rows, strict=True)]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Both snapshots at the rates that are compared, and what closing rates add, by account."""

    opening: Side
    closing: Side
    fx: IntArray


def _compare(
    intervals: IntervalArrays,
    opening_day: int,
    closing_day: int,
    opening_rates: Rates,
    held_at: Rates,
    closing_rates: Rates,
) -> _Comparison:
    def side(holds: BoolArray, converted: IntArray) -> Side:
        micros = intervals.micros(converted, holds)
        return Side(holds, micros, intervals.sum_by_account(micros))

    before, after = intervals.holding(opening_day), intervals.holding(closing_day)
    opening = side(before, intervals.converted(opening_rates, before))
    compared = intervals.converted(held_at, after)
    at_closing = intervals.converted(closing_rates, after)
    closing = side(after, compared)
    if np.array_equal(compared, at_closing):
        return _Comparison(opening, closing, np.zeros_like(closing.by_account))
    reported = intervals.sum_by_account(intervals.micros(at_closing, after))
    return _Comparison(opening, closing, reported - closing.by_account)


_MOVEMENTS = tuple(movement.value for movement in Movement)
_CODE = {movement: code for code, movement in enumerate(Movement)}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What customers add to a period's figures, one element per customer; movements by number."""

    opening: IntArray
    closing: IntArray
    fx: IntArray
    movement: npt.NDArray[np.int8]

    @classmethod
    def of(cls, compared: _Comparison, returned: BoolArray, accounts: IntArray) -> "_Parts":
        """The parts of the accounts with these numbers."""
        opening = compared.opening.by_account[accounts]
        closing = compared.closing.by_account[accounts]
        movement = _movements(opening, closing, returned[accounts])
        return cls(opening, closing, compared.fx[accounts], movement)

    @classmethod
    def of_frame(cls, customers: pd.DataFrame) -> "_Parts":
        """The parts that a frame of customers shows."""
        opening, closing, fx = (
            customers[name].to_numpy(dtype=np.int64)
            for name in ("opening_mrr_micros", "closing_mrr_micros", "fx_micros")
        )
        codes = {name: code for code, name in enumerate(_MOVEMENTS)}
        movement = np.array([codes[name] for name in customers["movement"]], dtype=np.int8)
        return cls(opening, closing, fx, movement)

    def frame(self, accounts: npt.NDArray[np.object_]) -> pd.DataFrame:
        """A row per customer."""
        return pd.DataFrame(
            {
                "account_id": accounts,
                "opening_mrr_micros": self.opening,
                "closing_mrr_micros": self.closing,
                "fx_micros": self.fx,
                "movement": np.array(_MOVEMENTS, dtype=object)[self.movement],
            }
        )

    def whole(self, currency: str) -> Retention:
        """The figures of all customers."""
        sums = self._sums(np.zeros(len(self.opening), dtype=np.int64), 1)
        return Retention(WHOLE, WHOLE, currency, **{part: int(sums[part][0]) for part in sums})

    def retentions(
        self, dimension: str, segments: npt.NDArray[np.object_], currency: str
    ) -> list[Retention]:
        """The figures of every segment, in order, from each customer's segment."""
        codes, names = pd.factorize(segments, sort=True)
        sums = self._sums(codes.astype(np.int64), len(names))
        return [
            Retention(dimension, name, currency, **{part: int(sums[part][n]) for part in sums})
            for n, name in enumerate(names)
        ]

    def _sums(self, codes: IntArray, count: int) -> dict[str, IntArray]:
        change = np.abs(self.closing - self.opening)
        in_cohort = self.opening > 0

        def total(amounts: IntArray, where: BoolArray | None = None) -> IntArray:
            chosen = slice(None) if where is None else where
            return sum_by_group(codes[chosen], amounts[chosen], count)

        def moved(movement: Movement) -> IntArray:
            return total(change, self.movement == _CODE[movement])

        def counted(where: BoolArray) -> IntArray:
            return total(where.astype(np.int64))

        return {
            "starting_mrr_micros": total(self.opening),
            "expansion_micros": moved(Movement.EXPANSION),
            "contraction_micros": moved(Movement.CONTRACTION),
            "churned_mrr_micros": moved(Movement.CHURN),
            "new_business_micros": moved(Movement.NEW_BUSINESS),
            "reactivation_micros": moved(Movement.REACTIVATION),
            "fx_micros": total(self.fx),
            "ending_mrr_micros": total(self.closing + self.fx),
            "nrr_numerator": total(self.closing, in_cohort),
            "grr_numerator": total(np.minimum(self.opening, self.closing)),
            "starting_customers": counted(in_cohort),
            "churned_customers": counted(in_cohort & (self.closing == 0)),
            "ending_customers": counted(self.closing > 0),
        }


def _movements(opening: IntArray, closing: IntArray, returned: BoolArray) -> npt.NDArray[np.int8]:
    """``movements.classify`` of every account at once."""
    cases = [
        (opening == closing, Movement.UNCHANGED),
        ((opening == 0) & returned, Movement.REACTIVATION),
        (opening == 0, Movement.NEW_BUSINESS),
        (closing == 0, Movement.CHURN),
        (closing > opening, Movement.EXPANSION),
    ]
    codes = [np.int8(_CODE[movement]) for _, movement in cases]
    default = np.int8(_CODE[Movement.CONTRACTION])
    return np.select([applies for applies, _ in cases], codes, default=default)
