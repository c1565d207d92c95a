"""A report's content is kept exactly, and what hangs on the largest customers is read from it."""

from dataclasses import replace
from fractions import Fraction

from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS
from nrr_pipeline.reporting.board_report import (
    FrozenReport,
    Presentation,
    from_json,
    to_json,
)
from nrr_pipeline.reporting.concentration import concentration
from nrr_pipeline_tests.golden import HERE
from nrr_pipeline_tests.reporting.example_report import LAST_MONTH, example_report

REPORT = example_report()
LOOK = Presentation(
    "Net revenue retention", "de_DE", "http://127.0.0.1:3000", (b"\x89PNG\xff", "png")
)


def test_a_report_comes_back_from_its_text_as_it_was() -> None:
    frozen = FrozenReport(REPORT, LOOK)
    content = to_json(frozen)
    assert from_json(content) == frozen
    assert to_json(from_json(content)) == content


def test_a_report_that_the_first_version_froze_can_still_be_read() -> None:
    frozen = from_json((HERE / "board_report" / "frozen_first.json").read_bytes())
    assert frozen.report.month.whole == REPORT.month.whole
    assert frozen.report.month.effects == REPORT.month.effects
    assert frozen.report.notes == REPORT.notes
    assert frozen.presentation.logo == (b"<svg/>", "svg")


def test_the_largest_amounts_come_back_to_the_micro() -> None:
    largest = 2**63 - 1
    customer = replace(REPORT.customer_months[0], closing_mrr_micros=largest)
    frozen = FrozenReport(replace(REPORT, customer_months=(customer,)), LOOK)
    assert from_json(to_json(frozen)).report.customer_months[0].closing_mrr_micros == largest


def test_the_example_adds_up_in_every_month_and_segment() -> None:
    for point in REPORT.trend:
        mine = [each for each in REPORT.customer_months if each.month == point.month]
        assert sum(each.opening_mrr_micros for each in mine) == point.figures.starting_mrr_micros
        ending = sum(each.closing_mrr_micros + each.fx_micros for each in mine)
        assert ending == point.figures.ending_mrr_micros
    for explained in (REPORT.month, REPORT.quarter):
        assert explained is not None
        for dimension in ("country", "currency", "product"):
            for part in BRIDGE_AMOUNTS:
                rows = [row for row in explained.rows if row.dimension == dimension]
                assert sum(getattr(row, part) for row in rows) == getattr(explained.whole, part)


def test_the_ten_largest_customers_are_held_against_all() -> None:
    mine = [each for each in REPORT.customer_months if each.month == LAST_MONTH]
    found = concentration(mine)
    assert len(found.largest) == 10
    assert found.largest[0].account_id == "cus_01"
    assert found.ending_mrr_micros == REPORT.month.whole.ending_mrr_micros
    assert found.expansion_micros == REPORT.month.whole.expansion_micros
    assert found.share_of_ending_mrr is not None
    assert Fraction(9, 10) < found.share_of_ending_mrr < 1
    assert found.share_of_expansion == 1


def test_a_month_without_customers_hangs_on_nobody() -> None:
    found = concentration([])
    assert found.share_of_ending_mrr is None
    assert found.share_of_expansion is None
