"""Item MRR in the reporting currency: one rounding per item, at the rate of a named day.

Where rates come from does not belong here.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nrr_pipeline.metrics.frames import IntArray, micros_of
from nrr_pipeline.metrics.money import MAX_MICROS, MicrosOverflowError

Rates = Mapping[str, Fraction]
"""Reporting units for one native unit, by currency, on one day."""


class MissingRateError(LookupError):
    """A currency has MRR but no exchange rate on the day that needs it.

    ``currency`` and ``day`` name them; ``last_known`` is the day of the newest rate up to then.
    """

    def __init__(
        self, currency: str, day: date | None = None, last_known: date | None = None
    ) -> None:
        self.currency, self.day, self.last_known = currency, day, last_known
        on = "" if day is None else f" on {day}"
        age = ""
        if day is not None and last_known is not None:
            age = f" (the last is of {last_known}, {(day - last_known).days} days before)"
        super().__init__(f"No exchange rate for {currency.upper()}{on}{age}")


MissingRates = dict[date, MissingRateError]
"""By day whose figures are left out: a rate that it lacks."""


DaysWithoutRate = dict[str, list[date]]
"""By currency: days on which it has MRR and no rate."""


@dataclass(frozen=True, slots=True)
class KnownRate:
    """What one unit of a currency was worth on a day, in units of the reporting currency."""

    currency: str
    day: date
    rate: Fraction


class RateTable:
    """Every known rate into one currency; a day without one takes the last one before it.

    Args:
        reporting_currency: What the rates lead to; its own is always 1.
        known: The rates, in any order; of two for one currency and day the later one counts.
        max_age_days: For how many days after its own a rate is carried.
    """

    def __init__(
        self, reporting_currency: str, known: Iterable[KnownRate] = (), *, max_age_days: int = 7
    ) -> None:
        self.reporting_currency = reporting_currency
        self._max_age_days = max_age_days
        by_currency: defaultdict[str, dict[date, Fraction]] = defaultdict(dict)
        for each in known:
            by_currency[each.currency][each.day] = each.rate
        self._rates = dict(by_currency)
        self._days = {currency: sorted(rates) for currency, rates in by_currency.items()}

    def on(self, day: date) -> Rates:
        """The rates of a day; asking for one that is missing or too old raises.

        >>> table = RateTable("usd", [KnownRate("eur", date(2026, 2, 27), Fraction("1.08"))])
        >>> table.on(date(2026, 3, 1))["eur"]
        Fraction(27, 25)
        """
        return _RatesOfDay(self, day)

    def of(self, currency: str, day: date) -> Fraction:
        """The rate of one currency on a day.

        Raises:
            MissingRateError: There is none, or only one that is too old.
        """
        rate = self.find(currency, day)
        if rate is None:
            raise MissingRateError(currency, day, self.last_known(currency, day))
        return rate

    def find(self, currency: str, day: date) -> Fraction | None:
        """The rate of one currency on a day; ``None`` where there is none, or one too old."""
        if currency == self.reporting_currency:
            return Fraction(1)
        last_known = self.last_known(currency, day)
        if last_known is None or (day - last_known).days > self._max_age_days:
            return None
        return self._rates[currency][last_known]

    def last_known(self, currency: str, day: date) -> date | None:
        """The day of the newest rate up to a day; ``None`` where there never was one."""
        days = self._days.get(currency, [])
        position = bisect_right(days, day)
        return days[position - 1] if position else None


class _RatesOfDay(dict[str, Fraction]):
    def __init__(self, table: RateTable, day: date) -> None:
        super().__init__()
        self._table, self._day = table, day

    def __missing__(self, currency: str) -> Fraction:
        self[currency] = self._table.of(currency, self._day)
        return self[currency]


def reporting_micros(items: pd.DataFrame, rates: Rates) -> IntArray:
    """Each item's MRR in the reporting currency.

    Args:
        items: One row per item with ``currency`` and ``mrr_micros``.
        rates: Rates of one day; the reporting currency's own rate is 1.

    Raises:
        MissingRateError: A currency among the items has no rate; the message names it.
        MicrosOverflowError: An amount would not fit 64 bits.
    """
    micros = micros_of(items)
    codes, currencies = pd.factorize(items["currency"])
    converted = micros.copy()
    for code, currency in enumerate(currencies):
        rate = rate_of(rates, str(currency))
        if rate != 1:
            chosen = codes == code
            converted[chosen] = convert_each(micros[chosen], rate)
    return converted


def rate_of(rates: Rates, currency: str) -> Fraction:
    """A currency's rate among those of one day.

    Raises:
        MissingRateError: There is none.
    """
    try:
        return rates[currency]
    except KeyError:
        raise MissingRateError(currency) from None


def convert_each(native_micros: IntArray, rate: Fraction) -> IntArray:
    """Every amount times an exact rate, rounded half to even to whole micros.

    Products that would pass 64 bits are formed in integers of any size.

    Raises:
        MicrosOverflowError: A converted amount would not fit 64 bits.

    >>> convert_each(np.array([1, 3, 5, -3]), Fraction(1, 2)).tolist()
    [0, 2, 2, -2]
    """
    if rate == 1 or len(native_micros) == 0:
        return native_micros
    largest = max(abs(int(native_micros.max())), abs(int(native_micros.min())))
    fits = largest * rate.numerator <= MAX_MICROS and 2 * rate.denominator <= MAX_MICROS
    amounts: npt.NDArray[Any] = native_micros if fits else native_micros.astype(object)
    products = amounts * rate.numerator
    whole = products // rate.denominator
    twice = (products - whole * rate.denominator) * 2
    is_up = (twice > rate.denominator) | ((twice == rate.denominator) & (whole % 2 == 1))
    rounded = whole + is_up.astype(np.int64)
    if not fits and any(abs(int(each)) > MAX_MICROS for each in rounded):
        raise MicrosOverflowError(f"An amount times {rate} does not fit 64 bits")
    return rounded.astype(np.int64)
