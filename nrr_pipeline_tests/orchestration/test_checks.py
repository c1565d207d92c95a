from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.checks import broken_identities, judge_nrr
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline_tests.warehouse.examples import retention_row

CALENDAR = Calendar(date(2026, 1, 1))


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


def test_the_newest_final_period_is_judged_and_earlier_ones_are_listed() -> None:
    rows = [
        month(1, kept=90_000_000),
        month(2, kept=100_000_000),
        month(3, kept=99_960_000),
        month(4, kept=50_000_000, is_final=False),
    ]

    result = judge_nrr(rows, CALENDAR, PeriodKind.MONTH)

    assert not result.passed
    assert result.description == "NRR of March 2026 is 99.9 %, below 100 %"
    assert result.metadata["NRR %"].value == 99.9
    assert result.metadata["Earlier periods below 100 %"].value == "January 2026 90.0 %"


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (100_000_000, "exactly 100 % is healthy"),
        (120_000_000, "growth"),
        (99_990_001, "a shortfall below one cent is rounding, not churn"),
    ],
)
def test_100_percent_and_more_passes(kept: int, why: str) -> None:
    assert judge_nrr([month(3, kept=kept)], CALENDAR, PeriodKind.MONTH).passed, why


def test_one_cent_less_does_not_pass() -> None:
    assert not judge_nrr([month(3, kept=99_990_000)], CALENDAR, PeriodKind.MONTH).passed


def test_nothing_final_and_nothing_to_retain_never_alarm() -> None:
    nothing = month(3, kept=0, starting=0)

    for rows in ([], [month(3, kept=1, is_final=False)], [nothing]):
        result = judge_nrr(rows, CALENDAR, PeriodKind.MONTH)
        assert result.passed
        assert "No period" in str(result.description)


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
