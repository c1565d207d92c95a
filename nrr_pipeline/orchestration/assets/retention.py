"""The asset group ``retention``: months, trailing twelve months and quarters."""

from collections.abc import Sequence

import dagster as dg

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.automation import follows_its_days
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.figures import Metadata
from nrr_pipeline.orchestration.partitions import Calendar, days_of, key_of
from nrr_pipeline.orchestration.period_page import period_published
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.specs import Sheet, settled_parameters
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.measuring import RetentionNotComputableError
from nrr_pipeline.orchestration.stages.periods import TABLES, publish_periods
from nrr_pipeline.orchestration.stages.surroundings import surroundings
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.warehouse.transactions import Warehouse


def retention_assets(sheet: Sheet, calendar: Calendar) -> list[dg.AssetsDefinition]:
    """One asset per kind of period; each compares two days, and reads no other asset's days."""
    return [_retention(sheet, calendar, kind) for kind in TABLES]


def _retention(sheet: Sheet, calendar: Calendar, kind: PeriodKind) -> dg.AssetsDefinition:
    spec = sheet.spec(
        TABLES[kind],
        group="retention",
        deps=[dg.AssetDep("daily_mrr", partition_mapping=days_of(kind))],
        kinds=("pandas",),
        automation_condition=follows_its_days(),
        partitions_def=calendar.partitions_of(kind),
    )
    with settled_parameters():

        @dg.multi_asset(
            name=TABLES[kind], specs=[spec], backfill_policy=dg.BackfillPolicy.single_run()
        )
        def publish(
            context: dg.AssetExecutionContext,
            warehouse: dg.ResourceParam[WarehouseResource],
            policy: dg.ResourceParam[PolicyResource],
        ) -> dg.MaterializeResult:
            with plain_failures(context), warehouse.opened() as opened:
                rules = policy.load()
                periods = [calendar.period(kind, key) for key in context.partition_keys]
                links = Links(warehouse.settings.nrr_ui_url, context.run.run_id)
                published, problems = publish_periods(
                    opened, rules, periods, clock=utc_now, links=links
                )
                pages = _pages(opened, rules, published, warehouse.settings.nrr_ui_url)
                for report, metadata in zip(published, pages, strict=True):
                    _show(context, kind, report, metadata, is_alone=bool(problems))
                if problems:
                    raise RetentionNotComputableError("\n".join(problems))
            return dg.MaterializeResult()

    return publish


def _pages(
    warehouse: Warehouse, policy: MetricPolicy, published: Sequence[PeriodReport], ui_url: str
) -> list[Metadata]:
    """What the pages of periods show that were published together."""
    if not published:
        return []
    with warehouse.read() as connection:
        beside = surroundings(connection, policy, published)
    latest = max(report.period.period_start for report in published)
    return [
        period_published(
            report,
            beside,
            ui_url=ui_url,
            now=utc_now(),
            is_latest=report.period.period_start == latest,
        )
        for report in published
    ]


def _show(
    context: dg.AssetExecutionContext,
    kind: PeriodKind,
    report: PeriodReport,
    metadata: Metadata,
    *,
    is_alone: bool,
) -> None:
    """Put a period on the asset's page; ``is_alone`` when the step as a whole will fail."""
    table, key = TABLES[kind], key_of(report.period.period_start)
    if is_alone:
        context.log_event(dg.AssetMaterialization(table, partition=key, metadata=metadata))
    else:
        context.add_asset_metadata(metadata, table, key)
    for text in report.alerts:
        context.log.warning(text)
