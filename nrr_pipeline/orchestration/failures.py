"""Errors between the stages and Dagster: shown by their message, retried when that can help.

What can go wrong is said in the rooms below; here it is only carried.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from nrr_pipeline.errors import NrrError, SettingsError

ATTENDED_TAG = "nrr/command"
"""Tag of runs that somebody waits for at a terminal: they fail at once instead of retrying."""


INTERRUPTIONS = (dg.DagsterExecutionInterruptedError, KeyboardInterrupt)


@contextmanager
def plain_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an error of ours into a failure that shows its message instead of a stack trace.

    Wrong settings do not mend themselves, so they are not retried. Nor is anything while somebody
    waits at a terminal, Ctrl-C least of all, which Dagster would take for a failure like others.
    """
    is_attended = ATTENDED_TAG in context.run.tags
    try:
        yield
    except NrrError as error:
        is_retried = not isinstance(error, SettingsError) and not is_attended
        raise dg.Failure(description=str(error), allow_retries=is_retried) from error
    except (Exception, *INTERRUPTIONS) as error:
        if not is_attended:
            raise
        described = str(error) or type(error).__name__
        raise dg.Failure(description=described, allow_retries=False) from error


def original_error(error: BaseException) -> NrrError | None:
    """The error of ours that made a run fail, where it was one."""
    return next((cause for cause in _causes(error) if isinstance(cause, NrrError)), None)


def is_interruption(error: BaseException) -> bool:
    """Whether it was Ctrl-C that made a run fail."""
    return any(isinstance(cause, INTERRUPTIONS) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
