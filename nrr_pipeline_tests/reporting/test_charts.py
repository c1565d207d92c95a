"""What the charts hold to: equal bytes, any months, any locale."""

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting import charts
from nrr_pipeline.reporting.bridge_lines import bridge_of
from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.locale import Notation
from nrr_pipeline_tests.reporting.example_report import example_report

REPORT = example_report()
ENGLISH = Notation("en_US")
EMPTY = Retention("all", "all", "usd", *[0] * 13)
OVER_MONTHS: list[Callable[[tuple[TrendPoint, ...], Notation], str]] = [
    charts.monthly_trend_svg,
    charts.trailing_trend_svg,
    charts.movements_svg,
    charts.logo_churn_svg,
]


def without_cohort(point: TrendPoint) -> TrendPoint:
    return replace(point, figures=EMPTY, trailing=None)


def test_the_picture_for_a_phone_is_of_the_size_asked_for_and_small() -> None:
    picture = charts.trend_png(REPORT.trend)
    assert struct.unpack(">II", picture[16:24]) == (1_000, 520)
    assert len(picture) < 100_000
    assert charts.trend_png(REPORT.trend) == picture


@pytest.mark.parametrize("draw", OVER_MONTHS)
def test_a_chart_is_the_same_each_time(
    draw: Callable[[tuple[TrendPoint, ...], Notation], str],
) -> None:
    assert draw(REPORT.trend, ENGLISH) == draw(REPORT.trend, ENGLISH)


@pytest.mark.parametrize("draw", OVER_MONTHS)
@pytest.mark.parametrize("locale", ["en_US", "de_DE", "ar_EG", "ja_JP", "hi_IN"])
def test_months_without_a_cohort_and_other_scripts_can_be_drawn(
    draw: Callable[[tuple[TrendPoint, ...], Notation], str], locale: str
) -> None:
    points = (*map(without_cohort, REPORT.trend[:3]), *REPORT.trend[3:])
    for shown in (points, points[:1], points[-1:]):
        assert "<svg" in draw(shown, Notation(locale))


@pytest.mark.parametrize("row", [REPORT.month.whole, EMPTY])
def test_a_bridge_can_be_drawn_also_of_nothing(row: Retention) -> None:
    assert charts.bridge_svg(row, ENGLISH) == charts.bridge_svg(row, ENGLISH)


def test_the_lines_of_a_bridge_add_up_as_they_are_shown() -> None:
    for point in REPORT.trend:
        lines = bridge_of(point.figures).lines
        level = 0
        for line in lines:
            if line.is_level:
                assert line.units == level or line is lines[0]
                level = line.units
            else:
                level += line.units


def test_small_amounts_are_shown_to_the_minor_unit_and_large_ones_are_not() -> None:
    assert bridge_of(REPORT.month.whole).decimals == 0
    assert bridge_of(EMPTY).decimals == 2
    assert bridge_of(replace(EMPTY, currency="kwd")).decimals == 3
