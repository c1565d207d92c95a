"""Whether a published period raises an alert, and what the alert says. Delivery is not here."""

from dataclasses import dataclass, replace
from fractions import Fraction

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.money import format_money, format_ratio, is_rounding_shortfall
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import account, alerts
from nrr_pipeline.warehouse.transactions import WriteTransaction

ALERTING = (PeriodKind.MONTH, PeriodKind.QUARTER)
"""The kinds of periods whose NRR can raise an alert."""

TROUBLE_BELOW = Fraction(4, 5)


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """What publishing a period did."""

    period: Period
    edition: int
    is_new_edition: bool
    is_final: bool
    is_historical: bool
    rows: tuple[Retention, ...]
    alert_text: str | None
    held_out: tuple[str, ...]

    @property
    def whole(self) -> Retention:
        """The row for all customers."""
        return self.rows[0]


def with_alert(
    tx: WriteTransaction,
    policy: MetricPolicy,
    report: PeriodReport,
    facts: account.ConnectionFacts,
) -> PeriodReport:
    """Keep an alert when a final figure is below the threshold; each speaks once."""
    nrr, threshold = report.whole.nrr, policy.alerts.nrr_below
    if nrr is None or nrr >= threshold or not _may_alert(report, facts):
        return report
    whole = report.whole
    if threshold == 1 and is_rounding_shortfall(
        whole.nrr_numerator, whole.starting_mrr_micros, whole.currency
    ):
        return report
    text = _alert_text(report, threshold)
    period = report.period
    is_new = alerts.raise_alert(
        tx,
        {
            "alert_key": f"nrr:{period.kind}:{period.period_start}:{WHOLE}:{WHOLE}:{threshold}",
            "kind": "raised",
            "metric": "nrr",
            "period": period.kind.value,
            "period_start": period.period_start,
            "dimension": WHOLE,
            "segment": WHOLE,
            "edition": report.edition,
            "threshold": float(threshold),
            "value": float(nrr),
            "severity": "critical" if nrr < TROUBLE_BELOW else "warning",
            "text": text,
        },
    )
    return replace(report, alert_text=text) if is_new else report


def _may_alert(report: PeriodReport, facts: account.ConnectionFacts) -> bool:
    """Final months and quarters; of those before the first connection only the latest."""
    if not report.is_final or report.period.kind not in ALERTING:
        return False
    return not report.is_historical or (
        facts.connected_through is not None
        and report.period.next.closing_date > facts.connected_through
    )


def _alert_text(report: PeriodReport, threshold: Fraction) -> str:
    """What an alert says: the figure and its parts, so that they add up."""
    whole = report.whole
    money = [
        format_money(micros, whole.currency)
        for micros in (
            whole.starting_mrr_micros,
            whole.expansion_micros,
            whole.contraction_micros,
            whole.churned_mrr_micros,
        )
    ]
    nrr = format_ratio(whole.nrr_numerator, whole.starting_mrr_micros, currency=whole.currency)
    limit = format_ratio(threshold.numerator, threshold.denominator).replace(".0 %", " %")
    churned = format_ratio(whole.churned_customers, whole.starting_customers)
    return (
        f"NRR of {report.period.label} is {nrr}, below {limit}. Of {money[0]} at opening, "
        f"customers added {money[1]}, cut {money[2]} and took {money[3]} away by leaving. "
        f"{whole.churned_customers} of {whole.starting_customers} customers left ({churned})."
    )
