"""What is checked after every run and shown beside the assets. Nothing here blocks a figure.

Each check reads what is published now, so it says the same whichever partitions a run was for.
Those of months, quarters and trailing years stand in ``period_checks``.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.orchestration.markdown import Markup, listed, table
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline.orchestration.period_checks import period_checks
from nrr_pipeline.orchestration.resources import WarehouseResource
from nrr_pipeline.orchestration.stages.rates import MISSING_RATE
from nrr_pipeline.orchestration.stages.syncing import UNUSABLE_INPUT
from nrr_pipeline.warehouse.outbox import reasons, unsent
from nrr_pipeline.warehouse.quality import OpenFinding, open_findings

QUALITY_CHECK = "every_item_understood"
INPUT_CHECK = "every_row_can_be_used"
RATES_CHECK = "no_rate_is_missing"
DELIVERY_CHECK = "every_alert_delivered"

GIVEN = ("fx_rates", "customer_map", "attributes")
"""The assets of what users give."""

LISTED = 50
SAID = 3


def pipeline_checks(calendar: Calendar) -> list[dg.AssetChecksDefinition]:
    """The checks of the data, of what users give, and of the periods."""
    return [
        _every_item_understood(),
        *map(_list_can_be_used, GIVEN),
        _no_rate_is_missing(),
        *period_checks(calendar),
        _every_alert_delivered(),
    ]


def _every_alert_delivered() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="alerts",
        name=DELIVERY_CHECK,
        description="Every alert has reached Slack. One that has not is kept, says why, and is "
        "tried again.",
    )
    def every_alert_delivered(
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            left = unsent(connection)
        return dg.AssetCheckResult(
            passed=not left,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Not sent: {len(left)}\n\n{listed(reasons(left))}"
            if left
            else "Every alert was sent",
            metadata={"Not sent": len(left)},
        )

    return every_alert_delivered


def _every_item_understood() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="mrr_intervals",
        name=QUALITY_CHECK,
        description="Every object could be read and every item priced. What could not be is held "
        "out of the figures and named here; it is never counted as 0.",
    )
    def every_item_understood(
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            findings = open_findings(connection)
        errors = [each for each in findings if each.finding.severity == "error"]
        metadata: dict[str, Any] = {"Errors": len(errors), "Findings": len(findings)}
        if findings:
            first = sorted(findings, key=lambda each: each.finding.severity != "error")[:LISTED]
            metadata["First of them"] = dg.MetadataValue.md(_findings_table(first))
        return dg.AssetCheckResult(
            passed=not errors,
            severity=dg.AssetCheckSeverity.ERROR,
            description=_in_words("Errors that hold something out of the figures", errors)
            if errors
            else f"Everything is understood; notes: {len(findings)}",
            metadata=metadata,
        )

    return every_item_understood


def _list_can_be_used(asset: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name=INPUT_CHECK,
        description="Every row that you gave could be read. Of a file with a mistake nothing is "
        "used, what was known before stays; a wrong row entered by hand waits for its correction.",
    )
    def every_row_can_be_used(
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            findings = open_findings(connection, stage=asset)
        unusable = [each for each in findings if each.finding.check_name == UNUSABLE_INPUT]
        return _judged(unusable, "What cannot be used", "Everything that was given is used")

    return every_row_can_be_used


def _no_rate_is_missing() -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset="daily_mrr_totals",
        name=RATES_CHECK,
        description="Every published day has an exchange rate for every currency that needs one. "
        "Days without have figures in their own currencies only.",
    )
    def no_rate_is_missing(warehouse: dg.ResourceParam[WarehouseResource]) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            findings = open_findings(connection)
        missing = [each for each in findings if each.finding.check_name == MISSING_RATE]
        return _judged(missing, "Missing rates", "Every day has its rates")

    return no_rate_is_missing


def _judged(findings: Sequence[OpenFinding], wrong: str, fine: str) -> dg.AssetCheckResult:
    """The result of a check that fails for any findings."""
    are_errors = any(each.finding.severity == "error" for each in findings)
    severity = dg.AssetCheckSeverity.ERROR if are_errors else dg.AssetCheckSeverity.WARN
    shown = {"First of them": dg.MetadataValue.md(_findings_table(findings[:LISTED]))}
    return dg.AssetCheckResult(
        passed=not findings,
        severity=severity,
        description=_in_words(wrong, findings) if findings else fine,
        metadata=shown if findings else {},
    )


def _in_words(wrong: str, findings: Sequence[OpenFinding]) -> str:
    """How many findings there are, and the first of them: a description is shown at once."""
    first = (each.finding for each in findings[:SAID])
    named = listed(f"{each.object_id}: {each.detail}" for each in first)
    return f"{wrong}: {len(findings)}\n\n{named}"


def _findings_table(findings: Sequence[OpenFinding]) -> Markup:
    columns = ("Severity", "Rule", "Object", "What", "Amount")
    return table(columns, map(_finding_cells, findings), right=("Amount",))


def _finding_cells(each: OpenFinding) -> tuple[str, ...]:
    found = each.finding
    amount = ""
    if found.amount_micros is not None and found.currency is not None:
        amount = format_money(found.amount_micros, found.currency)
    rule = found.check_name.replace("_", " ")
    return (found.severity, rule, found.object_id, found.detail, amount)
