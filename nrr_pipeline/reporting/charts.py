"""The charts of board report, Slack and Dagster's pages: equal bytes for equal figures.

Colors are those of Okabe and Ito, which color-blind readers tell apart; line styles, markers and
hatches tell the same in grey. What a chart shows is said in words by ``report_words``.
"""

# matplotlib leaves the type of its keyword arguments open.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting.bridge_lines import BridgeLine, bridge_of, cohort_points
from nrr_pipeline.reporting.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MARGINS,
    ORANGE,
    PALE_BLUE,
    PALE_ORANGE,
    WIDTH_INCHES,
    bare,
    font,
    label_ends,
    month_axis,
    panel,
    png,
    svg,
    value_axis,
    write,
)
from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.locale import Notation
from nrr_pipeline.reporting.ratios import grr_of, logo_churn_of, nrr_of

PHONE_INCHES = 5
"""The width that makes the report's letters legible on a phone."""


@dataclass(frozen=True)
class _Line:
    """A series of ratios in tenths of a per cent, one per month; a gap where there is none."""

    label: str
    values: Sequence[int | None]
    color: str
    style: str
    marker: str


def trend_png(
    points: Sequence[TrendPoint],
    *,
    width_px: int = 1_000,
    height_px: int = 520,
    locale: str = "en_US",
) -> bytes:
    """NRR and GRR by month, with trailing twelve months, large enough for a phone.

    A month without a cohort leaves a gap; a provisional month has a hollow mark.

    Args:
        points: Months, oldest first.
        width_px: Width of the picture.
        height_px: Its height.
        locale: How numbers and months are written.
    """
    dots_per_inch = width_px / PHONE_INCHES
    figure = Figure(figsize=(PHONE_INCHES, height_px / dots_per_inch), dpi=dots_per_inch)
    axes = panel(figure, left=0.6, right=1.3, top=0.1, bottom=0.42)
    lines = [*_monthly(points)]
    if any(point.trailing for point in points):
        lines.append(_trailing(points)[0])
    _draw_lines(axes, points, lines, Notation(locale))
    return png(figure)


def monthly_trend_svg(points: Sequence[TrendPoint], notation: Notation) -> str:
    """NRR and GRR of each month, around the 100 % line."""
    return _lines_svg(points, _monthly(points), notation)


def trailing_trend_svg(points: Sequence[TrendPoint], notation: Notation) -> str:
    """NRR and GRR of the twelve months that end with each month."""
    return _lines_svg(points, _trailing(points), notation)


def bridge_svg(row: Retention, notation: Notation) -> str:
    """From starting to ending MRR, step by step; the axis holds the steps and not the whole.

    Levels are lines, steps are bars: no bar stands for a whole, so none is cut off.
    """
    figure = Figure(figsize=(WIDTH_INCHES, 2.1))
    axes = panel(figure, left=0.05, right=0.05, top=0.05, bottom=0.3)
    bridge = bridge_of(row)
    level = 0
    for place, line in enumerate(bridge.lines):
        if line.is_level:
            level = line.units
            axes.plot([place - 0.4, place + 0.4], [level, level], color=INK, lw=3)
            text = notation.number(level, bridge.decimals)
            write(axes, text, (place, level), (0, 5), va="bottom", bold=True)
        else:
            _draw_step(axes, place, level, line, notation.signed(line.units, bridge.decimals))
            level += line.units
        if place < len(bridge.lines) - 1:
            axes.plot([place + 0.32, place + 0.68], [level, level], color=GREY, lw=0.7)
    low, high = axes.get_ylim()
    axes.set_ylim(low - (high - low) * 0.14, high + (high - low) * 0.14)
    names = [line.label for line in bridge.lines]
    axes.set_xticks(range(len(names)), names, fontproperties=font(size=7.5), color=INK)
    axes.tick_params(axis="both", length=0)
    axes.set_yticks([])
    bare(axes)
    return svg(figure)


def movements_svg(points: Sequence[TrendPoint], notation: Notation) -> str:
    """What moved each month's NRR: expansion above the line, contraction and churn below."""
    figure = Figure(figsize=(WIDTH_INCHES, 2.3))
    axes = panel(figure, **MARGINS)
    moved = [[(each or 0) / 10 for each in cohort_points(point.figures)] for point in points]
    expansion, contraction, churn = (list(part) for part in zip(*moved, strict=True))
    months = range(len(points))
    bars: dict[str, Any] = {"width": 0.72, "edgecolor": "white", "linewidth": 0.6}
    axes.bar(months, expansion, color=BLUE, **bars)
    axes.bar(months, contraction, color=PALE_ORANGE, hatch="////", **bars)
    axes.bar(months, churn, bottom=contraction, color=ORANGE, **bars)
    axes.axhline(0, color=INK, linewidth=0.9)
    ends = [
        ("Expansion", expansion[-1] / 2, BLUE),
        ("Contraction", contraction[-1] / 2, ORANGE),
        ("Churn", contraction[-1] + churn[-1] / 2, ORANGE),
    ]
    label_ends(axes, len(points), ends)
    month_axis(axes, points, notation)
    value_axis(axes, notation.points)
    return svg(figure)


def logo_churn_svg(points: Sequence[TrendPoint], notation: Notation) -> str:
    """The share of each month's customers that left; the last and the highest are labeled."""
    figure = Figure(figsize=(WIDTH_INCHES, 1.8))
    axes = panel(figure, **MARGINS)
    values = [logo_churn_of(point.figures) for point in points]
    heights = [(value or 0) / 10 for value in values]
    axes.bar(range(len(points)), heights, width=0.72, color=GREEN)
    for place in _worth_a_label(values):
        write(axes, notation.per_cent(values[place]), (place, heights[place]), (0, 2), va="bottom")
    axes.set_ylim(0, max(heights) * 1.2 or 1)
    month_axis(axes, points, notation)
    value_axis(axes, notation.per_cent)
    return svg(figure)


def _lines_svg(points: Sequence[TrendPoint], lines: Sequence[_Line], notation: Notation) -> str:
    figure = Figure(figsize=(WIDTH_INCHES, 1.75))
    _draw_lines(panel(figure, **MARGINS), points, lines, notation)
    return svg(figure)


def _monthly(points: Sequence[TrendPoint]) -> tuple[_Line, _Line]:
    rows = [point.figures for point in points]
    return (
        _Line("NRR", [nrr_of(row) for row in rows], BLUE, "-", "o"),
        _Line("GRR", [grr_of(row) for row in rows], ORANGE, "--", "s"),
    )


def _trailing(points: Sequence[TrendPoint]) -> tuple[_Line, _Line]:
    rows = [point.trailing for point in points]
    return (
        _Line("TTM NRR", [nrr_of(row) for row in rows], GREEN, "-.", "D"),
        _Line("TTM GRR", [grr_of(row) for row in rows], GREY, ":", "^"),
    )


def _worth_a_label(values: Sequence[int | None]) -> list[int]:
    """The last month and the one with the highest value, where they are known."""
    known = [(value, place) for place, value in enumerate(values) if value is not None]
    return sorted({known[-1][1], max(known)[1]}) if known else []


def _draw_lines(
    axes: Axes, points: Sequence[TrendPoint], lines: Sequence[_Line], notation: Notation
) -> None:
    axes.axhline(100, color=INK, linewidth=0.9)
    ends: list[tuple[str, float, str]] = []
    for line in lines:
        heights = [nan if value is None else value / 10 for value in line.values]
        axes.plot(range(len(points)), heights, color=line.color, linestyle=line.style, lw=1.5)
        for place, height in enumerate(heights):
            fill = line.color if points[place].is_final else "white"
            axes.plot([place], [height], line.marker, color=line.color, mfc=fill, ms=3)
        if line.values and line.values[-1] is not None:
            label = f"{line.label} {notation.per_cent(line.values[-1])}"
            ends.append((label, heights[-1], line.color))
    values = [value / 10 for line in lines for value in line.values if value is not None]
    low, high = min([*values, 99.0]), max([*values, 101.0])
    room = (high - low) * 0.08
    axes.set_ylim(low - room, high + room)
    label_ends(axes, len(points), ends)
    month_axis(axes, points, notation)
    value_axis(axes, notation.per_cent)


_STEPS: dict[str, dict[str, str]] = {
    "Expansion": {"color": BLUE},
    "Contraction": {"color": PALE_ORANGE, "hatch": "////"},
    "Churn": {"color": ORANGE},
    "New business": {"color": PALE_BLUE},
    "Reactivation": {"color": PALE_BLUE, "hatch": "\\\\\\\\"},
    "Exchange rates": {"color": GREY},
}


def _draw_step(axes: Axes, place: int, start: int, step: BridgeLine, text: str) -> None:
    options: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6, **_STEPS[step.label]}
    axes.bar([place], [step.units], bottom=[start], width=0.64, **options)
    end = (place, start + step.units)
    if step.units < 0:
        write(axes, text, end, (0, -4), va="top")
    else:
        write(axes, text, end, (0, 4), va="bottom")
