"""Everything that Dagster is told, put together for one installation."""

import dagster as dg

from nrr_pipeline.orchestration.assets.board_report import board_report_asset
from nrr_pipeline.orchestration.assets.daily import daily_assets
from nrr_pipeline.orchestration.assets.delivery import delivery_assets
from nrr_pipeline.orchestration.assets.history import history_assets
from nrr_pipeline.orchestration.assets.inputs import input_assets
from nrr_pipeline.orchestration.assets.retention import retention_assets
from nrr_pipeline.orchestration.assets.stripe import stripe_assets
from nrr_pipeline.orchestration.automation import period_automation
from nrr_pipeline.orchestration.checks import pipeline_checks
from nrr_pipeline.orchestration.deadlines import deadlines
from nrr_pipeline.orchestration.delivery_sensors import delivery_sensors
from nrr_pipeline.orchestration.jobs import DELIVERY_JOB, PIPELINE_JOBS
from nrr_pipeline.orchestration.partitions import Calendar, calendar_of
from nrr_pipeline.orchestration.resources import (
    Narrator,
    PolicyResource,
    SlackResource,
    StripeResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.schedules import pipeline_schedules
from nrr_pipeline.orchestration.sensors import catch_up_sensor
from nrr_pipeline.orchestration.specs import Sheet
from nrr_pipeline.policy import load_policy
from nrr_pipeline.settings import Settings


def build_definitions(
    settings: Settings, *, calendar: Calendar | None = None, narrator: Narrator | None = None
) -> dg.Definitions:
    """Assemble assets, checks, jobs, schedules and sensors. Nothing is created by it.

    Args:
        settings: Of the installation.
        calendar: Which partitions there are; by default those of the installation.
        narrator: Who is told how far a long step is; by default the log of the run.
    """
    policy = load_policy(settings.policy_path)
    calendar = calendar or calendar_of(settings, policy)
    sheet = Sheet(settings, deadlines(calendar, policy.close.after_days))
    return dg.Definitions(
        assets=[
            stripe_assets(sheet),
            *input_assets(sheet),
            *history_assets(sheet),
            *daily_assets(sheet, calendar),
            *retention_assets(sheet, calendar),
            board_report_asset(sheet, calendar),
            *delivery_assets(sheet),
        ],
        asset_checks=pipeline_checks(calendar),
        jobs=[*PIPELINE_JOBS, DELIVERY_JOB],
        schedules=pipeline_schedules(calendar),
        sensors=[period_automation(), catch_up_sensor(calendar), *delivery_sensors()],
        resources={
            "warehouse": WarehouseResource(settings),
            "stripe": StripeResource(settings),
            "policy": PolicyResource(settings),
            "slack": SlackResource(settings),
            "narrator": narrator or Narrator(),
        },
        executor=dg.in_process_executor,
    )
