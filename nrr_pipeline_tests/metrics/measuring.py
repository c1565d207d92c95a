"""Measures a period from plain rows, in dollars unless a test says otherwise."""

from fractions import Fraction

from nrr_pipeline.metrics.retention import Measurement, measure_retention
from nrr_pipeline.metrics.segments import with_dimensions
from nrr_pipeline_tests.metrics.brute_force import Rates
from nrr_pipeline_tests.metrics.snapshots import Row, frame

DOLLARS = {"usd": Fraction(1)}
COUNTRIES = {"cus_0": "DE", "cus_1": "DE", "cus_2": "US", "cus_3": "JP"}


def measure(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates | None = None,
    closing_rates: Rates | None = None,
    *,
    paid_before: frozenset[str] = frozenset(),
    dimensions: tuple[str, ...] = (),
    is_constant_currency: bool = True,
) -> Measurement:
    before, after = frame(opening), frame(closing)
    return measure_retention(
        with_dimensions(before, COUNTRIES) if dimensions else before,
        with_dimensions(after, COUNTRIES) if dimensions else after,
        opening_rates=opening_rates or DOLLARS,
        closing_rates=closing_rates or opening_rates or DOLLARS,
        reporting_currency="usd",
        paid_before=paid_before,
        dimensions=dimensions,
        is_constant_currency=is_constant_currency,
    )
