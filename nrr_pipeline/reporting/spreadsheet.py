"""Amounts and names as CSV files hold them: exact decimals, and text that is never a formula."""

from fractions import Fraction

from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def decimal(micros: int) -> str:
    """An exact decimal number of major units, with as many places as it needs, at least two.

    >>> decimal(1_234_500_000), decimal(-16_666_667), decimal(0)
    ('1234.50', '-16.666667', '0.00')
    """
    whole, rest = divmod(abs(micros), MICROS_PER_MAJOR)
    places = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{places}"


def decimal_of(value: Fraction, places: int = 9) -> str:
    """A decimal number, rounded toward zero where it has more places.

    >>> decimal_of(Fraction(9, 8)), decimal_of(Fraction(-2, 3), 4), decimal_of(Fraction(3))
    ('1.125', '-0.6666', '3')
    """
    whole, rest = divmod(int(abs(value) * 10**places), 10**places)
    digits = f"{rest:0{places}d}".rstrip("0")
    sign = "-" if value < 0 and (whole or digits) else ""
    return f"{sign}{whole}{'.' if digits else ''}{digits}"


def as_text(value: str) -> str:
    """Text that a spreadsheet does not take for a formula; an apostrophe is put before it.

    >>> as_text("=1+1"), as_text("Acme")
    ("'=1+1", 'Acme')
    """
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
