"""The sheet of months: a row each with its bridge, ratios and trailing twelve months."""

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.workbook.cells import Book, Column, Content, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.customers import months_that_add_up
from nrr_pipeline.reporting.workbook.figures import (
    CUSTOMERS,
    NONE,
    PARTS,
    At,
    amount,
    counted,
    decimals_of,
    derived,
    part_value,
    summed,
    trailing,
    values_of,
)

COLUMNS = (
    Column("month", "Month", "month", 11),
    Column("nrr", "NRR", "ratio", 9),
    Column("grr", "GRR", "ratio", 9),
    Column("logo_churn", "Logo churn", "ratio", 9),
    Column("quick_ratio", "Quick ratio", "times", 8),
    Column("ttm_nrr", "NRR", "ratio", 9),
    Column("ttm_grr", "GRR", "ratio", 9),
    *(Column(part, heading, "money", 15) for part, heading in PARTS.items()),
    Column("ending_mrr_micros", "Ending MRR", "money", 15),
    Column("check", "Difference from the customers' sum", "money_check", 14),
    Column("nrr_numerator", "Cohort's closing MRR", "money", 15),
    Column("grr_numerator", "The same without expansion", "money", 15),
    *(Column(part, heading, "count", 11) for part, heading in CUSTOMERS.items()),
    Column("ttm_starting_mrr_micros", "Cohort's opening MRR", "money", 15),
    Column("ttm_nrr_numerator", "Cohort's closing MRR", "money", 15),
    Column("ttm_grr_numerator", "The same without expansion", "money", 15),
    Column("edition", "Edition", "count", 9),
    Column("basis", "Amounts are", "aside", 24),
    Column("plot_nrr", "NRR", "share", 9),
    Column("plot_grr", "GRR", "share", 9),
    Column("plot_ttm_nrr", "NRR", "share", 9),
    Column("plot_ttm_grr", "GRR", "share", 9),
    Column("plot_line", "100 %", "share", 9),
)
COL = {column.key: col for col, column in enumerate(COLUMNS)}
_GROUPS = (
    ("nrr", "quick_ratio", "Month"),
    ("ttm_nrr", "ttm_grr", "Trailing 12 months"),
    ("starting_mrr_micros", "grr_numerator", "Bridge of MRR, {currency}"),
    ("starting_customers", "ending_customers", "Customers"),
    ("ttm_starting_mrr_micros", "ttm_grr_numerator", "Trailing 12 months, {currency}"),
)
_HEADINGS, FIRST = 3, 4


def write_trend(book: Book, sheet: Sheet, report: BoardReport) -> None:
    """Write the months and name their columns ``trend_month`` and ``trend_starting``."""
    last = FIRST + len(report.trend) - 1
    for name, key in (("month", "month"), ("starting", "starting_mrr_micros")):
        book.name(f"trend_{name}", sheet.between(FIRST, last, COL[key]))
    sheet.put_head(
        "Month by month",
        "Every amount is summed from the sheet Customers where its rows add up to what was "
        "published; ratios are rounded toward zero.",
    )
    currency = report.month.whole.currency.upper()
    for first, final, text in _GROUPS:
        _put_group(sheet, COL[first], COL[final], text.format(currency=currency))
    sheet.put_columns(_HEADINGS, COLUMNS, height=45)
    live = months_that_add_up(report)
    for row, point in enumerate(report.trend, start=FIRST):
        contents = _contents(row, point, is_summed=point.month in live)
        for column in COLUMNS:
            sheet.put(row, COL[column.key], contents[column.key], column.style)
    sheet.raw.set_column(COL["plot_nrr"], COL["plot_line"], None, None, {"hidden": True})
    sheet.raw.freeze_panes(FIRST, 1)
    sheet.raw.autofilter(_HEADINGS, 0, last, COL["basis"])
    sheet.raw.repeat_rows(2, _HEADINGS)
    sheet.raw.repeat_columns(0)
    sheet.raw.fit_to_pages(2, 0)


def _put_group(sheet: Sheet, first: int, last: int, text: str) -> None:
    for col in range(first, last + 1):
        sheet.put(2, col, text if col == first else "", "group")


def _contents(row: int, point: TrendPoint, *, is_summed: bool) -> dict[str, Content]:
    def at(key: str) -> str:
        return cell(row, COL[key])

    figures = point.figures
    follows = derived(figures, at)
    contents: dict[str, Content] = {**values_of(figures), **follows, "check": NONE}
    if is_summed:
        contents |= {
            part: Live(formula, part_value(figures, part))
            for part, formula in _formulas(at("month")).items()
        }
        bridge = follows["ending_mrr_micros"].formula.removeprefix("=")
        apart = f"{bridge}-{at('ending_mrr_micros')}"
        contents["check"] = Live(f"=ROUND({apart},{decimals_of(figures.currency)})", 0.0)
    year = _trailing(point.trailing, at)
    return {
        **contents,
        **year,
        "month": point.month,
        "edition": point.edition,
        "basis": "sums of customers" if is_summed else "as published",
        "plot_nrr": _plotted(at("nrr"), follows["nrr"]),
        "plot_grr": _plotted(at("grr"), follows["grr"]),
        "plot_ttm_nrr": _plotted(at("ttm_nrr"), year["ttm_nrr"]),
        "plot_ttm_grr": _plotted(at("ttm_grr"), year["ttm_grr"]),
        "plot_line": 1,
    }


def _trailing(figures: Retention | None, at: At) -> dict[str, Content]:
    amounts = ("starting_mrr_micros", "nrr_numerator", "grr_numerator")
    if figures is None:
        return {f"ttm_{key}": NONE for key in (*amounts, "nrr", "grr")}
    contents: dict[str, Content] = {
        f"ttm_{part}": amount(getattr(figures, part)) for part in amounts
    }
    ratios = trailing(figures, lambda key: at(f"ttm_{key}"))
    return contents | {f"ttm_{name}": ratio for name, ratio in ratios.items()}


def _plotted(ratio: str, content: Content) -> Content:
    """A ratio for a chart; nothing where there is none, as a chart draws a text as zero."""
    value = content.value if isinstance(content, Live) else NONE
    return "" if isinstance(value, str) else Live(f"={ratio}", value)


def _formulas(month: str) -> dict[str, str]:
    where = f"customer_month,{month}"
    return {
        **summed("customer", f",{where}"),
        "starting_mrr_micros": f"=SUMIFS(customer_opening,{where})",
        "fx_micros": f"=SUMIFS(customer_fx,{where})",
        "ending_mrr_micros": f"=SUMIFS(customer_ending,{where})",
        "starting_customers": f'=COUNTIFS({where},customer_opening,">0")',
        "churned_customers": f"={counted('customer', Movement.CHURN, f',{where}')}",
        "ending_customers": f'=COUNTIFS({where},customer_closing,">0")',
    }
