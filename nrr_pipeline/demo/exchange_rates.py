"""Exchange rates of the simulated world, and the file in which its central bank publishes them.

The form is that of the European Central Bank's history: a line per working day, newest first, units
of each currency for one euro, ``N/A`` for a currency that is no more, and a comma at each line's
end. What a rate means for a figure belongs to the truth.
"""

from __future__ import annotations

import io
import zipfile
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache

from nrr_pipeline.demo.dice import Dice
from nrr_pipeline.demo.log import BusinessLog

FILE_NAME = "eurofxref-hist.zip"

EURO = "eur"

_FIRST_QUOTES = {"usd": ("1.0812", 4), "jpy": ("161.45", 2), "gbp": ("0.85510", 5)}
"""Units for one euro on the first day, and how many decimals are published."""

_DAYS_BEFORE = 400
"""Rates begin this long before the business: a trailing year opens before its first day."""

_SWING = 0.0085
"""The most by which a rate moves from one day to the next, as a share."""

_HOLIDAYS = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})
_SATURDAY = 5
_ZIPPED_AT = (2024, 1, 1, 0, 0, 0)

Quotes = dict[date, dict[str, Fraction]]
"""By working day and currency: units of it for one euro."""


def rate_on(log: BusinessLog, currency: str, day: date, into: str) -> Fraction:
    """How many units of a currency one unit of another was worth, as last published on a day."""
    if currency == into:
        return Fraction(1)
    known, days = _known(log)
    quotes = known[days[bisect_right(days, day) - 1]]
    return quotes[into] / quotes[currency]


def rates_csv(log: BusinessLog, through: date | None = None) -> str:
    """What the bank has published up to a day, which is the log's last unless another is given."""
    last = log.last_day if through is None else through
    lines = [
        f"{day},{','.join(_cell(quotes, currency) for currency in _FIRST_QUOTES)},N/A,"
        for day, quotes in reversed(_known(log)[0].items())
        if day <= last
    ]
    header = f"Date,{','.join(_FIRST_QUOTES).upper()},CYP,"
    return "\n".join([header, *lines, ""])


def rates_zip(log: BusinessLog, through: date | None = None) -> bytes:
    """The same as the bank offers it for download; same rates, same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        name = zipfile.ZipInfo(FILE_NAME.replace(".zip", ".csv"), _ZIPPED_AT)
        archive.writestr(name, rates_csv(log, through))
    return content.getvalue()


def _known(log: BusinessLog) -> tuple[Quotes, list[date]]:
    return _quotes(log.seed, log.first_day, log.last_day)


@lru_cache(maxsize=8)
def _quotes(seed: int, first_day: date, last_day: date) -> tuple[Quotes, list[date]]:
    """A walk of every rate over the working days; the days of a longer log go on with it."""
    dice = Dice(seed)
    steps = {
        currency: round(Fraction(quote) * 10**decimals)
        for currency, (quote, decimals) in _FIRST_QUOTES.items()
    }
    known: Quotes = {}
    for day in _working_days(first_day - timedelta(days=_DAYS_BEFORE), last_day):
        for currency, quote in steps.items():
            swing = dice.within(-_SWING, _SWING) / 2 + dice.within(-_SWING, _SWING) / 2
            steps[currency] = round(quote * (1 + swing))
        known[day] = {
            currency: Fraction(quote, 10 ** _FIRST_QUOTES[currency][1])
            for currency, quote in steps.items()
        } | {EURO: Fraction(1)}
    return known, list(known)


def _working_days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() < _SATURDAY and (day.month, day.day) not in _HOLIDAYS:
            yield day


def _cell(quotes: dict[str, Fraction], currency: str) -> str:
    return f"{float(quotes[currency]):.{_FIRST_QUOTES[currency][1]}f}"
