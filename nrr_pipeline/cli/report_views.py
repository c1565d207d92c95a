"""Board reports as people read about them in a terminal: which there are, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from nrr_pipeline.cli.rendering import bold, instant, printable, table
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.warehouse.board_report import IssuedReport

if TYPE_CHECKING:
    from nrr_pipeline.orchestration.stages.report_files import ReportFile

_COLUMNS = (
    ("Month", "left"),
    ("Edition", "right"),
    ("Issued", "left"),
    ("Data as of", "left"),
    ("Policy", "left"),
)


def report_line(issued: IssuedReport) -> str:
    """Say where an edition is."""
    return f"Board report of {name_of(issued)}: {_place(issued)}"


def name_of(issued: IssuedReport) -> str:
    """Return which month and edition a report is."""
    return f"{Period.month(issued.period_start).label}, edition {issued.edition}"


def listed(known: Sequence[IssuedReport]) -> list[RenderableType]:
    """Return every edition, the latest month first, with what it changed and where it is."""
    rows = [
        [
            Period.month(each.period_start).key,
            str(each.edition),
            instant(each.issued_at),
            instant(each.data_as_of),
            each.policy_version,
        ]
        for each in reversed(known)
    ]
    lines: list[RenderableType] = []
    for each in reversed(known):
        lines += [f"{name_of(each)}: {_place(each)}", *changes_lines(each.changes)]
    return [bold("Board reports"), "", table(_COLUMNS, rows), "", *lines, ""]


def issued_lines(issued: IssuedReport, *, is_new: bool) -> list[RenderableType]:
    """Return what an edition is and what it changes."""
    said = "issued" if is_new else f"as it was issued on {instant(issued.issued_at)}"
    lines: list[RenderableType] = [f"{name_of(issued)}: {said}"]
    return [*lines, *changes_lines(issued.changes)]


def changes_lines(changes: Sequence[str]) -> list[RenderableType]:
    """Return what an edition changes against the one before, line by line."""
    return [f"  {printable(each)}" for each in changes]


def file_lines(files: Sequence[ReportFile]) -> list[RenderableType]:
    """Return where files are, with their SHA-256, and which are not what was issued."""
    lines: list[RenderableType] = []
    for each in files:
        lines += [f"  {printable(each.location)}", f"    sha256 {each.sha256}"]
        if not each.is_as_issued:
            lines.append("    not as issued: made by another version; the figures are the same")
    return lines


def _place(issued: IssuedReport) -> str:
    missing = f"not all files were written; write them: nrr report {issued.period_start:%Y-%m}"
    return printable(issued.location or missing)
