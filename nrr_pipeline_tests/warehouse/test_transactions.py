"""Reading and writing: one writer at a time, knowledge time, all or nothing."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, StatementError

from nrr_pipeline.warehouse.account import bind, connection_facts
from nrr_pipeline.warehouse.alerts import raise_alert
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.failures import WarehouseBusyError, WarehouseFailedError
from nrr_pipeline.warehouse.intervals import intervals_of, replace_intervals
from nrr_pipeline.warehouse.knowledge import changed_from_since, latest_known_at
from nrr_pipeline.warehouse.tables import knowledge
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.warehouse.conftest import Clock
from nrr_pipeline_tests.warehouse.examples import interval_row

ONLY_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")
MICROSECOND = timedelta(microseconds=1)


def known_times(warehouse: Warehouse) -> list[datetime]:
    with warehouse.read() as connection:
        return list(connection.scalars(sa.select(knowledge.c.known_at).order_by("known_at")))


def test_knowledge_time_is_the_clock_when_the_clock_moves(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.write("pull", clock=clock):
        pass
    later = clock.advance(seconds=5)
    with warehouse.write("pull", clock=clock) as tx:
        assert tx.known_at == later


def test_knowledge_time_rises_strictly_when_the_clock_stands_still_or_goes_back(
    warehouse: Warehouse, clock: Clock
) -> None:
    for _ in range(3):
        with warehouse.write("pull", clock=clock):
            pass
    clock.advance(hours=-1)
    with warehouse.write("pull", clock=clock):
        pass
    times = known_times(warehouse)
    assert times == [times[0] + step * MICROSECOND for step in range(4)]


def test_knowledge_time_is_utc_whatever_zone_the_clock_speaks(warehouse: Warehouse) -> None:
    moscow = timezone(timedelta(hours=3))
    with warehouse.write("pull", clock=lambda: datetime(2026, 4, 3, 9, tzinfo=moscow)) as tx:
        assert tx.known_at == datetime(2026, 4, 3, 6, tzinfo=UTC)
        assert tx.known_at.utcoffset() == timedelta(0)
    assert known_times(warehouse) == [tx.known_at]


def test_processes_that_write_at_once_lose_nothing_and_share_no_knowledge_time(
    warehouse: Warehouse, database_url: str
) -> None:
    script = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from nrr_pipeline.warehouse.engine import open_warehouse\n"
        "warehouse = open_warehouse(sys.argv[1])\n"
        "sys.stdin.readline()\n"
        "for _ in range(50):\n"
        "    with warehouse.write('pull', clock=lambda: datetime(2026, 4, 3, tzinfo=UTC)):\n"
        "        pass\n"
        "warehouse.close()\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, database_url], stdin=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for writer in writers:
        writer.communicate("go\n", timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0]
    times = known_times(warehouse)
    assert times == [datetime(2026, 4, 3, tzinfo=UTC) + step * MICROSECOND for step in range(100)]


def test_a_writer_that_is_killed_leaves_nothing_half_done(
    warehouse: Warehouse, database_url: str, clock: Clock
) -> None:
    script = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from nrr_pipeline.warehouse.engine import open_warehouse\n"
        "from nrr_pipeline.warehouse.intervals import replace_intervals\n"
        "from nrr_pipeline_tests.warehouse.examples import interval_row\n"
        "warehouse = open_warehouse(sys.argv[1])\n"
        "now = datetime(2026, 4, 3, tzinfo=UTC)\n"
        "rows = [interval_row(f'si_{number}') for number in range(5000)]\n"
        "with warehouse.write('history', clock=lambda: now) as tx:\n"
        "    replace_intervals(tx, ['sub_1'], rows)\n"
        "    print('written', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert known_times(warehouse) == []
    with warehouse.write("history", clock=clock) as tx:
        assert list(intervals_of(tx.connection, subscription_ids=["sub_1"])) == []
        assert replace_intervals(tx, ["sub_1"], [interval_row()]).opened == 1


def test_an_error_undoes_the_whole_transaction(warehouse: Warehouse, clock: Clock) -> None:
    def fail_half_way() -> None:
        with warehouse.write("history", clock=clock) as tx:
            replace_intervals(tx, ["sub_1"], [interval_row()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with warehouse.read() as connection:
        assert latest_known_at(connection) is None
        assert list(intervals_of(connection, subscription_ids=["sub_1"])) == []


def test_a_reader_sees_one_state_throughout(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.read() as reader:
        assert latest_known_at(reader) is None
        with warehouse.write("pull", clock=clock):
            pass
        assert latest_known_at(reader) is None
    with warehouse.read() as reader:
        assert latest_known_at(reader) == clock.now


def test_a_reader_cannot_write(warehouse: Warehouse) -> None:
    with warehouse.read() as reader, pytest.raises(DatabaseError, match=r"read-?only"):
        reader.execute(sa.delete(knowledge))
    with warehouse.bookkeeping() as writer:
        writer.execute(sa.delete(knowledge))


def test_a_lock_that_nobody_gives_back_is_reported_with_what_to_do(
    warehouse: Warehouse, database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("sqlite", "postgresql"):
        monkeypatch.setattr(f"nrr_pipeline.warehouse.{kind}._BUSY_SECONDS", 1)
    with (
        open_warehouse(database_url) as impatient,
        warehouse.bookkeeping(),
        pytest.raises(WarehouseBusyError, match="run this again"),
        impatient.write("pull", clock=clock),
    ):
        pass
    assert known_times(warehouse) == []


@ONLY_SQLITE
def test_a_full_disk_is_reported_with_what_to_do_and_leaves_nothing_half_done(
    warehouse: Warehouse, clock: Clock
) -> None:
    def fill_the_disk() -> None:
        with warehouse.write("history", clock=clock) as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            rows = [interval_row(f"si_{number}") for number in range(2000)]
            replace_intervals(tx, ["sub_1"], rows)

    with pytest.raises(WarehouseFailedError, match=r"disk is full.*nrr doctor") as failure:
        fill_the_disk()
    assert failure.value.exit_status == 1
    assert known_times(warehouse) == []


@ONLY_SQLITE
def test_a_database_that_breaks_while_it_is_used_is_reported_with_what_to_do(
    warehouse: Warehouse, database_url: str
) -> None:
    warehouse.close()
    path = Path(database_url.removeprefix("sqlite:///"))
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    with (
        pytest.raises(WarehouseFailedError, match=r"malformed.*nrr doctor"),
        warehouse.read() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM mrr_intervals").all()


def test_the_earliest_noted_change_of_a_transaction_is_kept(
    warehouse: Warehouse, clock: Clock
) -> None:
    with warehouse.write("history", clock=clock) as tx:
        for day in (date(2026, 3, 5), date(2026, 3, 2), None, date(2026, 3, 4)):
            tx.note_change(day)
    with warehouse.read() as connection:
        assert changed_from_since(connection, None) == date(2026, 3, 2)


def test_a_time_without_a_zone_is_refused(warehouse: Warehouse) -> None:
    local = datetime(2026, 4, 3)  # noqa: DTZ001
    with warehouse.bookkeeping() as connection, pytest.raises(StatementError, match="time zone"):
        bind(connection, livemode=False, at=local)


@ONLY_SQLITE
def test_times_are_plain_fixed_width_text_for_readers_of_sqlite(
    warehouse: Warehouse, database_url: str
) -> None:
    kiritimati = timezone(timedelta(hours=14))
    with warehouse.bookkeeping() as connection:
        bind(connection, livemode=False, at=datetime(2026, 4, 3, tzinfo=kiritimati))
    direct = sqlite3.connect(database_url.removeprefix("sqlite:///"))
    stored = direct.execute("SELECT connected_at, date(connected_at) FROM account").fetchone()
    direct.close()
    assert stored == ("2026-04-02 10:00:00.000000", "2026-04-02")
    with warehouse.read() as connection:
        facts = connection_facts(connection)
        assert facts is not None
        assert facts.connected_at == datetime(2026, 4, 2, 10, tzinfo=UTC)


def test_foreign_keys_hold(warehouse: Warehouse, clock: Clock) -> None:
    with pytest.raises(IntegrityError), warehouse.write("pull", clock=clock, pull_id=77):
        pass


def test_incomplete_rows_are_refused(warehouse: Warehouse, clock: Clock) -> None:
    with warehouse.write("publication", clock=clock) as tx, pytest.raises(IntegrityError):
        raise_alert(tx, {"alert_key": "k"})
