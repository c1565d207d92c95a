"""What the page of a period shows beside its figures: names, alerts, and how the months went."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.explaining import segment_names, trend
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.links import last_month_of
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.outbox import Row
from nrr_pipeline.warehouse.transactions import Connection


@dataclass(frozen=True)
class Surroundings:
    """What stands beside the periods that one run published.

    Attributes:
        names: What readers call a (dimension, segment).
        alerts: By start of a period, its alerts, oldest first.
        trend: The months up to the latest of the periods. With their trailing years only beside
            these themselves: a run measures the months first.
    """

    names: Mapping[tuple[str, str], str]
    alerts: Mapping[date, Sequence[Row]]
    trend: tuple[TrendPoint, ...]


def surroundings(
    connection: Connection, policy: MetricPolicy, reports: Sequence[PeriodReport]
) -> Surroundings:
    """Gather what stands beside periods of one kind, of which there is at least one."""
    kind = reports[0].period.kind
    by_start: defaultdict[date, list[Row]] = defaultdict(list)
    for row in alerts(connection):
        if row["period"] == kind.value:
            by_start[row["period_start"]].append(row)
    latest = max((report.period for report in reports), key=lambda period: period.period_start)
    last_month = last_month_of(latest).period_start
    months = trend(connection, policy, last_month, policy.report.months)
    if kind is not PeriodKind.TRAILING_12_MONTHS:
        months = tuple(replace(month, trailing=None) for month in months)
    return Surroundings(
        names=segment_names(connection, [row for report in reports for row in report.rows]),
        alerts=by_start,
        trend=months,
    )
