"""The local clock: the one place below the command line that asks what time it is."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.policy import MetricPolicy


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)  # noqa: TID251


def last_full_day(policy: MetricPolicy, now: datetime) -> date:
    """The last day that is over in the reporting time zone."""
    return now.astimezone(ZoneInfo(policy.timezone)).date() - ONE_DAY
