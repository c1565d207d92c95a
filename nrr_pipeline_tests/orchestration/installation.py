"""A small installation with real databases: an account that was pulled, and what it pays."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.instance import home_instance
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.warehouse import account, intervals, pulls
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.examples import interval_row

START = date(2026, 4, 1)
OBSERVED_AT = datetime(2026, 7, 3, 6, 0, tzinfo=UTC)
LAST_DAY = date(2026, 7, 2)

SEATS = {"cus_1": 3, "cus_2": 10}
"""Two customers from before the start on, at 10 USD a seat."""


@dataclass(frozen=True)
class Installation:
    """A home whose account was pulled and priced; no day is published yet."""

    settings: Settings
    instance: dg.DagsterInstance

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        with open_warehouse(self.settings.database_url) as opened:
            yield opened

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings)

    def run(
        self, job: str, *tables: str, span: Span | None = None, must_succeed: bool = True
    ) -> dg.ExecuteInProcessResult:
        """Execute a job, or some assets of it, over a range of partitions."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(table) for table in tables] or None,
            tags=span.tags if span else None,
            raise_on_error=must_succeed,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def publish(self, first: date, last: date) -> None:
        """Publish days, with what follows from them."""
        self.run(
            "daily_close", "daily_mrr", "daily_mrr_totals", "mrr_movements", span=Span(first, last)
        )

    def learn(self, customer: str, stretches: Sequence[Mapping[str, Any]]) -> None:
        """Make known what a customer pays; each stretch says what differs from the usual row."""
        with self.warehouse() as opened, opened.write("history", clock=utc_now) as tx:
            number = customer.removeprefix("cus_")
            rows = [
                interval_row(
                    f"si_{number}",
                    f"sub_{number}",
                    customer_id=customer,
                    account_id=customer,
                    policy_version=MetricPolicy().version,
                    **stretch,
                )
                for stretch in stretches
            ]
            intervals.replace_intervals(tx, [f"sub_{number}"], rows)

    def metadata_of(self, table: str, partition: str | None = None) -> Mapping[str, Any]:
        """The metadata of the latest materialization of an asset, or of a partition of it."""
        event = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(
                dg.AssetKey(table), asset_partitions=[partition] if partition else None
            ),
            limit=1,
        ).records[0]
        materialization = event.asset_materialization
        assert materialization is not None
        return {name: value.value for name, value in materialization.metadata.items()}


def seats(count: int, **values: object) -> dict[str, Any]:
    """A stretch at 10 USD a seat."""
    return {
        "quantity": count,
        "mrr_micros": count * 10_000_000,
        "valid_from": date(2025, 11, 1),
        **values,
    }


@contextmanager
def installation(home: Path) -> Iterator[Installation]:
    """An account with two customers, connected on 3 July 2026."""
    settings = Settings(nrr_home=home, stripe_api_key=None)
    settings.create_home()
    with home_instance(settings) as instance:
        installed = Installation(settings, instance)
        with installed.warehouse() as opened:
            pull(opened, OBSERVED_AT)
            with opened.bookkeeping() as connection:
                account.set_start_date(connection, START)
                account.set_connected_through(connection, LAST_DAY)
        for customer, count in SEATS.items():
            installed.learn(customer, [seats(count)])
        yield installed


@contextmanager
def copy_of(original: Path, home: Path) -> Iterator[Installation]:
    """An installation of one's own that begins as a copy."""
    shutil.copytree(original, home)
    settings = Settings(nrr_home=home)
    with home_instance(settings) as instance:
        yield Installation(settings, instance)


def pull(warehouse: Warehouse, observed_at: datetime) -> None:
    """A complete pull of an account that shows nothing new."""
    with warehouse.bookkeeping() as connection:
        account.bind(connection, livemode=False, at=utc_now())
        pull_id = pulls.begin_pull(connection, now=utc_now(), host="test", process_id=1)
    with warehouse.write("pull", clock=utc_now, pull_id=pull_id) as tx:
        pulls.finish(tx, pull_id, now=utc_now(), observed_at=observed_at, object_counts={})


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
