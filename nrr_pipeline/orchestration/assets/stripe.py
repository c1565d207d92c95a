"""The asset group ``stripe``: the account's objects as they came, pulled all at once.

How Stripe is read belongs to ``stripe_source``, what is kept of it to ``stages.pulling``.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from nrr_pipeline.orchestration import figures
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.resources import (
    Narrator,
    PolicyResource,
    StripeResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.specs import STRIPE_ASSETS, Sheet
from nrr_pipeline.orchestration.stages.pulling import PullReport, pull_raw
from nrr_pipeline.stripe_source.pull import PullProgress
from nrr_pipeline.warehouse.sizes import row_count

THROUGH_TAG = "nrr/through"
"""Tag of a run: the last day that it is for, where that is not simply the last full one."""

RETRIES = dg.RetryPolicy(
    max_retries=4, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""Beyond the patience of each request: Stripe may be away for a quarter of an hour."""


def stripe_assets(sheet: Sheet) -> dg.AssetsDefinition:
    """One step that pulls all kinds of objects, because only together are they of one moment."""

    @dg.multi_asset(
        name="stripe_pull",
        specs=[sheet.spec(table, group="stripe", kinds=("stripe",)) for table in STRIPE_ASSETS],
        retry_policy=RETRIES,
    )
    def stripe_pull(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        stripe: dg.ResourceParam[StripeResource],
        policy: dg.ResourceParam[PolicyResource],
        narrator: dg.ResourceParam[Narrator],
    ) -> Iterator[dg.MaterializeResult]:
        tell = narrator.now_and_then(context)
        through = context.run.tags.get(THROUGH_TAG)
        with plain_failures(context), stripe.opened() as source, warehouse.opened() as opened:
            report = pull_raw(
                opened,
                source,
                policy.load(),
                clock=utc_now,
                through=date.fromisoformat(through) if through else None,
                progress=lambda progress: tell(progress_line(progress)),
            )
            with opened.read() as connection:
                rows = {table: row_count(connection, table) for table in STRIPE_ASSETS}
        narrator.say(context, summary_line(report))
        for table in STRIPE_ASSETS:
            kind = table.removeprefix("stripe_")
            metadata = figures.pulled(report, kind, rows[table])
            yield dg.MaterializeResult(asset_key=table, metadata=metadata)

    return stripe_pull


def progress_line(progress: PullProgress) -> str:
    """How far a pull is, in a line."""
    line = f"pulling {progress.kind}: {progress.objects:,} objects, {progress.requests:,} requests"
    remaining = progress.estimated_remaining_seconds
    if remaining is None:
        return line
    minutes = round(remaining / 60)
    return f"{line}, about {minutes} min to go" if minutes else f"{line}, less than a minute to go"


def summary_line(report: PullReport) -> str:
    """What a pull brought, in a line."""
    objects = sum(report.summary.objects.values())
    fresh = sum(each.new + each.changed + each.deleted for each in report.landed.values())
    return (
        f"pulled {objects:,} objects in {report.summary.requests:,} requests and "
        f"{report.summary.elapsed_seconds:.0f} s; {fresh:,} of them new or changed"
    )
