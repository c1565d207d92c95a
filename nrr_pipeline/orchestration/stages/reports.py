"""Board reports: which are due, issuing them, and making their files again.

What a report holds is gathered in ``report_content``, its files are made in ``report_files``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.metrics.periods import Period, PeriodKind, spelled
from nrr_pipeline.orchestration.stages.explaining import published_figures
from nrr_pipeline.orchestration.stages.report_content import gather, quarter_of
from nrr_pipeline.orchestration.stages.report_files import (
    ReportFile,
    ReportStore,
    folder_of,
    write_files,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.board_report import (
    BoardReport,
    FrozenReport,
    Presentation,
    Rows,
    from_json,
    rows_by_period,
    to_json,
)
from nrr_pipeline.reporting.report_changes import changes, figures_differ
from nrr_pipeline.warehouse import account, knowledge
from nrr_pipeline.warehouse.board_report import (
    DamagedReportError,
    IssuedReport,
    add_report,
    content_of,
    note_files,
    reports,
)
from nrr_pipeline.warehouse.reading import TABLE_OF_PERIOD, held_out_items
from nrr_pipeline.warehouse.retention import PublishedPeriod, published_periods
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse

MONTHLY = TABLE_OF_PERIOD[PeriodKind.MONTH]
LOGO_FORMATS = ("png", "svg")
LARGEST_LOGO_BYTES = 1_000_000


class ReportNotFinalError(NrrError):
    """A report was asked for of a month whose figures can still change."""


class UnknownEditionError(NrrError):
    """A report was asked for that was never issued."""


@dataclass(frozen=True)
class Issue:
    """An edition of a report; ``is_new`` says whether it was issued just now."""

    issued: IssuedReport
    frozen: FrozenReport
    is_new: bool


def due_reports(warehouse: Warehouse, policy: MetricPolicy) -> list[Period]:
    """The final months without a report, with figures that changed since, or with missing files.

    Of the months before the first connection only the latest complete one is due by itself; the
    others are once somebody has asked for them.
    """
    with warehouse.read() as connection:
        facts = account.connection_facts(connection)
        latest = {each.period_start: each for each in reports(connection)}
        return [
            Period.month(each.period_start)
            for each in published_periods(connection, MONTHLY)
            if each.is_final
            and _is_due(connection, policy, each, latest.get(each.period_start), facts)
        ]


@dataclass(frozen=True)
class Draft:
    """A report as it would be issued, which its last edition may say already."""

    report: BoardReport
    known_at: datetime | None
    last: Issue | None

    @property
    def said_already(self) -> Issue | None:
        """The last edition, where nothing differs from it."""
        return None if self.report.changes else self.last


def draft_report(
    warehouse: Warehouse, policy: MetricPolicy, month: Period, *, clock: Clock
) -> Draft:
    """Gather the report of a final month and hold it against its last edition.

    Raises:
        NothingToExplainError: The month has no figures.
        NotAsPublishedError: Measured under today's policy it is something else.
        ReportNotFinalError: Its figures can still change; the message says until when.
    """
    with warehouse.read() as connection:
        _require_final(connection, policy, month, clock)
        known = reports(connection, month.period_start)
        last = Issue(known[-1], _frozen(connection, known[-1]), is_new=False) if known else None
        edition = last.issued.edition + 1 if last else 1
        report = gather(connection, policy, month, edition=edition, at=clock())
        known_at = knowledge.latest_known_at(connection)
    if last is not None:
        report = replace(report, changes=changes(last.frozen.report, report))
    return Draft(report, known_at, last)


def issue_report(
    warehouse: Warehouse, policy: MetricPolicy, month: Period, *, ui_url: str, clock: Clock
) -> Issue:
    """Issue the report of a final month, unless its last edition says the same already.

    Raises:
        NothingToExplainError: The month has no figures.
        NotAsPublishedError: Measured under today's policy it is something else.
        ReportNotFinalError: Its figures can still change; the message says until when.
        SettingsError: The logo cannot be used.
    """
    while True:
        draft = draft_report(warehouse, policy, month, clock=clock)
        if draft.said_already is not None:
            return draft.said_already
        report = draft.report
        frozen = FrozenReport(report, presentation(policy, ui_url))
        row = {
            "period_start": month.period_start,
            "edition": report.edition,
            "issued_at": report.issued_at,
            "data_as_of": report.data_as_of,
            "known_at": draft.known_at,
            "policy_version": report.policy_version,
            "changes": report.changes,
        }
        with warehouse.bookkeeping() as connection:
            issued = add_report(connection, row, to_json(frozen))
        if issued is not None:  # else somebody was faster, and may have said the same
            return Issue(issued, frozen, is_new=True)


def issued_report(warehouse: Warehouse, month: Period, edition: int) -> Issue:
    """Return an edition as it was issued.

    Raises:
        UnknownEditionError: There is none of this number; the message lists those that there are.
        DamagedReportError: What was kept is not what was issued.
    """
    with warehouse.read() as connection:
        known = reports(connection, month.period_start)
        for each in known:
            if each.edition == edition:
                return Issue(each, _frozen(connection, each), is_new=False)
    if not known:
        raise UnknownEditionError(
            f"No report of {month.label} was issued yet. Issue it: nrr report {month.key}"
        )
    listed = ", ".join(str(each.edition) for each in known)
    raise UnknownEditionError(
        f"The report of {month.label} has no edition {edition}. There is: {listed}"
    )


def write_report(
    warehouse: Warehouse, issue: Issue, store: ReportStore, *, clock: Clock
) -> list[ReportFile]:
    """Write the files of an edition that are missing, and note when all of them are there.

    Raises:
        ReportFilesError: Some could not be made or written; the others are there.
    """
    folder = folder_of(issue.frozen)
    files = write_files(store, issue.frozen, issue.issued.files, folder=folder)
    if issue.issued.written_at is None:
        digests = {each.name: each.sha256 for each in files}
        with warehouse.bookkeeping() as connection:
            note_files(connection, issue.issued, store.location(folder), digests, at=clock())
    return files


def copy_report(issue: Issue, store: ReportStore) -> list[ReportFile]:
    """Write the files of an edition somewhere else.

    Raises:
        ReportFilesError: Some could not be made or written; the others are there.
    """
    return write_files(store, issue.frozen, issue.issued.files, folder="")


def presentation(policy: MetricPolicy, ui_url: str) -> Presentation:
    """How a report looks that is issued now.

    Raises:
        SettingsError: The logo cannot be used; the message says why.
    """
    chosen = policy.report
    logo = None if chosen.logo is None else _logo(chosen.logo)
    return Presentation(title=chosen.title, locale=chosen.locale, ui_url=ui_url, logo=logo)


def _is_due(
    connection: Connection,
    policy: MetricPolicy,
    month: PublishedPeriod,
    issued: IssuedReport | None,
    facts: account.ConnectionFacts | None,
) -> bool:
    if issued is None:
        through = facts.connected_through if facts else None
        following = Period.month(month.period_start).next
        return not month.is_historical or (through is not None and following.closing_date > through)
    try:
        return issued.written_at is None or _says_otherwise(connection, policy, issued)
    except DamagedReportError:
        return True  # issuing it says what is wrong, and stops no other report


def _says_otherwise(connection: Connection, policy: MetricPolicy, issued: IssuedReport) -> bool:
    """Whether a period that a report is about was published anew, with other figures.

    Months of its trend are not asked: their own reports say what became of them.
    """
    month = Period.month(issued.period_start)
    year = Period.trailing_12_months(issued.period_start)
    frozen: dict[Period, Rows] | None = None
    for period in (month, year, quarter_of(policy, month)):
        rows = published_figures(connection, period)
        if not rows or rows == published_figures(connection, period, issued.known_at):
            continue
        frozen = frozen or rows_by_period(_frozen(connection, issued).report)
        said = {(row.dimension, row.segment): row for row in rows}
        if period not in frozen or figures_differ(frozen[period], said):
            return True
    return False


def _require_final(
    connection: Connection, policy: MetricPolicy, month: Period, clock: Clock
) -> None:
    """Refuse a month whose figures are provisional; say what it waits for."""
    known = {each.period_start: each for each in published_periods(connection, MONTHLY)}
    published = known.get(month.period_start)
    if published is None or published.is_final:
        return  # what was never published is refused where it is explained
    final_on = month.period_end + timedelta(days=policy.close.after_days)
    today = clock().astimezone(ZoneInfo(policy.timezone)).date()
    held_out = held_out_items(connection, month.opening_date, month.closing_date)
    if today < final_on:
        why = f"They are final from {spelled(final_on)} on (close.after_days); until then"
    elif held_out:
        listed = "; ".join(f"{item}: {reason}" for item, reason in sorted(held_out.items()))
        why = f"It waits for what is held out of it: {listed}. Until that is settled"
    else:
        why = "Publish the final ones: nrr run --no-pull. Until then"
    raise ReportNotFinalError(
        f"{month.label} is provisional: its figures can still change, and a board report is "
        f"issued of final ones only. {why}, see them: nrr show {month.key}"
    )


def _frozen(connection: Connection, issued: IssuedReport) -> FrozenReport:
    return from_json(content_of(connection, issued))


def _logo(path: Path) -> tuple[bytes, str]:
    """A logo and its format.

    Raises:
        SettingsError: It cannot be used.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in LOGO_FORMATS:
        raise SettingsError(f"report.logo names {path}, which is neither a PNG nor an SVG file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"report.logo names {path}, which cannot be read: {error.strerror}. Correct the path "
            "in policy.toml, or remove the setting"
        ) from error
    if len(content) > LARGEST_LOGO_BYTES:
        raise SettingsError(
            f"report.logo names {path}, which has {len(content):,} bytes. Give it a smaller "
            f"picture, of {LARGEST_LOGO_BYTES:,} bytes at most"
        )
    return content, kind
