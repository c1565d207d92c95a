"""The asset ``board_report``: a final month as it is put before a board, in files."""

import dagster as dg

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration import report_pages
from nrr_pipeline.orchestration.backlog import BOARD_REPORT
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import plain_failures
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.specs import Sheet, settled_parameters
from nrr_pipeline.orchestration.stages.report_files import ReportStore
from nrr_pipeline.orchestration.stages.reports import issue_report, write_report
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.transactions import Warehouse


class ReportsMissingError(NrrError):
    """Reports that were asked for could not be issued."""


def board_report_asset(sheet: Sheet, calendar: Calendar) -> dg.AssetsDefinition:
    """One partition per month; a month whose figures are not final yet is refused."""
    spec = sheet.spec(
        BOARD_REPORT,
        group="delivery",
        deps=[
            "monthly_nrr",
            "trailing_12_month_nrr",
            dg.AssetDep("quarterly_nrr", partition_mapping=_quarter_of_a_month()),
        ],
        kinds=("pdf", "excel"),
        partitions_def=calendar.months,
    )
    with settled_parameters():

        @dg.multi_asset(
            name=BOARD_REPORT, specs=[spec], backfill_policy=dg.BackfillPolicy.single_run()
        )
        def issue(
            context: dg.AssetExecutionContext,
            warehouse: dg.ResourceParam[WarehouseResource],
            policy: dg.ResourceParam[PolicyResource],
        ) -> dg.MaterializeResult:
            ui_url = warehouse.settings.nrr_ui_url
            problems: list[str] = []
            pages: dict[str, report_pages.Metadata] = {}
            with plain_failures(context), warehouse.opened() as opened:
                rules, store = policy.load(), ReportStore(warehouse.settings.reports)
                for key in context.partition_keys:
                    month = calendar.period(PeriodKind.MONTH, key)
                    try:
                        pages[key] = _issue(opened, rules, month, store, ui_url)
                    except NrrError as error:
                        problems.append(str(error))
                _show(context, pages, is_alone=bool(problems))
                if problems:
                    raise ReportsMissingError("\n".join(problems))
            return dg.MaterializeResult()

    return issue


def _quarter_of_a_month() -> dg.TimeWindowPartitionMapping:
    """The quarter that holds a month; in its first months it is not there yet."""
    with settled_parameters():
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def _issue(
    warehouse: Warehouse, policy: MetricPolicy, month: Period, store: ReportStore, ui_url: str
) -> report_pages.Metadata:
    """Issue the report of a month where that is due, and write the files that are missing."""
    issue = issue_report(warehouse, policy, month, ui_url=ui_url, clock=utc_now)
    files = write_report(warehouse, issue, store, clock=utc_now)
    return report_pages.issued(issue, files, store, ui_url)


def _show(
    context: dg.AssetExecutionContext, pages: dict[str, report_pages.Metadata], *, is_alone: bool
) -> None:
    """Put reports on the asset's page; ``is_alone`` when the step as a whole will fail."""
    for key, page in pages.items():
        if is_alone:
            context.log_event(dg.AssetMaterialization(BOARD_REPORT, partition=key, metadata=page))
        else:
            context.add_asset_metadata(page, BOARD_REPORT, key)
