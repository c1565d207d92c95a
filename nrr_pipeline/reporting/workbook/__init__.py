"""The board report as an Excel workbook: every sum and ratio a formula over the rows beside it.

Which sheets there are stands here, what is in each in the module of its name. ``figures`` turns
figures into cells, ``cells`` writes them.
"""

from nrr_pipeline.reporting.board_report import BoardReport, Presentation
from nrr_pipeline.reporting.workbook.about import write_about
from nrr_pipeline.reporting.workbook.bridge import write_bridge
from nrr_pipeline.reporting.workbook.cells import Book
from nrr_pipeline.reporting.workbook.charts import movement_chart, retention_chart, trailing_chart
from nrr_pipeline.reporting.workbook.concentration import write_concentration
from nrr_pipeline.reporting.workbook.customers import write_customers
from nrr_pipeline.reporting.workbook.figures import decimals_of
from nrr_pipeline.reporting.workbook.movers import write_movers
from nrr_pipeline.reporting.workbook.segments import write_segments
from nrr_pipeline.reporting.workbook.summary import write_summary
from nrr_pipeline.reporting.workbook.trend import write_trend

_CHART_WIDTH = 1000


def render_workbook(report: BoardReport, presentation: Presentation) -> bytes:
    """Write a board report as an .xlsx file: the same bytes for the same report.

    Its text is English; a spreadsheet writes numbers and dates as its reader's settings say. The
    locale decides the paper alone. A logo is shown when it is a PNG.

    Raises:
        ValueError: It has more customers than a worksheet has rows.
    """
    label = report.month.period.label
    book = Book(decimals=decimals_of(report.month.whole.currency), locale=presentation.locale)
    subject = f"Net revenue retention, {label}, edition {report.edition}"
    book.describe(title=presentation.title, subject=subject, issued_at=report.issued_at)
    footer = f"{presentation.title}, {label}, edition {report.edition}"
    periods = {"Month": report.month}
    if report.quarter is not None:
        periods["Quarter"] = report.quarter
    names = ["Summary", "Trend", "Bridge"]
    names += [f"{kind} {what}" for what in ("segments", "movers") for kind in periods]
    names += ["Concentration", "Customers", "About"]
    sheets = {name: book.sheet(name, footer=footer) for name in names}
    write_customers(book, sheets["Customers"], report)
    write_trend(book, sheets["Trend"], report)
    places = write_bridge(sheets["Bridge"], report, sheets["Trend"])
    for kind, explained in periods.items():
        name = kind.lower()
        write_segments(sheets[f"{kind} segments"], name, explained, places)
        write_movers(book, sheets[f"{kind} movers"], name, explained, places)
    largest = write_concentration(sheets["Concentration"], report)
    row = write_summary(sheets["Summary"], report, presentation, places, largest)
    charts = [retention_chart, movement_chart]
    if report.trailing is not None:
        charts.insert(1, trailing_chart)
    for chart in charts:
        drawn = chart(book, sheets["Trend"], report, width=_CHART_WIDTH)
        sheets["Summary"].raw.insert_chart(row, 0, drawn)
        row += 13
    write_about(sheets["About"], report)
    return book.content()
