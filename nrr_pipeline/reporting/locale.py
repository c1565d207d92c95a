"""How numbers, amounts and dates are written in a report's locale; the words around them are ours.

What is rounded, and in which direction, is decided here once: amounts half to even, ratios and
points toward zero, so that 99.96 % never looks like the 100 % it is not.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_decimal

from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.reporting.ratios import ratio_tenths

NO_BREAK = "\u00a0"
MINUS = "\u2212"
NOTHING_TO_RETAIN = "n/a"

LETTER_TERRITORIES = frozenset(
    {"US", "CA", "MX", "PH", "CL", "CO", "CR", "DO", "GT", "NI", "PA", "PR", "SV", "VE"}
)
"""Where paper is US Letter; elsewhere it is A4 (Unicode CLDR, ``paperSize``)."""


class Notation:
    r"""Numbers, amounts and dates as one locale writes them.

    >>> german = Notation("de_DE")
    >>> german.money(1_234_500_000, "usd"), german.per_cent(999), german.points(59)
    ('1.234,50\xa0USD', '99,9\xa0%', '+5,9')
    """

    def __init__(self, locale: str) -> None:
        """Read the patterns of a locale such as ``en_US``."""
        self._locale = Locale.parse(locale)
        self._grouping = self._locale.decimal_formats[None].pattern.split(".")[0]
        currency = self._locale.currency_formats["standard"].pattern
        self._code_first = currency.lstrip("\u200e\u200f").startswith("¤")

    @property
    def paper(self) -> str:
        """What the typesetter calls the locale's sheet of paper."""
        return "us-letter" if self._locale.territory in LETTER_TERRITORIES else "a4"

    def number(self, units: int, decimals: int = 0) -> str:
        """A whole number of units, each the last of so many decimals."""
        pattern = self._grouping + ("." + "0" * decimals if decimals else "")
        value = Decimal(abs(units)).scaleb(-decimals)
        text = format_decimal(
            value, format=pattern, locale=self._locale, decimal_quantization=False
        )
        return f"{MINUS if units < 0 else ''}{text}"

    def signed(self, units: int, decimals: int = 0) -> str:
        """The same with its sign, unless it is 0."""
        return f"{'+' if units > 0 else ''}{self.number(units, decimals)}"

    def amount(self, micros: int, currency: str, *, whole: bool = False) -> str:
        """An amount without its currency, rounded half to even to minor or whole units."""
        minor = MICROS_PER_MAJOR if whole else minor_unit_micros(currency)
        decimals = len(str(MICROS_PER_MAJOR // minor)) - 1
        return self.number(round(Fraction(micros, minor)), decimals)

    def money(self, micros: int, currency: str, *, whole: bool = False) -> str:
        """An amount with the code of its currency."""
        text = self.amount(abs(micros), currency, whole=whole)
        code = currency.upper()
        shown = f"{code}{NO_BREAK}{text}" if self._code_first else f"{text}{NO_BREAK}{code}"
        negative = self.amount(micros, currency, whole=whole).startswith(MINUS)
        return f"{MINUS if negative else ''}{shown}"

    def per_cent(self, in_tenths: int | None, decimals: int = 1) -> str:
        """Tenths of a per cent; ``n/a`` where there was nothing to retain."""
        if in_tenths is None:
            return NOTHING_TO_RETAIN
        digits = self.number(in_tenths, 1) if decimals else self.number(in_tenths // 10)
        return f"{digits}{NO_BREAK}%"

    def signed_per_cent(self, in_tenths: int) -> str:
        """Tenths of a per cent with a sign, unless they are 0."""
        return f"{'+' if in_tenths > 0 else ''}{self.per_cent(in_tenths)}"

    def ratio(self, numerator: int, denominator: int, *, currency: str | None = None) -> str:
        """A ratio in per cent with one decimal, rounded toward zero."""
        return self.per_cent(ratio_tenths(numerator, denominator, currency=currency))

    def points(self, in_tenths: int, decimals: int = 1) -> str:
        """Tenths of a percentage point, with a sign unless they are 0."""
        return self.signed(in_tenths, 1) if decimals else self.signed(in_tenths // 10)

    def day(self, day: date) -> str:
        """A day in full."""
        return format_date(day, "long", locale=self._locale)

    def month(self, day: date) -> str:
        """The month of a day, with its year."""
        return format_skeleton("yMMMM", day, locale=self._locale)

    def short_month(self, day: date) -> str:
        """The month of a day for an axis, without its year."""
        return format_date(day, "MMM", locale=self._locale).rstrip(".")

    def moment(self, moment: datetime, timezone: str) -> str:
        """A point in time in a time zone, which it names."""
        local = moment.astimezone(ZoneInfo(timezone))
        time = format_time(local, "HH:mm", locale=self._locale)
        return f"{self.day(local.date())}, {time} ({timezone})"

    def period(self, period: Period) -> str:
        """What readers call a period."""
        if period.kind is PeriodKind.MONTH:
            return self.month(period.period_start)
        if period.kind is PeriodKind.TRAILING_12_MONTHS:
            return f"twelve months to {self.month(period.period_start)}"
        return period.label


def listed(parts: Sequence[str]) -> str:
    """Words in a row, the last two joined by "and".

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
