"""Published retention: provisional figures, editions that stand, restatements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nrr_pipeline.warehouse.retention import (
    FRAME_COLUMNS,
    Publication,
    publish_retention,
    published_periods,
    restatements_of,
    retention_rows,
    stale_periods,
)
from nrr_pipeline.warehouse.transactions import Cause, Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import retention_frame, retention_row

MARCH = date(2026, 3, 1)
MONTHLY = "monthly_nrr"

Publish = Callable[..., Publication]


@pytest.fixture
def publish(warehouse: Warehouse, clock: Clock) -> Publish:
    def publish(
        *rows: dict[str, Any],
        is_final: bool = True,
        is_historical: bool = False,
        policy_version: str = "p1",
        table: str = MONTHLY,
    ) -> Publication:
        clock.advance(minutes=1)
        with warehouse.write("publication", clock=clock) as tx:
            return publish_retention(
                tx,
                table,
                MARCH,
                retention_frame(*(rows or (retention_row(),))),
                is_final=is_final,
                is_historical=is_historical,
                policy_version=policy_version,
            )

    return publish


def editions(warehouse: Warehouse) -> list[tuple[int, str, int]]:
    query = "SELECT edition, segment, expansion_micros FROM monthly_nrr ORDER BY 1, dimension, 2"
    with warehouse.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def restatements(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.read() as connection:
        return restatements_of(connection)


def test_provisional_figures_are_edition_zero_and_replaced_in_place(
    warehouse: Warehouse, publish: Publish
) -> None:
    assert publish(is_final=False) == Publication(0, is_new=True)
    second = publish(retention_row(expansion=7), is_final=False)
    assert second == Publication(0, is_new=True, previous_edition=0)
    assert editions(warehouse) == [(0, "all", 7)]


def test_the_same_provisional_figures_again_write_nothing(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish(is_final=False)
    before = whole(warehouse)
    assert publish(is_final=False) == Publication(0, is_new=False, previous_edition=0)
    pd.testing.assert_frame_equal(whole(warehouse), before)


def whole(warehouse: Warehouse, edition: int | None = None) -> pd.DataFrame:
    with warehouse.read() as connection:
        return retention_rows(connection, MONTHLY, MARCH, edition)


def test_the_first_final_figures_are_edition_one_and_end_the_provisional(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish(is_final=False)
    assert publish() == Publication(1, is_new=True, previous_edition=0)
    assert editions(warehouse) == [(1, "all", 20_000_000)]
    assert restatements(warehouse) == []


def test_the_same_final_figures_again_write_nothing(warehouse: Warehouse, publish: Publish) -> None:
    publish()
    before = whole(warehouse)
    again = publish(policy_version="p2", is_historical=True)
    assert again == Publication(1, is_new=False, previous_edition=1)
    pd.testing.assert_frame_equal(whole(warehouse), before)


def test_a_final_figure_that_changes_is_restated_and_the_old_one_stands(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish(retention_row(), retention_row("product", "team"))
    changed = publish(retention_row(expansion=10_000_000), retention_row("product", "team"))
    assert changed == Publication(2, is_new=True, previous_edition=1, restated=1)
    assert changed.is_restatement
    assert editions(warehouse) == [
        (1, "all", 20_000_000),
        (1, "team", 20_000_000),
        (2, "all", 10_000_000),
        (2, "team", 20_000_000),
    ]
    (row,) = restatements(warehouse)
    assert (row["period"], row["period_start"]) == ("month", MARCH)
    assert (row["dimension"], row["segment"]) == ("all", "all")
    assert (row["from_edition"], row["to_edition"]) == (1, 2)
    assert (row["nrr_before"], row["nrr_after"]) == (1.2, 1.1)
    assert row["cause"] == "late_data"
    assert "expansion_micros 20000000 -> 10000000" in row["detail"]


def test_a_published_final_figure_never_becomes_provisional_again(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish()
    held = publish(retention_row(expansion=1), is_final=False)
    assert held == Publication(1, is_new=False, previous_edition=1)
    assert editions(warehouse) == [(1, "all", 20_000_000)]


def test_segments_that_come_and_go_are_restated(warehouse: Warehouse, publish: Publish) -> None:
    publish(retention_row(), retention_row("product", "old"))
    publish(retention_row(), retention_row("product", "new"))
    found = {row["segment"]: row for row in restatements(warehouse)}
    assert found["new"]["detail"] == "The segment is new."
    assert (found["new"]["nrr_before"], found["new"]["nrr_after"]) == (None, 1.2)
    assert found["old"]["detail"] == "The segment no longer exists."
    assert set(found) == {"new", "old"}
    with warehouse.read() as connection:
        query = "SELECT segment FROM retention ORDER BY segment"
        assert list(connection.exec_driver_sql(query).scalars()) == ["all", "new"]


def test_a_dimension_that_comes_or_goes_as_a_whole_restates_nothing(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish(retention_row(), retention_row("plan", "team"))
    added = publish(retention_row(), retention_row("industry", "retail"), policy_version="p2")
    assert added == Publication(2, is_new=True, previous_edition=1, restated=0)
    assert restatements(warehouse) == []
    publish(retention_row(expansion=1), retention_row("industry", "bank"), policy_version="p2")
    found = [f"{row['dimension']} {row['segment']}" for row in restatements(warehouse)]
    assert found == ["all all", "industry bank", "industry retail"]


def test_another_policy_is_the_cause_of_what_it_changes(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish()
    publish(retention_row(expansion=1), policy_version="p2")
    assert [row["cause"] for row in restatements(warehouse)] == ["policy"]


def test_late_data_is_the_cause_when_the_new_policy_had_changed_nothing(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish()
    publish(policy_version="p2")
    publish(retention_row(expansion=1), policy_version="p2")
    assert [row["cause"] for row in restatements(warehouse)] == ["late_data"]


def test_what_was_learned_since_about_its_days_is_the_cause_of_a_restatement(
    warehouse: Warehouse, clock: Clock, publish: Publish
) -> None:
    def learn(cause: Cause, day: date) -> None:
        clock.advance(minutes=1)
        with warehouse.write(cause, clock=clock) as tx:
            tx.note_change(day)

    learn("correction", date(2026, 1, 1))
    publish()
    learn("fx", date(2026, 3, 31))
    learn("correction", date(2026, 4, 1))
    publish(retention_row(expansion=1))
    learn("fx", date(2026, 3, 1))
    learn("history", date(2025, 1, 1))
    learn("history", date(2026, 3, 2))
    publish(retention_row(expansion=2))
    assert [row["cause"] for row in restatements(warehouse)] == ["fx", "fx, late_data"]


def test_nothing_to_retain_is_empty_not_zero(warehouse: Warehouse, publish: Publish) -> None:
    publish(retention_row(starting=0, expansion=0, logo_churn=None))
    with warehouse.read() as connection:
        row = connection.exec_driver_sql("SELECT nrr, grr, logo_churn FROM monthly_nrr").one()
        assert tuple(row) == (None, None, None)
        frame = retention_rows(connection, MONTHLY, MARCH)
    assert np.isnan(frame["nrr"].iloc[0])
    assert frame["nrr_denominator"].iloc[0] == 0


def test_any_edition_can_be_read_back_as_it_was_published(
    warehouse: Warehouse, publish: Publish, clock: Clock
) -> None:
    publish()
    first_known_at = clock.now
    publish(retention_row(expansion=1), is_historical=True)
    first, latest = whole(warehouse, 1).iloc[0], whole(warehouse).iloc[0]
    assert (first["edition"], first["known_at"]) == (1, first_known_at)
    assert (latest["edition"], latest["known_at"]) == (2, clock.now)
    assert {name: first[name] for name in FRAME_COLUMNS} == retention_row()
    assert len(whole(warehouse, 9)) == 0


def test_the_retention_view_holds_the_latest_edition_of_every_kind_of_period(
    warehouse: Warehouse, publish: Publish
) -> None:
    publish()
    publish(retention_row(expansion=1))
    publish(table="quarterly_nrr", is_final=False)
    publish(table="trailing_12_month_nrr")
    with warehouse.read() as connection:
        query = "SELECT period, edition, is_final FROM retention ORDER BY period"
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    assert rows == [("month", 2, 1), ("quarter", 0, 0), ("trailing_12_months", 1, 1)]


def test_published_periods_are_listed_in_their_latest_edition(
    warehouse: Warehouse, publish: Publish, clock: Clock
) -> None:
    publish(retention_row(), retention_row("product", "team"))
    publish(retention_row(expansion=1), retention_row("product", "team"))
    with warehouse.read() as connection:
        (march,) = published_periods(connection, MONTHLY)
        assert published_periods(connection, "quarterly_nrr") == []
    assert (march.period_start, march.closing_date) == (MARCH, date(2026, 3, 31))
    assert (march.edition, march.is_final, march.policy_version) == (2, True, "p1")
    assert march.known_at == clock.now


@pytest.mark.parametrize(
    ("changed_from", "stale"),
    [
        (date(2026, 1, 5), [MARCH]),
        (date(2026, 3, 31), [MARCH]),
        (date(2026, 4, 1), []),
        (None, []),
    ],
)
def test_a_period_is_stale_when_something_was_learned_of_days_up_to_its_closing(
    warehouse: Warehouse,
    publish: Publish,
    clock: Clock,
    changed_from: date | None,
    stale: list[date],
) -> None:
    publish()
    with warehouse.write("history", clock=clock) as tx:
        tx.note_change(changed_from)
    with warehouse.read() as connection:
        assert stale_periods(connection, MONTHLY) == stale


def test_a_period_computed_again_without_a_change_is_no_longer_stale(
    warehouse: Warehouse, publish: Publish, clock: Clock
) -> None:
    publish()
    with warehouse.write("history", clock=clock) as tx:
        tx.note_change(MARCH)
    assert publish().is_new is False
    with warehouse.read() as connection:
        assert stale_periods(connection, MONTHLY) == []


def test_another_policy_makes_periods_stale(warehouse: Warehouse, publish: Publish) -> None:
    publish()
    with warehouse.read() as connection:
        assert stale_periods(connection, MONTHLY, policy_version="p1") == []
        assert stale_periods(connection, MONTHLY, policy_version="p2") == [MARCH]
        assert stale_periods(connection, "quarterly_nrr", policy_version="p2") == []


def test_publishing_no_rows_is_refused(warehouse: Warehouse, clock: Clock) -> None:
    nothing = retention_frame(retention_row()).iloc[:0]
    stamp = {"is_final": True, "is_historical": False, "policy_version": "p1"}
    with (
        pytest.raises(ValueError, match="No figures for monthly_nrr of 2026-03-01"),
        warehouse.write("publication", clock=clock) as tx,
    ):
        publish_retention(tx, MONTHLY, MARCH, nothing, **stamp)
