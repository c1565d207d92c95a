"""The parts of a bridge: what customers add to a period's figures, whole and by segment.

Where the customers' amounts come from does not belong here: see ``retention``.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.frames import IntArray, sum_by_group
from nrr_pipeline.metrics.interval_arrays import BoolArray
from nrr_pipeline.metrics.movements import Movement

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

Codes = npt.NDArray[np.int8]
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


_MOVEMENTS = tuple(movement.value for movement in Movement)
_CODE = {movement: code for code, movement in enumerate(Movement)}


@dataclass(frozen=True, slots=True)
class Parts:
    """What customers add to a period's figures, one element per customer.

    Attributes:
        opening: Micros at opening.
        closing: Micros at closing, at the rates at which it is compared with the opening.
        fx: What the closing day's rates add.
        movement: Number of the customer's movement, in order of ``Movement``.
    """

    opening: IntArray
    closing: IntArray
    fx: IntArray
    movement: Codes

    @classmethod
    def of(
        cls, opening: IntArray, closing: IntArray, fx: IntArray, paid_before: BoolArray
    ) -> "Parts":
        """The parts of customers of whom it is known whether they paid before."""
        return cls(opening, closing, fx, _movements(opening, closing, paid_before))

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

    def by_segment(
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


def _movements(opening: IntArray, closing: IntArray, paid_before: BoolArray) -> Codes:
    """``movements.classify`` of every customer at once; what is decided first is written last."""

    def otherwise(applies: BoolArray, movement: Movement, rest: Codes) -> Codes:
        return np.where(applies, np.int8(_CODE[movement]), rest)

    codes = np.full(len(opening), _CODE[Movement.CONTRACTION], dtype=np.int8)
    codes = otherwise(closing > opening, Movement.EXPANSION, codes)
    codes = otherwise(closing == 0, Movement.CHURN, codes)
    codes = otherwise(opening == 0, Movement.NEW_BUSINESS, codes)
    codes = otherwise((opening == 0) & paid_before, Movement.REACTIVATION, codes)
    return otherwise(opening == closing, Movement.UNCHANGED, codes)
