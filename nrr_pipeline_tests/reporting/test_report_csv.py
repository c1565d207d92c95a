"""The CSV files of a board report say exactly what the report says."""

import csv
import io
from collections.abc import Callable
from fractions import Fraction

import pytest

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS
from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.report_csv import (
    CUSTOMER_COLUMNS,
    FIGURE_COLUMNS,
    render_customers_csv,
    render_figures_csv,
)
from nrr_pipeline_tests.reporting.example_report import example_report

REPORT = example_report()


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_every_figure_stands_once_with_its_exact_value() -> None:
    lines = read(render_figures_csv(REPORT))
    assert tuple(lines[0]) == FIGURE_COLUMNS
    keys = [(line["period"], line["dimension"], line["segment"], line["measure"]) for line in lines]
    assert len(set(keys)) == len(keys)
    exact = {
        (line["period"], line["dimension"], line["segment"], line["measure"]): Fraction(
            int(line["numerator"]), int(line["denominator"])
        )
        for line in lines
    }
    for period, rows in (("2026-09", REPORT.month.rows), ("2026-08", REPORT.month.before)):
        for row in rows:
            place = (period, row.dimension, row.segment)
            assert exact[(*place, "nrr")] == row.nrr
            assert exact[(*place, "logo_churn")] == row.logo_churn
            for amount in BRIDGE_AMOUNTS:
                micros = 1_000_000 * exact[(*place, amount.removesuffix("_micros"))]
                assert micros == getattr(row, amount)
    assert REPORT.trailing is not None
    assert exact["ttm-2026-09", "all", "all", "nrr"] == REPORT.trailing.nrr
    assert exact["2024-10", "all", "all", "nrr"] == 1


def test_points_of_customers_sum_to_the_distance_from_100_percent() -> None:
    lines = read(render_figures_csv(REPORT))
    points = [
        Fraction(int(line["numerator"]), int(line["denominator"]))
        for line in lines
        if (line["period"], line["measure"]) == ("2026-Q3", "nrr_points")
    ]
    assert REPORT.quarter is not None
    assert REPORT.quarter.whole.nrr is not None
    assert sum(points) == 100 * (REPORT.quarter.whole.nrr - 1)


def test_every_customer_of_every_month_is_there_and_adds_up() -> None:
    lines = read(render_customers_csv(REPORT))
    assert tuple(lines[0]) == CUSTOMER_COLUMNS
    assert len(lines) == len(REPORT.customer_months)
    for point in REPORT.trend:
        mine = [line for line in lines if line["month"] == f"{point.month:%Y-%m}"]
        ending = sum(int(line["ending_mrr_micros"]) for line in mine)
        assert ending == point.figures.ending_mrr_micros


@pytest.mark.parametrize("render", [render_figures_csv, render_customers_csv])
def test_hostile_names_are_text_and_are_not_lost(
    render: Callable[[BoardReport], bytes],
) -> None:
    names = {line["name"] for line in read(render(REPORT))}
    assert "'=cmd|' /C calc'!A0" in names
    assert "*bold* _it_ `code` & Söhne" in names
    assert not [name for name in names if name.startswith(("=", "+", "-", "@"))]
    assert {each.name for each in REPORT.month.moves} <= {name.removeprefix("'") for name in names}


def test_the_same_report_gives_the_same_bytes() -> None:
    for render in (render_figures_csv, render_customers_csv):
        assert render(example_report()) == render(REPORT)
