"""Which picture goes under an alert: the trend up to the period that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nrr_pipeline.metrics.periods import Period, PeriodKind, add_months
from nrr_pipeline.orchestration.stages.explaining import trend
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.transactions import Connection

MONTHS = 13
"""How many months are shown: a year, and the month that it is held against."""

_FEWEST = 2


def chart_of(connection: Connection, policy: MetricPolicy, row: Mapping[str, Any]) -> bytes | None:
    """Draw the trend up to an alert's period, as PNG.

    ``None`` where the alert is about no month or quarter, or where there is no trend yet.
    """
    if row["period"] not in {PeriodKind.MONTH, PeriodKind.QUARTER}:
        return None
    kind, start = PeriodKind(row["period"]), row["period_start"]
    fiscal = policy.fiscal_year_start_month
    period = Period.of(kind, start, fiscal_year_start_month=fiscal)
    points = trend(connection, policy, add_months(period.period_end, -1), MONTHS)
    if len(points) < _FEWEST:
        return None
    from nrr_pipeline.reporting.charts import trend_png  # noqa: PLC0415 - drawing takes a while

    return trend_png(points, locale=policy.report.locale)
