"""Native charts over the sheet of months: they follow its cells."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.workbook import trend
from nrr_pipeline.reporting.workbook.cells import ACCENT, Book, Sheet

_ORANGE, _SKY, _GREY = "#D55E00", "#56B4E9", "#7F7F7F"
"""Okabe and Ito's colors, which the color-blind tell apart; the lines differ in shape too."""

_FONT = {"size": 9, "color": "#404040"}
_HEIGHT = 240

_LINES = (
    ("nrr", {"color": ACCENT, "width": 2.25}, "circle"),
    ("grr", {"color": _ORANGE, "width": 2.25, "dash_type": "square_dot"}, "diamond"),
    ("line", {"color": _GREY, "width": 1}, "none"),
)


def retention_chart(book: Book, months: Sheet, report: BoardReport, *, width: int) -> Any:  # noqa: ANN401
    """NRR and GRR of each month against 100 %."""
    chart = _lines(book, months, report, "")
    figures = [point.figures for point in report.trend]
    _look(chart, "NRR and GRR by month", "0%", width, low=_floor(figures))
    return chart


def trailing_chart(book: Book, months: Sheet, report: BoardReport, *, width: int) -> Any:  # noqa: ANN401
    """NRR and GRR of the twelve months that end with each month, against 100 %."""
    chart = _lines(book, months, report, "ttm_")
    figures = [point.trailing for point in report.trend if point.trailing]
    _look(chart, "NRR and GRR of trailing twelve months", "0%", width, low=_floor(figures))
    return chart


def _lines(book: Book, months: Sheet, report: BoardReport, kind: str) -> Any:  # noqa: ANN401
    chart: Any = book.raw.add_chart({"type": "line"})
    for key, line, marker in _LINES:
        name = "plot_line" if key == "line" else f"plot_{kind}{key}"
        looks = {"type": marker, "size": 5, "fill": {"color": line["color"]}}
        series = _series(months, len(report.trend), name)
        chart.add_series({**series, "line": line, "marker": looks})
    chart.show_hidden_data()
    return chart


def _floor(figures: Sequence[Retention]) -> float:
    """Where an axis of ratios begins: at a tenth, clear of the lowest."""
    shown = [ratio for each in figures for ratio in (each.nrr, each.grr) if ratio is not None]
    return max(math.floor(min([Fraction(1), *shown]) * 10 - Fraction(1, 5)) / 10, 0)


def movement_chart(book: Book, months: Sheet, report: BoardReport, *, width: int) -> Any:  # noqa: ANN401
    """Expansion beside contraction and churn by month."""
    chart: Any = book.raw.add_chart({"type": "column"})
    looks = (
        ("expansion_micros", "Expansion", {"color": ACCENT}),
        ("contraction_micros", "Contraction", {"color": _SKY}),
        ("churned_mrr_micros", "Churn", {"color": _ORANGE}),
    )
    for key, name, fill in looks:
        chart.add_series(
            {**_series(months, len(report.trend), key), "name": name, "fill": fill, "gap": 60}
        )
    _look(chart, "Expansion beside contraction and churn", "#,##0", width)
    return chart


def _series(months: Sheet, count: int, key: str) -> dict[str, Any]:
    first, last = trend.FIRST, trend.FIRST + count - 1
    return {
        "name": trend.COLUMNS[trend.COL[key]].heading,
        "categories": f"={months.between(first, last, trend.COL['month'])}",
        "values": f"={months.between(first, last, trend.COL[key])}",
    }


def _look(chart: Any, title: str, number: str, width: int, *, low: float = 0) -> None:  # noqa: ANN401
    chart.set_title({"name": title, "name_font": {"size": 12, "color": ACCENT}, "overlay": False})
    chart.set_legend({"position": "bottom", "font": _FONT})
    grid = {"visible": True, "line": {"color": "#E5E5E5", "width": 0.75}}
    none = {"none": True}
    chart.set_y_axis(
        {
            "min": low,
            "num_format": number,
            "num_font": _FONT,
            "major_gridlines": grid,
            "line": none,
        }
    )
    chart.set_x_axis({"num_format": "mmm yy", "num_font": _FONT, "text_axis": True})
    chart.set_chartarea({"border": none})
    chart.set_size({"width": width, "height": _HEIGHT})
