"""How long it takes from raw objects to intervals, beside plain arithmetic.

Run it with ``.venv/bin/python benchmarks/history.py``; ``--help`` shows the sizes.
"""

import argparse
import itertools
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import oracle

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server.account_index import AccountIndex
from nrr_pipeline.demo.server.expansion import Presenter, parse_expansion
from nrr_pipeline.garbage import without_collecting
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.orchestration.stages.history import build_history, prices_known_at
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.raw import KINDS, RawObject
from nrr_pipeline.stripe_source.catalog import EXPANSIONS, TYPE_OF_KIND
from nrr_pipeline.stripe_source.redaction import PrivacyRules, redact
from nrr_pipeline.stripe_source.references import subscription_of
from nrr_pipeline.warehouse import account as binding
from nrr_pipeline.warehouse import pulls, raw_objects
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.history import history_of, known_subscriptions
from nrr_pipeline.warehouse.intervals import intervals_of
from nrr_pipeline.warehouse.transactions import Warehouse

WHOLE_LISTS = 1_000_000
"""More than any nested list has: it is shown whole, as a pull completes it."""


@dataclass
class Measured:
    """CPU seconds of each step, and over what."""

    subscriptions: int = 0
    items: int = 0
    invoices: int = 0
    intervals: int = 0
    different: int = 0
    history_seconds: float = 0.0
    interval_seconds: float = 0.0
    oracle_seconds: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscriptions", type=int, default=2_000)
    parser.add_argument(
        "--customers", type=int, default=1_000, help="of each account; they follow one another"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first account")
    arguments = parser.parse_args()
    measured = Measured()
    for seed in itertools.count(arguments.seed):
        measure(render(simulate(customers=arguments.customers, seed=seed)), measured)
        print(f"{measured.subscriptions:,} subscriptions", file=sys.stderr)
        if measured.subscriptions >= arguments.subscriptions:
            break
    report(measured)
    return 1 if measured.different else 0


def measure(account: StripeAccount, measured: Measured) -> None:
    """Land one account in a database of its own, then take the time of what follows."""
    policy = MetricPolicy()
    with (
        tempfile.TemporaryDirectory() as home,
        open_warehouse(f"sqlite:///{Path(home) / 'nrr.db'}") as warehouse,
    ):
        land(warehouse, account)
        started = time.process_time()
        built = build_history(warehouse, policy, clock=now)
        priced = time.process_time()
        build_intervals(warehouse, policy, clock=now)
        measured.history_seconds += priced - started
        measured.interval_seconds += time.process_time() - priced
        measured.subscriptions += built.subscriptions
        measured.invoices += len(account.objects["invoices"])
        hold_against_oracle(warehouse, measured)


def report(measured: Measured) -> None:
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024
    print(f"Python {platform.python_version()}, one process, CPU time")
    print(
        f"{measured.subscriptions:,} subscriptions, {measured.items:,} items, "
        f"{measured.invoices:,} invoices; {peak_bytes / 1e9:.1f} GB at most"
    )
    print(f"{'':42}{'seconds':>10}{'us/item':>10}")
    for name, seconds in (
        ("raw objects to history, read and written", measured.history_seconds),
        ("history to intervals, read and written", measured.interval_seconds),
        ("fractions, every price anew", measured.oracle_seconds),
    ):
        print(f"{name:42}{seconds:10.2f}{seconds / measured.items * 1e6:10.0f}")
    print(f"{measured.intervals:,} intervals, {measured.different:,} of them different")


def land(warehouse: Warehouse, account: StripeAccount) -> None:
    """Store an account as a pull would have."""
    with warehouse.bookkeeping() as connection:
        binding.bind(connection, livemode=False, at=now())
        pull_id = pulls.begin_pull(connection, now=now(), host="benchmark", process_id=0)
    observed_at = datetime.fromtimestamp(account.now, UTC)
    with without_collecting(), warehouse.write("pull", clock=now, pull_id=pull_id) as tx:
        for kind in KINDS:
            objects = list(raw_objects_of(account, kind))
            raw_objects.land(tx, objects, pull_id=pull_id, observed_at=observed_at)
        pulls.finish(tx, pull_id, now=now(), observed_at=observed_at, object_counts={})


def raw_objects_of(account: StripeAccount, kind: str) -> Iterator[RawObject]:
    """One kind of an account's objects, as its API shows them."""
    presenter = Presenter(AccountIndex(account), nested_page_size=WHOLE_LISTS)
    shape = TYPE_OF_KIND[kind]
    tree = parse_expansion(EXPANSIONS.get(kind, ()), shape, of_list=False).tree
    for each in (*account.objects[kind], *account.unlisted.get(kind, {}).values()):
        shown = presenter.show(each, tree)
        kept = redact(kind, shown, PrivacyRules())
        yield RawObject(kind, shown["id"], kept, subscription_id=subscription_of(shown))
    for object_id, stub in account.deleted[kind].items():
        yield RawObject(kind, object_id, stub, is_deleted=True)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251


def hold_against_oracle(warehouse: Warehouse, measured: Measured) -> None:
    """Count the intervals whose MRR the oracle does not confirm, and how long it took."""
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
    for each in intervals:
        if each["held_out"] is None:
            at = clock.last_second(each["valid_from"])
            mine, item_id = segments[each["subscription_id"]], each["subscription_item_id"]
            worth = oracle.mrr_micros(mine, item_id, at, prices)
            measured.different += worth != each["mrr_micros"]
    measured.oracle_seconds += time.process_time() - started
    measured.intervals += len(intervals)
    measured.items += len({each["subscription_item_id"] for each in intervals})


if __name__ == "__main__":
    sys.exit(main())
