"""Which regular messages are due, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.stages.digests import raise_digests
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.ledger import BEFORE, DOLLAR, Ledger
from nrr_pipeline_tests.reporting.block_kit import require_valid

CONNECTED_THROUGH = date(2026, 1, 14)
WEDNESDAY = date(2026, 2, 4)
WEEK = "digest:week:2026-01-26"
MONTH = "digest:month:2026-01-01"

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
def ledger(databases: Databases) -> Iterator[Ledger]:
    """Connected on 15 January; a shrinks, b leaves and c comes in the last week of January."""
    with databases.new() as address, open_warehouse(address) as warehouse:
        ledger = Ledger(warehouse, MetricPolicy())
        ledger.connect(through=CONNECTED_THROUGH)
        ledger.pays("a", {BEFORE: 100 * DOLLAR, date(2026, 1, 27): 80 * DOLLAR})
        ledger.pays("b", {BEFORE: 10 * DOLLAR, date(2026, 1, 28): 0})
        ledger.pays("c", {date(2026, 2, 1): 50 * DOLLAR})
        yield ledger


def digests(ledger: Ledger) -> list[str]:
    """The keys of the digests that are raised now."""
    before = set(ledger.alerts)
    raise_digests(ledger.warehouse, ledger.policy, Links("http://ui", "run_1"), ledger.clock)
    return [key for key in ledger.alerts if key not in before]


def test_a_week_and_a_month_that_ended_after_the_connection_have_a_digest_once(
    ledger: Ledger,
) -> None:
    ledger.publish(WEDNESDAY)
    assert sorted(digests(ledger)) == [MONTH, WEEK]
    assert digests(ledger) == []
    for key in (MONTH, WEEK):
        row = ledger.alerts[key]
        assert (row["kind"], row["metric"], row["edition"]) == ("digest", "digest", 0)
        assert row["delivered_at"] is None
        require_valid(json.loads(row["blocks"]))


def test_a_first_connection_sends_no_digest(ledger: Ledger) -> None:
    ledger.publish(CONNECTED_THROUGH, after_days=30)
    assert digests(ledger) == []


def test_of_several_weeks_that_were_missed_only_the_last_has_a_digest(ledger: Ledger) -> None:
    ledger.publish(date(2026, 2, 26))
    assert [key for key in digests(ledger) if "week" in key] == ["digest:week:2026-02-16"]


def test_a_month_has_its_digest_when_it_is_final(ledger: Ledger) -> None:
    ledger.publish(date(2026, 1, 31), after_days=1)
    assert digests(ledger) == ["digest:week:2026-01-19"]
    ledger.publish(date(2026, 1, 31), after_days=2)
    assert digests(ledger) == [MONTH]


def test_only_the_digests_that_the_policy_names_are_raised(ledger: Ledger) -> None:
    ledger.watch(digests=["monthly"])
    ledger.publish(WEDNESDAY)
    assert digests(ledger) == [MONTH]


def test_a_weekly_digest_says_how_mrr_went_point_to_point(ledger: Ledger) -> None:
    ledger.publish(WEDNESDAY, PeriodKind.MONTH)
    digests(ledger)
    assert ledger.alerts[WEEK]["text"].splitlines() == [
        "Week to 1 February 2026: MRR is USD 130.00, USD 20.00 more (18.1 %).",
        (
            "MRR went from USD 110.00 to USD 130.00: new business +USD 50.00, "
            "contraction -USD 20.00, churned -USD 10.00."
        ),
        "Who moved most:",
        "+USD 50.00 cus_c: new business",
        "-USD 20.00 cus_a: contraction",
        "-USD 10.00 cus_b: churn",
        (
            "Open findings: 0 errors and 0 notes in data_quality. Not sent yet: 1 alert, see "
            "nrr alerts. February 2026 becomes final on 3 March 2026."
        ),
        "Run: http://ui/runs/run_1",
    ]


def test_a_monthly_digest_says_its_figures_what_changed_and_what_was_restated(
    ledger: Ledger,
) -> None:
    ledger.publish(WEDNESDAY)
    digests(ledger)
    ledger.pays("a", {BEFORE: 100 * DOLLAR, date(2026, 1, 27): 90 * DOLLAR})
    ledger.publish(date(2026, 2, 28))
    assert "digest:month:2026-02-01" in digests(ledger)
    text = ledger.alerts["digest:month:2026-02-01"]["text"]
    assert text.startswith("February 2026 is final: NRR 100.0 %, GRR 100.0 %, logo churn 0.0 %.")
    assert "Against January 2026 (81.8 %): 18.2 points higher" in text
    assert "January 2026 NRR 72.7 % -> 81.8 %, because of late data" in text
    assert "http://ui/assets/board_report?view=partitions&partition=2026-02-01" in text


def test_digests_leave_names_out_where_the_policy_says_so(ledger: Ledger) -> None:
    ledger.watch(customer_names=False)
    ledger.publish(WEDNESDAY)
    digests(ledger)
    assert "cus_a: contraction" in ledger.alerts[WEEK]["text"]


def test_a_watched_segment_without_customers_does_not_go_unseen(ledger: Ledger) -> None:
    ledger.watch(watch=["product:prod_1", "country:XX"])
    ledger.publish(WEDNESDAY)
    digests(ledger)
    assert "Watched, but without customers: country:XX." in ledger.alerts[MONTH]["text"]
