"""The sheet that shows how much hangs on the ten largest customers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth
from nrr_pipeline.reporting.concentration import LARGEST
from nrr_pipeline.reporting.workbook.cells import Column, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import amount, movement_label, share_of, shares

_MONTH = (2, 1)


@dataclass(frozen=True)
class _Table:
    """Largest customers by ``size``, and what part of all they have in ``part``.

    ``formula`` is what the part is among the columns of the customers.
    """

    part: str
    share: str
    formula: str
    size: Callable[[CustomerMonth], int]
    value: Callable[[CustomerMonth], int]


def _ending(customer: CustomerMonth) -> int:
    return customer.closing_mrr_micros + customer.fx_micros


def _expansion(customer: CustomerMonth) -> int:
    if customer.movement is not Movement.EXPANSION:
        return 0
    return customer.closing_mrr_micros - customer.opening_mrr_micros


_TABLES = {
    "ending": _Table("Ending MRR", "Share of ending MRR", "customer_ending", _ending, _ending),
    "expansion": _Table(
        "Expansion",
        "Share of expansion",
        f'(customer_movement="{movement_label(Movement.EXPANSION)}")*customer_change',
        lambda customer: customer.opening_mrr_micros,
        _expansion,
    ),
}


def write_concentration(sheet: Sheet, report: BoardReport) -> dict[str, Live]:
    """Write the largest customers by ending and by opening MRR, as in ``reporting.concentration``.

    Returns:
        For ``ending`` and ``expansion`` the largest customers' share as a reference to its cell;
        nothing where the report holds no customer of the month.
    """
    month = report.month.period.period_start
    customers = [each for each in report.customer_months if each.month == month]
    sheet.put_head(
        f"What hangs on the {LARGEST} largest customers",
        "Each amount is looked up by the account's id in the sheet Customers.",
    )
    sheet.put(2, 0, "Month", "strong")
    sheet.put(*_MONTH, month, "month")
    found: dict[str, Live] = {}
    row = 3
    for name, table in _TABLES.items():
        if customers:
            found[name] = _put_table(sheet, row, table, customers)
            row += LARGEST + 4
    sheet.raw.freeze_panes(3, 1)
    return found


def _put_table(
    sheet: Sheet, heading: int, table: _Table, customers: Sequence[CustomerMonth]
) -> Live:
    """Write a table from its headings on; return the largest customers' share of all."""
    by_size = sorted(customers, key=lambda each: (-table.size(each), each.account_id))
    largest = [each for each in by_size[:LARGEST] if table.size(each)]
    sheet.put_columns(
        heading,
        (
            Column("name", "Customer", "foreign", 38),
            Column("account", "Account", "foreign", 22),
            Column("opening", "Opening MRR", "money", 18),
            Column("part", table.part, "money", 18),
            Column("share", table.share, "ratio", 20),
        ),
        height=20,
    )
    first, total = heading + 1, heading + 1 + len(largest)
    whole = sum(map(table.value, customers))
    in_month = f"(customer_month={cell(*_MONTH)})"
    for row, customer in enumerate(largest, start=first):
        mine = f"{in_month}*EXACT(customer_account,{cell(row, 1)})"
        sheet.put(row, 0, customer.name, "foreign")
        sheet.put(row, 1, customer.account_id, "foreign")
        opening = amount(customer.opening_mrr_micros)
        sheet.put(row, 2, Live(f"=SUMPRODUCT({mine}*customer_opening)", opening), "money")
        part = Live(f"=SUMPRODUCT({mine}*{table.formula})", amount(table.value(customer)))
        sheet.put(row, 3, part, "money")
        _put_share(sheet, row, total + 1, (table.value(customer), whole), "ratio")
    _put_sum(sheet, total, first, largest, table)
    _put_share(sheet, total, total + 1, (sum(map(table.value, largest)), whole), "ratio_total")
    all_opening = amount(sum(each.opening_mrr_micros for each in customers))
    sheet.put(total + 1, 0, "All customers", "text")
    opening = Live(f"=SUMPRODUCT({in_month}*customer_opening)", all_opening)
    sheet.put(total + 1, 2, opening, "money")
    part = Live(f"=SUMPRODUCT({in_month}*{table.formula})", amount(whole))
    sheet.put(total + 1, 3, part, "money")
    value = shares(sum(map(table.value, largest)), whole)
    return Live(f"={sheet.at(total, 4)}", value)


def _put_sum(
    sheet: Sheet, total: int, first: int, largest: Sequence[CustomerMonth], table: _Table
) -> None:
    sums = {
        2: sum(each.opening_mrr_micros for each in largest),
        3: sum(map(table.value, largest)),
    }
    sheet.put(total, 0, f"The {LARGEST} largest", "text_total")
    sheet.put(total, 1, "", "text_total")
    for col, micros in sums.items():
        rows = f"SUM({cell(first, col)}:{cell(total - 1, col)})" if largest else "0"
        sheet.put(total, col, Live(f"={rows}", amount(micros)), "money_total")


def _put_share(sheet: Sheet, row: int, whole: int, parts: tuple[int, int], style: str) -> None:
    sheet.put(row, 4, share_of(cell(row, 3), cell(whole, 3), shares(*parts)), style)
