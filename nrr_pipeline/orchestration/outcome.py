"""What a run of the pipeline changed: the difference between before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.stages.accounts import EXCLUDED
from nrr_pipeline.orchestration.stages.digests import DIGEST
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.orchestration.stages.rates import MISSING_RATE
from nrr_pipeline.orchestration.stages.syncing import UNUSABLE_INPUT
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.board_report import IssuedReport, reports
from nrr_pipeline.warehouse.daily import published_days
from nrr_pipeline.warehouse.outbox import headline, reasons, unsent_alerts
from nrr_pipeline.warehouse.quality import Finding, OpenFinding, open_findings
from nrr_pipeline.warehouse.reading import reach
from nrr_pipeline.warehouse.retention import PublishedPeriod, published_periods
from nrr_pipeline.warehouse.transactions import Warehouse

STOPPING = frozenset({MISSING_RATE, UNUSABLE_INPUT})
"""Findings for which figures, or a list that you gave, are not published or used."""


@dataclass(frozen=True, slots=True)
class NewEdition:
    """A period that was published or replaced; edition 0 is provisional."""

    period: Period
    edition: int
    is_final: bool
    is_historical: bool


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What a run did, and how the installation stands after it.

    ``problems`` say which figures could not be published, and why; ``unsent`` why alerts that are
    kept could not be sent, each reason once.
    """

    days: tuple[date, ...]
    periods: tuple[NewEdition, ...]
    reports: tuple[IssuedReport, ...]
    alerts: tuple[str, ...]
    findings: tuple[OpenFinding, ...]
    as_of: datetime | None
    last_published_day: date | None
    problems: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()

    @property
    def excluded(self) -> list[Finding]:
        """Whom the policy leaves out."""
        return [each.finding for each in self.findings if each.finding.check_name == EXCLUDED]

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing was published or sent."""
        return not (self.days or self.periods or self.reports or self.alerts or self.sent)


@dataclass(frozen=True)
class Standing:
    """What is published at one moment."""

    days: frozenset[date]
    periods: dict[PeriodKind, dict[date, PublishedPeriod]]
    reports: tuple[IssuedReport, ...]
    alerts: dict[str, dict[str, Any]]
    findings: tuple[OpenFinding, ...]
    as_of: datetime | None


def standing(warehouse: Warehouse) -> Standing:
    """Read what is published."""
    with warehouse.read() as connection:
        return Standing(
            days=frozenset(published_days(connection)),
            periods={
                kind: {each.period_start: each for each in published_periods(connection, table)}
                for kind, table in TABLES.items()
            },
            reports=tuple(reports(connection)),
            alerts={row["alert_key"]: row for row in alerts(connection)},
            findings=tuple(open_findings(connection)),
            as_of=reach(connection).observed_at,
        )


def outcome(
    before: Standing, after: Standing, policy: MetricPolicy, problems: Sequence[str] = ()
) -> RunOutcome:
    """What came between two moments, and which periods could not be measured."""
    left = unsent_alerts(after.alerts.values())
    unusable = [
        each.finding.detail
        for each in after.findings
        if each.finding.severity == "error" and each.finding.check_name in STOPPING
    ]
    return RunOutcome(
        days=tuple(sorted(after.days - before.days)),
        periods=tuple(
            NewEdition(
                Period.of(kind, start, fiscal_year_start_month=policy.fiscal_year_start_month),
                each.edition,
                each.is_final,
                each.is_historical,
            )
            for kind, published in after.periods.items()
            for start, each in sorted(published.items())
            if before.periods[kind].get(start) != each
        ),
        reports=tuple(each for each in after.reports if each not in before.reports),
        alerts=tuple(
            row["text"]
            for key, row in after.alerts.items()
            if key not in before.alerts and row["kind"] != DIGEST
        ),
        findings=after.findings,
        as_of=after.as_of,
        last_published_day=max(after.days, default=None),
        problems=(*unusable, *problems),
        sent=tuple(
            headline(row)
            for key, row in after.alerts.items()
            if row["delivered_at"] is not None
            and (key not in before.alerts or before.alerts[key]["delivered_at"] is None)
        ),
        kept=tuple(map(headline, left)),
        unsent=tuple(reasons(left)),
    )
