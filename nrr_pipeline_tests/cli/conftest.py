"""A home filled by the real stages from a served account, and the command line over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nrr_pipeline.cli import main
from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import ServerOptions, running_server
from nrr_pipeline_tests.end_to_end.pipeline import business, closing_day, connected

KEY = "rk_test_commandline0000000000000"
FOREIGN = ("NRR_", "STRIPE_", "SLACK_", "DAGSTER_")

Nrr = Callable[..., Result]


@pytest.fixture(scope="session")
def account() -> StripeAccount:
    return business(customers=60, in_one_currency=True)[1]


@pytest.fixture(scope="session")
def filled_home(account: StripeAccount, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything is published; nobody writes here."""
    home = tmp_path_factory.mktemp("filled")
    with connected(account, home) as pipeline:
        pipeline.advance(closing_day(account))
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, in a working directory without a policy file."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    monkeypatch.setenv("NRR_HOME", str(home))
    return home


@pytest.fixture
def published(home: Path, filled_home: Path) -> Path:
    """A home of one's own in which everything is published."""
    home.mkdir()
    shutil.copy(filled_home / "nrr.db", home / "nrr.db")
    return home


@pytest.fixture
def served(account: StripeAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The account of the filled home, with a key for it."""
    with running_server(account) as address:
        monkeypatch.setenv("STRIPE_API_BASE", address)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        yield address


@pytest.fixture
def nrr(home: Path) -> Nrr:
    del home  # nothing may ever look at the home of whoever runs the tests

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="nrr")

    return invoke


@contextmanager
def young_account(
    monkeypatch: pytest.MonkeyPatch, options: ServerOptions | None = None
) -> Iterator[None]:
    """Serve an account that is a little more than a quarter old."""
    log = simulate(
        customers=12, first_day=date(2026, 4, 1), last_day=date(2026, 7, 4), in_one_currency=True
    )
    with running_server(render(log), options) as address:
        monkeypatch.setenv("STRIPE_API_BASE", address)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        yield


@pytest.fixture
def young(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with young_account(monkeypatch):
        yield
