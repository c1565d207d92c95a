"""The assets of what users give: exchange rates, joined customers, attributes."""

from collections.abc import Callable, Sequence

import dagster as dg

from nrr_pipeline.orchestration import figures
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.specs import Sheet
from nrr_pipeline.orchestration.stages.inputs import (
    InputReport,
    sync_attributes,
    sync_customer_map,
    sync_fx_rates,
)
from nrr_pipeline.warehouse.given import rates_of_day
from nrr_pipeline.warehouse.reading import reach
from nrr_pipeline.warehouse.sizes import row_count

Sync = Callable[..., InputReport]


def input_assets(sheet: Sheet) -> list[dg.AssetsDefinition]:
    """One asset per list. Rates come after pricing: only then it is known which are needed."""
    return [
        _given_list(sheet, "customer_map", sync_customer_map, deps=["stripe_customers"]),
        _given_list(sheet, "attributes", sync_attributes, deps=["subscription_history"]),
        _given_list(sheet, "fx_rates", sync_fx_rates, deps=["mrr_intervals"]),
    ]


def _given_list(
    sheet: Sheet, table: str, sync: Sync, deps: Sequence[str] = ()
) -> dg.AssetsDefinition:
    @dg.multi_asset(name=table, specs=[sheet.spec(table, group="mrr", deps=deps, kinds=("csv",))])
    def given_list(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
    ) -> dg.MaterializeResult:
        with plain_failures(context), warehouse.opened() as opened:
            report = sync(opened, policy.load(), clock=utc_now)
            with opened.read() as connection:
                rows = row_count(connection, table)
                last_day = reach(connection).last_published_day
                rates = rates_of_day(connection, last_day) if last_day is not None else {}
        for problem in report.problems:
            context.log.warning(problem)
        metadata = figures.input_read(report, rows)
        if table == "fx_rates" and last_day is not None:
            metadata |= figures.newest_rates(rates, last_day)
        return dg.MaterializeResult(metadata=metadata)

    return given_list
