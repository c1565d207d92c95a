"""A real warehouse, in SQLite and in PostgreSQL, and a clock that tests wind themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.databases import Databases


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
def new_url(databases: Databases) -> Iterator[str]:
    """The address of a database without anything in it."""
    with databases.new() as url:
        yield url


@pytest.fixture(scope="session")
def template_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """A database of the kind with the current tables, to copy; nobody opens it."""
    return request.getfixturevalue(f"{database_kind}_template")


@pytest.fixture
def database_url(databases: Databases, template_url: str) -> Iterator[str]:
    """The address of a database with the current tables and no rows."""
    with databases.new(like=template_url) as url:
        yield url


@pytest.fixture
def warehouse(database_url: str) -> Iterator[Warehouse]:
    with open_warehouse(database_url) as opened:
        yield opened
