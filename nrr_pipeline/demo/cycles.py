"""When a subscription bills: the calendar of its billing cycles.

Here belongs the arithmetic of anchors and months. What is billed at a boundary does not.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

DAY = 86_400
HOUR = 3_600
MINUTE = 60
_EPOCH = date(1970, 1, 1).toordinal()


def midnight(day: date) -> int:
    """The first second of a day in UTC, as Unix seconds.

    >>> midnight(date(2024, 4, 1))
    1711929600
    """
    return (day.toordinal() - _EPOCH) * DAY


def day_of(at: int) -> date:
    """The UTC day of a moment.

    >>> day_of(1711929599)
    datetime.date(2024, 3, 31)
    """
    return date.fromordinal(at // DAY + _EPOCH)


Interval = Literal["week", "month", "year"]
_MONTHS: dict[Interval, int] = {"week": 0, "month": 1, "year": 12}


class Cadence(NamedTuple):
    """How often something is billed: every so many intervals."""

    interval: Interval
    every: int = 1

    @property
    def months(self) -> int:
        """The length in months; 0 for weeks."""
        return _MONTHS[self.interval] * self.every

    @property
    def days(self) -> int:
        """The length in days of a cadence of weeks; 0 for the others."""
        return 7 * self.every if self.interval == "week" else 0


class BillingCycles:
    """The cycles of an anchor: every boundary lies on the anchor's day of the month or week.

    A month that is too short bills on its last day, and later months return to the anchor's day.

    >>> cycles = BillingCycles(midnight(date(2025, 1, 31)) + 36_000, Cadence("month"))
    >>> [str(day_of(cycles.boundary(number))) for number in range(4)]
    ['2025-01-31', '2025-02-28', '2025-03-31', '2025-04-30']
    """

    __slots__ = ("_day", "_first_month", "_second", "anchor", "cadence")

    def __init__(self, anchor: int, cadence: Cadence) -> None:
        started = datetime.fromtimestamp(anchor, UTC)
        self.anchor = anchor
        self.cadence = cadence
        self._first_month = started.year * 12 + started.month - 1
        self._day = started.day
        self._second = anchor % DAY

    def boundary(self, number: int) -> int:
        """The start of the cycle with this number, counted from the anchor."""
        if self.cadence.days:
            return self.anchor + number * self.cadence.days * DAY
        year, month = divmod(self._first_month + number * self.cadence.months, 12)
        day = self._day
        if day > 28:  # noqa: PLR2004 - the shortest month
            day = min(day, monthrange(year, month + 1)[1])
        return (date(year, month + 1, day).toordinal() - _EPOCH) * DAY + self._second

    def number_at(self, at: int) -> int:
        """The number of the cycle that contains a moment (its start included, its end not)."""
        if self.cadence.days:
            return (at - self.anchor) // (self.cadence.days * DAY)
        day = day_of(at)
        number = (day.year * 12 + day.month - 1 - self._first_month) // self.cadence.months
        while self.boundary(number + 1) <= at:
            number += 1
        while self.boundary(number) > at:
            number -= 1
        return number

    def containing(self, at: int) -> tuple[int, int]:
        """Start and end of the cycle that contains a moment."""
        number = self.number_at(at)
        return self.boundary(number), self.boundary(number + 1)


def months_later(at: int, months: int) -> int:
    """The same time of day so many months later, on the month's last day where it is shorter.

    >>> str(day_of(months_later(midnight(date(2025, 11, 30)), 3)))
    '2026-02-28'
    """
    return BillingCycles(at, Cadence("month", months)).boundary(1)
