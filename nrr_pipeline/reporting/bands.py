"""What an NRR means, in words: the bands of the definitions, compared exactly."""

from fractions import Fraction

from nrr_pipeline.metrics.money import is_rounding_shortfall

WORLD_CLASS, HEALTHY, WARNING = Fraction(6, 5), Fraction(1), Fraction(4, 5)
"""Where the bands begin; below the last one is trouble."""


def banded_nrr(numerator: int, denominator: int, currency: str) -> Fraction:
    """An NRR as it is compared with bands: a shortfall that is rounding of items is none."""
    is_rounding = is_rounding_shortfall(numerator, denominator, currency)
    return Fraction(1) if is_rounding else Fraction(numerator, denominator)


def reading(numerator: int, denominator: int, currency: str) -> str:
    """Say in words what an NRR means.

    >>> reading(800_000, 1_000_000, "usd"), reading(1_200_000, 1_000_000, "usd")
    ('warning: the base is shrinking', 'world class')
    """
    if denominator == 0:
        return "nothing to retain: no customer had MRR at opening"
    nrr = banded_nrr(numerator, denominator, currency)
    if nrr >= WORLD_CLASS:
        return "world class"
    if nrr >= HEALTHY:
        return "healthy: the base grows without new customers (net negative churn)"
    if nrr >= WARNING:
        return "warning: the base is shrinking"
    return "trouble: customer retention first"
