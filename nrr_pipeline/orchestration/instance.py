"""The Dagster instance of a home: the same one for schedules, the UI and ``nrr run``."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.settings import Settings

_TEMPLATE = Path(__file__).with_name("dagster.yaml")


@contextmanager
def home_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance below the home; a new one gets our ``dagster.yaml``.

    Raises:
        SettingsError: The home cannot be used, or its ``dagster.yaml`` is not valid.
    """
    settings.create_home()
    folder = settings.dagster_home
    folder.mkdir(exist_ok=True)
    with _alone_in(folder):
        config = folder / "dagster.yaml"
        if not config.exists():
            shutil.copyfile(_TEMPLATE, config)
        try:
            instance = dg.DagsterInstance.from_config(str(folder))
        except dg.DagsterInvalidConfigError as error:
            raise SettingsError(
                f"{config} is not valid: {error}. Correct it, or delete it to get ours again"
            ) from error
    with instance:
        yield instance


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time create Dagster's databases: two at once leave them unusable."""
    with (folder / ".opening").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
