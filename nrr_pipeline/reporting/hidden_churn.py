"""Customers who leave unseen: more than the limit allows, although NRR is 100 % or more.

Asked by alerts, checks and the command line alike; needs no more than a period's integers.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.money import is_rounding_shortfall
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.policy_sections import AlertPolicy, ByPeriod


def limit_of(limits: ByPeriod, kind: PeriodKind) -> Fraction | None:
    """The limit for a kind of period; none for trailing twelve months, which never alert."""
    if kind is PeriodKind.MONTH:
        return limits.month
    return limits.quarter if kind is PeriodKind.QUARTER else None


def is_full(kept_micros: int, starting_micros: int, currency: str) -> bool:
    """Whether NRR is 100 % or more; a shortfall that is rounding of items is none."""
    return kept_micros >= starting_micros or is_rounding_shortfall(
        kept_micros, starting_micros, currency
    )


def hides_churn(rules: AlertPolicy, kind: PeriodKind, row: Mapping[str, Any]) -> bool:
    """Whether NRR hides churn in a published row of retention, by the column names of its table."""
    limit, customers = limit_of(rules.hidden_churn_above, kind), row["starting_customers"]
    if limit is None or customers == 0:
        return False
    return Fraction(row["churned_customers"], customers) > limit and is_full(
        row["nrr_numerator"], row["starting_mrr_micros"], row["currency"]
    )
