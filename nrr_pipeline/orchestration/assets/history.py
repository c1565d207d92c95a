"""The assets ``subscription_history`` and ``mrr_intervals``: what was true when, and its price."""

import dagster as dg

from nrr_pipeline.orchestration import figures
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.resources import (
    Echo,
    Narrator,
    PolicyResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.specs import Sheet
from nrr_pipeline.orchestration.stages.history import Progress, build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.warehouse.sizes import row_count

EVIDENCE = (
    "stripe_subscriptions",
    "stripe_invoices",
    "stripe_events",
    "stripe_prices",
    "stripe_customers",
)
"""What the history is built from."""


def history_assets(sheet: Sheet) -> list[dg.AssetsDefinition]:
    """From Stripe's objects to priced intervals."""
    return [_subscription_history(sheet), _mrr_intervals(sheet)]


def _subscription_history(sheet: Sheet) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="subscription_history",
        specs=[sheet.spec("subscription_history", group="mrr", deps=EVIDENCE)],
    )
    def subscription_history(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
        narrator: dg.ResourceParam[Narrator],
    ) -> dg.MaterializeResult:
        told = counting("reading the history of", narrator.now_and_then(context))
        with plain_failures(context), warehouse.opened() as opened:
            report = build_history(opened, policy.load(), clock=utc_now, progress=told)
            with opened.read() as connection:
                rows = row_count(connection, "subscription_history")
        return dg.MaterializeResult(metadata=figures.history_built(report, rows))

    return subscription_history


def _mrr_intervals(sheet: Sheet) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="mrr_intervals",
        specs=[
            sheet.spec(
                "mrr_intervals",
                group="mrr",
                deps=["subscription_history", "stripe_prices", "customer_map"],
            )
        ],
    )
    def mrr_intervals(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
        narrator: dg.ResourceParam[Narrator],
    ) -> dg.MaterializeResult:
        told = counting("pricing", narrator.now_and_then(context))
        with plain_failures(context), warehouse.opened() as opened:
            rules = policy.load()
            report = build_intervals(opened, rules, clock=utc_now, progress=told)
            with opened.read() as connection:
                rows = row_count(connection, "mrr_intervals")
        return dg.MaterializeResult(metadata=figures.intervals_priced(report, rules.version, rows))

    return mrr_intervals


def counting(doing: str, tell: Echo) -> Progress:
    """Progress of a stage that goes through subscriptions, in a line."""
    return lambda done, total: tell(f"{doing} {total:,} subscriptions: {done:,} done")
