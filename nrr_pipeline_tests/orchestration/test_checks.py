from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import dagster as dg
import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline.orchestration.period_checks import (
    broken_identities,
    final_periods,
    judge_churn,
    judge_nrr,
)
from nrr_pipeline.policy_sections import AlertPolicy, ByPeriod
from nrr_pipeline_tests.warehouse.examples import retention_row

CALENDAR = Calendar(date(2026, 1, 1))
UI = "http://127.0.0.1:3000"
MONTHS = "/assets/monthly_nrr?view=partitions&partition="
QUARTERS = "/assets/quarterly_nrr?view=partitions&partition="


def month(
    number: int, *, kept: int, is_final: bool = True, starting: int = 100_000_000
) -> dict[str, Any]:
    """A month that keeps so much of 100 USD."""
    return retention_row(
        starting=starting,
        expansion=0,
        churned_mrr_micros=starting - kept,
        ending_mrr_micros=kept,
        nrr_numerator=kept,
        grr_numerator=kept,
        period_start=date(2026, number, 1),
        is_final=is_final,
    )


def said(result: dg.AssetCheckResult) -> list[str]:
    """The lines of the description, without the header of its table."""
    lines = [line for line in str(result.description).splitlines() if line]
    return [*lines[:2], *lines[4:]]


def judged(*rows: dict[str, Any]) -> dg.AssetCheckResult:
    return judge_nrr(final_periods(rows, CALENDAR, PeriodKind.MONTH), UI)


def test_the_newest_final_period_is_judged_and_earlier_ones_are_listed() -> None:
    result = judged(
        month(1, kept=90_000_000),
        month(2, kept=100_000_000),
        month(3, kept=99_960_000),
        month(4, kept=50_000_000, is_final=False),
    )

    assert not result.passed
    assert result.metadata["Period"].value == f"{UI}{MONTHS}2026-03-01"
    assert said(result) == [
        "NRR of March 2026 is 99.9 %, below 100 %",
        "Earlier periods below 100 %:",
        f"| [January 2026]({UI}{MONTHS}2026-01-01) | 90.0 % | 0 of 4 customers left (0.0 %) |",
    ]


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (100_000_000, "exactly 100 % is healthy"),
        (120_000_000, "growth"),
        (99_990_001, "a shortfall below one cent is rounding, not churn"),
    ],
)
def test_100_percent_and_more_passes(kept: int, why: str) -> None:
    assert judged(month(3, kept=kept)).passed, why


def test_one_cent_less_does_not_pass() -> None:
    assert not judged(month(3, kept=99_990_000)).passed


def test_nothing_final_and_nothing_to_retain_never_alarm() -> None:
    nothing = month(3, kept=0, starting=0)

    for rows in ([], [month(3, kept=1, is_final=False)], [nothing]):
        result = judged(*rows)
        assert result.passed
        assert "No period" in str(result.description)


def quarter(number: int, *, lost: int, expansion: int = 0) -> dict[str, Any]:
    """A quarter in which so many of 100 customers left who paid nothing worth mentioning."""
    return retention_row(
        expansion=expansion,
        period_start=date(2026, 3 * number - 2, 1),
        is_final=True,
        starting_customers=100,
        churned_customers=lost,
    )


def churn_judged(*rows: dict[str, Any], **limits: Fraction | None) -> dg.AssetCheckResult:
    rules = AlertPolicy(hidden_churn_above=ByPeriod(**{"quarter": Fraction(1, 10), **limits}))
    final = final_periods(rows, CALENDAR, PeriodKind.QUARTER)
    return judge_churn(final, PeriodKind.QUARTER, rules, UI)


def test_churn_that_a_good_nrr_hides_is_a_warning_in_words() -> None:
    result = churn_judged(quarter(1, lost=11, expansion=5_000_000))

    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert result.description == (
        "11 of 100 customers left (11.0 %) in Q1 2026; NRR of 105.0 % hides it. "
        "The limit is 10.0 % at an NRR of 100 % or more"
    )


@pytest.mark.parametrize(
    ("lost", "expansion", "why"),
    [
        (10, 5_000_000, "the limit itself is not above it"),
        (11, -1_000_000, "an NRR below 100 % hides nothing"),
        (0, 0, "nobody left"),
    ],
)
def test_churn_that_is_low_or_plain_to_see_passes(lost: int, expansion: int, why: str) -> None:
    assert churn_judged(quarter(1, lost=lost, expansion=expansion)).passed, why


def test_an_earlier_quarter_that_hid_churn_stays_listed() -> None:
    result = churn_judged(quarter(1, lost=12, expansion=20_000_000), quarter(2, lost=1))

    assert result.passed
    assert said(result)[1:] == [
        "Earlier periods with hidden churn:",
        f"| [Q1 2026]({UI}{QUARTERS}2026-01-01) | 120.0 % | 12 of 100 customers left (12.0 %) |",
    ]


def test_without_a_limit_hidden_churn_is_not_watched() -> None:
    result = churn_judged(quarter(1, lost=90), quarter=None)

    assert result.passed
    assert "alerts.hidden_churn_above.quarter is not set" in str(result.description)


def whole_and_parts(**changed: int) -> list[dict[str, Any]]:
    start: dict[str, Any] = {"period_start": date(2026, 3, 1)}
    return [
        retention_row(starting=100, expansion=20, **start),
        retention_row(
            "product",
            "a",
            starting=70,
            expansion=15,
            starting_customers=3,
            ending_customers=3,
            **start,
        ),
        retention_row(
            "product",
            "b",
            starting=30,
            expansion=5,
            **({"starting_customers": 1, "ending_customers": 1} | start | changed),
        ),
    ]


def test_periods_that_add_up_break_nothing() -> None:
    assert broken_identities(whole_and_parts()) == []


def test_a_bridge_that_misses_a_micro_is_named() -> None:
    broken = broken_identities(whole_and_parts(ending_mrr_micros=36))

    assert [what for _, what in broken] == [
        "product b: the bridge",
        "ending_mrr_micros by product is 121, the whole is 120",
    ]


def test_segments_that_miss_a_customer_are_named() -> None:
    broken = broken_identities(whole_and_parts(starting_customers=2))

    assert [what for _, what in broken] == ["starting_customers by product is 5, the whole is 4"]
