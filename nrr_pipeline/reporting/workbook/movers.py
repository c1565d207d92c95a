"""The sheets of movers: every customer whose MRR moved in a period, and why."""

from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.workbook.bridge import Places
from nrr_pipeline.reporting.workbook.cells import Book, Column, Content, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import amount, movement_label

COLUMNS = (
    Column("account", "Account", "foreign", 23),
    Column("name", "Customer", "foreign", 34),
    Column("movement", "Movement", "text", 14),
    Column("cause", "Cause", "foreign", 13),
    Column("reason", "Reason", "foreign", 56),
    Column("opening", "Opening MRR", "money", 15),
    Column("closing", "Closing MRR at opening rates", "money", 15),
    Column("change", "Change", "money", 15),
    Column("points", "Points of NRR", "points", 12),
)
_COL = {column.key: col for col, column in enumerate(COLUMNS)}
_STYLES = tuple(column.style for column in COLUMNS)
_SUMS, _HEADINGS, FIRST = 2, 3, 4


def write_movers(
    book: Book, sheet: Sheet, name: str, explained: PeriodExplanation, places: Places
) -> None:
    """Write a period's movers; the columns are named after ``name``, which is month or quarter."""
    last = FIRST + max(len(explained.moves), 1) - 1
    for key, col in _COL.items():
        book.name(f"{name}_{key}", sheet.between(FIRST, last, col))
    sheet.put_head(
        f"Who moved in {explained.period.label}",
        "The cohort's customers, the most costly first, then those that came or came back, who "
        "have no part in NRR. All points together are NRR \N{MINUS SIGN} 100 % before rounding.",
    )
    sheet.put_columns(_HEADINGS, COLUMNS, height=32)
    _put_sums(sheet, explained, last)
    starting = places.at(name, "starting_mrr_micros")
    for row, move in enumerate(explained.moves, start=FIRST):
        sheet.put_row(row, _contents(row, move, explained, starting), _STYLES)
    sheet.raw.freeze_panes(FIRST, _COL["movement"])
    sheet.raw.autofilter(_HEADINGS, 0, last, len(COLUMNS) - 1)
    sheet.raw.repeat_rows(_HEADINGS)
    sheet.raw.ignore_errors({"number_stored_as_text": f"A{FIRST + 1}:E{last + 1}"})


def _put_sums(sheet: Sheet, explained: PeriodExplanation, last: int) -> None:
    whole = explained.whole
    missed = whole.nrr_numerator - whole.starting_mrr_micros
    values = {
        "opening": amount(sum(move.opening_mrr_micros for move in explained.moves)),
        "closing": amount(sum(move.closing_mrr_micros for move in explained.moves)),
        "change": amount(sum(move.change_micros for move in explained.moves)),
        "points": 100 * missed / whole.starting_mrr_micros if whole.starting_mrr_micros else 0.0,
    }
    sheet.put(_SUMS, 0, "Sum of what is shown", "text_total")
    for key, col in _COL.items():
        if key in values:
            rows = f"{cell(FIRST, col)}:{cell(last, col)}"
            style = f"{COLUMNS[col].style}_total"
            sheet.put(_SUMS, col, Live(f"=SUBTOTAL(109,{rows})", values[key]), style)
        elif col:
            sheet.put(_SUMS, col, "", "text_total")


def _contents(
    row: int, move: CustomerMove, explained: PeriodExplanation, starting: str
) -> list[Content]:
    line = row + 1
    points = float(move.points_of(explained.whole))
    return [
        move.account_id,
        move.name,
        movement_label(move.movement),
        move.cause,
        move.reason,
        amount(move.opening_mrr_micros),
        amount(move.closing_mrr_micros),
        Live(f"=G{line}-F{line}", amount(move.change_micros)),
        Live(f"=IF(F{line}=0,0,100*H{line}/{starting})", points),
    ]
