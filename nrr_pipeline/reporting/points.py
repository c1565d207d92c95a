"""Percentage points as readers see them: one decimal, rounded toward zero, adding up as shown.

What the points are is decided in ``explanation`` and ``metrics.attribution``.
"""

from collections.abc import Iterable
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.money import is_rounding_shortfall

HUNDRED = 1_000
"""100 % in tenths."""


def tenths(points: Fraction) -> int:
    """Return tenths of a point, rounded toward zero as ratios are.

    >>> tenths(Fraction("1.29")), tenths(Fraction("-0.99"))
    (12, -9)
    """
    return int(10 * points)


def nrr_tenths(row: Retention) -> int:
    """Return NRR in tenths of a per cent as it is shown; of a row with something to retain."""
    kept, starting = row.nrr_numerator, row.starting_mrr_micros
    if is_rounding_shortfall(kept, starting, row.currency):
        return HUNDRED
    return kept * HUNDRED // starting


def rest(total: int, shown: Iterable[int]) -> int:
    """Return what is left of a total as it is shown, so that with it the parts add up.

    >>> rest(-35, (-12, -9))
    -14
    """
    return total - sum(shown)


def signed(tenths_of_points: int) -> str:
    """Return tenths of a point for readers.

    >>> signed(12), signed(-9), signed(0)
    ('+1.2', '-0.9', '0.0')
    """
    sign = "+" if tenths_of_points > 0 else "-" if tenths_of_points < 0 else ""
    return f"{sign}{abs(tenths_of_points) // 10}.{abs(tenths_of_points) % 10}"
