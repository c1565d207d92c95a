"""Measures a period from plain rows, in dollars unless a test says otherwise."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.intervals import FOREVER_DAY
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.metrics.retention import Measurement, measure_retention
from nrr_pipeline.metrics.segments import AttributeValues, SegmentRules
from nrr_pipeline_tests.metrics.brute_force import Rates
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row

DOLLARS = {"usd": Fraction(1)}
COUNTRIES = {"cus_0": "DE", "cus_1": "DE", "cus_2": "US", "cus_3": "JP"}
OPENING, CLOSING = date(2026, 1, 31), date(2026, 2, 28)
LONG_AGO = date(2025, 3, 1)


def measure(
    opening: Sequence[Row],
    closing: Sequence[Row],
    opening_rates: Rates | None = None,
    closing_rates: Rates | None = None,
    *,
    paid_before: frozenset[str] = frozenset(),
    dimensions: Sequence[str] = (),
    countries: dict[str, str] | None = None,
    max_segments: int = 50,
    is_constant_currency: bool = True,
) -> Measurement:
    """February 2026 between two snapshots; ``paid_before`` had a dollar for a day in 2025."""
    known = COUNTRIES if countries is None else countries
    attributes = {
        "country": AttributeValues("customer_id", known, known),
        "collection_method": AttributeValues("subscription_id", {}, {}),
    }
    return measure_retention(
        IntervalArrays.of(frame(intervals(opening, closing, paid_before))),
        OPENING,
        CLOSING,
        opening_rates=opening_rates or DOLLARS,
        closing_rates=closing_rates or opening_rates or DOLLARS,
        reporting_currency="usd",
        segments=SegmentRules(tuple(dimensions), attributes, (100, 1_000), max_segments),
        is_constant_currency=is_constant_currency,
    )


def intervals(
    opening: Sequence[Row], closing: Sequence[Row], paid_before: frozenset[str] = frozenset()
) -> list[Row]:
    """Intervals that hold on the two days, and earlier ones of those who paid before."""
    return [
        *(
            row(account, 1_000_000, valid_from=LONG_AGO, valid_to=LONG_AGO + ONE_DAY)
            for account in sorted(paid_before)
        ),
        *({**each, "valid_from": OPENING, "valid_to": OPENING + ONE_DAY} for each in opening),
        *({**each, "valid_from": CLOSING, "valid_to": FOREVER_DAY} for each in closing),
    ]
