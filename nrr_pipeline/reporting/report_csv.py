"""A board report's figures and customers as CSV, for those who compute further with them.

UTF-8 without a byte order mark, lines end as RFC 4180 says. For spreadsheets there is ``workbook``.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS, Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth, rows_by_period
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.spreadsheet import as_text, decimal, decimal_of

FIGURE_COLUMNS = (
    *("period", "dimension", "segment", "name", "measure", "unit"),
    *("value", "numerator", "denominator"),
    *("edition", "data_as_of", "policy_version"),
)
"""One line per period, segment and measure; ``numerator / denominator`` is the exact value.

``dimension`` is ``all``, a dimension, or ``customer`` with the account as its ``segment``.
"""

_AMOUNTS = ("opening_mrr", "closing_mrr", "change", "fx", "ending_mrr")
CUSTOMER_COLUMNS = (
    *("month", "account_id", "name", "movement", "currency"),
    *_AMOUNTS,
    *(f"{name}_micros" for name in _AMOUNTS),
)
"""One line per month and customer, at the month's opening rates but for ``ending_mrr``.

Amounts stand twice: as decimal numbers, and as exact micros.
"""

_COUNTS = ("starting_customers", "churned_customers", "ending_customers")

_Names = dict[tuple[str, str], str]
_Line = tuple[str, str, str, str, str, str, str, int | str, int | str]


def render_figures_csv(report: BoardReport) -> bytes:
    """Return the figures of every period and segment that the report holds, and who moved them."""
    stamp = (report.edition, report.data_as_of.isoformat(), report.policy_version)
    return _csv(FIGURE_COLUMNS, ((*line, *stamp) for line in _lines(report)))


def render_customers_csv(report: BoardReport) -> bytes:
    """Return every customer in every month that the report holds."""
    currency = report.month.whole.currency
    return _csv(CUSTOMER_COLUMNS, (_customer(each, currency) for each in report.customer_months))


def _csv(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return content.getvalue().encode()


def _lines(report: BoardReport) -> Iterator[_Line]:
    explained = [each for each in (report.quarter, report.month) if each is not None]
    names = {key: name for each in explained for key, name in each.segment_names.items()}
    for period, rows in rows_by_period(report).items():
        for row in rows.values():
            yield from _figures(period, row, names)
    for each in explained:
        yield from _effects(each)
        yield from _moves(each)


def _figures(period: Period, row: Retention, names: _Names) -> Iterator[_Line]:
    name = names.get((row.dimension, row.segment), row.segment)
    place = (period.key, row.dimension, as_text(row.segment), as_text(name))
    for amount in (*BRIDGE_AMOUNTS, "nrr_numerator", "grr_numerator"):
        micros = getattr(row, amount)
        measure = amount.removesuffix("_micros")
        yield (*place, measure, row.currency, decimal(micros), micros, MICROS_PER_MAJOR)
    for count in _COUNTS:
        number = getattr(row, count)
        yield (*place, count, "customers", str(number), number, 1)
    for measure, top, bottom in (
        ("nrr", row.nrr_numerator, row.starting_mrr_micros),
        ("grr", row.grr_numerator, row.starting_mrr_micros),
        ("logo_churn", row.churned_customers, row.starting_customers),
    ):
        shown = decimal_of(Fraction(top, bottom)) if bottom else ""
        yield (*place, measure, "ratio", shown, top, bottom)


def _effects(explained: PeriodExplanation) -> Iterator[_Line]:
    for effect in (effect for effects in explained.effects.values() for effect in effects):
        key = (effect.dimension, effect.segment)
        name = as_text(explained.segment_names.get(key, effect.segment))
        place = (explained.period.key, effect.dimension, as_text(effect.segment), name)
        for measure in ("rate_points", "mix_points"):
            yield (*place, measure, *_points(getattr(effect, measure)))


def _moves(explained: PeriodExplanation) -> Iterator[_Line]:
    for move in explained.moves:
        place = (explained.period.key, "customer", as_text(move.account_id), as_text(move.name))
        yield (*place, "nrr_points", *_points(move.points_of(explained.whole)))


def _points(points: Fraction) -> tuple[str, str, int, int]:
    return "points", decimal_of(points), points.numerator, points.denominator


def _customer(each: CustomerMonth, currency: str) -> tuple[object, ...]:
    micros = (
        each.opening_mrr_micros,
        each.closing_mrr_micros,
        each.closing_mrr_micros - each.opening_mrr_micros,
        each.fx_micros,
        each.closing_mrr_micros + each.fx_micros,
    )
    return (
        f"{each.month:%Y-%m}",
        as_text(each.account_id),
        as_text(each.name),
        each.movement.value,
        currency,
        *map(decimal, micros),
        *micros,
    )
