"""A business in dollars and euros, run by the stages, whose rates a test gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.daily import (
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.inputs import InputReport, sync_fx_rates
from nrr_pipeline.orchestration.stages.periods import publish_periods
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.policy_sections import FilesPolicy, FxPolicy
from nrr_pipeline.warehouse import daily
from nrr_pipeline.warehouse.transactions import Warehouse

HEADER = "date,currency,rate"


@dataclass
class Business:
    """A warehouse whose days are published, and the policy file's folder."""

    warehouse: Warehouse
    folder: Path
    policy: MetricPolicy

    def give(self, *lines: str) -> InputReport:
        """Write the file of rates and take it up."""
        path = self.folder / "rates.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        return self.sync()

    def sync(self) -> InputReport:
        return sync_fx_rates(self.warehouse, self.policy, clock=utc_now)

    def publish(self, first: date, last: date) -> None:
        """Publish days, and bring what follows from them up to date."""
        count = (last - first).days + 1
        days = [first + timedelta(days=number) for number in range(count)]
        publish_days(self.warehouse, self.policy, days, clock=utc_now)
        self.refresh()

    def refresh(self) -> None:
        refresh_totals(self.warehouse, self.policy, clock=utc_now)
        refresh_movements(self.warehouse, self.policy, clock=utc_now)

    def measure(self, *keys: str) -> list[str]:
        """Publish periods; what the others lack."""
        periods = [Period.parse(key) for key in keys]
        return publish_periods(self.warehouse, self.policy, periods, clock=utc_now)[1]

    def enter(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rates as somebody would by hand."""
        with self.warehouse.bookkeeping() as connection:
            for row in rows:
                connection.execute(
                    sa.text(
                        "INSERT INTO fx_rates (as_of_date, currency, rate) "
                        "VALUES (:as_of_date, :currency, :rate)"
                    ),
                    row,
                )

    def reporting(self) -> dict[date, int]:
        """Reporting MRR by day."""
        with self.warehouse.read() as connection:
            totals = daily.totals_frame(connection)
        mine = totals[totals["is_reporting"]]
        return dict(zip(mine["as_of_date"], mine["mrr_micros"], strict=True))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]


def policy_in(folder: Path, fx: FxPolicy | None = None) -> MetricPolicy:
    return MetricPolicy(
        reporting_currency="usd",
        fx=fx or FxPolicy(),
        files=FilesPolicy(fx_rates=folder / "rates.csv"),
    )
