"""The simulated account, connected and published once for everything that the documents show."""

from pathlib import Path

import pytest

from nrr_pipeline_tests.docs.figures import publish_demo


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as ``make demo`` leaves it, but for Dagster's records."""
    home = tmp_path_factory.mktemp("demo_home")
    publish_demo(home)
    return home
