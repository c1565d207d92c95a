"""``nrr report``: issue the board report of a month, or make one again as it was issued.

How it looks in the terminal is decided in ``report_views``; what a report holds, in
``orchestration.stages.report_content``.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from nrr_pipeline.cli import documents, report_views
from nrr_pipeline.cli.interruption import interruptible
from nrr_pipeline.cli.naming_periods import not_published, parse_period
from nrr_pipeline.cli.opening import load, opened
from nrr_pipeline.cli.rendering import faint, print_parts
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.warehouse.board_report import IssuedReport, reports
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.reading import rows_in_force

_EXAMPLES = """\b
Examples:
  nrr report                          every report that was issued
  nrr report 2026-09                  issue it; a new edition only where a figure changed
  nrr report 2026-09 --dry-run        tell what would be issued, and what it would change
  nrr report 2026-09 --edition 1      make the files of this edition again, as they were issued
  nrr report 2026-09 --out board      write the files to another folder, too
"""


class NoReportYetError(NrrError):
    """Reports were to be listed, and there is none."""


@click.command("report", epilog=_EXAMPLES)
@click.argument("month", required=False)
@click.option("--edition", type=click.IntRange(min=1), metavar="N", help="As it was issued then.")
@click.option(
    "--out",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files to this folder, too.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be issued.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    *, month: str | None, edition: int | None, folder: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Issue the board report of MONTH, or make it again: PDF, workbook and CSV.

    MONTH is 2026-09. A report is frozen when it is issued: asked for again, it is the same, byte by
    byte. Where a figure changed since, a new edition is issued that says what it changes.
    """
    if month is None:
        if edition is not None or folder is not None or dry_run:
            raise click.UsageError("Name a MONTH, such as: nrr report 2026-09")
        _list(as_json=as_json)
        return
    if dry_run and (edition is not None or folder is not None):
        raise click.UsageError("--dry-run writes nothing: leave --edition and --out away")
    wanted = _month(month)
    if dry_run:
        _rehearse(wanted, as_json=as_json)
        return
    is_new = False
    if edition is None:
        edition, is_new = _issue(wanted)
    _write(wanted, edition, folder, is_new=is_new, as_json=as_json)


def _list(*, as_json: bool) -> None:
    with opened() as installation:
        known = reports(installation.connection)
        if as_json:
            listed = [_document(each) for each in known]
            documents.write({"reports": listed, **installation.document()})
            return
        if not known:
            raise NoReportYetError(
                "No board report was issued yet. Issue one: nrr report MONTH, such as 2026-09"
            )
        print_parts([*report_views.listed(known), *map(faint, installation.footer())])


def _month(text: str) -> Period:
    """The month that was named, which has figures."""
    with opened() as installation:
        wanted = parse_period(text, installation.policy)
        if wanted.kind is not PeriodKind.MONTH:
            month = f"{wanted.closing_date:%Y-%m}"
            raise click.BadParameter(
                "a board report is of a month, and shows its quarter and trailing year too: "
                f"nrr report {month}",
                param_hint="MONTH",
            )
        start = wanted.period_start
        if not rows_in_force(installation.connection, "monthly_nrr", period_start=start):
            raise not_published(installation, wanted)
    return wanted


def _rehearse(month: Period, *, as_json: bool) -> None:
    from nrr_pipeline.orchestration.stages.reports import draft_report  # noqa: PLC0415 - slow

    settings, policy = load()
    with open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse:
        draft = draft_report(warehouse, policy, month, clock=utc_now)
    said = draft.said_already
    with opened() as installation:
        if as_json:
            document = {
                "month": month.key,
                "edition": draft.report.edition if said is None else said.issued.edition,
                "is_due": said is None,
                "changes": draft.report.changes,
            }
            documents.write({**document, **installation.document()})
            return
        if said is None:
            title = f"Would issue {month.label}, edition {draft.report.edition}."
        else:
            title = f"{report_views.name_of(said.issued)} says the same; nothing would be issued."
        lines = report_views.changes_lines(draft.report.changes)
        print_parts([title, *lines, "", *map(faint, installation.footer())])


def _issue(month: Period) -> tuple[int, bool]:
    """Issue the report of a month through Dagster; its edition, and whether that is a new one."""
    # Dagster takes longer to import than all other commands take in all.
    from nrr_pipeline.orchestration.runner import issue_board_report  # noqa: PLC0415

    def editions() -> list[int]:
        with opened() as installation:
            return [each.edition for each in reports(installation.connection, month.period_start)]

    before = editions()
    with interruptible(lambda line: click.echo(line, err=True)) as echo:
        issue_board_report(load()[0], month, echo=echo)
    after = editions()
    return after[-1], after != before


def _write(
    month: Period, edition: int, folder: Path | None, *, is_new: bool, as_json: bool
) -> None:
    """Write the files of an edition that are missing, and say where they are."""
    # all of these import pandas, which takes longer than what lists need
    from nrr_pipeline.orchestration.stages.report_files import ReportStore  # noqa: PLC0415
    from nrr_pipeline.orchestration.stages.reports import (  # noqa: PLC0415
        copy_report,
        issued_report,
        write_report,
    )

    settings, _ = load()
    with open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse:
        issue = issued_report(warehouse, month, edition)
        files = write_report(warehouse, issue, ReportStore(settings.reports), clock=utc_now)
        if folder is not None:
            files += copy_report(issue, ReportStore(str(folder)))
    with opened() as installation:
        if as_json:
            document = {"report": _document(issue.issued), "is_new": is_new}
            written = {"files": [asdict(each) for each in files]}
            documents.write({**document, **written, **installation.document()})
            return
        print_parts(
            [
                *report_views.issued_lines(issue.issued, is_new=is_new),
                *report_views.file_lines(files),
                "",
                *map(faint, installation.footer([issue.issued.policy_version])),
            ]
        )


def _document(issued: IssuedReport) -> documents.Document:
    return {"month": Period.month(issued.period_start).key, **asdict(issued)}
