"""Ratios in tenths of a per cent, as they are shown; ``None`` where there was nothing to retain."""

from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.money import is_rounding_shortfall
from nrr_pipeline.reporting.points import HUNDRED, tenths


def ratio_tenths(numerator: int, denominator: int, *, currency: str | None = None) -> int | None:
    """A ratio rounded toward zero; ``None`` without a denominator.

    A shortfall below one minor unit of ``currency`` is rounding of items and shows as 100.0 %.

    >>> ratio_tenths(9_996, 10_000), ratio_tenths(16_666_666, 16_666_667, currency="usd")
    (999, 1000)
    """
    if denominator == 0:
        return None
    if currency is not None and is_rounding_shortfall(numerator, denominator, currency):
        return HUNDRED
    return tenths(Fraction(100 * numerator, denominator))


def nrr_of(row: Retention | None) -> int | None:
    """Net revenue retention."""
    if row is None:
        return None
    return ratio_tenths(row.nrr_numerator, row.starting_mrr_micros, currency=row.currency)


def grr_of(row: Retention | None) -> int | None:
    """Gross revenue retention."""
    if row is None:
        return None
    return ratio_tenths(row.grr_numerator, row.starting_mrr_micros, currency=row.currency)


def logo_churn_of(row: Retention | None) -> int | None:
    """The share of customers lost."""
    return None if row is None else ratio_tenths(row.churned_customers, row.starting_customers)
