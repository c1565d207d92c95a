"""Several processes, and processes that die: the real command line against a served account."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import ServerOptions, running_server
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.end_to_end.pipeline import KEY, compare

SECONDS = 240
A_QUARTER_AGO, A_YEAR_AGO = date(2026, 7, 1), date(2025, 10, 1)
"""A year and four days of figures are published in two runs of Dagster's, a quarter in one."""

SAID_BEFORE_A_KILL = ("A first pull reads", "pulled", "published days")
"""Each kill comes later: in the pull, among the days of the first year, and after them."""


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    with databases.new() as url:
        yield url


@contextmanager
def served(
    home: Path, database_url: str, *, first_day: date, latency: float = 0.0
) -> Iterator[tuple[BusinessLog, dict[str, str]]]:
    """A small business, and the environment that a command needs to read it."""
    log = simulate(
        seed=11, customers=60, first_day=first_day, is_knowable=True, in_one_currency=True
    )
    with running_server(render(log), ServerOptions(latency_seconds=latency)) as address:
        yield (
            log,
            {
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "NRR_HOME": str(home / "nrr"),
                "NRR_DATABASE_URL": database_url,
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


def require_true(database_url: str, log: BusinessLog, *, months: int, quarters: int) -> None:
    """Everything is published exactly once, and true."""
    with open_warehouse(database_url) as warehouse:
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
    assert str(log.last_day) == str(days[1])
    assert (counts[0], counts[1]) == (months, quarters)
    assert days[2] == (log.last_day - log.first_day).days + 1


def test_two_runs_at_once_lose_nothing_and_double_nothing(
    tmp_path: Path, database_url: str
) -> None:
    with served(tmp_path, database_url, first_day=A_QUARTER_AGO) as (log, environment):
        both = [start(environment, log, tmp_path) for _ in range(2)]
        for process in both:
            errors = process.communicate(timeout=SECONDS)[1]
            assert process.returncode == 0, errors
        require_true(database_url, log, months=3, quarters=1)


# What PostgreSQL keeps of a writer that is killed, the tests of the warehouse say in less time.
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
def test_a_run_killed_at_a_random_moment_is_completed_by_the_next(
    tmp_path: Path, database_url: str
) -> None:
    moments = random.Random(1)
    year = served(tmp_path, database_url, first_day=A_YEAR_AGO, latency=0.05)
    with year as (log, environment):
        for words in SAID_BEFORE_A_KILL:
            process = start(environment, log, tmp_path)
            assert process.stderr is not None
            assert any(line.startswith(words) for line in process.stderr), words
            time.sleep(moments.uniform(0.0, 0.5))
            process.kill()
            process.communicate(timeout=SECONDS)
            assert process.returncode == -signal.SIGKILL, "it had ended before"
        last = start(environment, log, tmp_path)
        errors = last.communicate(timeout=SECONDS)[1]
        assert last.returncode == 0, errors
        require_true(database_url, log, months=12, quarters=4)
