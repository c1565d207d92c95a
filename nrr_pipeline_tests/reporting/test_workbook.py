"""The workbook says what the report says, and goes on saying it when its formulas are evaluated.

Opened and evaluated by libraries that had no part in writing it: openpyxl and formulas.
"""

import warnings
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS, Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.board_report import BoardReport, CustomerMonth, Presentation
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation, TrendPoint
from nrr_pipeline.reporting.locale import ratio_tenths
from nrr_pipeline.reporting.workbook import cells, render_workbook
from nrr_pipeline_tests.reporting.example_report import LONG_NAME, example_report

LOOK = Presentation("Net revenue retention", "en_US", "http://127.0.0.1:3000")
REPORT = example_report()
JUNE = date(2026, 6, 1)
SHEETS = [
    "Summary",
    "Trend",
    "Bridge",
    "Month segments",
    "Quarter segments",
    "Month movers",
    "Quarter movers",
    "Concentration",
    "Customers",
    "About",
]


def row_of(customers: list[CustomerMonth], currency: str) -> Retention:
    """A month's figures from its customers, none of whom is in another movement than shown."""

    def moved(movement: Movement) -> int:
        chosen = [each for each in customers if each.movement is movement]
        return sum(abs(each.closing_mrr_micros - each.opening_mrr_micros) for each in chosen)

    starting = sum(each.opening_mrr_micros for each in customers)
    contraction, churned = moved(Movement.CONTRACTION), moved(Movement.CHURN)
    kept = starting - contraction - churned
    return Retention(
        "all",
        "all",
        currency,
        starting,
        moved(Movement.EXPANSION),
        contraction,
        churned,
        moved(Movement.NEW_BUSINESS),
        moved(Movement.REACTIVATION),
        sum(each.fx_micros for each in customers),
        sum(each.closing_mrr_micros + each.fx_micros for each in customers),
        kept + moved(Movement.EXPANSION),
        kept,
        sum(each.opening_mrr_micros > 0 for each in customers),
        sum(each.movement is Movement.CHURN for each in customers),
        sum(each.closing_mrr_micros > 0 for each in customers),
    )


def small_report(*customers: CustomerMonth, currency: str = "usd") -> BoardReport:
    """The report of an account's first month: no quarter, no year, nothing before."""
    figures = row_of(list(customers), currency)
    moves = tuple(
        CustomerMove(
            each.account_id,
            each.name,
            each.movement,
            each.opening_mrr_micros,
            each.closing_mrr_micros,
            each.fx_micros,
            "other",
            "",
        )
        for each in customers
        if each.movement is not Movement.UNCHANGED
    )
    month = PeriodExplanation(
        period=Period.month(JUNE),
        rows=(figures,),
        before=(),
        moves=moves,
        effects={},
        segment_names={},
        edition=1,
        is_final=True,
        is_historical=False,
        policy_version="1",
        known_at=datetime(2026, 7, 3, tzinfo=UTC),
    )
    return replace(
        REPORT,
        month=month,
        quarter=None,
        trailing=None,
        trend=(TrendPoint(JUNE, figures, None, is_final=True, edition=1),),
        customer_months=customers,
        timezone="UTC",
    )


def customer(
    key: str, movement: Movement, opening: int, closing: int, name: str = ""
) -> CustomerMonth:
    return CustomerMonth(JUNE, key, name or key, movement, opening, closing, 0)


NOTHING_TO_RETAIN = small_report(customer("a", Movement.NEW_BUSINESS, 0, 7_000_000))
YEN = small_report(
    customer("a", Movement.CONTRACTION, 9_000_000_000, 8_000_000_000),
    customer("b", Movement.EXPANSION, 1_000_000_000, 1_333_333_333),
    currency="jpy",
)
ALMOST_ALL = small_report(customer("a", Movement.CONTRACTION, 10_000_000_000, 9_996_000_000))
ROUNDING = small_report(customer("a", Movement.CONTRACTION, 16_666_667, 16_666_666))
DIFFERENT_ROWS = replace(
    NOTHING_TO_RETAIN,
    customer_months=(customer("a", Movement.NEW_BUSINESS, 0, 6_000_000),),
)


def opened(report: BoardReport, *, values: bool = True) -> Any:  # noqa: ANN401
    return openpyxl.load_workbook(BytesIO(render_workbook(report, LOOK)), data_only=values)


def table(sheet: Any, heading: int) -> list[dict[str, Any]]:  # noqa: ANN401
    """The rows under a line of headings; where two are the same the first holds."""
    headings = [cell.value or "" for cell in sheet[heading]]
    return [
        dict(reversed(list(zip(headings, (cell.value for cell in row), strict=True))))
        for row in sheet.iter_rows(min_row=heading + 1)
    ]


def bridge(report: BoardReport) -> dict[str, dict[str, Any]]:
    """The sheet Bridge: by label what stands in each of its columns."""
    return {row[""]: row for row in table(opened(report)["Bridge"], 4)}


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(REPORT, id="two years with a quarter"),
        pytest.param(NOTHING_TO_RETAIN, id="nothing to retain"),
        pytest.param(YEN, id="no decimals"),
        pytest.param(ALMOST_ALL, id="just below 100 %"),
        pytest.param(ROUNDING, id="a shortfall that is rounding"),
        pytest.param(DIFFERENT_ROWS, id="rows that do not add up"),
    ],
)
def test_every_formula_evaluates_to_the_value_beside_it(
    report: BoardReport, tmp_path: Path
) -> None:
    path = tmp_path / "report.xlsx"
    path.write_bytes(render_workbook(report, LOOK))
    evaluated = evaluate(path)
    values, formulas = opened(report), opened(report, values=False)
    compared = 0
    for sheet in formulas:
        for cell in (each for row in sheet.iter_rows() for each in row if each.data_type == "f"):
            written = values[sheet.title][cell.coordinate].value
            found = evaluated[f"'[report.xlsx]{sheet.title.upper()}'!{cell.coordinate}"]
            where = f"{sheet.title}!{cell.coordinate} {cell.value}"
            if isinstance(written, str):
                assert found == written, where
            else:
                assert float(found) == pytest.approx(written, rel=1e-12, abs=1e-9), where
            compared += 1
    assert compared > 40


def evaluate(path: Path) -> dict[str, Any]:
    """By cell what an independent library makes of all formulas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import formulas  # noqa: PLC0415 - takes seconds, and warns

        functions: Any = formulas.get_functions()
        functions["SUBTOTAL"] = lambda _code, *ranges: functions["SUM"](*ranges)
        solution: Any = formulas.ExcelModel().loads(str(path)).finish().calculate()
        return {
            key: found.value[0, 0]
            for key, found in solution.items()
            if isinstance(key, str) and hasattr(found, "value") and found.value.shape == (1, 1)
        }


def test_each_month_shows_what_the_report_says() -> None:
    rows = table(opened(REPORT)["Trend"], 4)
    assert [row["Month"].date() for row in rows] == [point.month for point in REPORT.trend]
    for row, point in zip(rows, REPORT.trend, strict=True):
        figures = point.figures
        starting = figures.starting_mrr_micros
        assert round(row["NRR"] * 1_000, 9) == ratio_tenths(figures.nrr_numerator, starting)
        assert round(row["GRR"] * 1_000, 9) == ratio_tenths(figures.grr_numerator, starting)
        assert row["Ending MRR"] * 1_000_000 == pytest.approx(figures.ending_mrr_micros, abs=0.1)
        assert row["Customers lost"] == figures.churned_customers
        assert row["Difference from the customers' sum"] == 0
        assert row["Amounts are"] == "sums of customers"


def test_the_bridge_holds_every_part_of_month_quarter_and_year() -> None:
    rows = bridge(REPORT)
    labels = ("Starting MRR", "+ Expansion", "\N{MINUS SIGN} Contraction", "\N{MINUS SIGN} Churn")
    labels += ("+ New business", "+ Reactivation", "± FX", "Ending MRR")
    assert REPORT.quarter is not None
    for heading, figures in (
        ("September 2026", REPORT.month.whole),
        ("August 2026", REPORT.month.whole_before),
        ("Q3 2026", REPORT.quarter.whole),
        ("Q2 2026", REPORT.quarter.whole_before),
        ("TTM September 2026", REPORT.trailing),
    ):
        for label, part in zip(labels, BRIDGE_AMOUNTS, strict=True):
            assert rows[label][heading] * 1_000_000 == pytest.approx(getattr(figures, part))
    assert rows["Reading"]["September 2026"] == "warning"


def test_points_that_are_shown_add_up_to_nrr_less_100() -> None:
    rows = list(opened(REPORT)["Summary"].iter_rows(values_only=True))
    first = next(n for n, row in enumerate(rows) if row[0] == "Who cost NRR most in September 2026")
    last = next(n for n in range(first, len(rows)) if str(rows[n][0]).endswith("100 %"))
    shown = [row[2] for row in rows[first + 1 : last]]
    assert rows[last][2] == -11.0
    assert sum(shown) == pytest.approx(-11.0)
    assert rows[first + 1][:3] == ("*bold* _it_ `code` & Söhne", "cus_04", -6.4)


def test_segments_add_up_and_say_what_moved_nrr() -> None:
    rows = table(opened(REPORT)["Month segments"], 4)
    differences = [row for row in rows if row["Segment"] == "Less all customers"]
    assert len(differences) == 3
    for row in differences:
        assert not any(value for value in row.values() if isinstance(value, int | float))
    (team,) = [row for row in rows if row["Segment"] == "Team"]
    (effect,) = [each for each in REPORT.month.effects["product"] if each.segment == "prod_team"]
    assert team["Rate effect, points"] == pytest.approx(float(effect.rate_points))
    assert team["Mix effect, points"] == pytest.approx(float(effect.mix_points))


def test_nothing_to_retain_shows_no_ratio() -> None:
    rows = bridge(NOTHING_TO_RETAIN)
    for label in ("NRR", "GRR", "Logo churn", "Quick ratio", "Reading"):
        assert rows[label]["June 2026"] == "n/a"
    assert list(opened(NOTHING_TO_RETAIN).sheetnames) == [
        name for name in SHEETS if not name.startswith("Quarter")
    ]


def test_just_below_100_per_cent_never_shows_as_100_but_rounding_of_items_does() -> None:
    assert bridge(ALMOST_ALL)["NRR"]["June 2026"] == 0.999
    assert bridge(ROUNDING)["NRR"]["June 2026"] == 1


def test_amounts_have_the_decimals_of_their_currency() -> None:
    sheet = opened(YEN)["Customers"]
    assert "." not in sheet["E5"].number_format
    assert ".00" in opened(REPORT)["Customers"]["E5"].number_format


def test_rows_that_do_not_add_up_are_not_summed_and_said_so() -> None:
    (row,) = table(opened(DIFFERENT_ROWS)["Trend"], 4)
    assert row["Amounts are"] == "as published"
    assert row["Ending MRR"] == 7


def test_names_stay_the_text_that_they_are() -> None:
    names = (
        "=1+1",
        "+1",
        "@x",
        "http://x.example",
        "12",
        "-",
        " ",
        LONG_NAME[:300],
        "a\x00\x1b\tb",
    )
    report = small_report(
        *(
            customer(f"={key}", Movement.NEW_BUSINESS, 0, 1_000_000, name)
            for key, name in enumerate(names)
        )
    )
    sheet = opened(report, values=False)["Customers"]
    written = [cell for (cell,) in sheet.iter_rows(min_row=5, min_col=3, max_col=3)]
    assert {cell.data_type for cell in written} == {"s"}
    assert [cell.value for cell in written] == [*names[:-1], "a b"]
    assert not any(cell.hyperlink for cell in written)
    assert all(cell.quotePrefix for cell in written)


def test_the_same_report_gives_the_same_bytes_dated_by_its_issue() -> None:
    content = render_workbook(REPORT, LOOK)
    assert render_workbook(REPORT, LOOK) == content
    properties = openpyxl.load_workbook(BytesIO(content)).properties
    assert properties.created == properties.modified == REPORT.issued_at.replace(tzinfo=None)
    assert properties.title == LOOK.title


def test_sheets_are_set_up_to_be_read_and_printed() -> None:
    book = opened(REPORT)
    assert book.sheetnames == SHEETS
    for name in SHEETS[1:-1]:
        sheet = book[name]
        assert sheet.freeze_panes is not None
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToHeight == 0
    for name in ("Trend", "Month segments", "Month movers", "Customers"):
        assert book[name].auto_filter.ref is not None
        assert book[name].print_title_rows is not None


def test_a_logo_is_shown_where_it_is_a_png() -> None:
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
    )
    for logo, shown in (((png, "png"), 1), ((b"<svg/>", "svg"), 0)):
        content = render_workbook(REPORT, replace(LOOK, logo=logo))
        assert content.count(b"xl/media/image1.png") == 2 * shown


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cells.MAX_ROWS == 2**20
    monkeypatch.setattr(cells, "MAX_ROWS", 100)
    with pytest.raises(ValueError, match=r"The sheet 'Customers' holds 100 rows"):
        render_workbook(REPORT, LOOK)
