"""Pulls: one at a time, by a lease that a dead holder loses."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nrr_pipeline.raw import RawObject
from nrr_pipeline.warehouse.pulls import (
    LeaseLostError,
    PullInProgressError,
    begin_pull,
    complete_pull_times,
    fail,
    finish,
    heartbeat,
    last_complete_pull,
    last_pull,
    raw_known_at,
)
from nrr_pipeline.warehouse.raw_objects import land
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import subscription


def begin(connection: sa.Connection, clock: Clock, **changes: object) -> int:
    facts: dict = {"host": "here", "process_id": os.getpid(), **changes}
    return begin_pull(connection, now=clock.now, **facts)


def complete(warehouse: Warehouse, clock: Clock, *objects: RawObject) -> int:
    with warehouse.bookkeeping() as connection:
        pull_id = begin(connection, clock)
    if objects:
        with warehouse.write("pull", clock=clock, pull_id=pull_id) as tx:
            land(tx, objects, pull_id=pull_id, observed_at=clock.now)
    with warehouse.write("pull", clock=clock, pull_id=pull_id) as tx:
        counts = {"subscriptions": len(objects)}
        finish(tx, pull_id, now=clock.now, observed_at=clock.now, object_counts=counts)
    return pull_id


def test_a_second_pull_is_told_who_is_at_work(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        begin(connection, clock)
        clock.advance(seconds=59)
        with pytest.raises(PullInProgressError, match=f"process {os.getpid()} on here") as refusal:
            begin(connection, clock, process_id=os.getpid() + 1)
    assert "2026-04-03 06:00:00 UTC" in str(refusal.value)
    assert refusal.value.exit_status == 1


def test_a_heartbeat_keeps_the_lease(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        pull_id = begin(connection, clock)
        clock.advance(seconds=50)
        heartbeat(connection, pull_id, now=clock.now)
        clock.advance(seconds=50)
        with pytest.raises(PullInProgressError):
            begin(connection, clock)


def test_a_silent_pull_loses_its_lease(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        silent = begin(connection, clock, host="elsewhere")
        clock.advance(seconds=61)
        assert begin(connection, clock) == silent + 1
        with pytest.raises(LeaseLostError, match=f"Pull {silent} is failed"):
            heartbeat(connection, silent, now=clock.now)


def test_a_pull_whose_process_died_on_this_machine_loses_its_lease_at_once(
    warehouse: Warehouse, clock: Clock
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with warehouse.bookkeeping() as connection:
        begin(connection, clock, process_id=dead.pid)
        begin(connection, clock)


def test_a_process_of_another_machine_is_judged_by_its_silence_alone(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.bookkeeping() as connection:
        begin(connection, clock, host="elsewhere", is_alive=lambda _: False)
        with pytest.raises(PullInProgressError):
            begin(connection, clock, is_alive=lambda _: False)


def test_a_lease_from_the_future_is_dead_too(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        begin(connection, clock, host="elsewhere")
        clock.advance(hours=-2)
        begin(connection, clock)


def test_an_interrupted_pull_is_marked_failed(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        begin(connection, clock, host="elsewhere")
        interrupted = last_pull(connection)
        assert interrupted is not None
        assert interrupted.status == "running"
        begin_at = clock.advance(minutes=5)
        pull_id = begin(connection, clock)
        fail(connection, pull_id, now=clock.now, error="Stripe was unreachable")
        last = last_pull(connection)
        assert last is not None
        assert (last.pull_id, last.status, last.error) == (
            pull_id,
            "failed",
            "Stripe was unreachable",
        )
        assert last.finished_at == begin_at
        assert last_complete_pull(connection) is None
        row = connection.exec_driver_sql("SELECT status, error FROM pulls ORDER BY pull_id").first()
        assert row == ("failed", "interrupted")


def test_a_failed_pull_stays_failed_and_a_complete_one_complete(
    warehouse: Warehouse, clock: Clock
) -> None:
    pull_id = complete(warehouse, clock)
    with warehouse.bookkeeping() as connection:
        fail(connection, pull_id, now=clock.now, error="too late")
        last = last_complete_pull(connection)
    assert last is not None
    assert (last.pull_id, last.error, last.object_counts) == (pull_id, None, {"subscriptions": 0})
    assert last.observed_at == clock.now


def test_a_pull_that_lost_its_lease_can_neither_land_nor_finish(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.bookkeeping() as connection:
        lost = begin(connection, clock, host="elsewhere")
        clock.advance(minutes=2)
        begin(connection, clock)
    with (
        pytest.raises(LeaseLostError),
        warehouse.write("pull", clock=clock, pull_id=lost) as tx,
    ):
        land(tx, [subscription()], pull_id=lost, observed_at=clock.now)
    with (
        pytest.raises(LeaseLostError),
        warehouse.write("pull", clock=clock, pull_id=lost) as tx,
    ):
        finish(tx, lost, now=clock.now, observed_at=clock.now, object_counts={})


def test_a_landing_belongs_to_the_transaction_of_its_pull(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.bookkeeping() as connection:
        pull_id = begin(connection, clock)
    with (
        pytest.raises(ValueError, match="belongs to pull None"),
        warehouse.write("pull", clock=clock) as tx,
    ):
        land(tx, [subscription()], pull_id=pull_id, observed_at=clock.now)


def test_what_a_pull_brings_counts_once_it_is_complete(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.read() as connection:
        assert raw_known_at(connection) is None
    complete(warehouse, clock, subscription())
    clock.advance(hours=1)
    with warehouse.bookkeeping() as connection:
        first = raw_known_at(connection)
        half = begin(connection, clock)
    with warehouse.write("pull", clock=clock, pull_id=half) as tx:
        land(tx, [subscription(status="canceled")], pull_id=half, observed_at=clock.now)
    clock.advance(hours=1)
    with warehouse.bookkeeping() as connection:
        assert raw_known_at(connection) == first
        fail(connection, half, now=clock.now, error="cut")
        assert raw_known_at(connection) == first
    last = complete(warehouse, clock)
    with warehouse.read() as connection:
        assert raw_known_at(connection) == clock.now
        assert complete_pull_times(connection) == [clock.now - timedelta(hours=2), clock.now]
        complete_one = last_complete_pull(connection)
        assert complete_one is not None
        assert complete_one.pull_id == last
