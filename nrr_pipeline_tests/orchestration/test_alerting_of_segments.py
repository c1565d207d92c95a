"""What watched segments raise and recover, each as the whole does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.ledger import BEFORE, DOLLAR, Ledger

IN_JANUARY = date(2026, 1, 10)
END_OF_JANUARY, END_OF_FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)
MONTH = PeriodKind.MONTH

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
def ledger(databases: Databases) -> Iterator[Ledger]:
    with databases.new() as address, open_warehouse(address) as warehouse:
        ledger = Ledger(warehouse, MetricPolicy())
        ledger.connect()
        yield ledger


def test_a_watched_segment_is_held_against_the_same_limits(ledger: Ledger) -> None:
    ledger.watch(watch=["product:prod_2", "product:prod_missing", "country:DE"])
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 200 * DOLLAR})
    ledger.pays("b", {BEFORE: 50 * DOLLAR, IN_JANUARY: 40 * DOLLAR}, product_id="prod_2")
    ledger.pays("c", {BEFORE: 50 * DOLLAR, IN_JANUARY: 45 * DOLLAR}, product_id="prod_2")
    assert ledger.publish(END_OF_JANUARY) == ["nrr:month:2026-01-01:product:prod_2:1"]
    (row,) = ledger.alerts.values()
    assert row["text"].startswith('NRR of product "prod_2" in January 2026 is 85.0 %, below 100 %.')
    assert "-10.0 cus_b: " in row["text"]
    assert "-15.0 together: NRR 85.0 %" in row["text"]
    assert "cus_a" not in row["text"]


def test_a_segment_that_recovers_says_so(ledger: Ledger) -> None:
    ledger.watch(watch=["product:prod_2"])
    ledger.pays("a", 100 * DOLLAR)
    ledger.pays("b", {BEFORE: 50 * DOLLAR, IN_JANUARY: 51 * DOLLAR})
    ledger.pays("c", {BEFORE: 50 * DOLLAR, IN_JANUARY: 49 * DOLLAR}, product_id="prod_2")
    assert ledger.publish(END_OF_JANUARY, MONTH) == ["nrr:month:2026-01-01:product:prod_2:1"]
    assert ledger.publish(END_OF_FEBRUARY, MONTH) == [
        "nrr:month:2026-02-01:product:prod_2:1:recovered"
    ]


def test_a_dimension_that_is_new_in_an_edition_does_not_speak_of_old_periods(
    ledger: Ledger,
) -> None:
    ledger.pays("a", {BEFORE: 100 * DOLLAR, IN_JANUARY: 200 * DOLLAR})
    ledger.pays("b", {BEFORE: 100 * DOLLAR, IN_JANUARY: 50 * DOLLAR})
    assert ledger.publish(END_OF_JANUARY) == []
    ledger.policy = MetricPolicy.model_validate(
        {
            "segments": {"tier": "customer.metadata.tier"},
            "alerts": {"watch": ["tier:unknown"], "nrr_below": "2"},
        }
    )
    assert ledger.publish(END_OF_JANUARY) == []
