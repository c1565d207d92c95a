"""By when each asset is expected; later, the UI shows it as overdue.

Dagster looks at the time of the latest entry of an asset, whichever partition it was for.
"""

from datetime import timedelta

import dagster as dg

from nrr_pipeline.orchestration.partitions import Calendar

AT_NINE = "0 9"
"""Minute and hour of every deadline, in the reporting time zone."""

SINCE_MIDNIGHT = timedelta(hours=10)
"""How long before a deadline counts: nine hours, and one for the night that has an hour more."""

LATEST_DAY = 28
"""The last day that every month has."""


def deadlines(calendar: Calendar, close_after_days: int) -> dict[str, dg.FreshnessPolicy]:
    """The assets that are expected at some time: days every morning, periods when they are final.

    Args:
        calendar: Whose time zone and quarters.
        close_after_days: How many days after its end a period becomes final. Later than on day 28
            of the month after, there is no day that every month has, and no deadline.
    """
    daily = _by_nine("* * *", calendar)
    found: dict[str, dg.FreshnessPolicy] = dict.fromkeys(
        ("daily_mrr", "daily_mrr_totals", "mrr_movements"), daily
    )
    day = 1 + close_after_days
    if day <= LATEST_DAY:
        monthly = _by_nine(f"{day} * *", calendar)
        found |= dict.fromkeys(("monthly_nrr", "trailing_12_month_nrr", "board_report"), monthly)
        months = ",".join(map(str, calendar.quarter_months))
        found["quarterly_nrr"] = _by_nine(f"{day} {months} *", calendar)
    return found


def _by_nine(days: str, calendar: Calendar) -> dg.FreshnessPolicy:
    return dg.FreshnessPolicy.cron(f"{AT_NINE} {days}", SINCE_MIDNIGHT, calendar.timezone)
