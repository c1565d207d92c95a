"""Customers who pay what a test says from day to day, published by the stages, without Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.stages.daily import missing_days, publish_days
from nrr_pipeline.orchestration.stages.periods import due_periods, publish_periods
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.warehouse import account, intervals, pulls
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.examples import interval_row

START = date(2026, 1, 1)
BEFORE = date(2025, 10, 1)
DOLLAR = 1_000_000

Stretches = Mapping[date, int]
"""Micros a month from each day on; 0: nothing more."""


@dataclass
class Ledger:
    """A warehouse whose first published day is 1 January 2026, and a clock of its own."""

    warehouse: Warehouse
    policy: MetricPolicy
    now: datetime = datetime(2026, 1, 1, 6, tzinfo=UTC)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def connect(self, through: date | None = None) -> None:
        """Bind the account; days up to one are historical."""
        with self.warehouse.bookkeeping() as connection:
            account.bind(connection, livemode=False, at=self.clock())
            account.set_start_date(connection, START)
            if through is not None:
                account.set_connected_through(connection, through)

    def watch(self, **alerting: object) -> None:
        """Change what is watched."""
        self.policy = MetricPolicy.model_validate({"alerts": alerting})

    def pays(self, customer: str, stretches: Stretches | int, **values: object) -> None:
        """Make known what a customer pays; a number is what it pays all the time."""
        paid = stretches if isinstance(stretches, Mapping) else {BEFORE: stretches}
        starts = sorted(paid)
        ends = [*starts[1:], date(9999, 12, 31)]
        rows = [
            interval_row(
                f"si_{customer}",
                f"sub_{customer}",
                customer_id=f"cus_{customer}",
                account_id=f"cus_{customer}",
                policy_version=self.policy.version,
                mrr_micros=paid[start],
                valid_from=start,
                valid_to=end,
                **values,
            )
            for start, end in zip(starts, ends, strict=True)
            if paid[start]
        ]
        with self.warehouse.write("history", clock=self.clock) as tx:
            intervals.replace_intervals(tx, [f"sub_{customer}"], rows)

    def pull(self) -> None:
        """A complete pull that shows nothing new."""
        with self.warehouse.bookkeeping() as connection:
            pull_id = pulls.begin_pull(connection, now=self.clock(), host="test", process_id=1)
        with self.warehouse.write("pull", clock=self.clock, pull_id=pull_id) as tx:
            pulls.finish(tx, pull_id, now=self.now, observed_at=self.now, object_counts={})

    def publish(self, through: date, *kinds: PeriodKind, after_days: int = 5) -> list[str]:
        """Publish everything up to a day, some days later; the keys of the alerts it raised."""
        self.now = max(
            self.now, datetime(through.year, through.month, through.day, 6, tzinfo=UTC)
        ) + timedelta(days=after_days)
        self.pull()
        before = set(self.alerts)
        days = missing_days(self.warehouse, self.policy, through)
        publish_days(self.warehouse, self.policy, days, clock=self.clock)
        for kind in kinds or (PeriodKind.MONTH, PeriodKind.QUARTER):
            due = due_periods(self.warehouse, self.policy, kind, clock=self.clock)
            links = Links("http://ui", "run_1")
            publish_periods(self.warehouse, self.policy, due, clock=self.clock, links=links)
        return [key for key in self.alerts if key not in before]

    @property
    def alerts(self) -> dict[str, dict[str, Any]]:
        """By key every alert, oldest first."""
        with self.warehouse.read() as connection:
            return {row["alert_key"]: row for row in alerts(connection)}
