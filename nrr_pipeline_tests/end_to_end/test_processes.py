"""Several processes, and processes that die: the real command line against a served account."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.server import ServerOptions, running_server
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.end_to_end.pipeline import KEY, business, compare

SECONDS = 150
KILLS = 3


@contextmanager
def served(home: Path, *, latency: float = 0.0) -> Iterator[tuple[BusinessLog, dict[str, str]]]:
    """A small business, and the environment that a command needs to read it."""
    log, account = business(seed=11, customers=60, is_knowable=True)
    with running_server(account, ServerOptions(latency_seconds=latency)) as address:
        yield (
            log,
            {
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "NRR_HOME": str(home / "nrr"),
                "STRIPE_API_KEY": KEY,
                "STRIPE_API_BASE": address,
            },
        )


def start(environment: dict[str, str], log: BusinessLog, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nrr_pipeline.cli", "run", "--date", str(log.last_day)],
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def require_true(home: Path, log: BusinessLog) -> None:
    """Everything is published exactly once, and true."""
    with open_warehouse(f"sqlite:///{home / 'nrr' / 'nrr.db'}") as warehouse:
        assert compare(warehouse, log).differing == {}
        with warehouse.read() as connection:
            counts = [
                connection.scalar(sa.text(query))
                for query in (
                    "SELECT count(*) FROM monthly_nrr WHERE dimension = 'all'",
                    "SELECT count(*) FROM quarterly_nrr WHERE dimension = 'all'",
                    "SELECT count(*) FROM restatements",
                    "SELECT count(*) FROM alerts",
                )
            ]
            days = connection.execute(
                sa.text("SELECT min(as_of_date), max(as_of_date), count(*) FROM published_days")
            ).one()
    assert counts[2] == 0
    assert counts[3] <= 2
    assert str(log.last_day) == days[1]
    assert (counts[0], counts[1]) == (30, 10)
    assert days[2] == 917


def test_two_runs_at_once_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as (log, environment):
        both = [start(environment, log, tmp_path) for _ in range(2)]
        for process in both:
            errors = process.communicate(timeout=SECONDS)[1]
            assert process.returncode == 0, errors
        require_true(tmp_path, log)


def test_a_run_killed_at_a_random_moment_is_completed_by_the_next(tmp_path: Path) -> None:
    moments = random.Random(1)
    with served(tmp_path, latency=0.05) as (log, environment):
        for _ in range(KILLS):
            process = start(environment, log, tmp_path)
            time.sleep(moments.uniform(2.0, 9.0))
            process.kill()
            process.communicate(timeout=SECONDS)
        last = start(environment, log, tmp_path)
        errors = last.communicate(timeout=SECONDS)[1]
        assert last.returncode == 0, errors
        require_true(tmp_path, log)
