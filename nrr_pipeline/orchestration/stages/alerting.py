"""Whether a published period raises, restates or recovers an alert. Delivery is not here.

The limits are held against the figures in ``reporting.conditions``; here it is decided which of
them speak, and their rows are kept with the publication, in the same transaction.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.retention import Measurement
from nrr_pipeline.orchestration.stages.explaining import explain, figures_of
from nrr_pipeline.orchestration.stages.measuring import Basis
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.alert import GOOD_NEWS, Kind, Occasion, Setting, alert_message
from nrr_pipeline.reporting.conditions import ALERTING, Metric, verdicts
from nrr_pipeline.reporting.explanation import PeriodExplanation, Restated
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.reporting.message import Message
from nrr_pipeline.warehouse import account, alerts
from nrr_pipeline.warehouse.reading import (
    TABLE_OF_PERIOD,
    reach,
    restatements_of_period,
    rows_in_force,
)
from nrr_pipeline.warehouse.retention import FIRST
from nrr_pipeline.warehouse.transactions import WriteTransaction


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """What publishing a period did; ``alerts`` are the texts of those that it raised."""

    period: Period
    edition: int
    is_new_edition: bool
    is_final: bool
    is_historical: bool
    rows: tuple[Retention, ...]
    held_out: tuple[str, ...]
    alerts: tuple[str, ...] = ()

    @property
    def whole(self) -> Retention:
        """The row for all customers."""
        return self.rows[0]


@dataclass(frozen=True, slots=True)
class Measured:
    """A period's customers, and what they were measured from."""

    measurement: Measurement
    basis: Basis


def with_alerts(
    tx: WriteTransaction,
    policy: MetricPolicy,
    report: PeriodReport,
    facts: account.ConnectionFacts,
    measured: Measured,
    links: Links,
) -> PeriodReport:
    """Keep the alerts that a newly published final edition calls for; each speaks once.

    Args:
        tx: The transaction that published it.
        policy: The limits.
        report: What was published.
        facts: When the account was connected.
        measured: The customers behind the figures.
        links: Where the alerts lead.
    """
    if not report.is_new_edition or not _may_alert(report, facts):
        return report
    occasions = list(_occasions(tx, policy, report))
    if not occasions:
        return report
    explained = explain(
        tx.connection,
        policy,
        report.period,
        measurement=measured.measurement,
        basis=measured.basis,
        names_shown=policy.alerts.customer_names,
    )
    observed_at = reach(tx.connection).observed_at
    setting = Setting(links, observed_at, policy.company_size.bands)
    raised: list[str] = []
    for occasion in occasions:
        part = _within(tx, explained, measured.measurement, occasion.verdict.row)
        message = alert_message(occasion, part, setting)
        if alerts.raise_alert(tx, _row(report, occasion, message, links.run_id)):
            raised.append(message.text)
    return replace(report, alerts=tuple(raised))


def _may_alert(report: PeriodReport, facts: account.ConnectionFacts) -> bool:
    """Final months and quarters; of those before the first connection only the latest."""
    if not report.is_final or report.period.kind not in ALERTING:
        return False
    return not report.is_historical or (
        facts.connected_through is not None
        and report.period.next.closing_date > facts.connected_through
    )


def _occasions(
    tx: WriteTransaction, policy: MetricPolicy, report: PeriodReport
) -> Iterator[Occasion]:
    """What the first edition raises or recovers, and what a later one turns."""
    kind, previous = report.period.kind, report.period.previous
    before = _final_rows(tx, previous)
    now = verdicts(policy.alerts, kind, report.rows, before)
    if report.edition == FIRST:
        was_healthy = {
            key for key, was in verdicts(policy.alerts, kind, before, ()).items() if was.is_healthy
        }
        stood = _standing(tx, previous) - was_healthy
        for verdict in now.values():
            if verdict.is_raised:
                yield Occasion(Kind.RAISED, verdict)
            elif verdict.is_healthy and verdict.key in stood:
                yield Occasion(Kind.RECOVERED, verdict)
        return
    replaced = _final_rows(tx, report.period, before_this=True)
    earlier = verdicts(policy.alerts, kind, replaced, before)
    had = {row.dimension for row in replaced}
    for key in [*now, *(key for key in earlier if key not in now)]:
        was = earlier.get(key)
        verdict = now.get(key) or earlier[key].gone
        turned = verdict.is_raised != (was is not None and was.is_raised)
        if turned and verdict.row.dimension in had:
            yield Occasion(Kind.RESTATED, verdict, was)


def _standing(tx: WriteTransaction, period: Period) -> set[tuple[Metric, str, str]]:
    """What was last said to be beyond its limit in a period; a drop is over with its period."""
    last: dict[tuple[Metric, str, str], str] = {}
    for row in alerts.alerts(tx.connection):
        is_mine = (row["period"], row["period_start"]) == (period.kind, period.period_start)
        if is_mine and row["kind"] in {Kind.RAISED, Kind.RESTATED} and row["metric"] in set(Metric):
            key = Metric(row["metric"]), row["dimension"], row["segment"]
            last[key] = row["severity"]
    return {
        key
        for key, severity in last.items()
        if severity != GOOD_NEWS and key[0] is not Metric.NRR_DROP
    }


def _final_rows(
    tx: WriteTransaction, period: Period, *, before_this: bool = False
) -> list[Retention]:
    """The final figures of a period in force, or those that this transaction replaces."""
    rows = rows_in_force(
        tx.connection,
        TABLE_OF_PERIOD[period.kind],
        period_start=period.period_start,
        known_at=tx.known_at - timedelta(microseconds=1) if before_this else None,
    )
    return [figures_of(row) for row in rows if row["is_final"]]


_ENDINGS = {Kind.RAISED: "", Kind.RESTATED: ":edition-{}", Kind.RECOVERED: ":recovered"}


def _row(
    report: PeriodReport, occasion: Occasion, message: Message, run_id: str | None
) -> dict[str, Any]:
    verdict, period = occasion.verdict, report.period
    row = verdict.row
    about = (verdict.metric, period.kind, period.period_start, row.dimension, row.segment)
    ending = _ENDINGS[occasion.kind].format(report.edition)
    return {
        "alert_key": ":".join(map(str, (*about, verdict.threshold))) + ending,
        "kind": occasion.kind.value,
        "metric": verdict.metric.value,
        "period": period.kind.value,
        "period_start": period.period_start,
        "dimension": row.dimension,
        "segment": row.segment,
        "edition": report.edition,
        "threshold": float(verdict.threshold),
        "value": None if verdict.value is None else float(verdict.value),
        "severity": occasion.severity,
        "text": message.text,
        "blocks": json.dumps(message.blocks, ensure_ascii=False),
        "run_id": run_id,
    }


def _within(
    tx: WriteTransaction, explained: PeriodExplanation, measurement: Measurement, row: Retention
) -> PeriodExplanation:
    """The explanation of one segment alone, as if it were the whole."""
    if row.dimension == WHOLE:
        return explained
    customers = measurement.customers
    members = set(customers["account_id"][customers[row.dimension] == row.segment])
    mine = (row.dimension, row.segment)
    restated = restatements_of_period(
        tx.connection,
        TABLE_OF_PERIOD[explained.period.kind],
        explained.period.period_start,
        row.dimension,
    )
    names = [field.name for field in fields(Restated)]
    return replace(
        explained,
        rows=(row,),
        before=tuple(each for each in explained.before if (each.dimension, each.segment) == mine),
        moves=tuple(each for each in explained.moves if each.account_id in members),
        effects={},
        restated=tuple(
            Restated(**{name: each[name] for name in names})
            for each in restated
            if each["segment"] == row.segment
        ),
    )
