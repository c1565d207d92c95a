"""The assets of days: ``daily_mrr`` by day, and the totals and movements that follow it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import dagster as dg

from nrr_pipeline.orchestration import figures
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.partitions import Calendar, day_of, key_of
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.specs import Sheet, settled_parameters
from nrr_pipeline.orchestration.stages.daily import (
    DayFigures,
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.daily import published_days
from nrr_pipeline.warehouse.knowledge import changed_from_since, latest_known_at
from nrr_pipeline.warehouse.sizes import row_count
from nrr_pipeline.warehouse.transactions import Warehouse

DAYS_PER_RUN = 100
"""How many days a backfill puts into one run: a failure costs at most so many."""

LOOK_BACK = timedelta(days=400)
"""How far back a correction is announced to the periods above it."""

DAILY_MRR = dg.AssetKey("daily_mrr")

FOLLOWED = ("daily_mrr", "fx_rates")
"""What totals and movements follow."""


def daily_assets(sheet: Sheet, calendar: Calendar) -> list[dg.AssetsDefinition]:
    """Days, their totals and their movements."""
    return [_daily_mrr(sheet, calendar), _daily_mrr_totals(sheet), _mrr_movements(sheet)]


def announced_through(instance: dg.DagsterInstance) -> datetime | None:
    """Up to when what was learned is part of the days as they are recorded in the instance."""
    event = instance.get_latest_materialization_event(DAILY_MRR)
    materialization = event.asset_materialization if event else None
    known_at = materialization.metadata.get(figures.KNOWN_AT) if materialization else None
    return datetime.fromisoformat(str(known_at.value)) if known_at else None


def corrected_days(
    warehouse: Warehouse, after: datetime | None, spare: Iterable[date]
) -> list[date]:
    """Published days that something learned after a time can have changed, but for ``spare``."""
    if after is None:
        return []
    with warehouse.read() as connection:
        changed_from = changed_from_since(connection, after)
        if changed_from is None:
            return []
        published = published_days(connection)
    first = max(changed_from, published[-1] - LOOK_BACK) if published else changed_from
    return sorted({day for day in published if day >= first} - set(spare))


def _daily_mrr(sheet: Sheet, calendar: Calendar) -> dg.AssetsDefinition:
    spec = sheet.spec(
        "daily_mrr",
        group="mrr",
        deps=["mrr_intervals"],
        kinds=("pandas",),
        partitions_def=calendar.days,
    )
    with settled_parameters():

        @dg.multi_asset(
            name="daily_mrr",
            specs=[spec],
            backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        )
        def daily_mrr(
            context: dg.AssetExecutionContext,
            warehouse: dg.ResourceParam[WarehouseResource],
            policy: dg.ResourceParam[PolicyResource],
        ) -> dg.MaterializeResult:
            days = [day_of(key) for key in context.partition_keys]
            announced = announced_through(context.instance)
            with plain_failures(context), warehouse.opened() as opened:
                rules = policy.load()
                corrected = corrected_days(opened, announced, days)
                metadata = _publish(opened, rules, [*corrected, *days])
            for day in days:
                context.add_asset_metadata(metadata[day], DAILY_MRR, key_of(day))
            for day in corrected:
                context.log_event(
                    dg.AssetMaterialization(
                        DAILY_MRR, partition=key_of(day), metadata=metadata[day]
                    )
                )
            return dg.MaterializeResult()

    return daily_mrr


def _publish(
    warehouse: Warehouse, policy: MetricPolicy, days: list[date]
) -> dict[date, figures.Metadata]:
    with warehouse.read() as connection:
        known_at = latest_known_at(connection) or utc_now()
    by_day: defaultdict[date, list[DayFigures]] = defaultdict(list)
    for each in publish_days(warehouse, policy, days, clock=utc_now):
        by_day[each.as_of_date].append(each)
    return {day: figures.day_published(by_day[day], known_at) for day in days}


def _daily_mrr_totals(sheet: Sheet) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="daily_mrr_totals",
        specs=[sheet.spec("daily_mrr_totals", group="mrr", deps=FOLLOWED, kinds=("pandas",))],
    )
    def daily_mrr_totals(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.MaterializeResult:
        with plain_failures(context), warehouse.opened() as opened:
            days = refresh_totals(opened, policy.load(), clock=utc_now)
            with opened.read() as connection:
                rows = row_count(connection, "daily_mrr_totals")
        return dg.MaterializeResult(metadata=figures.rows_refreshed(days, rows))

    return daily_mrr_totals


def _mrr_movements(sheet: Sheet) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="mrr_movements",
        specs=[sheet.spec("mrr_movements", group="mrr", deps=FOLLOWED, kinds=("pandas",))],
    )
    def mrr_movements(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.MaterializeResult:
        with plain_failures(context), warehouse.opened() as opened:
            days = refresh_movements(opened, policy.load(), clock=utc_now)
            with opened.read() as connection:
                rows = row_count(connection, "mrr_movements")
        return dg.MaterializeResult(metadata=figures.rows_refreshed(days, rows))

    return mrr_movements
