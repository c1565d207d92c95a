"""Board reports are kept edition by edition, as they were issued."""

from __future__ import annotations

import gzip
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from nrr_pipeline.warehouse import tables
from nrr_pipeline.warehouse.board_report import (
    DamagedReportError,
    add_report,
    content_of,
    note_files,
    reports,
)
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)


def row(clock: Clock, edition: int = 1, month: date = MARCH, **values: object) -> dict[str, Any]:
    times = dict.fromkeys(("issued_at", "data_as_of", "known_at"), clock.now)
    return {
        "period_start": month,
        "edition": edition,
        **times,
        "policy_version": "3-default",
        "changes": (),
        **values,
    }


def test_what_was_issued_is_kept_as_it_was(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.bookkeeping() as connection:
        first = add_report(connection, row(clock), b"first")
        changes = ("NRR was 98.0 %.", "MRR was USD 2.00.")
        second = add_report(connection, row(clock, 2, changes=changes), b"second")
    assert first is not None
    assert second is not None
    with warehouse.read() as connection:
        assert reports(connection) == [first, second]
        assert reports(connection, APRIL) == []
        assert content_of(connection, first) == b"first"
        assert content_of(connection, second) == b"second"
    assert (first.changes, second.changes) == ((), changes)
    assert (first.location, first.files, first.written_at) == (None, {}, None)


def test_of_two_that_issue_an_edition_at_once_the_first_one_counts(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.bookkeeping() as connection:
        assert add_report(connection, row(clock), b"first") is not None
        assert add_report(connection, row(clock), b"other") is None
        assert add_report(connection, row(clock, 1, APRIL), b"of another month") is not None


def test_where_the_files_are_is_noted_once_all_of_them_are_written(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.bookkeeping() as connection:
        issued = add_report(connection, row(clock), b"content")
        assert issued is not None
        first = clock.now
        note_files(connection, issued, "/reports/2026-03", {"a.pdf": "12"}, at=first)
        again = clock.advance(days=1)
        note_files(connection, issued, "s3://elsewhere", {"a.pdf": "34"}, at=again)
        (kept,) = reports(connection)
    assert (kept.location, kept.files, kept.written_at) == (
        "/reports/2026-03",
        {"a.pdf": "12"},
        first,
    )


CUT = gzip.compress(b"content", mtime=0)[:12] + b"\xff" * 20


@pytest.mark.parametrize("damage", [gzip.compress(b"other figures", mtime=0), b"no gzip", b"", CUT])
def test_content_that_was_changed_is_never_taken_for_what_was_issued(
    warehouse: Warehouse, clock: Clock, damage: bytes
) -> None:
    with warehouse.bookkeeping() as connection:
        issued = add_report(connection, row(clock), b"content")
        assert issued is not None
        connection.execute(sa.update(tables.board_report).values(content=damage))
        with pytest.raises(DamagedReportError, match="2026-03, edition 1, is not what was issued"):
            content_of(connection, issued)
