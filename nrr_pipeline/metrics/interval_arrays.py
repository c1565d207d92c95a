"""All intervals with MRR as arrays, encoded once, so that any two days are compared at once.

No day is ever expanded: a snapshot is a mask over intervals, an account's MRR the sum of its run of
rows. What a movement, a period or a segment is does not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.conversion import MissingRateError, Rates, convert_each, rate_of
from nrr_pipeline.metrics.frames import IntArray, day_numbers, micros_of
from nrr_pipeline.metrics.money import MAX_MICROS, guard_sum

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
        first_days: Each account's first day with MRR, one element per account.
        account_of: Number of the interval's account.
        valid_from: First day, in days since 1970-01-01.
        valid_to: First day after, in days since 1970-01-01.
        native: Micros in the interval's own currency.
        currencies: The distinct currencies.
        currency_of: Number of the interval's currency.
        amounts: The distinct native amounts in micros, each with the number of its currency.
        amount_of: Number of the interval's distinct amount.
    """

    frame: pd.DataFrame
    accounts: npt.NDArray[np.object_]
    first_rows: IntArray
    first_days: IntArray
    account_of: IntArray
    valid_from: IntArray
    valid_to: IntArray
    native: IntArray
    currencies: tuple[str, ...]
    currency_of: IntArray
    amounts: tuple[IntArray, IntArray]
    amount_of: IntArray

    @classmethod
    def of(cls, intervals: pd.DataFrame) -> IntervalArrays:
        """Encode intervals of any order (columns of ``frames.ITEM_COLUMNS``)."""
        accounts, names = pd.factorize(intervals["account_id"], sort=True)
        items = pd.factorize(intervals["subscription_item_id"], sort=True)[0]
        starts = day_numbers(intervals["valid_from"])
        order = np.lexsort((starts, items, accounts))
        account_of = accounts[order].astype(np.int64)
        first_rows = np.flatnonzero(np.diff(account_of, prepend=NOBODY)).astype(np.int64)
        frame = intervals.iloc[order].reset_index(drop=True)
        native, valid_from = micros_of(frame), starts[order]
        currency_of, currencies = pd.factorize(frame["currency"])
        pairs = pd.MultiIndex.from_arrays([currency_of, native])
        amount_of, distinct = pd.factorize(pairs)
        codes, amounts = (distinct.get_level_values(n).to_numpy(dtype=np.int64) for n in (0, 1))
        return cls(
            frame=frame,
            accounts=names.to_numpy(dtype=object),
            first_rows=first_rows,
            first_days=np.minimum.reduceat(valid_from, first_rows) if len(frame) else valid_from,
            account_of=account_of,
            valid_from=valid_from,
            valid_to=day_numbers(frame["valid_to"]),
            native=native,
            currencies=tuple(map(str, currencies)),
            currency_of=currency_of.astype(np.int64),
            amounts=(amounts, codes),
            amount_of=amount_of.astype(np.int64),
        )

    def holding(self, day: int) -> BoolArray:
        """Which intervals hold on a day, in days since 1970-01-01."""
        return (self.valid_from <= day) & (self.valid_to > day)

    def reporting(self, rates: Rates, holds: BoolArray) -> IntArray:
        """Micros in the reporting currency of the intervals that hold; 0 of the others.

        Raises:
            MissingRateError: A currency among them has no rate; the message names it.
            MicrosOverflowError: Their sum would not fit 64 bits.
        """
        known = self._rates(rates, holds)
        if all(rate == 1 for rate in known):
            micros, largest = self.native, self.native.max(initial=0)
        else:
            amounts, codes = self.amounts
            converted = np.zeros_like(amounts)
            for code, rate in enumerate(known):
                chosen = codes == code
                converted[chosen] = convert_each(amounts[chosen], rate)
            micros, largest = converted[self.amount_of], converted.max(initial=0)
        held = micros * holds
        if int(largest) * len(held) > MAX_MICROS:
            guard_sum(held)
        return held

    def _rates(self, rates: Rates, holds: BoolArray) -> list[Fraction]:
        """The rate of every currency; 0 for one that is missing and not needed."""
        known: list[Fraction] = []
        for code, currency in enumerate(self.currencies):
            try:
                known.append(rate_of(rates, currency))
            except MissingRateError:
                if bool((holds & (self.currency_of == code)).any()):
                    raise
                known.append(Fraction(0))
        return known

    def accounts_of(self, chosen: BoolArray) -> IntArray:
        """The numbers of the accounts that have any of the chosen intervals, in order."""
        is_chosen = np.zeros(len(self.accounts), dtype=bool)
        is_chosen[self.account_of[chosen]] = True
        return np.flatnonzero(is_chosen).astype(np.int64)

    def sum_by_account(self, micros: IntArray) -> IntArray:
        """Exact sums, one element per account; a running sum that wraps gives them all the same."""
        before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(micros)])
        return np.diff(before[self.first_rows], append=before[-1])

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

    def paid_before(self, opening: int, closing: int, window_days: int | None) -> BoolArray:
        """Whether each account had MRR on some day up to the opening one.

        A return after more than ``window_days`` without MRR does not count as one. One element
        per account.
        """
        paid = self.first_days <= opening
        if window_days is None:
            return paid
        never, ahead = np.iinfo(np.int64).min, np.iinfo(np.int64).max
        ends = np.minimum(self.valid_to - 1, opening)
        last = self._by_account(np.maximum, np.where(self.valid_from <= opening, ends, never))
        within = (self.valid_from <= closing) & (self.valid_to > opening + 1)
        starts = np.where(within, np.maximum(self.valid_from, opening + 1), ahead)
        returned = self._by_account(np.minimum, starts)
        gap = np.where(paid & (returned != ahead), returned - np.where(paid, last, 0) - 1, 0)
        return paid & (gap <= window_days)

    def _by_account(self, ufunc: np.ufunc, values: IntArray) -> IntArray:
        if len(values) == 0:
            return values
        return ufunc.reduceat(values, self.first_rows)
