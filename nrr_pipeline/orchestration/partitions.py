"""Which days, months and quarters there are, and which days a period needs.

All begin at boundaries of their own on or after one start: a start inside a month would make the
month ask for days that never come. What a period *is* belongs to ``metrics.periods``.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

import dagster as dg

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.daily import first_day
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse

KEY_FORMAT = "%Y-%m-%d"


@dataclass(frozen=True)
class Calendar:
    """The partitions of one installation; a partition key is the day, or a period's start.

    ``is_settled`` says whether the start is the account's own, and not one to begin with.
    """

    start_date: date
    timezone: str = "UTC"
    fiscal_year_start_month: int = 1
    is_settled: bool = True

    @cached_property
    def days(self) -> dg.DailyPartitionsDefinition:
        """Every day that is over."""
        return dg.DailyPartitionsDefinition(
            start_date=key_of(self.start_date), timezone=self.timezone, fmt=KEY_FORMAT
        )

    @cached_property
    def months(self) -> dg.MonthlyPartitionsDefinition:
        """Every calendar month that is over."""
        return dg.MonthlyPartitionsDefinition(
            start_date=self._first(PeriodKind.MONTH), timezone=self.timezone, fmt=KEY_FORMAT
        )

    @cached_property
    def quarters(self) -> dg.TimeWindowPartitionsDefinition:
        """Every quarter of the fiscal year that is over."""
        months = self.quarter_months
        return dg.TimeWindowPartitionsDefinition(
            start=self._first(PeriodKind.QUARTER),
            fmt=KEY_FORMAT,
            cron_schedule=f"0 0 1 {','.join(map(str, months))} *",
            timezone=self.timezone,
        )

    @property
    def quarter_months(self) -> list[int]:
        """The months in which quarters begin."""
        return sorted((self.fiscal_year_start_month - 1 + step) % 12 + 1 for step in (0, 3, 6, 9))

    def partitions_of(self, kind: PeriodKind) -> dg.TimeWindowPartitionsDefinition:
        """The partitions of a kind of period."""
        return self.quarters if kind is PeriodKind.QUARTER else self.months

    def period(self, kind: PeriodKind, key: str) -> Period:
        """The period of a partition key."""
        fiscal = self.fiscal_year_start_month
        return Period.of(kind, day_of(key), fiscal_year_start_month=fiscal)

    def _first(self, kind: PeriodKind) -> str:
        fiscal = self.fiscal_year_start_month
        period = Period.of(kind, self.start_date, fiscal_year_start_month=fiscal)
        whole = period if period.period_start >= self.start_date else period.next
        return key_of(whole.period_start)


def calendar_of(settings: Settings, policy: MetricPolicy) -> Calendar:
    """Take the start that the database holds, else the policy's, else this quarter's first day.

    Nothing is created: an installation without a database has none to ask.
    """
    fiscal = policy.fiscal_year_start_month
    start = _stored_start(settings, policy) or policy.start_date
    today = utc_now().astimezone(ZoneInfo(policy.timezone)).date()
    fallback = Period.quarter(today, fiscal_year_start_month=fiscal).first_day
    return Calendar(
        start_date=start or fallback,
        timezone=policy.timezone,
        fiscal_year_start_month=fiscal,
        is_settled=start is not None,
    )


def days_of(kind: PeriodKind) -> dg.TimeWindowPartitionMapping:
    """Which days a period needs: its own and those of the period before, for the opening day."""
    before = -12 if kind is PeriodKind.TRAILING_12_MONTHS else -1
    return dg.TimeWindowPartitionMapping(start_offset=before)


def key_of(day: date) -> str:
    """The partition key of a day, or of the period that starts on it."""
    return day.strftime(KEY_FORMAT)


def day_of(key: str) -> date:
    """The day of a partition key."""
    return date.fromisoformat(key)


def _stored_start(settings: Settings, policy: MetricPolicy) -> date | None:
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        return None
    try:
        with open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse:
            return first_day(warehouse, policy)
    except NrrError:
        return None  # the first run says what is wrong with the database
