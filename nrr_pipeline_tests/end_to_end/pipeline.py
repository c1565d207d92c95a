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
from nrr_pipeline.demo.own_knowledge import write_own_knowledge
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import AccountHolder, ServerOptions, running_server
from nrr_pipeline.demo.truth import item_intervals
from nrr_pipeline.demo.truth_retention import PLAIN, Viewpoint
from nrr_pipeline.demo.unknowable import Unknowable, unknowable_days
from nrr_pipeline.metrics.periods import ONE_DAY, PeriodKind
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.daily import (
    missing_days,
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.inputs import (
    sync_attributes,
    sync_customer_map,
    sync_fx_rates,
)
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.orchestration.stages.periods import due_periods, publish_periods
from nrr_pipeline.orchestration.stages.pulling import pull_raw
from nrr_pipeline.policy import MetricPolicy, load_policy
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Clock, Warehouse

KEY = "rk_test_endtoend0000000000000000"
FOREVER = date(9999, 12, 31)


def utc_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  (the tests' own edge)


@dataclass(frozen=True)
class Connected:
    """A warehouse and the account that it follows."""

    warehouse: Warehouse
    source: StripeSource
    holder: AccountHolder
    policy: MetricPolicy
    clock: Clock

    def show(self, account: StripeAccount) -> None:
        """From now on the account looks like this."""
        self.holder.exchange(account)

    def advance(self, through: date) -> list[PeriodReport]:
        """One night: pull, build, price, publish days and periods."""
        self.price(through)
        return self.publish(through)

    def price(self, through: date) -> None:
        """The first half of a night: pull, build, price, but publish nothing."""
        self.pull(through)
        self.build()

    def pull(self, through: date) -> None:
        """Bring what the account shows, and what the owner's lists of customers say."""
        pull_raw(self.warehouse, self.source, self.policy, clock=self.clock, through=through)
        sync_customer_map(self.warehouse, self.policy, clock=self.clock)

    def build(self) -> None:
        """Build and price what is new."""
        build_history(self.warehouse, self.policy, clock=self.clock)
        sync_attributes(self.warehouse, self.policy, clock=self.clock)
        build_intervals(self.warehouse, self.policy, clock=self.clock)

    def publish(self, through: date) -> list[PeriodReport]:
        """The second half: take up rates, publish days and periods."""
        sync_fx_rates(self.warehouse, self.policy, clock=self.clock)
        days = missing_days(self.warehouse, self.policy, through)
        publish_days(self.warehouse, self.policy, days, clock=self.clock)
        refresh_totals(self.warehouse, self.policy, clock=self.clock)
        refresh_movements(self.warehouse, self.policy, clock=self.clock)
        due = [
            period
            for kind in PeriodKind
            for period in due_periods(self.warehouse, self.policy, kind, clock=self.clock)
        ]
        published, problems = publish_periods(self.warehouse, self.policy, due, clock=self.clock)
        assert problems == []
        return published


@contextmanager
def connected(
    account: StripeAccount,
    home: Path,
    policy: MetricPolicy | None = None,
    *,
    url: str | None = None,
    clock: Clock = utc_now,
) -> Iterator[Connected]:
    """A fresh warehouse, in ``home`` or at ``url``, beside a served account."""
    holder = AccountHolder(account)
    with (
        running_server(holder, ServerOptions()) as address,
        StripeSource(KEY, address) as source,
        open_warehouse(url or f"sqlite:///{home / 'nrr.db'}") as warehouse,
    ):
        yield Connected(warehouse, source, holder, policy or MetricPolicy(), clock)


def business(
    *,
    seed: int = DEFAULT_SEED,
    customers: int = DEFAULT_CUSTOMERS,
    is_knowable: bool = False,
    in_one_currency: bool = False,
) -> tuple[BusinessLog, StripeAccount]:
    """A simulated business and its account; see ``simulate``."""
    log = simulate(
        seed=seed,
        customers=customers,
        is_knowable=is_knowable,
        in_one_currency=in_one_currency,
    )
    return log, render(log)


def owners_policy(log: BusinessLog, home: Path) -> MetricPolicy:
    """The policy of the owner of a business, whose lists and rates are put into ``home``."""
    write_own_knowledge(log, home)
    return load_policy(home / "policy.toml")


def closing_day(account: StripeAccount) -> date:
    """The last whole day that an account shows."""
    return datetime.fromtimestamp(account.now, UTC).date() - timedelta(days=1)


def as_published(pipeline: Connected, day: date, view: str = "daily_mrr") -> dict[str, int]:
    query = sa.text(
        f"SELECT subscription_item_id, mrr_micros FROM {view} WHERE as_of_date = :day"  # noqa: S608
    )
    with pipeline.warehouse.read() as connection:
        rows = connection.execute(query, {"day": str(day)}).all()
    return {row.subscription_item_id: row.mrr_micros for row in rows}


def row_counts(pipeline: Connected) -> dict[str, int]:
    """How many rows every table has, apart from those that log that something ran."""
    logs = {"knowledge", "pulls", "stage_progress", "alembic_version"}
    with pipeline.warehouse.read() as connection:
        tables = set(sa.inspect(connection).get_table_names()) - logs
        return {
            table: connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            for table in sorted(tables)
        }


ItemDays = dict[tuple[str, date], int]
"""MRR by item and day, where there is any."""


@dataclass(frozen=True)
class Comparison:
    """How the published item-days of a database stand against the truth.

    ``unexplained`` are those that differ and carry no flag, or one whose stated error is too small,
    although the account hints at what happened.
    """

    item_days: int
    differing: ItemDays
    unexplained: ItemDays

    @property
    def exact_share(self) -> float:
        """The share of item-days that are exact to the micro."""
        return 1 - len(self.differing) / self.item_days


def true_item_days(log: BusinessLog, view: Viewpoint = PLAIN) -> ItemDays:
    """The truth until the log's last day, of those who count."""
    return {
        (each.subscription_item_id, day): each.mrr_micros
        for _, each in view.items(log)
        for day in _days(each.valid_from, min(each.valid_to or FOREVER, log.last_day + ONE_DAY))
    }


def compare(
    warehouse: Warehouse, log: BusinessLog, view: Viewpoint = PLAIN, *, since: date = date.min
) -> Comparison:
    """Hold every published item-day, from a day on, against the truth."""
    true = {key: micros for key, micros in true_item_days(log, view).items() if key[1] >= since}
    published, bounds, subscription_of = _published(warehouse, log.last_day, since)
    keys = true.keys() | published.keys()
    differing = {
        key: published.get(key, 0) - true.get(key, 0)
        for key in keys
        if published.get(key, 0) != true.get(key, 0)
    }
    subscription_of |= {
        each.subscription_item_id: each.subscription_id for each in item_intervals(log)
    }
    traceless: defaultdict[str, list[Unknowable]] = defaultdict(list)
    for each in unknowable_days(log):
        if each.is_traceless:
            traceless[each.subscription_id].append(each)
    unexplained = {
        (item_id, day): error
        for (item_id, day), error in differing.items()
        if abs(error) > bounds.get((item_id, day), -1)
        and not any(each.holds_on(day) for each in traceless[subscription_of[item_id]])
    }
    return Comparison(len(keys), differing, unexplained)


def _published(
    warehouse: Warehouse, last_day: date, since: date
) -> tuple[ItemDays, ItemDays, dict[str, str]]:
    """Published item-days, the stated error of those with a flag, and each item's subscription."""
    query = sa.text(
        "SELECT subscription_item_id, subscription_id, valid_from, valid_to, mrr_micros, "
        "is_approximate, max_error_micros FROM mrr_intervals "
        "WHERE known_to > '9999-01-01' AND held_out IS NULL"
    ).columns(valid_from=sa.Date, valid_to=sa.Date)
    published: ItemDays = {}
    bounds: ItemDays = {}
    with warehouse.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        for day in _days(max(row.valid_from, since), min(row.valid_to, last_day + ONE_DAY)):
            published[row.subscription_item_id, day] = row.mrr_micros
            if row.is_approximate:
                bounds[row.subscription_item_id, day] = row.max_error_micros
    return published, bounds, {row.subscription_item_id: row.subscription_id for row in rows}


def _days(start: date, end: date) -> Iterator[date]:
    return (start + ONE_DAY * number for number in range((end - start).days))
