"""Exact amounts: the two roundings, guarded sums, and how amounts and ratios are shown.

An amount is an integer of micros beside its currency. What an item costs does not belong here.
"""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros

MAX_MICROS = 2**63 - 1


class MixedCurrencyError(ValueError):
    """Two currencies were about to be added."""


class MicrosOverflowError(OverflowError):
    """A sum of micros would not fit a signed 64-bit integer."""


def round_half_even(value: Fraction) -> int:
    """Round an exact amount to whole micros, ties to the even neighbor.

    >>> [round_half_even(Fraction(n, 2)) for n in (1, 3, 5, -1)]
    [0, 2, 2, 0]
    """
    return check_micros(round(value))


def check_micros(micros: int) -> int:
    """Return ``micros``, or raise when a 64-bit integer cannot hold it."""
    if not -MAX_MICROS <= micros <= MAX_MICROS:
        raise MicrosOverflowError(f"{micros} micros do not fit 64 bits; no real amount is so large")
    return micros


def total(micros: npt.NDArray[np.int64], currencies: Iterable[str]) -> int:
    """Add amounts of one currency; refuse two currencies and sums that would wrap.

    Raises:
        MixedCurrencyError: The amounts are in more than one currency.
        MicrosOverflowError: The sum, or a part of it, would pass 64 bits.
    """
    distinct = set(currencies)
    if len(distinct) > 1:
        raise MixedCurrencyError(
            f"Amounts in {', '.join(sorted(distinct))} cannot be added; convert each item first"
        )
    guard_sum(micros)
    return int(micros.sum(dtype=np.int64))


def guard_sum(micros: npt.NDArray[np.int64]) -> None:
    """Raise when any partial sum of these micros could pass 64 bits.

    Raises:
        MicrosOverflowError: The magnitudes add up to more than a 64-bit integer holds.
    """
    if len(micros) == 0:
        return
    bound = max(abs(int(micros.max())), abs(int(micros.min()))) * len(micros)
    if bound > MAX_MICROS and sum(abs(value) for value in micros.tolist()) > MAX_MICROS:
        raise MicrosOverflowError("The sum of these amounts does not fit 64 bits")


def format_money(micros: int, currency: str, *, whole: bool = False) -> str:
    """An amount for readers.

    >>> format_money(1_234_500_000, "usd"), format_money(-5_000_000, "jpy")
    ('USD 1,234.50', '-JPY 5')
    """
    minor = minor_unit_micros(currency)
    decimals = 0 if whole else len(str(MICROS_PER_MAJOR // minor)) - 1
    unit = MICROS_PER_MAJOR // 10**decimals
    rounded = round(Fraction(abs(micros), unit))
    text = f"{rounded:,}" if decimals == 0 else f"{rounded // 10**decimals:,}"
    if decimals:
        text += f".{rounded % 10**decimals:0{decimals}d}"
    sign = "-" if micros < 0 and rounded else ""
    return f"{sign}{currency.upper()} {text}"


def format_exact(value: Fraction, *, decimals: int = 6) -> str:
    """An exact number for readers; an ellipsis where it has more decimals than are shown.

    >>> format_exact(Fraction(25, 2)), format_exact(Fraction(-1, 3)), format_exact(Fraction(7))
    ('12.5', '-0.333333…', '7')
    """
    scaled = abs(value) * 10**decimals
    whole, parts = divmod(scaled.numerator // scaled.denominator, 10**decimals)
    digits = f"{parts:0{decimals}d}".rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}{'.' if digits else ''}{digits}{'' if scaled.denominator == 1 else '…'}"


def format_ratio(numerator: int, denominator: int, *, currency: str | None = None) -> str:
    """A ratio in per cent with one decimal, rounded toward zero; ``n/a`` without a denominator.

    Rounding toward zero keeps 99.96 % from looking like the 100 % it is not. A shortfall below one
    minor unit of ``currency`` is rounding of items, not churn, and shows as 100.0 %.

    >>> format_ratio(9_996, 10_000), format_ratio(16_666_666, 16_666_667, currency="usd")
    ('99.9 %', '100.0 %')
    """
    if denominator == 0:
        return "n/a"
    if currency is not None and is_rounding_shortfall(numerator, denominator, currency):
        return "100.0 %"
    tenths = abs(numerator) * 1_000 // denominator
    sign = "-" if numerator < 0 and tenths else ""
    return f"{sign}{tenths // 10}.{tenths % 10} %"


def is_rounding_shortfall(numerator: int, denominator: int, currency: str) -> bool:
    """Whether a ratio misses 100 % by less than one minor unit of its currency."""
    return 0 < denominator - numerator < minor_unit_micros(currency)
