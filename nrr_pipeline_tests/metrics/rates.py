"""Rate tables from plain values; dollars are reported in."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from nrr_pipeline.metrics.conversion import KnownRate, RateTable


def known(currency: str, day: date, rate: str | Fraction) -> KnownRate:
    return KnownRate(currency, day, Fraction(rate))


def rate_table(of_day: Mapping[date, Mapping[str, Fraction]]) -> RateTable:
    """Rates into dollars that hold on their own day alone."""
    rates = [
        known(currency, day, rate)
        for day, rates in of_day.items()
        for currency, rate in rates.items()
    ]
    return RateTable("usd", rates, max_age_days=0)
