"""Net and gross revenue retention of a period from its two snapshots, whole and by segment.

Finality, editions and words for readers do not belong here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from nrr_pipeline.metrics.conversion import Rates, reporting_micros
from nrr_pipeline.metrics.frames import IntArray, sum_by_group
from nrr_pipeline.metrics.money import guard_sum
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.segments import Snapshot, segment_of_accounts

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
    opening: pd.DataFrame,
    closing: pd.DataFrame,
    *,
    opening_rates: Rates,
    closing_rates: Rates,
    reporting_currency: str,
    paid_before: frozenset[str],
    dimensions: Sequence[str] = (),
    is_constant_currency: bool = True,
) -> Measurement:
    """Measure a period's retention between its opening and closing snapshots.

    Args:
        opening: Items with MRR on the day before the period (``frames.ITEM_COLUMNS``).
        closing: Items with MRR on the period's last day.
        opening_rates: Rates of the opening day; both snapshots are held against each other here.
        closing_rates: Rates of the closing day, for the ending MRR and the FX row.
        reporting_currency: Currency of every figure.
        paid_before: Accounts that had MRR on some day up to the opening one.
        dimensions: What to break the figures down by: columns of both snapshots.
        is_constant_currency: Whether the closing snapshot counts at the opening day's rates, and
            the rest is the FX row. Otherwise it counts at its own day's rates, so that exchange
            rates are expansion and contraction and the FX row is 0.

    Returns:
        The row for all customers first, then every segment in order of dimension and name.

    Raises:
        MissingRateError: A currency with MRR has no rate on a day that needs it.
        MicrosOverflowError: A sum would not fit 64 bits.
    """
    before = reporting_micros(opening, opening_rates)
    after_reported = reporting_micros(closing, closing_rates)
    after = reporting_micros(closing, opening_rates) if is_constant_currency else after_reported
    for amounts in (before, after, after_reported):
        guard_sum(amounts)
    customers = _customers((opening, before), (closing, after), after_reported, paid_before)
    rows = [_figures(customers, WHOLE, WHOLE, reporting_currency)]
    index = pd.Index(customers["account_id"])
    for dimension in dimensions:
        customers[dimension] = segment_of_accounts(
            dimension, index, (opening, before), (closing, after)
        )
        rows.extend(
            _figures(members, dimension, str(segment), reporting_currency)
            for segment, members in customers.groupby(dimension, sort=True)
        )
    return Measurement(tuple(rows), customers)


def _customers(
    opening: Snapshot, closing: Snapshot, reported: IntArray, paid_before: frozenset[str]
) -> pd.DataFrame:
    """Every account with MRR on either side: its two amounts, FX and movement."""
    opening_accounts = opening[0]["account_id"].to_numpy(object)
    closing_accounts = closing[0]["account_id"].to_numpy(object)
    index = pd.Index(np.unique(np.concatenate([opening_accounts, closing_accounts])))
    closing_groups = index.get_indexer(pd.Index(closing_accounts))
    opening_of = sum_by_group(index.get_indexer(pd.Index(opening_accounts)), opening[1], len(index))
    closing_of = sum_by_group(closing_groups, closing[1], len(index))
    return pd.DataFrame(
        {
            "account_id": index,
            "opening_mrr_micros": opening_of,
            "closing_mrr_micros": closing_of,
            "fx_micros": sum_by_group(closing_groups, reported, len(index)) - closing_of,
            "movement": _movements(index, opening_of, closing_of, paid_before),
        }
    )


def _movements(
    accounts: pd.Index, opening: IntArray, closing: IntArray, paid_before: frozenset[str]
) -> list[str]:
    """``movements.classify`` of every account at once."""
    returned = np.fromiter((account in paid_before for account in accounts), dtype=bool)
    return np.select(
        [
            opening == closing,
            (opening == 0) & returned,
            opening == 0,
            closing == 0,
            closing > opening,
        ],
        [
            Movement.UNCHANGED.value,
            Movement.REACTIVATION.value,
            Movement.NEW_BUSINESS.value,
            Movement.CHURN.value,
            Movement.EXPANSION.value,
        ],
        default=Movement.CONTRACTION.value,
    ).tolist()


def _figures(
    customers: pd.DataFrame, dimension: str, segment: str, reporting_currency: str
) -> Retention:
    opening = customers["opening_mrr_micros"].to_numpy(dtype=np.int64)
    closing = customers["closing_mrr_micros"].to_numpy(dtype=np.int64)
    movement = customers["movement"].to_numpy(object)
    change = np.abs(closing - opening)

    def moved(kind: Movement) -> int:
        return int(change[movement == kind.value].sum(dtype=np.int64))

    fx_micros = int(customers["fx_micros"].sum())
    in_cohort = opening > 0
    return Retention(
        dimension=dimension,
        segment=segment,
        currency=reporting_currency,
        starting_mrr_micros=int(opening.sum(dtype=np.int64)),
        expansion_micros=moved(Movement.EXPANSION),
        contraction_micros=moved(Movement.CONTRACTION),
        churned_mrr_micros=moved(Movement.CHURN),
        new_business_micros=moved(Movement.NEW_BUSINESS),
        reactivation_micros=moved(Movement.REACTIVATION),
        fx_micros=fx_micros,
        ending_mrr_micros=int(closing.sum(dtype=np.int64)) + fx_micros,
        nrr_numerator=int(closing[in_cohort].sum(dtype=np.int64)),
        grr_numerator=int(np.minimum(opening, closing)[in_cohort].sum(dtype=np.int64)),
        starting_customers=int(in_cohort.sum()),
        churned_customers=int((in_cohort & (closing == 0)).sum()),
        ending_customers=int((closing > 0).sum()),
    )
