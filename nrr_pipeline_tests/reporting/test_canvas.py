"""What the drawing of charts holds to: nothing is cut off, nothing covers anything else."""

import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from nrr_pipeline.reporting.canvas import (
    BLUE,
    MARGINS,
    WIDTH_INCHES,
    label_ends,
    month_axis,
    panel,
    value_axis,
)
from nrr_pipeline.reporting.locale import Notation
from nrr_pipeline_tests.reporting.example_report import example_report

TREND = example_report().trend


def board(locale: str) -> tuple[Axes, Notation]:
    return panel(Figure(figsize=(WIDTH_INCHES, 2.3)), **MARGINS), Notation(locale)


def box(part: Artist) -> Bbox:
    return part.get_window_extent()


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_values_with_a_decimal_above_100_percent_are_not_cut_off(locale: str) -> None:
    axes, notation = board(locale)
    axes.set_ylim(98.9, 101.1)
    value_axis(axes, notation.per_cent)
    assert {"100.5\xa0%", "100,5\xa0%"} & {label.get_text() for label in axes.get_yticklabels()}
    assert min(box(label).x0 for label in axes.get_yticklabels()) >= 0


@pytest.mark.parametrize("months", [1, 3, 12, 24])
def test_names_at_the_end_stand_beside_the_last_bar_and_inside_of_the_picture(months: int) -> None:
    axes, notation = board("en_US")
    bars = axes.bar(range(months), [1.0] * months, width=0.72)
    label_ends(axes, months, [("Contraction", 0.5, BLUE)])
    month_axis(axes, TREND[:months], notation)
    (name,) = axes.texts
    assert box(name).x0 >= box(bars[-1]).x1
    assert box(name).x1 <= WIDTH_INCHES * 100
