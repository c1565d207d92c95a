"""Months, quarters and trailing twelve months: their days, keys and names.

A period's opening snapshot lies *before* its first day. Whether the days exist is not asked here.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

ONE_DAY = timedelta(days=1)


class PeriodKind(StrEnum):
    """The kinds of periods, as the ``retention`` view names them."""

    MONTH = "month"
    QUARTER = "quarter"
    TRAILING_12_MONTHS = "trailing_12_months"


def add_months(day: date, months: int) -> date:
    """The first day of the month that lies ``months`` after the month of ``day``."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def spelled(day: date) -> str:
    """A day as readers write it.

    >>> spelled(date(2026, 3, 31))
    '31 March 2026'
    """
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A span of whole days whose retention is measured between two snapshots.

    ``period_start`` is the partition key: the first day, or for trailing twelve months the first
    day of their last month. ``period_end`` is exclusive.
    """

    period_start: date
    kind: PeriodKind
    fiscal_year_start_month: int = 1

    @classmethod
    def month(cls, day: date) -> "Period":
        """The calendar month of a day."""
        return cls(day.replace(day=1), PeriodKind.MONTH)

    @classmethod
    def quarter(cls, day: date, *, fiscal_year_start_month: int = 1) -> "Period":
        """The quarter of a day, counted from the first month of the fiscal year."""
        offset = (day.month - fiscal_year_start_month) % 3
        return cls(add_months(day, -offset), PeriodKind.QUARTER, fiscal_year_start_month)

    @classmethod
    def trailing_12_months(cls, day: date) -> "Period":
        """The twelve months that end with the month of a day."""
        return cls(day.replace(day=1), PeriodKind.TRAILING_12_MONTHS)

    @classmethod
    def of(cls, kind: PeriodKind, day: date, *, fiscal_year_start_month: int = 1) -> "Period":
        """The period of a kind whose closing month or quarter holds a day."""
        if kind is PeriodKind.QUARTER:
            return cls.quarter(day, fiscal_year_start_month=fiscal_year_start_month)
        return cls(day.replace(day=1), kind)

    @classmethod
    def parse(cls, text: str, *, fiscal_year_start_month: int = 1) -> "Period":
        """Read ``2026-03``, ``2026-Q1`` or ``ttm-2026-03``.

        Raises:
            ValueError: The text is none of these.

        >>> Period.parse("ttm-2026-03").opening_date
        datetime.date(2025, 3, 31)
        """
        if found := re.fullmatch(r"(ttm-)?(\d{4})-(0[1-9]|1[0-2])", text, re.IGNORECASE):
            day = date(int(found[2]), int(found[3]), 1)
            return cls.trailing_12_months(day) if found[1] else cls.month(day)
        if found := re.fullmatch(r"(\d{4})-q([1-4])", text, re.IGNORECASE):
            year = int(found[1]) - (fiscal_year_start_month > 1)
            start = add_months(date(year, fiscal_year_start_month, 1), 3 * (int(found[2]) - 1))
            return cls.quarter(start, fiscal_year_start_month=fiscal_year_start_month)
        raise ValueError(
            f"{text!r} is not a period: write a month 2026-03, a quarter 2026-Q1, or trailing "
            "twelve months ttm-2026-03"
        )

    @property
    def first_day(self) -> date:
        """The first day that belongs to the period."""
        months = -11 if self.kind is PeriodKind.TRAILING_12_MONTHS else 0
        return add_months(self.period_start, months)

    @property
    def period_end(self) -> date:
        """The first day after the period."""
        return add_months(self.period_start, 3 if self.kind is PeriodKind.QUARTER else 1)

    @property
    def opening_date(self) -> date:
        """The day of the opening snapshot: the day before the period."""
        return self.first_day - ONE_DAY

    @property
    def closing_date(self) -> date:
        """The day of the closing snapshot: the period's last day."""
        return self.period_end - ONE_DAY

    @property
    def previous(self) -> "Period":
        """The period of the same kind one step earlier."""
        step = 3 if self.kind is PeriodKind.QUARTER else 1
        return Period(add_months(self.period_start, -step), self.kind, self.fiscal_year_start_month)

    @property
    def next(self) -> "Period":
        """The period of the same kind one step later."""
        return Period(self.period_end, self.kind, self.fiscal_year_start_month)

    @property
    def key(self) -> str:
        """What the command line calls the period; ``Period.parse`` reads it back."""
        if self.kind is PeriodKind.QUARTER:
            fiscal_year, quarter = self._fiscal_quarter
            return f"{fiscal_year}-Q{quarter}"
        prefix = "ttm-" if self.kind is PeriodKind.TRAILING_12_MONTHS else ""
        return f"{prefix}{self.period_start:%Y-%m}"

    @property
    def label(self) -> str:
        """What readers call the period.

        >>> Period.parse("2026-Q1").label, Period.parse("ttm-2026-03").label
        ('Q1 2026', 'TTM March 2026')
        """
        if self.kind is PeriodKind.QUARTER:
            fiscal_year, quarter = self._fiscal_quarter
            return f"Q{quarter} {'FY' if self.fiscal_year_start_month > 1 else ''}{fiscal_year}"
        prefix = "TTM " if self.kind is PeriodKind.TRAILING_12_MONTHS else ""
        return f"{prefix}{calendar.month_name[self.period_start.month]} {self.period_start.year}"

    @property
    def _fiscal_quarter(self) -> tuple[int, int]:
        """Fiscal year, named by the calendar year in which it ends, and quarter 1 to 4."""
        months = (self.period_start.month - self.fiscal_year_start_month) % 12
        start = add_months(self.period_start, -months)
        return start.year + (self.fiscal_year_start_month > 1), months // 3 + 1


def periods_closing_within(
    kind: PeriodKind, first_day: date, last_day: date, *, fiscal_year_start_month: int = 1
) -> list[Period]:
    """All periods of a kind that start on or after ``first_day`` and close by ``last_day``.

    For trailing twelve months it is their last month that lies within the days.
    """
    period = Period.of(kind, first_day, fiscal_year_start_month=fiscal_year_start_month)
    if period.period_start < first_day:
        period = period.next
    periods: list[Period] = []
    while period.closing_date <= last_day:
        periods.append(period)
        period = period.next
    return periods
