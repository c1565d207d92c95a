"""The sensor that finishes what is due and nobody has requested.

Automation sees materializations. It cannot see that a month's waiting time has passed, that a
correction lies further back than it looks, or that the first pull has just shown which days there
are. The warehouse knows all of that; here it is asked.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import dagster as dg
import requests

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.assets.daily import DAILY_MRR
from nrr_pipeline.orchestration.backlog import (
    BOARD_REPORT,
    days_to_publish,
    periods_to_publish,
    reports_to_issue,
    spans_of_days,
    spans_of_periods,
)
from nrr_pipeline.orchestration.clock import last_full_day, utc_now
from nrr_pipeline.orchestration.jobs import (
    DAILY_CLOSE,
    DAYS,
    FOLLOWING,
    JOB_OF,
    MONTHLY_REPORT,
    PIPELINE_JOBS,
    keys,
)
from nrr_pipeline.orchestration.partitions import Calendar, key_of
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.stages.daily import first_day
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.engine import database_exists
from nrr_pipeline.warehouse.transactions import Warehouse

EVERY_SECONDS = 120

HEAD_START = timedelta(minutes=10)
"""How long after the last published day automation is left to request the periods."""

LONGEST_RUN = timedelta(days=1)
"""An unfinished run that is older was left behind by a machine that died."""

RELOAD_SECONDS = 2.0
"""How long an answer to the request to reload is waited for; it is carried out in any case."""

_UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def catch_up_sensor(calendar: Calendar) -> dg.SensorDefinition:
    """The sensor; it runs unless somebody stops it."""

    @dg.sensor(
        name="catch_up",
        jobs=PIPELINE_JOBS,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes what is due and was not requested: all days after the first pull, "
        "days that a broken run left out, periods that become final or that an old correction "
        "reaches, board reports.",
    )
    def catch_up(
        context: dg.SensorEvaluationContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.SensorResult | dg.SkipReason:
        if not database_exists(
            warehouse.settings.database_url, warehouse.settings.nrr_database_schema
        ):
            return dg.SkipReason("Nothing has been pulled yet.")
        rules = policy.load()
        with warehouse.opened() as opened:
            start = first_day(opened, rules)
            if start is None:
                return dg.SkipReason("The account has no recurring revenue yet.")
            if start != calendar.start_date and context.cursor != key_of(start):
                reload_definitions(warehouse.settings.nrr_ui_url)
                said = f"The first day is {start}: the definitions are loaded again."
                return dg.SensorResult(skip_reason=said, cursor=key_of(start))
            if runs_are_under_way(context.instance, now := utc_now()):
                return dg.SkipReason("Runs are under way.")
            requested = list(due_requests(opened, rules, context.instance, now))
        skipped = None if requested else "Everything that is due is published."
        return dg.SensorResult(run_requests=requested, skip_reason=skipped)

    return catch_up


def due_requests(
    warehouse: Warehouse, policy: MetricPolicy, instance: dg.DagsterInstance, now: datetime
) -> Iterator[dg.RunRequest]:
    """Days that are due; without any, periods; then board reports. The same at most once a day."""
    yesterday = last_full_day(policy, now)
    days = days_to_publish(warehouse, policy, instance, yesterday)
    for span in spans_of_days(days):
        yield dg.RunRequest(
            run_key=f"{DAILY_CLOSE}:{span}:{yesterday}",
            job_name=DAILY_CLOSE,
            asset_selection=keys(*DAYS, *FOLLOWING),
            tags=span.tags,
        )
    if days or _has_head_start(instance, now):
        return
    is_all_published = True
    for kind, table in TABLES.items():
        starts = periods_to_publish(warehouse, policy, instance, kind, clock=lambda: now)
        for span in spans_of_periods(starts, kind):
            is_all_published = False
            yield dg.RunRequest(
                run_key=f"{table}:{span}:{yesterday}",
                job_name=JOB_OF[kind],
                asset_selection=keys(table),
                tags=span.tags,
            )
    if is_all_published:
        due = reports_to_issue(warehouse, policy, instance)
        for span in spans_of_periods(due, PeriodKind.MONTH):
            yield dg.RunRequest(
                run_key=f"{BOARD_REPORT}:{span}:{yesterday}",
                job_name=MONTHLY_REPORT,
                asset_selection=keys(BOARD_REPORT),
                tags=span.tags,
            )


def reload_definitions(ui_url: str) -> None:
    """Ask the UI to load the definitions again, so that it shows the days that there are now.

    The daemon does so by itself. Where no UI answers, a person reloads it, or it is started later.
    """
    query = {"query": "mutation { reloadWorkspace { __typename } }"}
    with suppress(requests.RequestException):
        requests.post(f"{ui_url}/graphql", json=query, timeout=RELOAD_SECONDS)


def runs_are_under_way(
    instance: dg.DagsterInstance, now: datetime, job_name: str | None = None
) -> bool:
    """Whether there are unfinished runs, of a job or at all, that somebody will ever finish."""
    recent = dg.RunsFilter(job_name=job_name, statuses=_UNDER_WAY, created_after=now - LONGEST_RUN)
    return instance.get_runs_count(recent) > 0


def _has_head_start(instance: dg.DagsterInstance, now: datetime) -> bool:
    event = instance.get_latest_materialization_event(DAILY_MRR)
    return event is not None and now.timestamp() - event.timestamp < HEAD_START.total_seconds()
