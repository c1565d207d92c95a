"""The asset group ``delivery``: alerts, sent from the table that keeps them."""

import time

import dagster as dg

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.orchestration import alerts_shown
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import ATTENDED_TAG, plain_failures
from nrr_pipeline.orchestration.resources import (
    Narrator,
    PolicyResource,
    SlackResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.specs import Sheet
from nrr_pipeline.orchestration.stages.alert_chart import chart_of
from nrr_pipeline.orchestration.stages.delivery import NOT_CONFIGURED, DeliveryReport, deliver
from nrr_pipeline.orchestration.stages.digests import raise_digests
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.transactions import Warehouse

ALERTS = dg.AssetKey("alerts")


def delivery_assets(sheet: Sheet) -> list[dg.AssetsDefinition]:
    """Everything that leaves the house by itself."""
    return [_alerts(sheet)]


def _alerts(sheet: Sheet) -> dg.AssetsDefinition:
    deps = ["monthly_nrr", "quarterly_nrr"]
    spec = sheet.spec("alerts", group="delivery", deps=deps, kinds=("slack",))

    @dg.multi_asset(name="alerts", specs=[spec])
    def send_alerts(
        context: dg.AssetExecutionContext,
        warehouse: dg.ResourceParam[WarehouseResource],
        policy: dg.ResourceParam[PolicyResource],
        slack: dg.ResourceParam[SlackResource],
        narrator: dg.ResourceParam[Narrator],
    ) -> dg.MaterializeResult:
        with plain_failures(context), warehouse.opened() as opened:
            rules = policy.load()
            try:
                links = Links(warehouse.settings.nrr_ui_url, context.run.run_id)
                raise_digests(opened, rules, links, utc_now)
            finally:
                report = _deliver(context, opened, rules, slack, narrator)
            with opened.read() as connection:
                rows = alerts(connection)
        if report.problem is not None:
            context.log.warning(report.problem)
        ui_url = warehouse.settings.nrr_ui_url
        return dg.MaterializeResult(
            metadata=alerts_shown.delivered(report, rows, ui_url, utc_now())
        )

    return send_alerts


def _deliver(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    policy: MetricPolicy,
    slack: SlackResource,
    narrator: Narrator,
) -> DeliveryReport:
    """Send what is due; all that is not sent while somebody waits for it at a terminal."""
    why_not = NOT_CONFIGURED
    try:
        sender = slack.sender()
    except SettingsError as error:
        sender, why_not = None, str(error)
    return deliver(
        warehouse,
        sender,
        clock=utc_now,
        sleep=time.sleep,
        say=lambda line: narrator.say(context, line),
        why_not=why_not,
        at_once=ATTENDED_TAG in context.run.tags,
        chart=lambda connection, row: chart_of(connection, policy, row),
    )
