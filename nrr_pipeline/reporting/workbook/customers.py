"""The sheet of customers: a row for each in each month, from which the other sheets are summed."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth
from nrr_pipeline.reporting.workbook.cells import Book, Column, Content, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import (
    NONE,
    agree,
    all_sums,
    amount,
    movement_label,
)

COLUMNS = (
    Column("month", "Month", "month", 11),
    Column("account", "Account", "foreign", 23),
    Column("name", "Customer", "foreign", 34),
    Column("movement", "Movement", "text", 14),
    Column("opening", "Opening MRR", "money", 15),
    Column("closing", "Closing MRR at opening rates", "money", 15),
    Column("change", "Change", "money", 15),
    Column("fx", "FX", "money", 13),
    Column("ending", "Ending MRR", "money", 15),
    Column("points", "Points of the month's NRR", "points", 13),
)
_COL = {column.key: col for col, column in enumerate(COLUMNS)}
_STYLES = tuple(column.style for column in COLUMNS)
_SUMS, _HEADINGS, _FIRST = 2, 3, 4


def months_that_add_up(report: BoardReport) -> frozenset[date]:
    """The months of the trend whose figures are the exact sums of their customers."""
    rows: dict[date, list[CustomerMonth]] = defaultdict(list)
    for customer in report.customer_months:
        rows[customer.month].append(customer)
    return frozenset(
        point.month
        for point in report.trend
        if point.month in rows and agree(all_sums(rows[point.month]), point.figures)
    )


def write_customers(book: Book, sheet: Sheet, report: BoardReport) -> None:
    """Write the rows and name their columns ``customer_…``."""
    last = _FIRST + max(len(report.customer_months), 1) - 1
    for key, col in _COL.items():
        book.name(f"customer_{key}", sheet.between(_FIRST, last, col))
    sheet.put_head(
        "Customers by month",
        "Everyone with MRR at a month's opening or closing. Opening, closing and change are at the "
        "opening day's exchange rates. The sums follow the filter.",
    )
    sheet.put_columns(_HEADINGS, COLUMNS, height=32)
    sheet.put(_SUMS, 0, "Sum of what is shown", "text_total")
    for col in range(1, _COL["opening"]):
        sheet.put(_SUMS, col, "", "text_total")
    for key in ("opening", "closing", "change", "fx", "ending"):
        _put_sum(sheet, report, key, last)
    starting = {point.month: point.figures.starting_mrr_micros for point in report.trend}
    for row, customer in enumerate(report.customer_months, start=_FIRST):
        sheet.put_row(row, _contents(row, customer, starting), _STYLES)
    sheet.raw.freeze_panes(_FIRST, _COL["movement"])
    sheet.raw.autofilter(_HEADINGS, 0, last, len(COLUMNS) - 1)
    sheet.raw.repeat_rows(_HEADINGS)
    sheet.raw.ignore_errors({"number_stored_as_text": f"B{_FIRST + 1}:C{last + 1}"})


def _put_sum(sheet: Sheet, report: BoardReport, key: str, last: int) -> None:
    def value(customer: CustomerMonth) -> int:
        opening, closing = customer.opening_mrr_micros, customer.closing_mrr_micros
        return {
            "opening": opening,
            "closing": closing,
            "change": closing - opening,
            "fx": customer.fx_micros,
            "ending": closing + customer.fx_micros,
        }[key]

    col = _COL[key]
    rows = f"{cell(_FIRST, col)}:{cell(last, col)}"
    total = amount(sum(map(value, report.customer_months)))
    sheet.put(_SUMS, col, Live(f"=SUBTOTAL(109,{rows})", total), "money_total")


def _contents(row: int, customer: CustomerMonth, starting: Mapping[date, int]) -> list[Content]:
    line = row + 1
    opening, closing = customer.opening_mrr_micros, customer.closing_mrr_micros
    return [
        customer.month,
        customer.account_id,
        customer.name,
        movement_label(customer.movement),
        amount(opening),
        amount(closing),
        Live(f"=F{line}-E{line}", amount(closing - opening)),
        amount(customer.fx_micros),
        Live(f"=F{line}+H{line}", amount(closing + customer.fx_micros)),
        _points(line, customer, starting.get(customer.month, 0)),
    ]


def _points(line: int, customer: CustomerMonth, starting: int) -> Content:
    change = customer.closing_mrr_micros - customer.opening_mrr_micros
    whole = f"INDEX(trend_starting,MATCH(A{line},trend_month,0))"
    if customer.opening_mrr_micros == 0:
        value = 0.0
    elif starting:
        value = 100 * change / starting
    else:
        return NONE
    return Live(f"=IF(E{line}=0,0,100*G{line}/{whole})", value)
