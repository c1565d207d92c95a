"""How long it takes from raw objects to intervals: a pulled account, beside plain arithmetic.

Run it with ``.venv/bin/python benchmarks/history.py``; ``--help`` shows the sizes.
"""

import argparse
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import oracle

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import ServerOptions, running_server
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.orchestration.stages.history import build_history, prices_known_at
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.orchestration.stages.pulling import pull_raw
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.history import history_of, known_subscriptions
from nrr_pipeline.warehouse.intervals import intervals_of
from nrr_pipeline.warehouse.transactions import Warehouse

KEY = "rk_test_benchmark0000000000000000"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    account = render(simulate(customers=arguments.customers, seed=arguments.seed))
    policy = MetricPolicy()
    with (
        tempfile.TemporaryDirectory() as home,
        open_warehouse(f"sqlite:///{Path(home) / 'nrr.db'}") as warehouse,
    ):
        with running_server(account, ServerOptions()) as address, StripeSource(KEY, address) as at:
            pull_raw(warehouse, at, policy, clock=now)
        started = time.process_time()
        built = build_history(warehouse, policy, clock=now)
        history_seconds = time.process_time() - started
        started = time.process_time()
        build_intervals(warehouse, policy, clock=now)
        interval_seconds = time.process_time() - started
        items, different, oracle_seconds = hold_against_oracle(warehouse)
    print(f"Python {platform.python_version()}")
    print(f"{built.subscriptions:,} subscriptions, {items:,} items")
    print(f"{'':42}{'seconds':>10}{'us/item':>10}")
    for name, seconds in (
        ("raw objects to history, read and written", history_seconds),
        ("history to intervals, read and written", interval_seconds),
        ("fractions, every price anew", oracle_seconds),
    ):
        print(f"{name:42}{seconds:10.2f}{seconds / items * 1e6:10.0f}")
    print("all intervals are equal" if not different else f"{different} intervals differ")
    return 1 if different else 0


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


def hold_against_oracle(warehouse: Warehouse) -> tuple[int, int, float]:
    """Items, intervals whose MRR the oracle does not confirm, and how long it took."""
    clock = DayClock("UTC")
    with warehouse.read() as connection:
        prices = prices_known_at(connection, now())[0]
        ids = sorted(known_subscriptions(connection))
        rows = history_of(connection, subscription_ids=ids)
        segments = {
            name: [segment_of(row) for row in mine if not prices[row["price_id"]].is_metered]
            for name, mine in groupby(rows, key=lambda row: row["subscription_id"])
        }
        intervals = list(intervals_of(connection, subscription_ids=ids))
    started = time.process_time()
    different = 0
    for each in intervals:
        if each["held_out"] is None:
            at = clock.last_second(each["valid_from"])
            mine, item_id = segments[each["subscription_id"]], each["subscription_item_id"]
            different += oracle.mrr_micros(mine, item_id, at, prices) != each["mrr_micros"]
    seconds = time.process_time() - started
    return len({each["subscription_item_id"] for each in intervals}), different, seconds


if __name__ == "__main__":
    sys.exit(main())
