"""Runs the stages, over real HTTP and a real database, on a simulated business.

The way through Dagster and the command line is tested in their own folders; this one is short, so
that many businesses and many days can be held against their truth.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import DEFAULT_CUSTOMERS, DEFAULT_SEED, simulate
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import AccountHolder, ServerOptions, running_server
from nrr_pipeline.demo.truth import TrueInterval, item_intervals
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.daily import (
    missing_days,
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.orchestration.stages.periods import due_periods, publish_period
from nrr_pipeline.orchestration.stages.pulling import pull_raw
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Warehouse

KEY = "rk_test_endtoend0000000000000000"
FOREVER = date(9999, 12, 31)

Steps = dict[str, list[tuple[date, date, int]]]
"""By item: days from, days to, and the MRR of those days."""


def utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  (the tests' own edge)


@dataclass(frozen=True)
class Connected:
    """A warehouse and the account that it follows."""

    warehouse: Warehouse
    source: StripeSource
    holder: AccountHolder
    policy: MetricPolicy

    def show(self, account: StripeAccount) -> None:
        """From now on the account looks like this."""
        self.holder.exchange(account)

    def advance(self, through: date) -> list[PeriodReport]:
        """One night: pull, build, price, publish days and periods."""
        pull_raw(self.warehouse, self.source, self.policy, clock=utc_now, through=through)
        return self.publish(through)

    def publish(self, through: date) -> list[PeriodReport]:
        """Everything after the pull."""
        build_history(self.warehouse, self.policy, clock=utc_now)
        build_intervals(self.warehouse, self.policy, clock=utc_now)
        days = missing_days(self.warehouse, self.policy, through)
        publish_days(self.warehouse, self.policy, days, clock=utc_now)
        refresh_totals(self.warehouse, self.policy, clock=utc_now)
        refresh_movements(self.warehouse, self.policy, clock=utc_now)
        return [
            publish_period(self.warehouse, self.policy, period, clock=utc_now)
            for kind in PeriodKind
            for period in due_periods(self.warehouse, self.policy, kind, clock=utc_now)
        ]


@contextmanager
def connected(
    account: StripeAccount, home: Path, policy: MetricPolicy | None = None
) -> Iterator[Connected]:
    """A fresh warehouse in ``home`` beside a served account."""
    holder = AccountHolder(account)
    with (
        running_server(holder, ServerOptions()) as address,
        StripeSource(KEY, address) as source,
        open_warehouse(f"sqlite:///{home / 'nrr.db'}") as warehouse,
    ):
        yield Connected(warehouse, source, holder, policy or MetricPolicy())


def business(
    *, seed: int = DEFAULT_SEED, customers: int = DEFAULT_CUSTOMERS
) -> tuple[BusinessLog, StripeAccount]:
    log = simulate(seed=seed, customers=customers)
    return log, render(log)


def closing_day(account: StripeAccount) -> date:
    """The last whole day that an account shows."""
    return datetime.fromtimestamp(account.now, UTC).date() - timedelta(days=1)


def true_steps(log: BusinessLog) -> Steps:
    return _steps(
        (each.subscription_item_id, each.valid_from, each.valid_to or FOREVER, each.mrr_micros)
        for each in item_intervals(log)
    )


def published_steps(warehouse: Warehouse) -> Steps:
    query = sa.text(
        "SELECT subscription_item_id, valid_from, valid_to, mrr_micros FROM mrr_intervals "
        "WHERE known_to > '9999-01-01' AND held_out IS NULL"
    ).columns(valid_from=sa.Date, valid_to=sa.Date)
    with warehouse.read() as connection:
        return _steps(tuple(row) for row in connection.execute(query))


def on_day(intervals: Iterator[TrueInterval], day: date) -> dict[str, int]:
    return {each.subscription_item_id: each.mrr_micros for each in intervals if each.holds_on(day)}


def _steps(rows: Iterator[tuple[str, date, date, int]]) -> Steps:
    """Intervals by item, those that only a flag or a document divides joined."""
    steps: defaultdict[str, list[tuple[date, date, int]]] = defaultdict(list)
    for item_id, start, end, micros in sorted(rows):
        mine = steps[item_id]
        if mine and mine[-1][1:] == (start, micros):
            mine[-1] = (mine[-1][0], end, micros)
        else:
            mine.append((start, end, micros))
    return dict(steps)
