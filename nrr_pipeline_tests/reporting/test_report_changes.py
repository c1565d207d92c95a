"""Whether a report says anything new, and what, is decided by its figures alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting.board_report import BoardReport
from nrr_pipeline.reporting.explanation import PeriodExplanation, Restated
from nrr_pipeline.reporting.report_changes import changes
from nrr_pipeline_tests.reporting.example_report import LAST_MONTH, example_report

REPORT = example_report()


def with_less(row: Retention, micros: int) -> Retention:
    """The row after so much more contraction."""
    return replace(
        row,
        contraction_micros=row.contraction_micros + micros,
        nrr_numerator=row.nrr_numerator - micros,
        grr_numerator=row.grr_numerator - micros,
        ending_mrr_micros=row.ending_mrr_micros - micros,
    )


def with_rows(explained: PeriodExplanation, *rows: Retention) -> PeriodExplanation:
    return replace(explained, rows=rows)


@pytest.mark.parametrize(
    "after",
    [
        REPORT,
        replace(
            REPORT,
            edition=3,
            issued_at=datetime(2027, 1, 1, tzinfo=UTC),
            data_as_of=datetime(2027, 1, 1, tzinfo=UTC),
            changes=(),
            notes=(),
            policy_version="3-other",
        ),
        replace(
            REPORT,
            month=replace(
                REPORT.month,
                moves=tuple(replace(each, name="?", reason="?") for each in REPORT.month.moves),
                segment_names={},
                at_risk_mrr_micros=0,
            ),
            customer_months=tuple(replace(each, name="?") for each in REPORT.customer_months),
        ),
        replace(REPORT, trend=REPORT.trend[12:], customer_months=()),
    ],
    ids=["the same", "times, notes and policy", "names and reasons", "a shorter look back"],
)
def test_what_is_no_figure_is_no_change(after: BoardReport) -> None:
    assert changes(REPORT, after) == ()


def test_a_restated_month_says_from_what_to_what_and_why() -> None:
    restated = (*REPORT.month.restated, Restated(2, 3, "correction, fx", 0.89, 0.86, ""))
    month = with_rows(
        replace(REPORT.month, restated=restated),
        with_less(REPORT.month.whole, 1_000_000_000),
        with_less(REPORT.month.rows[1], 1_000_000_000),
        *REPORT.month.rows[2:],
    )
    said = (
        "NRR 86.5 %, was 89.0 %; GRR 82.2 %, was 84.7 %; contraction USD 4,260.00, was "
        "USD 3,260.00; ending MRR USD 36,879.50, was USD 37,879.50"
    )
    assert changes(REPORT, replace(REPORT, month=month)) == (
        f"September 2026 (correction, exchange rates): {said}.",
        "Segments of September 2026 (correction, exchange rates) changed: DE (country).",
    )


def test_a_new_policy_is_named_with_what_it_changed() -> None:
    month = with_rows(
        REPORT.month, with_less(REPORT.month.whole, 10_000_000), *REPORT.month.rows[1:]
    )
    after = replace(REPORT, month=month, policy=(), policy_version="3-default")
    first, *others = changes(REPORT, after)
    assert first == (
        "The policy is 3-default (every choice is the default); in edition 2 it was 3-0a1b2c3d "
        "(discounts = all, reporting_currency = usd)."
    )
    assert len(others) == 1


def test_a_change_too_small_to_be_shown_is_still_said() -> None:
    month = with_rows(REPORT.month, with_less(REPORT.month.whole, 1), *REPORT.month.rows[1:])
    (said,) = changes(REPORT, replace(REPORT, month=month))
    assert said == "September 2026 (late data): changes smaller than what is shown."


def test_earlier_months_are_named_in_one_sentence() -> None:
    trend = tuple(
        replace(point, figures=with_less(point.figures, 2_000_000_000))
        if point.month < LAST_MONTH
        else point
        for point in REPORT.trend
    )
    (said,) = changes(REPORT, replace(REPORT, trend=trend))
    assert said.startswith("Earlier periods changed: July 2026 NRR 95.8 %, was 100.7 %; ")
    assert said.endswith("; and 10 more.")


def test_a_quarter_that_could_not_be_measured_before_is_new() -> None:
    assert changes(replace(REPORT, quarter=None), REPORT) == ("Q3 2026 is new in the report.",)
    assert changes(REPORT, replace(REPORT, trailing=None)) == (
        "TTM September 2026 is no longer in the report.",
    )


def test_customers_that_changed_within_the_same_sums_are_counted() -> None:
    merged = tuple(
        replace(each, account_id="cus_01") if each.account_id == "cus_08" else each
        for each in REPORT.customer_months
        if each.month == LAST_MONTH
    )
    (said,) = changes(REPORT, replace(REPORT, customer_months=merged))
    assert said == "Customers of September 2026 changed (2), their sums did not."
