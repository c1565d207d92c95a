"""The schedule: every night, after midnight in the reporting time zone."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.orchestration.clock import last_full_day, utc_now
from nrr_pipeline.orchestration.jobs import DAILY_CLOSE, PRICED, PULLED, keys
from nrr_pipeline.orchestration.partitions import Calendar, key_of
from nrr_pipeline.orchestration.resources import (
    PolicyResource,
    StripeResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.stages.daily import first_day, missing_days

AFTER_MIDNIGHT = "30 0 * * *"


def pipeline_schedules(calendar: Calendar) -> list[dg.ScheduleDefinition]:
    """The nightly close; it runs unless somebody stops it."""
    return [_nightly(calendar)]


def _nightly(calendar: Calendar) -> dg.ScheduleDefinition:
    @dg.schedule(
        cron_schedule=AFTER_MIDNIGHT,
        job_name=DAILY_CLOSE,
        name="nightly",
        execution_timezone=calendar.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Pulls from Stripe and publishes every missing day up to yesterday. Months, "
        "quarters and trailing years follow by themselves.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        stripe: dg.ResourceParam[StripeResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if stripe.settings.stripe_api_key is None:
            yield dg.SkipReason(
                "STRIPE_API_KEY is not set where Dagster runs, so there is nothing to pull from."
            )
            return
        yield close_request(warehouse, policy, context.scheduled_execution_time)

    return nightly


def close_request(
    warehouse: WarehouseResource, policy: PolicyResource, now: datetime | None = None
) -> dg.RunRequest:
    """What a night asks for: every missing day, or, before the first pull, only to connect."""
    rules = policy.load()
    yesterday = last_full_day(rules, now or utc_now())
    with warehouse.opened() as opened:
        if first_day(opened, rules) is None:
            return _connect(key_of(yesterday))
        missing = missing_days(opened, rules, yesterday) or [yesterday]
    return dg.RunRequest(run_key=key_of(yesterday), tags=Span(missing[0], missing[-1]).tags)


def _connect(run_key: str) -> dg.RunRequest:
    """Pull and price: which days there are is known only afterwards."""
    return dg.RunRequest(run_key=f"connect:{run_key}", asset_selection=keys(*PULLED, *PRICED))
