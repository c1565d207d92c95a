"""The sensors around alerts: they ask for deliveries, and find out when the pipeline itself fails.

What they find out is kept as an alert like any other, so one delivery sends it, once.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import ATTENDED_TAG
from nrr_pipeline.orchestration.jobs import DELIVERY, DELIVERY_JOB
from nrr_pipeline.orchestration.partitions import key_of
from nrr_pipeline.orchestration.resources import (
    PolicyResource,
    SlackResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.sensors import runs_are_under_way
from nrr_pipeline.orchestration.stages import incidents
from nrr_pipeline.reporting.incident import failure_message, success_message
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.secrecy import without_secrets
from nrr_pipeline.warehouse import outbox
from nrr_pipeline.warehouse.engine import database_exists
from nrr_pipeline.warehouse.reading import reach
from nrr_pipeline.warehouse.transactions import Connection

DELIVERY_SECONDS = 60
OVERDUE_SECONDS = 3_600

WILL_RETRY_TAG = "dagster/will_retry"
"""Dagster's tag of failed runs that it starts again by itself."""


def delivery_sensors() -> list[dg.SensorDefinition]:
    """All of them; they run unless somebody stops them."""
    return [_deliver_alerts(), _run_failed(), _run_succeeded(), _nothing_ran()]


def _deliver_alerts() -> dg.SensorDefinition:
    @dg.sensor(
        name="deliver_alerts",
        job=DELIVERY_JOB,
        minimum_interval_seconds=DELIVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends alerts that are due, and writes the digests once a day.",
    )
    def deliver_alerts(
        context: dg.SensorEvaluationContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        slack: dg.ResourceParam[SlackResource],
    ) -> dg.SensorResult | dg.SkipReason:
        if not _exists(warehouse):
            return dg.SkipReason("Nothing has been pulled yet.")
        now = utc_now()
        if runs_are_under_way(context.instance, now, DELIVERY):
            return dg.SkipReason("A delivery is under way.")
        with warehouse.opened() as opened, opened.read() as connection:
            last_day = reach(connection).last_published_day
            due = _due(connection, slack, now)
        cursor = None if last_day is None else key_of(last_day)
        if not due and cursor == context.cursor:
            return dg.SkipReason("No alert is due.")
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=cursor)

    return deliver_alerts


def _due(connection: Connection, slack: SlackResource, now: datetime) -> bool:
    """Whether an alert can be sent now, or has yet to be told why it cannot."""
    try:
        is_configured = slack.sender() is not None
    except SettingsError:
        is_configured = False
    rows = outbox.unsent(connection, now)
    if not is_configured:
        return any(row["last_error"] is None for row in rows)
    held_until = outbox.free_from(connection)
    return bool(rows) and (held_until is None or held_until <= now)


def _run_failed() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="run_failed",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Raises an alert when a run has failed and is not retried, once a day per job.",
    )
    def run_failed(
        context: dg.RunFailureSensorContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.SkipReason | None:
        run = context.instance.get_run_by_id(context.dagster_run.run_id) or context.dagster_run
        if run.tags.get(WILL_RETRY_TAG) == "true":
            return dg.SkipReason("Dagster starts this run again by itself.")
        if ATTENDED_TAG in run.tags:
            return dg.SkipReason("Somebody waited for this run at a terminal, and was told there.")
        if not _exists(warehouse):
            return dg.SkipReason("There is no database yet to keep an alert in.")
        now, settings = utc_now(), warehouse.settings
        error = without_secrets(failure_text(context), settings.secrets)
        job = _job_name(run)
        links = Links(settings.nrr_ui_url, run.run_id).of_run()
        message = failure_message(job, error, tuple(links))
        with warehouse.opened() as opened:
            incidents.raise_incident(
                opened,
                incidents.RUN_FAILURE,
                job,
                message,
                day=now.astimezone(ZoneInfo(policy.load().timezone)).date(),
                at=now,
                run_id=run.run_id,
            )
        return None

    return run_failed


def _run_succeeded() -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="run_succeeded_again",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Says once that a job which had failed works again.",
    )
    def run_succeeded_again(
        context: dg.RunStatusSensorContext,
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.SkipReason | None:
        if not _exists(warehouse):
            return dg.SkipReason("There is no database yet.")
        run, job = context.dagster_run, _job_name(context.dagster_run)
        with warehouse.opened() as opened:
            with opened.read() as connection:
                failed = incidents.standing_incident(connection, incidents.RUN_FAILURE, job)
            if failed is None:
                return dg.SkipReason("It had not failed.")
            if not _covers(run, context.instance.get_run_by_id(failed["run_id"])):
                return dg.SkipReason("It did only a part of what had failed.")
            links = Links(warehouse.settings.nrr_ui_url, run.run_id).of_run()
            message = success_message(job, tuple(links))
            incidents.end_incident(opened, failed["alert_key"], message, at=utc_now())
        return None

    return run_succeeded_again


def _nothing_ran() -> dg.SensorDefinition:
    @dg.sensor(
        name="nothing_ran",
        minimum_interval_seconds=OVERDUE_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Raises an alert when yesterday is not published by nine o'clock, at most once "
        "a day, and says once when the days are complete again.",
    )
    def nothing_ran(
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.SkipReason:
        if not _exists(warehouse):
            return dg.SkipReason("Nothing has been pulled yet.")
        with warehouse.opened() as opened:
            found = incidents.look_for_missing_days(opened, policy.load(), utc_now())
        return dg.SkipReason(found or "Every day that is due is published.")

    return nothing_ran


def failure_text(context: dg.RunFailureSensorContext) -> str:
    """What made a run fail, as the step said it; else as Dagster says it."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return error.message.strip()
    return context.failure_event.message or "The run ended without a word; its process may be gone."


def _exists(warehouse: WarehouseResource) -> bool:
    settings = warehouse.settings
    return database_exists(settings.database_url, settings.nrr_database_schema)


def _job_name(run: dg.DagsterRun) -> str:
    """The job's name; of a run that automation asked for, the names of its assets."""
    if not run.job_name.startswith("__"):
        return run.job_name
    return "+".join(sorted(key.to_user_string() for key in run.asset_selection or ()))


def _covers(run: dg.DagsterRun, failed: dg.DagsterRun | None) -> bool:
    """Whether a run did all that one which failed was to do."""
    if failed is None or run.asset_selection is None:
        return True
    return failed.asset_selection is not None and run.asset_selection >= failed.asset_selection
