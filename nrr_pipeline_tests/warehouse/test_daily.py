"""Published days, and the totals and movements that follow from them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from nrr_pipeline.warehouse.daily import (
    days_published_since,
    missing_days,
    movements_frame,
    publish_days,
    published_days,
    replace_movements,
    replace_totals,
    totals_frame,
)
from nrr_pipeline.warehouse.knowledge import progress_of, set_progress
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock

FIRST = date(2026, 3, 30)
DAYS = [FIRST + timedelta(days=number) for number in range(4)]


def totals(*days: date, mrr_micros: int = 5) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_date": list(days),
            "currency": "usd",
            "is_reporting": False,
            "mrr_micros": np.full(len(days), mrr_micros, dtype=np.int64),
            "customers": np.full(len(days), 2, dtype=np.int64),
            "subscriptions": 3,
            "at_risk_mrr_micros": 0,
            "scheduled_churn_mrr_micros": 0,
        }
    )


def movements(*days: date, reason: str | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "as_of_date": list(days),
            "account_id": "cus_1",
            "movement": "churn" if reason else "expansion",
            "reason": reason,
            "opening_mrr_micros": 4,
            "closing_mrr_micros": 0 if reason else 9,
            "change_micros": -4 if reason else 5,
            "currency": "usd",
        }
    )


def test_the_first_publication_of_a_day_stands(warehouse: Warehouse, clock: Clock) -> None:
    first = clock.now
    with warehouse.write("publication", clock=clock) as tx:
        assert publish_days(tx, DAYS[:2]) == DAYS[:2]
    clock.advance(days=1)
    with warehouse.write("publication", clock=clock) as tx:
        assert publish_days(tx, reversed(DAYS[:3])) == [DAYS[2]]
    with warehouse.read() as connection:
        assert published_days(connection) == DAYS[:3]
        assert published_days(connection, DAYS[1], DAYS[1]) == [DAYS[1]]
        assert days_published_since(connection, first) == [DAYS[2]]


def test_missing_days_are_those_not_yet_published(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx:
        publish_days(tx, [DAYS[1]])
        assert missing_days(tx.connection, DAYS[0], DAYS[3]) == [DAYS[0], DAYS[2], DAYS[3]]
        assert missing_days(tx.connection, DAYS[1], DAYS[1]) == []
        assert missing_days(tx.connection, DAYS[3], DAYS[0]) == []


def test_totals_are_replaced_for_their_days_alone(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx:
        replace_totals(tx, totals(*DAYS[:3]), DAYS[:3])
        replace_totals(tx, totals(DAYS[2], mrr_micros=2**62), DAYS[1:])
        frame = totals_frame(tx.connection)
        assert totals_frame(tx.connection, DAYS[2], DAYS[3])["as_of_date"].to_list() == [DAYS[2]]
    assert frame["as_of_date"].to_list() == [DAYS[0], DAYS[2]]
    assert frame["mrr_micros"].to_list() == [5, 2**62]
    assert frame["mrr_micros"].dtype == np.int64
    pd.testing.assert_frame_equal(frame.iloc[:1], totals(DAYS[0]), check_dtype=False)


def test_totals_of_other_days_are_refused(warehouse: Warehouse, clock: Clock) -> None:
    with (
        pytest.raises(ValueError, match="2026-03-31 are not among the days"),
        warehouse.write("publication", clock=clock) as tx,
    ):
        replace_totals(tx, totals(*DAYS[:2]), DAYS[:1])


def test_a_float_is_never_stored_as_an_amount(warehouse: Warehouse, clock: Clock) -> None:
    frame = totals(DAYS[0]).assign(mrr_micros=5.0)
    with (
        pytest.raises(TypeError, match="mrr_micros holds a float"),
        warehouse.write("publication", clock=clock) as tx,
    ):
        replace_totals(tx, frame, DAYS[:1])


def test_a_frame_without_a_column_is_refused_by_name(warehouse: Warehouse, clock: Clock) -> None:
    frame = totals(DAYS[0]).drop(columns=["customers"])
    with (
        pytest.raises(ValueError, match="daily_mrr_totals lacks customers"),
        warehouse.write("publication", clock=clock) as tx,
    ):
        replace_totals(tx, frame, DAYS[:1])


def test_movements_are_replaced_between_two_days(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx:
        replace_movements(tx, movements(*DAYS), DAYS[0], DAYS[3])
        replace_movements(tx, movements(DAYS[2], reason="voluntary"), DAYS[1], DAYS[2])
        frame = movements_frame(tx.connection)
    assert frame["as_of_date"].to_list() == [DAYS[0], DAYS[2], DAYS[3]]
    assert frame["reason"].to_list() == [None, "voluntary", None]
    assert frame["change_micros"].to_list() == [5, -4, 5]


def test_no_movements_at_all_can_replace_some(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx:
        replace_movements(tx, movements(DAYS[0]), DAYS[0], DAYS[0])
        replace_movements(tx, movements(), DAYS[0], DAYS[0])
        assert len(movements_frame(tx.connection)) == 0


def test_movements_of_other_days_are_refused(warehouse: Warehouse, clock: Clock) -> None:
    with (
        pytest.raises(ValueError, match="outside 2026-03-30"),
        warehouse.write("publication", clock=clock) as tx,
    ):
        replace_movements(tx, movements(DAYS[3]), DAYS[0], DAYS[2])


def test_a_stage_remembers_how_far_it_is(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.read() as connection:
        assert progress_of(connection, "mrr_movements") is None
    for version in ("p1", "p2"):
        clock.advance(hours=1)
        with warehouse.write("publication", clock=clock) as tx:
            set_progress(tx, "mrr_movements", policy_version=version, raw_known_at=clock.now)
            set_progress(tx, "daily_mrr_totals")
    with warehouse.read() as connection:
        progress = progress_of(connection, "mrr_movements")
        assert progress is not None
        assert (progress.known_at, progress.raw_known_at) == (clock.now, clock.now)
        assert progress.policy_version == "p2"
