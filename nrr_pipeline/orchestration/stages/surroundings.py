"""What the page of a period shows beside its figures: names and alerts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.explaining import segment_names
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.outbox import Row
from nrr_pipeline.warehouse.transactions import Connection


@dataclass(frozen=True)
class Surroundings:
    """What stands beside the periods that one run published.

    Attributes:
        names: What readers call a (dimension, segment).
        alerts: By start of a period, its alerts, oldest first.
    """

    names: Mapping[tuple[str, str], str]
    alerts: Mapping[date, Sequence[Row]]


def surroundings(connection: Connection, reports: Sequence[PeriodReport]) -> Surroundings:
    """Gather what stands beside periods of one kind, of which there is at least one."""
    kind = reports[0].period.kind
    by_start: defaultdict[date, list[Row]] = defaultdict(list)
    for row in alerts(connection):
        if row["period"] == kind.value:
            by_start[row["period_start"]].append(row)
    return Surroundings(
        names=segment_names(connection, [row for report in reports for row in report.rows]),
        alerts=by_start,
    )
