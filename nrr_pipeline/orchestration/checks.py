"""What is checked after every run and shown beside the assets. Nothing here blocks a figure.

Each check reads what is published now, so it says the same whichever partitions a run was for.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import dagster as dg

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS, WHOLE
from nrr_pipeline.metrics.money import format_money, format_ratio, is_rounding_shortfall
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.figures import percent
from nrr_pipeline.orchestration.partitions import Calendar, key_of
from nrr_pipeline.orchestration.resources import WarehouseResource
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.orchestration.stages.rates import MISSING_RATE
from nrr_pipeline.orchestration.stages.syncing import UNUSABLE_INPUT
from nrr_pipeline.warehouse.outbox import reasons, unsent
from nrr_pipeline.warehouse.quality import OpenFinding, open_findings
from nrr_pipeline.warehouse.reading import rows_in_force

NRR_CHECK = "nrr_at_least_100_percent"
BRIDGE_CHECK = "bridge_balances"
QUALITY_CHECK = "every_item_understood"
INPUT_CHECK = "every_row_can_be_used"
RATES_CHECK = "no_rate_is_missing"
DELIVERY_CHECK = "every_alert_delivered"

GIVEN = ("fx_rates", "customer_map", "attributes")
"""The assets of what users give."""

LISTED = 50

ADDITIVE = (
    *BRIDGE_AMOUNTS,
    "nrr_numerator",
    "grr_numerator",
    "starting_customers",
    "churned_customers",
    "ending_customers",
)
"""The figures whose segments add up to the whole."""

Row = Mapping[str, Any]


def pipeline_checks(calendar: Calendar) -> list[dg.AssetChecksDefinition]:
    """The checks of the data and of what users give, and two for each kind of period."""
    checks = [_every_item_understood(), *map(_list_can_be_used, GIVEN), _no_rate_is_missing()]
    checks.append(_every_alert_delivered())
    for kind in TABLES:
        checks += [_nrr_at_least_100_percent(calendar, kind), _bridge_balances(calendar, kind)]
    return checks


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
        said = "\n".join(reasons(left))
        return dg.AssetCheckResult(
            passed=not left,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"Not sent: {len(left)}. {said}" if left else "Every alert was sent",
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
            listed = sorted(findings, key=lambda each: each.finding.severity != "error")[:LISTED]
            metadata["First of them"] = dg.MetadataValue.md(_findings_table(listed))
        return dg.AssetCheckResult(
            passed=not errors,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"Errors that hold something out of the figures: {len(errors)}"
            if errors
            else f"Everything is understood; {len(findings)} notes",
            metadata=metadata,
        )

    return every_item_understood


def _list_can_be_used(table: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=table,
        name=INPUT_CHECK,
        description="Every row that you gave could be read. Of a file with a mistake nothing is "
        "used, what was known before stays; a wrong row entered by hand waits for its correction.",
    )
    def every_row_can_be_used(
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            findings = open_findings(connection, stage=table)
        unusable = [each for each in findings if each.finding.check_name == UNUSABLE_INPUT]
        return _listed(unusable, "Everything that was given is used")

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
        return _listed(missing, "Every day has its rates")

    return no_rate_is_missing


def _listed(findings: Sequence[OpenFinding], fine: str) -> dg.AssetCheckResult:
    """The result of a check that fails for some findings."""
    are_errors = any(each.finding.severity == "error" for each in findings)
    severity = dg.AssetCheckSeverity.ERROR if are_errors else dg.AssetCheckSeverity.WARN
    table = {"First of them": dg.MetadataValue.md(_findings_table(findings[:LISTED]))}
    return dg.AssetCheckResult(
        passed=not findings,
        severity=severity,
        description=findings[0].finding.detail if findings else fine,
        metadata=table if findings else {},
    )


def _nrr_at_least_100_percent(calendar: Calendar, kind: PeriodKind) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=TABLES[kind],
        name=NRR_CHECK,
        description="The newest final figure is 100 % or more: existing customers alone make the "
        "business grow. A warning, not an error: the figure is right, and it is low.",
    )
    def nrr_at_least_100_percent(
        warehouse: dg.ResourceParam[WarehouseResource],
    ) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            rows = rows_in_force(connection, TABLES[kind], dimension=WHOLE)
        return judge_nrr(rows, calendar, kind)

    return nrr_at_least_100_percent


def judge_nrr(rows: Sequence[Row], calendar: Calendar, kind: PeriodKind) -> dg.AssetCheckResult:
    """Hold the newest final period against 100 %, and list the other final ones below it.

    Args:
        rows: The whole of each period in force, oldest first.
        calendar: Names the periods.
        kind: Of the periods.
    """
    final = [row for row in rows if row["is_final"] and row["nrr_denominator"]]
    if not final:
        return dg.AssetCheckResult(
            passed=True,
            severity=dg.AssetCheckSeverity.WARN,
            description="No period with anything to retain is final yet.",
        )
    newest, below = final[-1], [row for row in final if _is_below(row)]
    older = [row for row in below if row is not newest]
    metadata: dict[str, Any] = {
        "Period": _label(newest, calendar, kind),
        "NRR %": percent(newest["nrr_numerator"], newest["nrr_denominator"], newest["currency"]),
    }
    if older:
        names = [f"{_label(row, calendar, kind)} {_nrr(row)}" for row in reversed(older)]
        metadata["Earlier periods below 100 %"] = "; ".join(names)
    return dg.AssetCheckResult(
        passed=newest not in below,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"NRR of {_label(newest, calendar, kind)} is {_nrr(newest)}"
        + (", below 100 %" if newest in below else ""),
        metadata=metadata,
    )


def _bridge_balances(calendar: Calendar, kind: PeriodKind) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=TABLES[kind],
        name=BRIDGE_CHECK,
        description="In every published period, starting MRR and its movements give exactly the "
        "ending MRR, and the segments of every dimension add up to the whole, to the micro.",
    )
    def bridge_balances(warehouse: dg.ResourceParam[WarehouseResource]) -> dg.AssetCheckResult:
        with warehouse.opened() as opened, opened.read() as connection:
            rows = rows_in_force(connection, TABLES[kind])
        broken = broken_identities(rows)
        metadata: dict[str, Any] = {"Rows checked": len(rows)}
        if broken:
            named = [f"- {_label(row, calendar, kind)}: {what}" for row, what in broken[:LISTED]]
            metadata["What does not add up"] = dg.MetadataValue.md("\n".join(named))
        return dg.AssetCheckResult(
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{len(broken)} identities are broken" if broken else "Everything adds up",
            metadata=metadata,
        )

    return bridge_balances


def broken_identities(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """Every row that does not add up in itself, and every dimension that misses the whole."""
    broken = [(row, what) for row in rows for what in _broken_in(row)]
    wholes = {row["period_start"]: row for row in rows if row["dimension"] == WHOLE}
    sums: dict[tuple[Any, str], dict[str, int]] = {}
    for row in rows:
        if row["dimension"] != WHOLE:
            key = (row["period_start"], row["dimension"])
            totals = sums.setdefault(key, dict.fromkeys(ADDITIVE, 0))
            for name in ADDITIVE:
                totals[name] += row[name]
    for (period_start, dimension), totals in sums.items():
        whole = wholes[period_start]
        broken += [
            (whole, f"{name} by {dimension} is {total}, the whole is {whole[name]}")
            for name, total in totals.items()
            if total != whole[name]
        ]
    return broken


def _broken_in(row: Row) -> list[str]:
    where = f"{row['dimension']} {row['segment']}"
    kept = row["starting_mrr_micros"] - row["contraction_micros"] - row["churned_mrr_micros"]
    grown = kept + row["expansion_micros"]
    ending = grown + row["new_business_micros"] + row["reactivation_micros"] + row["fx_micros"]
    identities = {
        f"{where}: the bridge": ending == row["ending_mrr_micros"],
        f"{where}: NRR by parts": grown == row["nrr_numerator"],
        f"{where}: GRR by parts": kept == row["grr_numerator"],
    }
    return [name for name, holds in identities.items() if not holds]


def _is_below(row: Row) -> bool:
    numerator, denominator = row["nrr_numerator"], row["nrr_denominator"]
    if is_rounding_shortfall(numerator, denominator, row["currency"]):
        return False
    return Fraction(numerator, denominator) < 1


def _nrr(row: Row) -> str:
    return format_ratio(row["nrr_numerator"], row["nrr_denominator"], currency=row["currency"])


def _label(row: Row, calendar: Calendar, kind: PeriodKind) -> str:
    return calendar.period(kind, key_of(row["period_start"])).label


def _findings_table(findings: Sequence[OpenFinding]) -> str:
    lines = ["| Severity | Rule | Object | What | Amount |", "| --- | --- | --- | --- | --- |"]
    for each in findings:
        found = each.finding
        amount = ""
        if found.amount_micros is not None and found.currency is not None:
            amount = format_money(found.amount_micros, found.currency)
        detail = found.detail.replace("|", "/").replace("\n", " ")
        lines.append(
            f"| {found.severity} | {found.check_name} | {found.object_id} | {detail} | {amount} |"
        )
    return "\n".join(lines)
