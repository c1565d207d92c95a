"""Which figures of a period call for an alert: the limits of the policy, compared exactly.

Whether an alert is raised, restated or recovered depends on what was published before, and is
decided in ``orchestration.stages.alerting``; what it says, in ``alert``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from fractions import Fraction

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.policy_sections import AlertPolicy
from nrr_pipeline.reporting.hidden_churn import hides_churn, is_full, limit_of

ALERTING = (PeriodKind.MONTH, PeriodKind.QUARTER)
"""The kinds of periods that can raise an alert."""

TROUBLE_BELOW = Fraction(4, 5)
"""NRR below which an alert is critical, not a warning."""


class Metric(StrEnum):
    """What an alert is about, as the table ``alerts`` names it."""

    NRR = "nrr"
    NRR_DROP = "nrr_drop"
    LOGO_CHURN = "logo_churn"
    HIDDEN_CHURN = "hidden_churn"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure of a period, whole or segment, held against its limit.

    Attributes:
        metric: Which figure.
        row: Where it was read.
        value: The figure: NRR, the share of customers lost, or by how much NRR fell; a fraction.
            ``None`` where a later edition has nothing left to retain.
        threshold: The limit, a fraction as well: five points are 1/20.
        is_raised: Whether it calls for an alert.
        is_healthy: Whether it stands on the good side of its limit. Neither is true of a figure
            beyond its limit that another alert speaks of.
    """

    metric: Metric
    row: Retention
    value: Fraction | None
    threshold: Fraction
    is_raised: bool
    is_healthy: bool

    @property
    def key(self) -> tuple[Metric, str, str]:
        """What identifies the condition within a period."""
        return self.metric, self.row.dimension, self.row.segment

    @property
    def gone(self) -> "Verdict":
        """The same after an edition in which there is nothing to retain, or no such segment."""
        return replace(self, value=None, is_raised=False, is_healthy=False)

    @property
    def severity(self) -> str:
        """``critical`` below 80 % of NRR, else ``warning``."""
        nrr = self.row.nrr
        return "critical" if nrr is not None and nrr < TROUBLE_BELOW else "warning"


def verdicts(
    rules: AlertPolicy, kind: PeriodKind, rows: Sequence[Retention], before: Sequence[Retention]
) -> dict[tuple[Metric, str, str], Verdict]:
    """Hold the whole and every watched segment of a period against the limits in force.

    A row without anything to retain, or a segment without customers, has no verdict.

    Args:
        rules: The limits.
        kind: Of the period.
        rows: Its figures.
        before: Those of the period before where they are final; without them nothing can drop.
    """
    had = {(row.dimension, row.segment): row for row in before}
    listed = {(row.dimension, row.segment): row for row in rows}
    return {
        verdict.key: verdict
        for watched in watched_segments(rules)
        if (row := listed.get(watched)) is not None and row.starting_mrr_micros > 0
        for verdict in _of_row(rules, kind, row, had.get(watched))
    }


def watched_segments(rules: AlertPolicy) -> list[tuple[str, str]]:
    """Dimension and segment of everything that is watched, the whole first."""
    watched = [(WHOLE, WHOLE)]
    for name in rules.watch:
        dimension, _, segment = name.partition(":")
        watched.append((dimension, segment))
    return list(dict.fromkeys(watched))


def _of_row(
    rules: AlertPolicy, kind: PeriodKind, row: Retention, before: Retention | None
) -> Iterator[Verdict]:
    nrr, churn = row.nrr, row.logo_churn
    if nrr is None or churn is None:
        return
    is_rounding = rules.nrr_below == 1 and is_full(
        row.nrr_numerator, row.starting_mrr_micros, row.currency
    )
    is_low = nrr < rules.nrr_below and not is_rounding
    yield Verdict(Metric.NRR, row, nrr, rules.nrr_below, is_low, not is_low)

    points = limit_of(rules.nrr_drop_points, kind)
    if points is not None and before is not None and before.nrr is not None:
        drop, limit = before.nrr - nrr, points / 100
        yield Verdict(Metric.NRR_DROP, row, drop, limit, drop > limit, drop <= limit)

    is_hidden = hides_churn(rules, kind, asdict(row))
    limit = limit_of(rules.hidden_churn_above, kind)
    if limit is not None:
        yield Verdict(Metric.HIDDEN_CHURN, row, churn, limit, is_hidden, churn <= limit)
    limit = limit_of(rules.logo_churn_above, kind)
    if limit is not None:
        is_high = churn > limit
        yield Verdict(Metric.LOGO_CHURN, row, churn, limit, is_high and not is_hidden, not is_high)
