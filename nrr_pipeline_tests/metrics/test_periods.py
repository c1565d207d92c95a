from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.periods import Period, PeriodKind, periods_closing_within
from nrr_pipeline_tests.golden import Case, cases

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))
KINDS = st.sampled_from(list(PeriodKind))
MONTHS = st.integers(1, 12)


@cases("monthly_nrr/periods.csv")
def test_a_period_spans_the_days_worked_out_by_hand(case: Case) -> None:
    period = Period.parse(
        case["case"], fiscal_year_start_month=int(case["fiscal_year_start_month"])
    )
    found = {
        "case": period.key,
        "first_day": f"{period.first_day}",
        "opening_date": f"{period.opening_date}",
        "closing_date": f"{period.closing_date}",
        "period_end": f"{period.period_end}",
        "label": period.label,
        "previous": period.previous.key,
        "next": period.next.key,
    }
    assert found == {name: case[name] for name in found}, case["why"]


@given(kind=KINDS, day=DAYS, month=MONTHS)
def test_a_key_is_read_back_as_the_same_period(kind: PeriodKind, day: date, month: int) -> None:
    period = Period.of(kind, day, fiscal_year_start_month=month)
    if kind is PeriodKind.QUARTER:
        assert Period.parse(period.key, fiscal_year_start_month=month) == period
    else:
        assert Period.parse(period.key) == Period.of(kind, day)


@given(kind=KINDS, day=DAYS, month=MONTHS)
def test_periods_follow_each_other_without_a_gap(kind: PeriodKind, day: date, month: int) -> None:
    period = Period.of(kind, day, fiscal_year_start_month=month)
    assert period.period_start <= day <= period.closing_date
    assert period.first_day <= day
    assert period.opening_date == period.first_day - timedelta(days=1)
    assert period.next.previous == period
    assert period.next.period_start == period.period_end
    if kind is not PeriodKind.TRAILING_12_MONTHS:
        assert period.next.opening_date == period.closing_date


@given(day=DAYS, month=MONTHS)
def test_four_quarters_are_a_fiscal_year(day: date, month: int) -> None:
    quarter = Period.quarter(day, fiscal_year_start_month=month)
    later = quarter.next.next.next.next
    assert (later.period_start.month, later.period_start.day) == (quarter.period_start.month, 1)
    assert (quarter.period_start.month - month) % 3 == 0
    assert int(later.key[:4]) == int(quarter.key[:4]) + 1


@given(day=DAYS)
def test_trailing_twelve_months_open_a_year_before_they_close(day: date) -> None:
    period = Period.trailing_12_months(day)
    assert period.first_day == period.period_end.replace(year=period.period_end.year - 1)


@pytest.mark.parametrize(
    "text", ["2026-3", "2026-13", "2026-Q5", "2026Q1", "26-03", "ttm", "", "x"]
)
def test_what_is_no_period_is_refused_with_the_three_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"2026-03.*2026-Q1.*ttm-2026-03"):
        Period.parse(text)


def test_keys_are_read_in_any_case() -> None:
    assert Period.parse("2026-q1") == Period.parse("2026-Q1")
    assert Period.parse("TTM-2026-03") == Period.parse("ttm-2026-03")


def closing(kind: PeriodKind, first: date, last: date, month: int = 1) -> list[str]:
    found = periods_closing_within(kind, first, last, fiscal_year_start_month=month)
    return [period.key for period in found]


def test_only_periods_that_are_whole_within_the_days_are_due() -> None:
    first, last = date(2026, 1, 2), date(2026, 6, 29)
    assert closing(PeriodKind.MONTH, first, last) == ["2026-02", "2026-03", "2026-04", "2026-05"]
    assert closing(PeriodKind.QUARTER, first, last) == []
    assert closing(PeriodKind.QUARTER, date(2026, 1, 1), date(2026, 6, 30)) == [
        "2026-Q1",
        "2026-Q2",
    ]
    assert closing(PeriodKind.QUARTER, date(2025, 2, 1), date(2025, 7, 31), 2) == [
        "2026-Q1",
        "2026-Q2",
    ]


def test_trailing_twelve_months_are_due_as_soon_as_their_last_month_is() -> None:
    assert closing(PeriodKind.TRAILING_12_MONTHS, date(2026, 1, 1), date(2026, 2, 28)) == [
        "ttm-2026-01",
        "ttm-2026-02",
    ]


@given(kind=KINDS, first=DAYS, days=st.integers(-5, 800), month=MONTHS)
def test_due_periods_are_all_those_within_the_days(
    kind: PeriodKind, first: date, days: int, month: int
) -> None:
    last = first + timedelta(days=days)
    found = periods_closing_within(kind, first, last, fiscal_year_start_month=month)
    everyday = {
        Period.of(kind, first + timedelta(days=n), fiscal_year_start_month=month)
        for n in range(max(days, -1) + 1)
    }
    whole = [p for p in everyday if p.period_start >= first and p.closing_date <= last]
    assert found == sorted(whole)
