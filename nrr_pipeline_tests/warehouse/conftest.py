"""A real warehouse in a temporary folder, and a clock that tests wind themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Warehouse


class Clock:
    """Stands still until it is told to advance."""

    def __init__(self) -> None:
        self.now = datetime(2026, 4, 3, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'nrr.db'}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the current schema, to copy instead of migrating every time."""
    path = tmp_path_factory.mktemp("template") / "nrr.db"
    open_warehouse(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def warehouse(template: Path, tmp_path: Path, database_url: str) -> Iterator[Warehouse]:
    shutil.copy(template, tmp_path / "nrr.db")
    with open_warehouse(database_url) as opened:
        yield opened
