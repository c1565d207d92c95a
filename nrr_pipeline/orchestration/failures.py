"""Errors between the stages and Dagster: shown by their message, retried when that can help.

What can go wrong is said in the rooms below; here it is only carried.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from nrr_pipeline.errors import NrrError, SettingsError

ATTENDED_TAG = "nrr/command"
"""Tag of runs that somebody waits for at a terminal: they fail at once instead of retrying."""


@contextmanager
def plain_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn an error of ours into a failure that shows its message instead of a stack trace.

    Wrong settings do not mend themselves, so they are not retried.
    """
    try:
        yield
    except NrrError as error:
        is_retried = not isinstance(error, SettingsError) and ATTENDED_TAG not in context.run.tags
        raise dg.Failure(description=str(error), allow_retries=is_retried) from error


def original_error(error: BaseException) -> NrrError | None:
    """The error of ours that made a run fail, where it was one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, NrrError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
