"""The account: bound once, connected once."""

from __future__ import annotations

from datetime import date

import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.account import (
    ConnectionFacts,
    bind,
    bound_mode,
    connection_facts,
    set_connected_through,
    set_start_date,
)
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock


def test_a_new_database_is_bound_to_nothing(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert bound_mode(connection) is None
        assert connection_facts(connection) is None


def test_binding_again_changes_nothing(warehouse: Warehouse, clock: Clock) -> None:
    first = clock.now
    with warehouse.bookkeeping() as connection:
        bind(connection, livemode=False, at=first)
        bind(connection, livemode=False, at=clock.advance(days=1))
        assert bound_mode(connection) is False
        assert connection_facts(connection) == ConnectionFacts(None, first, None)


def test_live_and_test_data_never_mix(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        bind(connection, livemode=True, at=clock.now)
        with pytest.raises(SettingsError, match="holds live data; test data never mixes"):
            bind(connection, livemode=False, at=clock.now)
        assert bound_mode(connection) is True


def test_the_first_published_day_and_the_first_reach_never_move(
    warehouse: Warehouse, clock: Clock
) -> None:
    start, through = date(2024, 4, 1), date(2026, 4, 2)
    with warehouse.bookkeeping() as connection:
        bind(connection, livemode=False, at=clock.now)
        set_connected_through(connection, through)
        assert connection_facts(connection) == ConnectionFacts(None, clock.now, through)
        set_start_date(connection, start)
        set_connected_through(connection, date(2027, 1, 1))
        set_start_date(connection, date(2020, 1, 1))
        assert connection_facts(connection) == ConnectionFacts(start, clock.now, through)
