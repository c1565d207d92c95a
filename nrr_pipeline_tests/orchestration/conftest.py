"""Homes of one's own: nothing may ever look at the home of whoever runs the tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from nrr_pipeline_tests.orchestration.installation import Installation, installation

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
    home = tmp_path_factory.mktemp("connected")
    with installation(home):
        return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where an installation may be; nothing is there yet."""
    return tmp_path / "home"


@pytest.fixture
def installed(home: Path, connected_home: Path) -> Iterator[Installation]:
    """A connected account of which no day is published yet."""
    from nrr_pipeline.orchestration.instance import home_instance
    from nrr_pipeline.settings import Settings

    shutil.copytree(connected_home, home)
    settings = Settings(nrr_home=home)
    with home_instance(settings) as instance:
        yield Installation(settings, instance)
