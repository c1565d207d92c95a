"""Data quality: findings are open until a computation no longer makes them."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from nrr_pipeline.warehouse.quality import Finding, FindingCounts, open_findings, record_findings
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock


def finding(scope_id: str = "sub_1", detail: str = "a gap", **values: int | str) -> Finding:
    facts: dict = {"check_name": "approximate_history", "severity": "warning", "object_id": "si_1"}
    return Finding(scope_id=scope_id, detail=detail, **{**facts, **values})


def record(
    warehouse: Warehouse,
    clock: Clock,
    scope_ids: Collection[str] | None,
    *findings: Finding,
    stage: str = "mrr_intervals",
) -> FindingCounts:
    clock.advance(minutes=1)
    with warehouse.write("history", clock=clock) as tx:
        return record_findings(tx, scope_ids, findings, stage=stage)


def still_open(warehouse: Warehouse, stage: str | None = None) -> list[Finding]:
    with warehouse.read() as connection:
        return [item.finding for item in open_findings(connection, stage=stage)]


def test_a_finding_is_kept_with_its_amount(warehouse: Warehouse, clock: Clock) -> None:
    found = finding(amount_micros=2**62, currency="usd")
    assert record(warehouse, clock, {"sub_1"}, found) == FindingCounts(new=1)
    with warehouse.read() as connection:
        (item,) = open_findings(connection)
    assert (item.finding, item.found_at, item.stage) == (found, clock.now, "mrr_intervals")


def test_a_finding_that_is_made_again_stays_as_it_was(warehouse: Warehouse, clock: Clock) -> None:
    record(warehouse, clock, {"sub_1"}, finding())
    first = clock.now
    again = record(warehouse, clock, {"sub_1"}, finding(), finding())
    assert again == FindingCounts(unchanged=1)
    with warehouse.read() as connection:
        assert [item.found_at for item in open_findings(connection)] == [first]


def test_a_finding_that_is_no_longer_made_is_resolved_and_kept(
    warehouse: Warehouse, clock: Clock
) -> None:
    record(warehouse, clock, {"sub_1"}, finding(detail="old"))
    counts = record(warehouse, clock, {"sub_1"}, finding(detail="new"))
    assert counts == FindingCounts(new=1, resolved=1)
    assert still_open(warehouse) == [finding(detail="new")]
    with warehouse.read() as connection:
        query = "SELECT detail FROM data_quality WHERE resolved_at IS NOT NULL"
        assert list(connection.exec_driver_sql(query).scalars()) == ["old"]


def test_what_was_not_computed_again_stays_open(warehouse: Warehouse, clock: Clock) -> None:
    record(warehouse, clock, {"sub_1", "sub_2"}, finding("sub_1"), finding("sub_2"))
    assert record(warehouse, clock, {"sub_2"}) == FindingCounts(resolved=1)
    assert still_open(warehouse) == [finding("sub_1")]


def test_without_a_scope_everything_of_the_stage_was_computed(
    warehouse: Warehouse, clock: Clock
) -> None:
    record(warehouse, clock, {"sub_1"}, finding("sub_1"))
    record(warehouse, clock, {"pull"}, finding("pull"), stage="pull")
    assert record(warehouse, clock, None).resolved == 1
    assert still_open(warehouse) == [finding("pull")]
    assert still_open(warehouse, stage="mrr_intervals") == []


def test_a_resolved_finding_that_comes_back_is_a_new_one(
    warehouse: Warehouse, clock: Clock
) -> None:
    record(warehouse, clock, {"sub_1"}, finding())
    record(warehouse, clock, {"sub_1"})
    assert record(warehouse, clock, {"sub_1"}, finding()) == FindingCounts(new=1)


def test_a_finding_outside_the_scope_is_refused(warehouse: Warehouse, clock: Clock) -> None:
    with pytest.raises(ValueError, match="sub_2 has findings but is not in the scope"):
        record(warehouse, clock, {"sub_1"}, finding("sub_2"))
