"""The laws of bitemporal rows, held against whatever a stage may compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrr_pipeline.warehouse.bitemporal import ReplaceCounts
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.intervals import intervals_of, replace_intervals
from nrr_pipeline.warehouse.transactions import FOREVER_DAY, Warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import interval_row

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")

Rows = list[dict[str, Any]]

FIRST_DAY = date(2026, 1, 1)


@st.composite
def step_functions(draw: st.DrawFn) -> Rows:
    """The rows of one subscription with up to two items, as a stage might compute them."""
    rows: Rows = []
    for item in draw(st.lists(st.sampled_from(["si_1", "si_2"]), unique=True)):
        cuts = sorted(draw(st.sets(st.integers(0, 12), min_size=2, max_size=5)))
        for start, end in pairwise(cuts):
            if draw(st.booleans()):
                rows.append(
                    interval_row(
                        item,
                        quantity=draw(st.integers(1, 2)),
                        valid_from=FIRST_DAY + timedelta(days=start),
                        valid_to=FOREVER_DAY if end == 12 else FIRST_DAY + timedelta(days=end),
                    )
                )
    return rows


@contextmanager
def copy_of(databases: Databases, template_url: str) -> Iterator[Warehouse]:
    with databases.new(like=template_url) as url, open_warehouse(url) as warehouse:
        yield warehouse


def set_intervals(warehouse: Warehouse, clock: Clock, rows: Rows) -> ReplaceCounts:
    with warehouse.write("history", clock=clock) as tx:
        return replace_intervals(tx, ["sub_1"], rows)


def current(warehouse: Warehouse, known_at: datetime | None = None) -> Rows:
    bookkeeping = ("interval_id", "known_from", "known_to")
    with warehouse.read() as connection:
        rows = list(intervals_of(connection, subscription_ids=["sub_1"], known_at=known_at))
    return [{name: value for name, value in row.items() if name not in bookkeeping} for row in rows]


def canonical(rows: Rows) -> list[tuple[Any, ...]]:
    return sorted((row["subscription_item_id"], *row.values()) for row in rows)


@settings(max_examples=25, deadline=None)
@given(versions=st.lists(step_functions(), min_size=2, max_size=5))
def test_law_answers_as_known_at_a_time_never_change_later(
    databases: Databases, template_url: str, versions: list[Rows]
) -> None:
    clock = Clock()
    with copy_of(databases, template_url) as warehouse:
        answers: list[tuple[datetime, list[tuple[Any, ...]]]] = []
        for rows in versions:
            clock.advance(minutes=1)
            set_intervals(warehouse, clock, rows)
            assert canonical(current(warehouse)) == canonical(rows)
            answers.append((clock.now, canonical(rows)))
            for known_at, answer in answers:
                assert canonical(current(warehouse, known_at=known_at)) == answer


@settings(max_examples=25, deadline=None)
@given(versions=st.lists(step_functions(), min_size=1, max_size=4))
def test_law_however_knowledge_came_the_current_rows_are_the_same(
    databases: Databases, template_url: str, versions: list[Rows]
) -> None:
    clock = Clock()
    with copy_of(databases, template_url) as slowly, copy_of(databases, template_url) as at_once:
        for rows in versions:
            set_intervals(slowly, clock, rows)
        set_intervals(at_once, clock, versions[-1])
        assert canonical(current(slowly)) == canonical(current(at_once))
        assert set_intervals(slowly, clock, versions[-1]).changed_from is None


@settings(max_examples=25, deadline=None)
@given(before=step_functions(), after=step_functions())
def test_law_nothing_differs_before_the_day_from_which_figures_can(
    databases: Databases, template_url: str, before: Rows, after: Rows
) -> None:
    clock = Clock()
    with copy_of(databases, template_url) as warehouse:
        set_intervals(warehouse, clock, before)
        changed_from = set_intervals(warehouse, clock, after).changed_from
    days = [FIRST_DAY + timedelta(days=number) for number in range(14)]
    differing = [day for day in days if state_on(before, day) != state_on(after, day)]
    assert changed_from == min(differing, default=None)


def state_on(rows: Rows, day: date) -> dict[str, int]:
    return {
        row["subscription_item_id"]: row["quantity"]
        for row in rows
        if row["valid_from"] <= day < row["valid_to"]
    }
