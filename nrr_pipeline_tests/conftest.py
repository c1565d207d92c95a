"""What every test can ask for: databases of both kinds; and how freely hypothesis searches.

After changing a rule, search longer: ``pytest --hypothesis-profile thorough``.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases, Files, Server, running_server

settings.register_profile(
    "local", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci", parent=settings.get_profile("local"), derandomize=True, max_examples=40
)
settings.register_profile("thorough", parent=settings.get_profile("local"), max_examples=300)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# A shell lets what it starts in the background ignore Ctrl-C, and so would the tests' processes.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server."""
    with running_server() as running:
        yield running


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A folder of SQLite databases."""
    return Files(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def sqlite_template(files: Files) -> Iterator[str]:
    """A database with the current tables, to copy instead of migrating every time."""
    with files.new() as url:
        open_warehouse(url).close()
        yield url


@pytest.fixture(scope="session")
def postgresql_template(server: Server) -> Iterator[str]:
    """The same in PostgreSQL."""
    with server.new() as url:
        open_warehouse(url).close()
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds, one after the other; a test that is about one of them says which."""
    return request.param


@pytest.fixture(scope="session")
def databases(database_kind: str, request: pytest.FixtureRequest) -> Databases:
    """Databases of the kind."""
    return request.getfixturevalue("server" if database_kind == "postgresql" else "files")
