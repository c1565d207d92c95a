"""Percentage points as readers see them: one decimal, rounded toward zero, adding up as shown.

What the points are is decided in ``explanation`` and ``metrics.attribution``.
"""

from collections.abc import Callable, Iterable, Sequence
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


def unsigned(tenths_of_points: int) -> str:
    """Return tenths of a point where the words say which way.

    >>> unsigned(-9)
    '0.9'
    """
    return signed(abs(tenths_of_points)).removeprefix("+")


def apportioned(
    parts: Sequence[Fraction], total: int, *, rounded: Callable[[Fraction], int] = int
) -> list[int]:
    """Return parts as whole numbers that add up to a total, and keep their sign where they can.

    Each is rounded; what then lacks goes, one by one, to those that are furthest from their number.

    Args:
        parts: What is to be shown, in the unit in which it is shown.
        total: What they are together, as it is shown.
        rounded: Toward zero, where nothing else is said.

    >>> apportioned([Fraction(39), Fraction(-101, 2), Fraction(-57, 2)], -40)
    [39, -51, -28]
    """
    shown = [rounded(part) for part in parts]
    sign = 1 if total > sum(shown) else -1
    while shown and rest(total, shown):
        own_way = [
            each for each, part in enumerate(parts) if sign * part > 0 or sign * shown[each] < 0
        ]
        place = max(
            own_way or range(len(parts)), key=lambda each: sign * (parts[each] - shown[each])
        )
        shown[place] += sign
    return shown
