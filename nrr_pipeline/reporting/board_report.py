"""The content of a month's board report: frozen when issued, the source of PDF, workbook and CSV.

What is in it stands here, and how it is kept as text; what it looks like stands in ``pdf``,
``workbook`` and ``charts``. Gathering it is the business of ``orchestration.stages.reports``.
"""

from dataclasses import dataclass
from datetime import date, datetime

from pydantic import ConfigDict, TypeAdapter, with_config

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.explanation import PeriodExplanation, TrendPoint


@dataclass(frozen=True, slots=True)
class CustomerMonth:
    """One customer in one month; amounts in micros at that month's opening rates.

    ``fx_micros`` is what the closing day's rates add.
    """

    month: date
    account_id: str
    name: str
    movement: Movement
    opening_mrr_micros: int
    closing_mrr_micros: int
    fx_micros: int


@dataclass(frozen=True)
class BoardReport:
    """A month as it was put before a board.

    Attributes:
        month: The month, explained.
        quarter: The quarter that ends with the month, else the last one that is complete; ``None``
            before the first.
        trailing: The twelve months that end with the month; ``None`` where not measurable.
        trend: Months up to this one, oldest first, 12 to 24 of them where they exist.
        customer_months: Every customer with MRR at a month's opening or closing, for the months of
            ``trend`` (or the latest of them, see ``notes``), by month and account.
        edition: 1 when first issued; a later edition lists in ``changes`` what it changed.
        issued_at: Time of issue, the document's date.
        data_as_of: The account's clock at the pull that the figures rest on.
        policy: The choices in force that are not the default, by dotted name.
        notes: Footnotes: approximations, exclusions, held out items, findings, restatements.
        changes: What this edition changes against the one before, in sentences.
    """

    month: PeriodExplanation
    quarter: PeriodExplanation | None
    trailing: Retention | None
    trend: tuple[TrendPoint, ...]
    customer_months: tuple[CustomerMonth, ...]
    edition: int
    issued_at: datetime
    data_as_of: datetime
    timezone: str
    policy_version: str
    policy: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a report looks: no figure depends on it.

    Attributes:
        title: Stands above the report.
        logo: PNG or SVG bytes with their format, or none.
        locale: How numbers and dates are written, such as ``en_US`` or ``de_DE``.
        ui_url: Base address of the Dagster UI, for links.
    """

    title: str
    locale: str
    ui_url: str
    logo: tuple[bytes, str] | None = None


Rows = dict[tuple[str, str], Retention]
"""Figures of one period by (dimension, segment)."""


def rows_by_period(report: BoardReport) -> dict[Period, Rows]:
    """All figures that a report holds, once: its own periods first, then those of the trend."""
    listed: list[tuple[Period, tuple[Retention, ...]]] = []
    explained = [each for each in (report.month, report.quarter) if each is not None]
    listed += [(each.period, each.rows) for each in explained]
    if report.trailing is not None:
        listed.append((trailing_period(report), (report.trailing,)))
    listed += [(each.period.previous, each.before) for each in explained if each.before]
    for point in reversed(report.trend):
        listed.append((Period.month(point.month), (point.figures,)))
        if point.trailing is not None:
            listed.append((Period.trailing_12_months(point.month), (point.trailing,)))
    found: dict[Period, Rows] = {}
    for period, rows in listed:
        found.setdefault(period, {(row.dimension, row.segment): row for row in rows})
    return found


def trailing_period(report: BoardReport) -> Period:
    """The twelve months that end with the report's month."""
    return Period.trailing_12_months(report.month.period.period_start)


@with_config(ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
@dataclass(frozen=True)
class FrozenReport:
    """A report with the look that it was issued in: all that its files are made of."""

    report: BoardReport
    presentation: Presentation


def to_json(frozen: FrozenReport) -> bytes:
    """Write a report as JSON: amounts as exact integers, shares as exact fractions, ISO dates."""
    return _FROZEN.dump_json(frozen)


def from_json(content: bytes) -> FrozenReport:
    """Read a report that ``to_json`` wrote; it equals the one that was written.

    Raises:
        ValidationError: The content is not a report.
    """
    return _FROZEN.validate_json(content)


_FROZEN = TypeAdapter(FrozenReport)
