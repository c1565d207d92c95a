"""Executing jobs in this process, on record in the instance, with nothing on the terminal.

What is executed when is decided in ``runner``.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.orchestration.failures import (
    ATTENDED_TAG,
    INTERRUPTIONS,
    is_interruption,
    original_error,
)
from nrr_pipeline.orchestration.jobs import keys
from nrr_pipeline.orchestration.resources import Narrator
from nrr_pipeline.settings import Settings
from nrr_pipeline.warehouse.pulls import process_exists

COMMAND = "nrr run"
PROCESS_TAG = "nrr/process"

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Executor:
    """Runs parts of the jobs of one installation."""

    settings: Settings
    instance: dg.DagsterInstance
    narrator: Narrator

    def execute(
        self,
        job_name: str,
        tables: Sequence[str],
        span: Span | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Materialize some assets of a job, over a range of partitions where they have any.

        The definitions are made afresh, because what was run before may have settled the start of
        the partitions.

        Raises:
            NrrError: What made a step fail, as it was raised there.
            KeyboardInterrupt: Ctrl-C; the run is on record as failed, what it did is kept.
        """
        definitions = build_definitions(self.settings, narrator=self.narrator)
        job = definitions.resolve_job_def(job_name)
        mine = {ATTENDED_TAG: COMMAND, PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}"}
        try:
            job.execute_in_process(
                instance=self.instance,
                asset_selection=keys(*tables),
                tags={**mine, **(span.tags if span else {}), **(tags or {})},
                run_config=_QUIET,
            )
        except (Exception, *INTERRUPTIONS) as error:
            if is_interruption(error):
                raise KeyboardInterrupt from None
            original = original_error(error)
            if original is None:
                raise
            raise original from error


def close_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs failed whose process on this machine is gone.

    Returns:
        The ids of those runs.
    """
    abandoned = [
        run
        for run in instance.get_runs(
            dg.RunsFilter(statuses=_UNFINISHED, tags={ATTENDED_TAG: COMMAND})
        )
        if _is_gone(run.tags.get(PROCESS_TAG, ""))
    ]
    for run in abandoned:
        instance.report_run_failed(run, "The process was killed. The next run completes its work.")
    return [run.run_id for run in abandoned]


def _is_gone(process: str) -> bool:
    host, _, process_id = process.rpartition(":")
    return host == socket.gethostname() and not process_exists(int(process_id))
