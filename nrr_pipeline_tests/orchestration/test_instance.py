from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path

import dagster as dg
import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.orchestration.failures import ATTENDED_TAG
from nrr_pipeline.orchestration.in_process import COMMAND, PROCESS_TAG, close_abandoned_runs
from nrr_pipeline.orchestration.instance import home_instance
from nrr_pipeline.settings import Settings
from nrr_pipeline_tests.orchestration.installation import Installation

NO_PROCESS = 2**22 + 1
"""Beyond the largest process id that Linux gives."""


def test_the_instance_lives_below_the_home_with_our_settings(home: Path) -> None:
    with home_instance(Settings(nrr_home=home)) as instance:
        assert instance.root_directory == str(home / "dagster")
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.event_log_storage.get_concurrency_info("stripe").limit in (None, 1)

    assert (home / "dagster" / "dagster.yaml").exists()


def test_settings_that_somebody_changed_stay(home: Path) -> None:
    settings = Settings(nrr_home=home)
    with home_instance(settings):
        pass
    config = home / "dagster" / "dagster.yaml"
    config.write_text(config.read_text() + "\n# ours\n")

    with home_instance(settings):
        assert config.read_text().endswith("# ours\n")


def test_settings_of_dagster_that_are_wrong_are_named(home: Path) -> None:
    (home / "dagster").mkdir(parents=True)
    (home / "dagster" / "dagster.yaml").write_text("run_monitoring: 7\n")

    with (
        pytest.raises(SettingsError, match=r"dagster\.yaml is not valid"),
        home_instance(Settings(nrr_home=home)),
    ):
        pass


def _open(home: Path) -> None:
    with home_instance(Settings(nrr_home=home)) as instance:
        instance.get_runs_count()


def test_several_processes_may_open_a_new_home_at_once(home: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_open, args=(home,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0, 0, 0]


def test_a_run_whose_process_was_killed_is_marked_failed(installed: Installation) -> None:
    def started(process_id: int, host: str = socket.gethostname()) -> str:
        return installed.instance.create_run_for_job(
            installed.definitions.resolve_job_def("monthly_close"),
            status=dg.DagsterRunStatus.STARTED,
            tags={ATTENDED_TAG: COMMAND, PROCESS_TAG: f"{host}:{process_id}"},
        ).run_id

    killed = started(NO_PROCESS)
    alive, elsewhere = started(os.getpid()), started(NO_PROCESS, "another-machine")

    assert close_abandoned_runs(installed.instance) == [killed]

    def status(run_id: str) -> dg.DagsterRunStatus:
        run = installed.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    assert status(killed) is dg.DagsterRunStatus.FAILURE
    assert status(alive) is status(elsewhere) is dg.DagsterRunStatus.STARTED
