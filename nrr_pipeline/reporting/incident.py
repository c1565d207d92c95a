"""What is said when the pipeline itself is in trouble: a run failed, or days are missing.

When that is so is decided in ``orchestration.stages.incidents``.
"""

from collections.abc import Sequence
from datetime import date

from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.links import Link
from nrr_pipeline.reporting.message import Message, Paragraph, blocks_of, text_of

_TROUBLE, _GOOD = "⚠", "✓"
_LONGEST_ERROR = 600
_FOOTER = "about the pipeline itself; figures that are published stand"
_REST = "Shortened. The rest: nrr alerts show"


def failure_message(job: str, error: str, links: Sequence[Link]) -> Message:
    """Say that a run failed, why, and what to do.

    Args:
        job: Its name.
        error: What it said, without secrets.
        links: Where the run is.
    """
    said = legible(error.strip().rstrip("."), _LONGEST_ERROR)
    fix = "Mend what it names. The next run on schedule tries again; so does, at once: nrr run"
    return _message(_TROUBLE, f"The run of {job} failed", [f"It said: {said}.", fix], links)


def success_message(job: str, links: Sequence[Link]) -> Message:
    """Say that a job which had failed works again."""
    return _message(_GOOD, f"{job} works again", ["It ran to its end."], links)


def overdue_message(last_day: date, expected: date) -> Message:
    """Say which days are missing, and where to look.

    Args:
        last_day: The last day that is published.
        expected: The last one that should be.
    """
    where = (
        'Look whether the Dagster daemon runs, whether the schedule "nightly" is on, and whether '
        "the key still works: nrr doctor"
    )
    fix = "What is missing is made up for by: nrr run"
    return _message(
        _TROUBLE,
        f"No figures since {_day(last_day)}",
        [f"The days through {_day(expected)} are due.", where, fix],
        (),
    )


def complete_message(last_day: date) -> Message:
    """Say that no day is missing any more."""
    headline = "The figures are complete again"
    return _message(_GOOD, headline, [f"The days through {_day(last_day)} are published."], ())


def _message(sign: str, headline: str, sentences: Sequence[str], links: Sequence[Link]) -> Message:
    parts = [Paragraph(sentence) for sentence in sentences]
    return Message(
        text_of(headline, [parts], links, _REST),
        blocks_of(sign, headline, parts, links, _FOOTER),
    )


def _day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"
