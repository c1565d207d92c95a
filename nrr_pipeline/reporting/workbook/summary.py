"""The first sheet: the headline figures, who moved them, and where the rest stands."""

from collections.abc import Mapping
from io import BytesIO

from nrr_pipeline.reporting.board_report import BoardReport, Presentation
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.links import page_of
from nrr_pipeline.reporting.points import tenths
from nrr_pipeline.reporting.workbook.about import at_local_time
from nrr_pipeline.reporting.workbook.bridge import RATIOS, Places
from nrr_pipeline.reporting.workbook.cells import Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import (
    amount,
    movement_label,
)

_HEADLINES = (
    ("nrr", "NRR", "ratio_big"),
    ("reading", "Reading", "reading"),
    ("grr", "GRR", "ratio"),
    ("logo_churn", "Logo churn", "ratio"),
    ("quick_ratio", "Quick ratio", "times"),
    ("ending_mrr_micros", "Ending MRR, {currency}", "money_big"),
    ("arr", "ARR, {currency}", "money"),
    ("ending_customers", "Customers at closing", "count"),
)
_COSTLIEST = 5
"""Customers shown before the row of all others."""

_WIDTHS = (38, 23, 18, 18, 18, 26)
_LOGO_HEIGHT = 48


def write_summary(
    sheet: Sheet,
    report: BoardReport,
    presentation: Presentation,
    places: Places,
    largest: Mapping[str, Live],
) -> int:
    """Write the tables; return the first free row, where a chart may stand."""
    for col, width in enumerate(_WIDTHS):
        sheet.raw.set_column(col, col, width)
    sheet.raw.set_portrait()
    sheet.raw.fit_to_pages(1, 1)
    _put_head(sheet, report, presentation)
    row = _put_headlines(sheet, 5, report, places)
    row = _put_risks(sheet, row, report, largest)
    for name, explained in (("month", report.month), ("quarter", report.quarter)):
        if explained is not None:
            row = _put_costliest(sheet, row + 1, name, explained, places)
    return row + 1


def _put_head(sheet: Sheet, report: BoardReport, presentation: Presentation) -> None:
    month = report.month
    sheet.put(0, 0, presentation.title, "title")
    status = "" if month.is_final else ", provisional"
    sheet.put(1, 0, f"{month.period.label}, edition {report.edition}{status}", "section")
    issued, data = (
        at_local_time(time, report.timezone) for time in (report.issued_at, report.data_as_of)
    )
    sheet.put(2, 0, f"Issued {issued}; data as of {data}; policy {report.policy_version}", "note")
    if presentation.ui_url:
        page = f"{presentation.ui_url.rstrip('/')}/{page_of(month.period)}"
        sheet.link(3, 0, page, f"{month.period.label} in Dagster")
    if presentation.logo is not None and presentation.logo[1] == "png":
        _put_logo(sheet, presentation.logo[0])


def _put_headlines(sheet: Sheet, row: int, report: BoardReport, places: Places) -> int:
    """Write the table of headline figures; return the row after it."""
    headings = {"month": report.month.period.label, "month_change": "Change"}
    if report.quarter is not None:
        headings |= {"quarter": report.quarter.period.label, "quarter_change": "Change"}
    headings["trailing"] = "Trailing 12 months"
    names = [name for name in headings if name in places.col]
    sheet.put(row, 0, "Headline figures", "heading_left")
    for col, name in enumerate(names, start=1):
        sheet.put(row, col, headings[name], "heading")
    currency = report.month.whole.currency.upper()
    for key, label, style in _HEADLINES:
        row += 1
        sheet.put(row, 0, label.format(currency=currency), "strong" if "big" in style else "text")
        for col, name in enumerate(names, start=1):
            if key in places.values[name]:
                is_points = name.endswith("_change") and key in RATIOS
                look = "change" if is_points else style.removesuffix("_big" * ("_change" in name))
                sheet.put(row, col, places.live(name, key), look)
    sheet.put(row + 1, 0, "Changes of ratios are in percentage points.", "note")
    return row + 3


def _put_risks(sheet: Sheet, row: int, report: BoardReport, largest: Mapping[str, Live]) -> int:
    """Write what hangs on few customers and what may be lost next; return the row after it."""
    month = report.month
    sheet.put(row, 0, f"To watch at the end of {month.period.label}", "heading_left")
    sheet.put(row, 1, "", "heading")
    lines: list[tuple[str, float | Live, str]] = [
        ("Past due (at-risk MRR)", amount(month.at_risk_mrr_micros), "money"),
        ("Set to end (scheduled churn)", amount(month.scheduled_churn_mrr_micros), "money"),
    ]
    if largest:
        lines += [
            ("Ten largest: share of ending MRR", largest["ending"], "ratio"),
            ("Ten largest: share of expansion", largest["expansion"], "ratio"),
        ]
    for offset, (label, content, style) in enumerate(lines, start=1):
        sheet.put(row + offset, 0, label, "text")
        sheet.put(row + offset, 1, content, style)
    return row + len(lines) + 1


def _put_costliest(
    sheet: Sheet, row: int, name: str, explained: PeriodExplanation, places: Places
) -> int:
    """Write who cost the most points of NRR, and all others; return the row after them."""
    label = explained.period.label
    headings = (f"Who cost NRR most in {label}", "Account", "Points of NRR", "Change", "Why")
    styles = ("heading_left", "heading_left", "heading", "heading", "heading_aside")
    sheet.put_row(row, (*headings, ""), (*styles, "heading_left"))
    nrr = places.values[name]["nrr"]
    if isinstance(nrr, str):
        sheet.put(row + 1, 0, "Nothing to retain: no customer had MRR at opening.", "note")
        return row + 2
    costly = [
        move for move in explained.moves if move.opening_mrr_micros and move.change_micros < 0
    ][:_COSTLIEST]
    first = row + 1
    points = [_put_cost(sheet, first + n, name, move, explained) for n, move in enumerate(costly)]
    others, total = first + len(costly), first + len(costly) + 1
    shown = round(100 * (nrr - 1), 1)
    summed = f"SUM({cell(first, 2)}:{cell(others - 1, 2)})" if costly else "0"
    rest = Live(f"=ROUND({cell(total, 2)}-{summed},1)", round(shown - sum(points), 1))
    sheet.put_row(others, ("All others", "", rest), ("text", "text", "change"))
    whole = Live(f"=ROUND(100*({places.at(name, 'nrr')}-1),1)", shown)
    sheet.put_row(
        total,
        ("NRR \N{MINUS SIGN} 100 %", "", whole, "", "", ""),
        ("text_total", "text_total", "change_total", "text_total", "text_total", "text_total"),
    )
    return total + 1


def _put_cost(
    sheet: Sheet, row: int, name: str, move: CustomerMove, explained: PeriodExplanation
) -> float:
    """Write one customer with its points as they are shown, and return them."""
    mine = f"EXACT({name}_account,{cell(row, 1)})"
    exact = f"SUMPRODUCT({mine}*{name}_points)"
    points = tenths(move.points_of(explained.whole)) / 10
    why = f"{movement_label(move.movement)}: {move.reason}" if move.reason else move.cause
    sheet.put(row, 0, move.name, "foreign")
    sheet.put(row, 1, move.account_id, "foreign")
    sheet.put(row, 2, Live(f"=ROUNDDOWN(ROUND({exact},9),1)", points), "change")
    change = Live(f"=SUMPRODUCT({mine}*{name}_change)", amount(move.change_micros))
    sheet.put(row, 3, change, "money")
    sheet.put(row, 4, why, "aside")
    return points


def _put_logo(sheet: Sheet, content: bytes) -> None:
    """Put a PNG at the right of the title, scaled to its height."""
    height = int.from_bytes(content[20:24])
    scale = _LOGO_HEIGHT / height
    options = {
        "image_data": BytesIO(content),
        "x_scale": scale,
        "y_scale": scale,
        "description": "Logo",
    }
    sheet.raw.insert_image(0, len(_WIDTHS) - 1, "logo.png", options)
