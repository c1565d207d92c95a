"""What is checked of months, quarters and trailing years: that they add up, and what is low.

Who is told of a low figure is decided by alerts; here it is only shown.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS, WHOLE, Retention
from nrr_pipeline.metrics.money import format_ratio
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.markdown import Markup, link, listed, table
from nrr_pipeline.orchestration.partitions import Calendar, key_of
from nrr_pipeline.orchestration.resources import PolicyResource, WarehouseResource
from nrr_pipeline.orchestration.stages.explaining import figures_of
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.policy_sections import AlertPolicy
from nrr_pipeline.reporting.conditions import ALERTING
from nrr_pipeline.reporting.hidden_churn import hides_churn, is_full, limit_of
from nrr_pipeline.reporting.links import page_of
from nrr_pipeline.warehouse.reading import rows_in_force

NRR_CHECK = "nrr_at_least_100_percent"
CHURN_CHECK = "no_hidden_churn"
BRIDGE_CHECK = "bridge_balances"

LISTED = 12

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


@dataclass(frozen=True, slots=True)
class Final:
    """The whole of a final period that had something to retain."""

    period: Period
    figures: Retention

    @property
    def nrr(self) -> str:
        """NRR as readers see it."""
        row = self.figures
        return format_ratio(row.nrr_numerator, row.starting_mrr_micros, currency=row.currency)

    @property
    def lost(self) -> str:
        """How many customers left, and what share of them that is."""
        lost, had = self.figures.churned_customers, self.figures.starting_customers
        return f"{lost:,} of {had:,} customers left ({format_ratio(lost, had)})"


def period_checks(calendar: Calendar) -> list[dg.AssetChecksDefinition]:
    """Three checks of months and of quarters, two of trailing years."""
    return [
        *(_nrr_at_least_100_percent(calendar, kind) for kind in TABLES),
        *(_no_hidden_churn(calendar, kind) for kind in ALERTING),
        *(_bridge_balances(calendar, kind) for kind in TABLES),
    ]


def final_periods(rows: Sequence[Row], calendar: Calendar, kind: PeriodKind) -> list[Final]:
    """The final periods of a kind, oldest first, from the rows of the whole that are in force."""
    return [
        Final(calendar.period(kind, key_of(row["period_start"])), figures_of(row))
        for row in rows
        if row["is_final"] and row["nrr_denominator"]
    ]


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
        return judge_nrr(_read_final(warehouse, calendar, kind), warehouse.settings.nrr_ui_url)

    return nrr_at_least_100_percent


def judge_nrr(final: Sequence[Final], ui_url: str) -> dg.AssetCheckResult:
    """Hold the newest final period against 100 %, and list the other ones below it."""
    below = [each for each in final if not _is_full(each.figures)]

    def said(newest: Final) -> str:
        ending = ", below 100 %" if newest in below else ""
        return f"NRR of {newest.period.label} is {newest.nrr}{ending}"

    return _judged(final, below, said, "Earlier periods below 100 %", ui_url)


def _no_hidden_churn(calendar: Calendar, kind: PeriodKind) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=TABLES[kind],
        name=CHURN_CHECK,
        description="NRR of 100 % and more can hide that many customers left, while others pay "
        f"more. Warns when both hold of the newest final figure: the limit is "
        f"`alerts.hidden_churn_above.{kind.value}` of the policy.",
    )
    def no_hidden_churn(
        warehouse: dg.ResourceParam[WarehouseResource], policy: dg.ResourceParam[PolicyResource]
    ) -> dg.AssetCheckResult:
        final = _read_final(warehouse, calendar, kind)
        return judge_churn(final, kind, policy.load().alerts, warehouse.settings.nrr_ui_url)

    return no_hidden_churn


def judge_churn(
    final: Sequence[Final], kind: PeriodKind, rules: AlertPolicy, ui_url: str
) -> dg.AssetCheckResult:
    """Say whether the newest final period hides churn, and list the other ones that do."""
    limit = limit_of(rules.hidden_churn_above, kind)
    if limit is None:
        setting = f"alerts.hidden_churn_above.{kind.value}"
        return _passed(f"Not watched: {setting} is not set in the policy.")
    hiding = [each for each in final if hides_churn(rules, kind, asdict(each.figures))]

    def said(newest: Final) -> str:
        verdict = "hides it" if newest in hiding else "hides nothing"
        return (
            f"{newest.lost} in {newest.period.label}; NRR of {newest.nrr} {verdict}. The limit is "
            f"{format_ratio(limit.numerator, limit.denominator)} at an NRR of 100 % or more"
        )

    return _judged(final, hiding, said, "Earlier periods with hidden churn", ui_url)


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
        periods = {row["period_start"] for row in rows}
        metadata: dict[str, Any] = {"Rows checked": len(rows), "Periods checked": len(periods)}
        if broken:
            named = [
                f"{calendar.period(kind, key_of(row['period_start'])).label}: {what}"
                for row, what in broken[:LISTED]
            ]
            metadata["What does not add up"] = dg.MetadataValue.md(listed(named))
        return dg.AssetCheckResult(
            passed=not broken,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{len(broken)} identities are broken"
            if broken
            else "Everything adds up, in whole and by segment",
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


def _read_final(warehouse: WarehouseResource, calendar: Calendar, kind: PeriodKind) -> list[Final]:
    with warehouse.opened() as opened, opened.read() as connection:
        rows = rows_in_force(connection, TABLES[kind], dimension=WHOLE)
    return final_periods(rows, calendar, kind)


def _judged(
    final: Sequence[Final],
    failing: Sequence[Final],
    said: Callable[[Final], str],
    earlier: str,
    ui_url: str,
) -> dg.AssetCheckResult:
    """A warning where the newest period is among the failing ones.

    What is said stands in the description with the older ones below it: it is shown at once.
    """
    if not final:
        return _passed("No period with anything to retain is final yet.")
    newest = final[-1]
    older = [each for each in reversed(failing) if each is not newest][:LISTED]
    parts = [said(newest), *([f"{earlier}:", _listed(older, ui_url)] if older else [])]
    return dg.AssetCheckResult(
        passed=newest not in failing,
        severity=dg.AssetCheckSeverity.WARN,
        description="\n\n".join(parts),
        metadata={"Period": dg.MetadataValue.url(f"{ui_url}/{page_of(newest.period)}")},
    )


def _passed(why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, severity=dg.AssetCheckSeverity.WARN, description=why)


def _listed(periods: Sequence[Final], ui_url: str) -> Markup:
    lines = [
        (link(each.period.label, f"{ui_url}/{page_of(each.period)}"), each.nrr, each.lost)
        for each in periods
    ]
    return table(("Period", "NRR", "Customers"), lines, right=["NRR"])


def _is_full(row: Retention) -> bool:
    return is_full(row.nrr_numerator, row.starting_mrr_micros, row.currency)
