"""The sheet that leads from starting to ending MRR: month, quarter and trailing twelve months."""

from collections.abc import Mapping
from dataclasses import dataclass

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period, add_months
from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.workbook import trend
from nrr_pipeline.reporting.workbook.cells import Column, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import (
    CUSTOMERS,
    NONE,
    PARTS,
    agree,
    amount,
    change_in_points,
    counted,
    derived,
    difference,
    moved_sums,
    part_value,
    reading,
    summed,
    values_of,
)

ROWS = (
    ("", "MRR, {currency}", "group"),
    *((part, heading, "money") for part, heading in PARTS.items()),
    ("ending_mrr_micros", "Ending MRR", "money_total"),
    ("", "Cohort: customers with MRR at opening", "group"),
    ("nrr_numerator", "Its closing MRR at opening rates", "money"),
    ("grr_numerator", "The same without expansion", "money"),
    ("", "Customers", "group"),
    *((part, heading, "count") for part, heading in CUSTOMERS.items()),
    ("", "Ratios", "group"),
    ("nrr", "NRR", "ratio_total"),
    ("reading", "Reading", "reading"),
    ("grr", "GRR", "ratio"),
    ("logo_churn", "Logo churn", "ratio"),
    ("quick_ratio", "Quick ratio", "times"),
    ("", "Size, {currency}", "group"),
    ("arr", "ARR (12 times ending MRR)", "money"),
    ("arpa", "ARPA (ending MRR per customer)", "money"),
)
_HEADINGS, _FIRST = 3, 4
ROW = {key: row for row, (key, _, _) in enumerate(ROWS, start=_FIRST) if key}
RATIOS = ("nrr", "grr", "logo_churn")
_WITHOUT_CHANGE = ("reading", "quick_ratio", "arpa")


@dataclass(frozen=True)
class Side:
    """One column: whose figures, what stands above, and the cells they are taken from."""

    heading: str
    figures: Retention
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Places:
    """The columns of the sheet by name, and in each the values of its cells by figure.

    The names are ``month``, ``month_before``, ``month_change``, the same of ``quarter``, and
    ``trailing``; those are missing of which the report holds nothing.
    """

    sheet: Sheet
    col: Mapping[str, int]
    values: Mapping[str, Mapping[str, float | str]]

    def at(self, name: str, key: str) -> str:
        """A reference to a figure from any sheet."""
        return self.sheet.at(ROW[key], self.col[name])

    def live(self, name: str, key: str) -> Live:
        """A cell that shows a figure of this sheet."""
        return Live(f"={self.at(name, key)}", self.values[name][key])


def write_bridge(sheet: Sheet, report: BoardReport, trend_sheet: Sheet) -> Places:
    """Write the columns of what the report holds."""
    sheet.put_head(
        "From starting to ending MRR",
        "Starting MRR + new business + reactivation + expansion \N{MINUS SIGN} contraction "
        "\N{MINUS SIGN} churn ± FX = ending MRR. NRR and GRR rest on the cohort alone.",
    )
    sides = _sides(report, trend_sheet)
    names = _names(sides)
    headings = {"": "", **dict.fromkeys(names, "Change")}
    headings |= {name: side.heading for name, side in sides.items()}
    widths = [38, *[21] * len(names)]
    columns = [
        Column(name, heading, "money" if name else "text", width)
        for (name, heading), width in zip(headings.items(), widths, strict=True)
    ]
    sheet.put_columns(_HEADINGS, columns, height=20)
    _put_labels(sheet, report.month.whole.currency.upper(), len(names))
    col = {name: number for number, name in enumerate(names, start=1)}
    values = {name: _put_side(sheet, col[name], side) for name, side in sides.items()}
    for name in ("month", "quarter"):
        if f"{name}_before" in col:
            values[f"{name}_change"] = _put_change(sheet, col, name, values)
    sheet.raw.freeze_panes(_FIRST, 1)
    return Places(sheet, col, values)


def _names(sides: Mapping[str, Side]) -> list[str]:
    """The columns from left to right: a change stands after the period before."""
    names: list[str] = []
    for name in sides:
        names.append(name)
        if name.endswith("_before"):
            names.append(name.replace("_before", "_change"))
    return names


def _put_labels(sheet: Sheet, currency: str, columns: int) -> None:
    for row, (_, heading, style) in enumerate(ROWS, start=_FIRST):
        look = "group" if style == "group" else "text_total" if "total" in style else "text"
        sheet.put(row, 0, heading.format(currency=currency), look)
        for col in range(1, columns + 1):
            if style == "group":
                sheet.put(row, col, "", "group")


def _sides(report: BoardReport, trend_sheet: Sheet) -> dict[str, Side]:
    """By name the columns, from left to right."""
    sides: dict[str, Side] = {}
    for name, explained in (("month", report.month), ("quarter", report.quarter)):
        if explained is None:
            continue
        month = name == "month"
        sources = (
            _of_trend(report, explained.whole, trend_sheet)
            if month
            else {**_snapshots(report, explained, trend_sheet), **_moved(explained)}
        )
        sides[name] = Side(explained.period.label, explained.whole, sources)
        before = explained.whole_before
        if before is not None:
            of_trend = _of_trend(report, before, trend_sheet) if month else {}
            label = explained.period.previous.label
            sides[f"{name}_before"] = Side(label, before, of_trend)
    if report.trailing is not None:
        label = Period.trailing_12_months(report.month.period.period_start).label
        sides["trailing"] = Side(label, report.trailing, {})
    return sides


def _of_trend(report: BoardReport, figures: Retention, sheet: Sheet) -> dict[str, str]:
    """References to the month's row of the trend, where it holds these figures."""
    for row, point in enumerate(report.trend, start=trend.FIRST):
        if point.figures == figures:
            return {key: f"={sheet.at(row, trend.COL[key])}" for key in (*PARTS, *CUSTOMERS)}
    return {}


def _snapshots(report: BoardReport, quarter: PeriodExplanation, sheet: Sheet) -> dict[str, str]:
    """References to its first month's opening and its last month's closing, where they agree."""
    taken = (
        ("starting_mrr_micros", quarter.period.first_day),
        ("starting_customers", quarter.period.first_day),
        ("ending_customers", add_months(quarter.period.period_end, -1)),
    )
    return {
        key: f"={sheet.at(row, trend.COL[key])}"
        for row, point in enumerate(report.trend, start=trend.FIRST)
        for key, month in taken
        if point.month == month and getattr(point.figures, key) == getattr(quarter.whole, key)
    }


def _moved(explained: PeriodExplanation) -> dict[str, str]:
    """Sums over the quarter's movers, where they add up; the others did not move."""
    if not agree(moved_sums(explained.moves), explained.whole):
        return {}
    return {**summed("quarter"), "churned_customers": f"={counted('quarter', Movement.CHURN)}"}


def _put_side(sheet: Sheet, col: int, side: Side) -> dict[str, float | str]:
    def at(key: str) -> str:
        return cell(ROW[key], col)

    figures = side.figures
    ending, customers = at("ending_mrr_micros"), at("ending_customers")
    arpa: float | str = NONE
    if figures.ending_customers:
        arpa = amount(figures.ending_mrr_micros) / figures.ending_customers
    follows = derived(figures, at)
    contents: dict[str, float | Live] = {
        **values_of(figures),
        **{key: Live(formula, part_value(figures, key)) for key, formula in side.sources.items()},
        **follows,
        "reading": reading(at("nrr"), follows["nrr"].value),
        "arr": Live(f"=12*{ending}", amount(12 * figures.ending_mrr_micros)),
        "arpa": Live(f'=IF({customers}=0,"{NONE}",{ending}/{customers})', arpa),
    }
    for key, _, style in ROWS:
        if key:
            sheet.put(ROW[key], col, contents[key], style)
    return {
        key: content.value if isinstance(content, Live) else content
        for key, content in contents.items()
    }


def _put_change(
    sheet: Sheet,
    col: Mapping[str, int],
    name: str,
    values: Mapping[str, Mapping[str, float | str]],
) -> dict[str, float | str]:
    changes: dict[str, float | str] = {}
    for key, _, style in ROWS:
        if not key or key in _WITHOUT_CHANGE:
            continue
        now, before = (cell(ROW[key], col[side]) for side in (name, f"{name}_before"))
        first, last = values[name][key], values[f"{name}_before"][key]
        if key in RATIOS:
            content, look = change_in_points(now, before, (first, last)), "change"
        else:
            content, look = difference(now, before, (first, last)), style
        sheet.put(ROW[key], col[f"{name}_change"], content, look)
        changes[key] = content.value
    return changes
