"""Measures a period from what is stored: its figures and the customers behind them.

Publishing it stands in ``periods``, explaining it in ``explaining``.
"""

from dataclasses import dataclass
from datetime import date, datetime

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.conversion import MissingRateError, RateTable
from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.retention import Measurement, measure_retention
from nrr_pipeline.metrics.segments import SegmentRules
from nrr_pipeline.orchestration.stages.attributes import values_by_dimension
from nrr_pipeline.orchestration.stages.rates import rate_table, with_fix
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import knowledge, snapshots
from nrr_pipeline.warehouse.transactions import Connection


class RetentionNotComputableError(NrrError):
    """A period cannot be measured; native figures are published all the same."""


@dataclass(frozen=True)
class Basis:
    """What any period is measured from: all intervals and rates, as known at a time."""

    intervals: IntervalArrays
    rates: RateTable

    @classmethod
    def read(
        cls, connection: Connection, policy: MetricPolicy, known_at: datetime | None = None
    ) -> "Basis":
        """Read what was known at a time (default: now).

        Raises:
            ReportingCurrencyError: Several currencies, and none is set to report in.
        """
        intervals = IntervalArrays.of(snapshots.intervals_frame(connection, known_at=known_at))
        return cls(intervals, rate_table(connection, policy, known_at))


class KnownBasis:
    """What was known at one time after another, read again only where something was learned."""

    def __init__(self, policy: MetricPolicy) -> None:
        self._policy = policy
        self._learned_at: datetime | None = None
        self._basis: Basis | None = None

    def read(self, connection: Connection, known_at: datetime | None = None) -> Basis:
        """What was known at a time (default: now)."""
        learned_at = knowledge.learned_at(connection, known_at)
        if self._basis is None or learned_at != self._learned_at:
            self._basis = Basis.read(connection, self._policy, known_at)
            self._learned_at = learned_at
        return self._basis


def measure(
    connection: Connection,
    policy: MetricPolicy,
    period: Period,
    *,
    known_at: datetime | None = None,
    basis: Basis | None = None,
    by_segment: bool = True,
) -> Measurement:
    """A period's retention and the customers behind it, as known at a time (default: now).

    Args:
        connection: Where to read.
        policy: The rules.
        period: What to measure.
        known_at: As known then.
        basis: What was known then, where it has been read already.
        by_segment: Whether to break it down by the policy's dimensions.

    Raises:
        ReportingCurrencyError: Several currencies, and none is set to report in.
        RetentionNotComputableError: An exchange rate is missing.
    """
    basis = basis or Basis.read(connection, policy, known_at)
    opening, closing = period.opening_date, period.closing_date
    try:
        segments = _rules(connection, policy, period, known_at) if by_segment else None
        return measure_between(basis, policy, opening, closing, segments)
    except MissingRateError as error:
        problem = f"{period.label} is not published: {error}"
        raise RetentionNotComputableError(with_fix(problem, error.day or opening)) from error


def measure_between(
    basis: Basis,
    policy: MetricPolicy,
    opening: date,
    closing: date,
    segments: SegmentRules | None = None,
) -> Measurement:
    """Measure what lies between two days, by the policy's rules.

    Raises:
        MissingRateError: A currency with MRR has no rate on a day that needs it.
    """
    return measure_retention(
        basis.intervals,
        opening,
        closing,
        opening_rates=basis.rates.on(opening),
        closing_rates=basis.rates.on(closing),
        reporting_currency=basis.rates.reporting_currency,
        window_days=policy.reactivation.window_days,
        segments=segments,
        is_constant_currency=policy.fx.nrr == "constant",
    )


def _rules(
    connection: Connection, policy: MetricPolicy, period: Period, known_at: datetime | None
) -> SegmentRules:
    days = period.opening_date, period.closing_date
    return SegmentRules(
        policy.dimensions,
        values_by_dimension(connection, policy, *days, known_at),
        policy.company_size.bands,
        policy.max_segments,
    )
