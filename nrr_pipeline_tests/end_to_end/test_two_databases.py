"""The same warehouse, row for row, from SQLite and from PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from nrr_pipeline.demo.rendering import render
from nrr_pipeline.raw import KINDS
from nrr_pipeline.warehouse import alerts, board_report
from nrr_pipeline.warehouse.fields import TABLE_NAMES, VIEW_NAMES
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.databases import Server
from nrr_pipeline_tests.end_to_end.pipeline import (
    Connected,
    business,
    closing_day,
    connected,
    owners_policy,
)
from nrr_pipeline_tests.warehouse.conftest import Clock

NOW = datetime(2026, 10, 5, tzinfo=UTC)

UP_TO_THREADS = {
    *((f"stripe_{kind}", "known_from") for kind in KINDS),
    ("stage_progress", "raw_known_at"),
}
"""A pull brings several lists at once, in as many transactions as come of it."""

Rows = list[tuple[object, ...]]


def test_both_databases_hold_the_same_rows_numbers_and_times_of_knowledge_included(
    tmp_path: Path, server: Server
) -> None:
    log, whole = business(seed=4, customers=60)
    nights = [render(log, whole.now - 86_400 * back) for back in (100, 5, 0)]
    contents: list[dict[str, Rows]] = []
    with server.new() as url:
        for each in (None, url):
            clock = Clock()
            clock.now = NOW
            policy = owners_policy(log, tmp_path)
            with connected(nights[0], tmp_path, policy, url=each, clock=clock) as pipeline:
                for account in nights:
                    pipeline.show(account)
                    clock.advance(hours=12)
                    pipeline.pull(closing_day(account))
                    clock.advance(hours=12)
                    pipeline.build()
                    pipeline.publish(closing_day(account))
                without_discounts = policy.model_copy(update={"discounts": "none"})
                otherwise = replace(pipeline, policy=without_discounts)
                otherwise.build()
                otherwise.publish(closing_day(whole))
                write_what_no_night_writes(pipeline)
                contents.append(dict(content_of(pipeline.warehouse)))
    in_sqlite, in_postgresql = contents
    assert [name for name in in_sqlite if in_sqlite[name] != in_postgresql[name]] == []
    assert [name for name, rows in in_sqlite.items() if len(rows) == 1] == []


def write_what_no_night_writes(pipeline: Connected) -> None:
    """A silence and a board report."""
    silence = {"metric": "nrr", "until": NOW + timedelta(days=30), "reason": "a known loss"}
    report = {
        "period_start": date(2026, 9, 1),
        "edition": 1,
        "data_as_of": NOW,
        "policy_version": pipeline.policy.version,
        "changes": [],
    }
    with pipeline.warehouse.write("publication", clock=pipeline.clock) as tx:
        alerts.silence(tx.connection, silence, at=tx.known_at)
        times = {"issued_at": tx.known_at, "known_at": tx.known_at}
        board_report.add_report(tx.connection, {**report, **times}, b"all that was said")


def content_of(warehouse: Warehouse) -> Iterator[tuple[str, Rows]]:
    """Every table and view as any reader of the database sees it: names of columns, then rows."""
    with warehouse.read() as connection:
        for name in (*TABLE_NAMES, *VIEW_NAMES):
            query = sa.select(sa.text("*")).select_from(sa.table(name))
            if name == "knowledge":
                query = query.where(sa.column("cause") != "pull")
            found = connection.execute(query).mappings()
            names = tuple(each for each in found.keys() if (name, each) not in UP_TO_THREADS)  # noqa: SIM118
            rows = (tuple(plain(row[each]) for each in names) for row in found)
            yield name, [names, *sorted(rows, key=repr)]


def plain(value: object) -> object:
    """A value as SQLite holds it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return value.isoformat() if isinstance(value, date) else value
