"""All intervals with MRR as arrays, encoded once, so that any two days are compared at once.

No day is ever expanded: a snapshot is a mask over intervals, an account's MRR the sum of its run of
rows. What a movement, a period or a segment is does not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.conversion import Rates, convert_each, rate_of
from nrr_pipeline.metrics.frames import IntArray, day_numbers, micros_of
from nrr_pipeline.metrics.money import guard_sum

BoolArray = npt.NDArray[np.bool_]
NOBODY = -1
"""The row of an account that has none."""


@dataclass(frozen=True, slots=True)
class IntervalArrays:
    """Intervals sorted by account, item and time; one element per interval unless said otherwise.

    Attributes:
        frame: The intervals themselves, in this order (``frames.ITEM_COLUMNS``).
        accounts: The distinct accounts in order, one element per account.
        first_rows: Where each account's run of intervals begins, one element per account.
        account_of: Number of the interval's account.
        valid_from: First day, in days since 1970-01-01.
        valid_to: First day after, in days since 1970-01-01.
        amounts: The distinct native amounts in micros, with ``amount_currencies``.
        amount_of: Number of the interval's distinct amount.
    """

    frame: pd.DataFrame
    accounts: npt.NDArray[np.object_]
    first_rows: IntArray
    account_of: IntArray
    valid_from: IntArray
    valid_to: IntArray
    amounts: IntArray
    amount_currencies: npt.NDArray[np.object_]
    amount_of: IntArray

    @classmethod
    def of(cls, intervals: pd.DataFrame) -> IntervalArrays:
        """Encode intervals of any order (columns of ``frames.ITEM_COLUMNS``)."""
        accounts, names = pd.factorize(intervals["account_id"], sort=True)
        items = pd.factorize(intervals["subscription_item_id"], sort=True)[0]
        starts = day_numbers(intervals["valid_from"])
        order = np.lexsort((starts, items, accounts))
        account_of = accounts[order].astype(np.int64)
        frame = intervals.iloc[order].reset_index(drop=True)
        currency_of, currencies = pd.factorize(frame["currency"])
        amount_of, distinct = pd.factorize(
            pd.MultiIndex.from_arrays([currency_of, micros_of(frame)])
        )
        codes = distinct.get_level_values(0).to_numpy(dtype=np.int64)
        return cls(
            frame=frame,
            accounts=names.to_numpy(dtype=object),
            first_rows=np.flatnonzero(np.diff(account_of, prepend=NOBODY)).astype(np.int64),
            account_of=account_of,
            valid_from=starts[order],
            valid_to=day_numbers(frame["valid_to"]),
            amounts=distinct.get_level_values(1).to_numpy(dtype=np.int64),
            amount_currencies=currencies.to_numpy(dtype=object)[codes],
            amount_of=amount_of.astype(np.int64),
        )

    def holding(self, day: int) -> BoolArray:
        """Which intervals hold on a day, in days since 1970-01-01."""
        return (self.valid_from <= day) & (self.valid_to > day)

    def converted(self, rates: Rates, holds: BoolArray) -> IntArray:
        """The distinct amounts in the reporting currency; 0 where no interval that holds has it.

        Raises:
            MissingRateError: A currency among those that hold has no rate; the message names it.
            MicrosOverflowError: An amount would not fit 64 bits.
        """
        is_needed = np.zeros(len(self.amounts), dtype=bool)
        is_needed[self.amount_of[holds]] = True
        converted = np.zeros_like(self.amounts)
        for currency in np.unique(self.amount_currencies[is_needed]):
            chosen = is_needed & (self.amount_currencies == currency)
            converted[chosen] = convert_each(self.amounts[chosen], rate_of(rates, currency))
        return converted

    def micros(self, converted: IntArray, holds: BoolArray) -> IntArray:
        """Reporting micros of the intervals that hold, from the converted distinct amounts.

        Raises:
            MicrosOverflowError: Their sum would not fit 64 bits.
        """
        micros = np.where(holds, converted[self.amount_of], 0)
        guard_sum(micros)
        return micros

    def sum_by_account(self, micros: IntArray) -> IntArray:
        """Exact sums, one element per account."""
        return self._by_account(np.add, micros)

    def largest_rows(self, micros: IntArray, holds: BoolArray) -> IntArray:
        """Each account's interval with the most micros among those that hold, or ``NOBODY``.

        Of equal ones it is the one with the smallest item id. One element per account.
        """
        candidates = np.where(holds, micros, NOBODY)
        most = self._by_account(np.maximum, candidates)
        rows = np.flatnonzero(holds & (candidates == most[self.account_of]))
        largest = np.full(len(self.accounts), NOBODY, dtype=np.int64)
        largest[self.account_of[rows[::-1]]] = rows[::-1]
        return largest

    def first_days(self) -> IntArray:
        """Each account's first day with MRR, one element per account."""
        return self._by_account(np.minimum, self.valid_from)

    def paid_before(self, opening: int, closing: int, window_days: int | None) -> BoolArray:
        """Whether each account had MRR on some day up to the opening one.

        A return after more than ``window_days`` without MRR does not count as one. One element
        per account.
        """
        never, ahead = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        ends = np.minimum(self.valid_to - 1, opening)
        last = self._by_account(np.maximum, np.where(self.valid_from <= opening, ends, never))
        paid = last != never
        if window_days is None:
            return paid
        within = (self.valid_from <= closing) & (self.valid_to > opening + 1)
        starts = np.where(within, np.maximum(self.valid_from, opening + 1), ahead)
        returned = self._by_account(np.minimum, starts)
        gap = np.where(paid & (returned != ahead), returned - np.where(paid, last, 0) - 1, 0)
        return paid & (gap <= window_days)

    def _by_account(self, ufunc: np.ufunc, values: IntArray) -> IntArray:
        if len(values) == 0:
            return np.zeros(0, dtype=np.int64)
        return ufunc.reduceat(values, self.first_rows)
