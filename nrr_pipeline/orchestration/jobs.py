"""The jobs: what schedules request, and what ``nrr run`` executes."""

import dagster as dg

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.specs import STRIPE_ASSETS

PULLED = STRIPE_ASSETS
PRICED = ("customer_map", "subscription_history", "attributes", "mrr_intervals", "fx_rates")
DAYS = ("daily_mrr",)
FOLLOWING = ("daily_mrr_totals", "mrr_movements")
MONTHS = ("monthly_nrr", "trailing_12_month_nrr")
QUARTERS = ("quarterly_nrr",)
OUTGOING = ("alerts",)

REPORTS = ("board_report",)

DAILY_CLOSE = "daily_close"
MONTHLY_CLOSE = "monthly_close"
QUARTERLY_CLOSE = "quarterly_close"
MONTHLY_REPORT = "monthly_report"
DELIVERY = "delivery"


JOB_OF = {
    PeriodKind.MONTH: MONTHLY_CLOSE,
    PeriodKind.TRAILING_12_MONTHS: MONTHLY_CLOSE,
    PeriodKind.QUARTER: QUARTERLY_CLOSE,
}
"""The job that measures each kind of period."""

PIPELINE_JOBS = (
    dg.define_asset_job(
        DAILY_CLOSE,
        dg.AssetSelection.assets(*PULLED, *PRICED, *DAYS, *FOLLOWING),
        description="Pull from Stripe, rebuild what changed, publish the day.",
    ),
    dg.define_asset_job(
        MONTHLY_CLOSE,
        dg.AssetSelection.assets(*MONTHS),
        description="Measure retention of a month, and of the twelve months that end with it.",
    ),
    dg.define_asset_job(
        QUARTERLY_CLOSE,
        dg.AssetSelection.assets(*QUARTERS),
        description="Measure retention of a quarter.",
    ),
    dg.define_asset_job(
        MONTHLY_REPORT,
        dg.AssetSelection.assets(*REPORTS),
        description="Issue the board report of a month whose figures are final.",
    ),
)
"""One job per length of partition: a run can have one kind of partitions only."""

DELIVERY_JOB = dg.define_asset_job(
    DELIVERY,
    dg.AssetSelection.assets(*OUTGOING),
    description="Send the alerts that are due.",
)
"""Follows no partition; figures do not wait for it."""


def keys(*names: str) -> list[dg.AssetKey]:
    """Asset keys of tables, for running a part of a job."""
    return [dg.AssetKey(name) for name in names]
