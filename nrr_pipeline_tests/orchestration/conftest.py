"""Homes of one's own: nothing may ever look at the home of whoever runs the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nrr_pipeline_tests.orchestration.installation import (
    LAST_DAY,
    START,
    Installation,
    copy_of,
    installation,
)

FOREIGN = ("NRR_", "STRIPE_", "SLACK_", "DAGSTER_")


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting is set, and the working directory is empty."""
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def connected_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A connected account; nobody writes here."""
    home = tmp_path_factory.mktemp("connected") / "home"
    with installation(home):
        return home


@pytest.fixture(scope="session")
def published_home(connected_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with every day published; nobody writes here either."""
    home = tmp_path_factory.mktemp("published") / "home"
    with copy_of(connected_home, home) as installed:
        installed.publish(START, LAST_DAY)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where an installation may be; nothing is there yet."""
    return tmp_path / "home"


@pytest.fixture
def installed(home: Path, connected_home: Path) -> Iterator[Installation]:
    """A connected account of which no day is published yet."""
    with copy_of(connected_home, home) as installed:
        yield installed


@pytest.fixture
def published(home: Path, published_home: Path) -> Iterator[Installation]:
    """A connected account of which every day is published, and no period."""
    with copy_of(published_home, home) as installed:
        yield installed
