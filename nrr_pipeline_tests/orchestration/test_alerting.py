"""What publishing raises, restates and recovers: every rule exactly at its limit and beyond."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.ledger import BEFORE, DOLLAR, Ledger

JANUARY, FEBRUARY, MARCH, APRIL = (date(2026, month, 1) for month in (1, 2, 3, 4))
IN_JANUARY, IN_FEBRUARY, IN_MARCH = (date(2026, month, 10) for month in (1, 2, 3))
END_OF_JANUARY, END_OF_FEBRUARY, END_OF_MARCH = (
    date(2026, 1, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
)
MONTH = PeriodKind.MONTH
LOW_JANUARY = "nrr:month:2026-01-01:all:all:1"


pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
def ledger(databases: Databases) -> Iterator[Ledger]:
    with databases.new() as address, open_warehouse(address) as warehouse:
        ledger = Ledger(warehouse, MetricPolicy())
        ledger.connect()
        yield ledger


@pytest.mark.parametrize(
    ("micros", "is_raised"),
    [
        (100 * DOLLAR, False),
        (100 * DOLLAR - 9_999, False),
        (100 * DOLLAR - 10_000, True),
        (101 * DOLLAR, False),
    ],
    ids=["exactly 100 %", "rounding shortfall", "a cent below", "above"],
)
def test_nrr_below_100_percent_alerts_but_a_shortfall_from_rounding_does_not(
    ledger: Ledger, micros: int, *, is_raised: bool
) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: micros})
    assert ledger.publish(END_OF_JANUARY) == ([LOW_JANUARY] if is_raised else [])


@pytest.mark.parametrize(("micros", "is_raised"), [(95 * DOLLAR, False), (95 * DOLLAR - 1, True)])
def test_another_threshold_is_compared_to_the_micro(
    ledger: Ledger, micros: int, *, is_raised: bool
) -> None:
    ledger.watch(nrr_below="19/20")
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: micros})
    key = "nrr:month:2026-01-01:all:all:19/20"
    assert ledger.publish(END_OF_JANUARY) == ([key] if is_raised else [])


def test_nrr_below_80_percent_is_critical(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 80 * DOLLAR, IN_FEBRUARY: 63 * DOLLAR})
    ledger.publish(END_OF_FEBRUARY)
    assert [row["severity"] for row in ledger.alerts.values()] == ["warning", "critical"]


@pytest.mark.parametrize(("february", "is_raised"), [(115_500_000, False), (115_500_000 - 1, True)])
def test_a_drop_alerts_when_it_is_more_than_its_points(
    ledger: Ledger, february: int, *, is_raised: bool
) -> None:
    ledger.watch(nrr_drop_points={"month": 5})
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 110 * DOLLAR, IN_FEBRUARY: february})
    raised = ledger.publish(END_OF_FEBRUARY)
    assert raised == (["nrr_drop:month:2026-02-01:all:all:1/20"] if is_raised else [])
    if is_raised:
        row = ledger.alerts[raised[0]]
        assert (row["threshold"], round(row["value"], 6)) == (0.05, 0.05)
        assert row["text"].startswith(
            "NRR of February 2026 fell by more than 5 points: from 110.0 % to 104.9 %."
        )


def test_without_a_period_before_that_had_customers_nothing_drops(ledger: Ledger) -> None:
    ledger.watch(nrr_drop_points={"month": 5}, nrr_below="1/100")
    ledger.pays("a", {IN_JANUARY: 100 * DOLLAR, IN_FEBRUARY: 50 * DOLLAR})
    assert ledger.publish(END_OF_FEBRUARY) == []


@pytest.mark.parametrize(("leaving", "is_raised"), [(1, False), (2, True)])
def test_logo_churn_alerts_above_its_limit(
    ledger: Ledger, leaving: int, *, is_raised: bool
) -> None:
    ledger.watch(logo_churn_above={"month": "1/10"}, hidden_churn_above={"month": "1/2"})
    for number in range(10):
        left = {IN_JANUARY: 0} if number < leaving else {IN_JANUARY: 20 * DOLLAR}
        ledger.pays(str(number), {BEFORE: 10 * DOLLAR, **left})
    key = "logo_churn:month:2026-01-01:all:all:1/10"
    assert ledger.publish(END_OF_JANUARY) == ([key] if is_raised else [])


@pytest.mark.parametrize(("leaving", "is_raised"), [(1, False), (2, True)])
def test_churn_that_expansion_hides_alerts_and_plain_logo_churn_is_silent_then(
    ledger: Ledger, leaving: int, *, is_raised: bool
) -> None:
    ledger.watch(logo_churn_above={"month": "1/10"}, hidden_churn_above={"month": "1/10"})
    for number in range(10):
        left = {IN_JANUARY: 0} if number < leaving else {IN_JANUARY: 20 * DOLLAR}
        ledger.pays(str(number), {BEFORE: 10 * DOLLAR, **left})
    raised = ledger.publish(END_OF_JANUARY)
    assert raised == (["hidden_churn:month:2026-01-01:all:all:1/10"] if is_raised else [])
    if is_raised:
        assert ledger.alerts[raised[0]]["text"].startswith(
            "Hidden churn: 2 of 10 customers left in January 2026 (20.0 %) although NRR is 160.0 %."
        )


def test_churn_in_a_shrinking_base_is_not_hidden(ledger: Ledger) -> None:
    ledger.watch(logo_churn_above={"month": "1/10"}, hidden_churn_above={"month": "1/10"})
    for number in range(4):
        ledger.pays(str(number), {BEFORE: 10 * DOLLAR, **({IN_JANUARY: 0} if number < 1 else {})})
    assert sorted(ledger.publish(END_OF_JANUARY)) == [
        "logo_churn:month:2026-01-01:all:all:1/10",
        LOW_JANUARY,
    ]


def test_publishing_again_raises_nothing(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == [LOW_JANUARY]
    ledger.pays("b", {IN_JANUARY: 5 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []
    assert ledger.publish(END_OF_JANUARY) == []


def test_a_period_that_is_not_final_is_silent(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY, after_days=1) == []
    assert ledger.publish(END_OF_JANUARY, after_days=2) == [LOW_JANUARY]


def test_restated_down_and_up_and_down_again_each_speaks_once(ledger: Ledger) -> None:
    ledger.pays("a", 100 * DOLLAR)
    assert ledger.publish(END_OF_JANUARY) == []

    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == [f"{LOW_JANUARY}:edition-2"]
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 89 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 105 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == [f"{LOW_JANUARY}:edition-4"]
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 70 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == [f"{LOW_JANUARY}:edition-5"]

    rows = list(ledger.alerts.values())
    assert {row["kind"] for row in rows} == {"restated"}
    assert [row["severity"] for row in rows] == ["warning", "info", "critical"]
    assert [row["edition"] for row in rows] == [2, 4, 5]
    headlines = [row["text"].splitlines()[0] for row in rows]
    assert headlines == [
        "Restated: NRR of January 2026 is 90.0 %, below 100 %; it was 100.0 %.",
        "Restated: NRR of January 2026 is 105.0 %, no longer below 100 %; it was 89.0 %.",
        "Restated: NRR of January 2026 is 70.0 %, below 100 %; it was 105.0 %.",
    ]
    assert "Edition 2 replaces edition 1 because of late data." in rows[0]["text"]
    assert "Contraction is USD 10.00, it was USD 0.00." in rows[0]["text"]
    assert "The earlier alert no longer stands." in rows[1]["text"]


def test_a_restatement_that_leaves_nothing_to_retain_takes_the_alert_back(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    ledger.publish(END_OF_JANUARY)
    ledger.pays("a", {IN_JANUARY: 90 * DOLLAR})
    (key,) = ledger.publish(END_OF_JANUARY)
    row = ledger.alerts[key]
    assert (row["kind"], row["severity"], row["value"]) == ("restated", "info", None)
    assert row["text"].startswith(
        "Restated: in January 2026 there is nothing left to retain; it was 90.0 %."
    )


def test_a_return_to_health_says_so_once(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR, IN_FEBRUARY: 95 * DOLLAR})
    ledger.publish(END_OF_JANUARY, MONTH)
    recovered = "nrr:month:2026-02-01:all:all:1:recovered"
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == [recovered]
    assert ledger.publish(END_OF_MARCH, MONTH) == []
    row = ledger.alerts[recovered]
    assert (row["kind"], row["severity"]) == ("recovered", "info")
    assert row["text"].startswith("NRR of February 2026 is 105.5 %, no longer below 100 %.")
    assert "Against January 2026 (90.0 %): 15.5 points higher" in row["text"]


def test_nothing_recovers_from_an_alert_that_a_restatement_took_back(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    ledger.publish(END_OF_JANUARY, MONTH)
    ledger.pays("a", 100 * DOLLAR)
    ledger.publish(END_OF_JANUARY, MONTH)
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == []


@pytest.mark.parametrize(("limit", "recovers"), [("9/10", False), ("11/10", True)])
def test_under_a_changed_limit_only_what_was_beyond_it_recovers(
    ledger: Ledger, limit: str, *, recovers: bool
) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 95 * DOLLAR, IN_FEBRUARY: 110 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY, MONTH) == [LOW_JANUARY]
    ledger.watch(nrr_below=limit)
    recovered = f"nrr:month:2026-02-01:all:all:{limit}:recovered"
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == ([recovered] if recovers else [])


def test_hidden_churn_does_not_recover_while_as_many_leave(ledger: Ledger) -> None:
    ledger.watch(hidden_churn_above={"month": "1/10"})
    for number in range(12):
        left = {0: {IN_JANUARY: 0}, 1: {IN_JANUARY: 0}, 2: {IN_FEBRUARY: 0}, 3: {IN_FEBRUARY: 0}}
        grown = {IN_JANUARY: 20 * DOLLAR}
        ledger.pays(str(number), {BEFORE: 10 * DOLLAR, **left.get(number, grown)})
    assert ledger.publish(END_OF_JANUARY, MONTH) == ["hidden_churn:month:2026-01-01:all:all:1/10"]
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == ["nrr:month:2026-02-01:all:all:1"]
    assert sorted(ledger.publish(END_OF_MARCH, MONTH)) == [
        "nrr:month:2026-03-01:all:all:1:recovered"
    ]


def test_a_drop_is_over_with_its_period(ledger: Ledger) -> None:
    ledger.watch(nrr_drop_points={"month": 5}, nrr_below="1/100")
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_FEBRUARY: 50 * DOLLAR})
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == ["nrr_drop:month:2026-02-01:all:all:1/20"]
    assert ledger.publish(END_OF_MARCH, MONTH) == []


def test_of_periods_before_the_connection_only_the_latest_of_each_kind_alert(
    databases: Databases,
) -> None:
    with databases.new() as address, open_warehouse(address) as warehouse:
        ledger = Ledger(warehouse, MetricPolicy())
        ledger.connect(through=date(2026, 5, 20))
        steps = {date(2026, month, 10): (20 - month) * DOLLAR for month in range(1, 6)}
        ledger.pays("a", {BEFORE: 20 * DOLLAR, **steps})
        assert sorted(ledger.publish(date(2026, 5, 20))) == [
            "nrr:month:2026-04-01:all:all:1",
            "nrr:quarter:2026-01-01:all:all:1",
        ]
        grown = {date(2026, month, 10): (20 + month) * DOLLAR for month in range(1, 6)}
        ledger.pays("a", {BEFORE: 20 * DOLLAR, **grown})
        assert sorted(ledger.publish(date(2026, 5, 20))) == [
            "nrr:month:2026-04-01:all:all:1:edition-2",
            "nrr:quarter:2026-01-01:all:all:1:edition-2",
        ]


def test_a_changed_threshold_does_not_go_back_over_old_periods(ledger: Ledger) -> None:
    ledger.watch(nrr_below="9/10")
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 95 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []
    ledger.watch(nrr_below="1")
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 94 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []


def test_nothing_to_retain_never_alerts(ledger: Ledger) -> None:
    ledger.watch(
        nrr_drop_points={"month": 1}, logo_churn_above={"month": "1/100"}, watch=["product:prod_1"]
    )
    ledger.pays("a", {IN_JANUARY: 100 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []


def test_an_alert_is_kept_with_its_blocks_its_run_and_its_links(ledger: Ledger) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 90 * DOLLAR})
    ledger.publish(END_OF_JANUARY, MONTH)
    row = ledger.alerts[LOW_JANUARY]
    assert (row["metric"], row["threshold"], row["value"], row["edition"]) == ("nrr", 1.0, 0.9, 1)
    assert row["run_id"] == "run_1"
    assert json.loads(row["blocks"])[0]["type"] == "header"
    for link in (
        "http://ui/assets/monthly_nrr?view=partitions&partition=2026-01-01",
        "http://ui/assets/board_report?view=partitions&partition=2026-01-01",
        "http://ui/runs/run_1",
    ):
        assert link in row["text"]
        assert link in row["blocks"]
