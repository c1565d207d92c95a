"""The sheet that says what the figures rest on, and how to read them."""

import math
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.workbook.cells import Sheet

_LETTERS = 105
"""How many letters surely stand in a line of the wide column."""

_DEFINITIONS = (
    (
        "NRR",
        (
            "Net revenue retention: what the customers with MRR at opening (the cohort) pay at "
            "closing, over what they paid at opening. New and returning customers have no part."
        ),
    ),
    ("GRR", "Gross revenue retention: the same without any expansion. Never above 100 %."),
    ("Logo churn", "Customers of the cohort without MRR at closing, over customers of the cohort."),
    (
        "Quick ratio",
        "(New business + reactivation + expansion) / (contraction + churn).",
    ),
    (
        "Exchange rates",
        "NRR compares at the opening day's rates. What the rates add by the closing day is FX.",
    ),
    (
        "Reading",
        "World class from 120 %, healthy from 100 %, warning from 80 %, below that trouble.",
    ),
    (
        "Rounding",
        (
            "Ratios are rounded toward zero, so that 99.96 % never shows as 100 %; a shortfall "
            "below one minor unit of the currency alone counts as rounding. Amounts are exact to "
            "a millionth of a unit as far as the 15 digits of a cell reach. n/a: there was "
            "nothing to divide by."
        ),
    ),
    (
        "Formulas",
        (
            "Every sum and ratio is a formula over the rows of this workbook. Plain numbers are "
            "what was published where the rows behind it are not part of the report: the period "
            "before a quarter, trailing twelve months, segments, and FX of a quarter."
        ),
    ),
)


def write_about(sheet: Sheet, report: BoardReport) -> None:
    """Write what the figures rest on, a line each, under headings."""
    sheet.put(0, 0, "About these figures", "title")
    sheet.raw.set_column(0, 0, 30)
    sheet.raw.set_column(1, 1, 120)
    row = 2
    for section, lines in _sections(report):
        sheet.put(row, 0, section, "group")
        sheet.put(row, 1, "", "group")
        for label, text in lines:
            row += 1
            sheet.put(row, 0, label, "label")
            sheet.put(row, 1, text, "wrapped")
            sheet.raw.set_row(row, 15 * math.ceil(max(len(text), 1) / _LETTERS))
        row += 2


def at_local_time(time: datetime, timezone: str) -> str:
    """A time in the reporting time zone, for readers."""
    local = time.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%B %Y, %H:%M} ({timezone})"


def _sections(report: BoardReport) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield (
        "Issue",
        [
            ("Edition", str(report.edition)),
            ("Issued", at_local_time(report.issued_at, report.timezone)),
            ("Data as of", at_local_time(report.data_as_of, report.timezone)),
            ("Currency", report.month.whole.currency.upper()),
        ],
    )
    if report.changes:
        yield "What this edition changes", [("", text) for text in report.changes]
    choices = list(report.policy) or [("", "Every choice is the default.")]
    yield f"Policy, version {report.policy_version}", choices
    for explained in (report.month, report.quarter):
        if explained is not None:
            yield explained.period.label, list(_of_period(explained))
    if report.notes:
        yield "Notes", [("", text) for text in report.notes]
    yield "How to read it", list(_DEFINITIONS)


def _of_period(explained: PeriodExplanation) -> Iterator[tuple[str, str]]:
    period = explained.period
    status = "final" if explained.is_final else "provisional"
    yield "Status", f"{status}, edition {explained.edition} of the figures"
    yield "Opening", f"snapshot of {period.opening_date.isoformat()}"
    yield "Closing", f"snapshot of {period.closing_date.isoformat()}"
