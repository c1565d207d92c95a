"""The simulated account, connected and published once for everything that the documents show."""

from pathlib import Path

import pytest

from nrr_pipeline.demo.business import LAST_DAY, simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.end_to_end.pipeline import connected


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as ``make demo`` leaves it, but for Dagster's records."""
    home = tmp_path_factory.mktemp("demo_home")
    with connected(render(simulate()), home) as pipeline:
        pipeline.advance(LAST_DAY)
    return home
