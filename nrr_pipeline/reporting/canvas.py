"""How a chart is drawn: fonts, axes, labels that do not touch, and equal bytes each time.

What the charts show does not belong here: see ``charts``.
"""

# matplotlib leaves the type of its keyword arguments open.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.locale import Notation

FONTS = Path(__file__).with_name("fonts")
"""The fonts of charts and pages, which are part of the package."""

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#007A5A", "#6B7280", "#1F2933"
PALE_BLUE, PALE_ORANGE, GRID = "#8CC5E3", "#F0B48A", "#E3E6EA"
MARGINS = {"left": 0.6, "right": 1.3, "top": 0.12, "bottom": 0.36}
"""Inches around a chart over months: for values, names of series, and months."""

WIDTH_INCHES = 7.1
"""Width of a chart in the board report."""

SIZE = 8.5
"""Points of the words in a chart."""

MOST_LABELS = 13
"""So many months are named each; of more only the first of a quarter."""

LAST_FOR_YEAR = 10
"""The last month below which its year fits before January's."""

FIRST_WITHOUT_GLYPH = "\u0530"
"""The first letter after Latin, Greek and Cyrillic, which the charts' font has."""


@cache
def font(*, bold: bool = False, size: float = SIZE) -> FontProperties:
    """The report's own font."""
    name = "IBMPlexSans-SemiBold.ttf" if bold else "IBMPlexSans-Regular.ttf"
    return FontProperties(fname=str(FONTS / name), size=size)


def panel(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes with margins in inches, whatever the size of the figure."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    box = (
        left / width,
        bottom / height,
        (width - left - right) / width,
        (height - top - bottom) / height,
    )
    return figure.add_axes(box)


def png(figure: Figure) -> bytes:
    """The picture in dots; its bytes hold no date and no version."""
    content = BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def svg(figure: Figure) -> str:
    """The picture in lines, letters too; its bytes hold no date and no chance."""
    content = BytesIO()
    # Otherwise the names of its parts are drawn by lot.
    with mpl.rc_context({"svg.hashsalt": "nrr", "svg.fonttype": "path"}):
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue().decode()


def month_axis(axes: Axes, points: Sequence[TrendPoint], notation: Notation) -> None:
    """Name every month, or of many the first of each quarter; the year below where it begins."""
    months = [point.month for point in points]
    step = 1 if len(months) <= MOST_LABELS else 3
    places = [place for place, month in enumerate(months) if month.month % step == 1 % step]
    first = months[places[0]].month if places else 1
    labels = [
        _axis_month(notation.short_month(months[place]), months[place].month) for place in places
    ]
    for number, place in enumerate(places):
        if months[place].month == 1 or (number == 0 and first <= LAST_FOR_YEAR):
            labels[number] += f"\n{months[place].year}"
    axes.set_xticks(places, labels, fontproperties=font(), color=GREY)
    axes.set_xlim(-0.7, len(months) - 0.55)
    axes.tick_params(axis="x", length=2.5, color=GREY)
    bare(axes)


def value_axis(axes: Axes, write: Callable[[int, int], str]) -> None:
    """A few light lines with their values, which ``write`` gets in tenths and their decimals."""
    axes.locator_params(axis="y", nbins=6)
    low, high = axes.get_ylim()
    ticks = [float(value) for value in axes.get_yticks() if low <= value <= high]
    decimals = 0 if all(value == int(value) for value in ticks) else 1
    labels = [write(round(10 * value), decimals) for value in ticks]
    axes.set_yticks(ticks, labels, fontproperties=font(), color=GREY)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def bare(axes: Axes) -> None:
    """Take the frame away."""
    for side in axes.spines.values():
        side.set_visible(False)


def label_ends(axes: Axes, months: int, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write each label beside the last month at its value, moved apart where two would touch."""
    low, high = axes.get_ylim()
    gap = (high - low) / _height_inches(axes) * SIZE * 1.3 / 72
    ordered = sorted(ends, key=lambda end: (end[1], end[0]))
    heights = _apart([value for _, value, _ in ordered], gap)
    for (label, _, color), height in zip(ordered, heights, strict=True):
        write(axes, label, (months - 0.55, height), (5, 0), color=color, ha="left", bold=True)


def write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    *,
    color: str = INK,
    ha: str = "center",
    va: str = "center",
    bold: bool = False,
) -> None:
    """Write words beside a place, at a distance in points."""
    options: dict[str, Any] = {"ha": ha, "va": va, "color": color, "annotation_clip": False}
    axes.annotate(
        text,
        place,
        xytext=offset,
        textcoords="offset points",
        fontproperties=font(bold=bold),
        **options,
    )


def _apart(values: Sequence[float], gap: float) -> list[float]:
    """Ascending values moved as little as it takes to be ``gap`` apart, around their middle."""
    heights: list[float] = []
    for value in values:
        heights.append(max(value, heights[-1] + gap) if heights else value)
    excess = (heights[-1] - values[-1]) / 2 if heights else 0.0
    if not excess:
        return heights
    moved = [height - excess for height in heights]
    return [max(height, value - excess) for height, value in zip(moved, values, strict=True)]


def _height_inches(axes: Axes) -> float:
    figure = axes.get_figure()
    whole: float = figure.get_window_extent().height / figure.get_dpi() if figure else 1.0
    return axes.get_position().height * whole


def _axis_month(name: str, number: int) -> str:
    """The month's name where the charts' font has its letters, else its number."""
    return name if all(letter < FIRST_WITHOUT_GLYPH for letter in name) else str(number)
