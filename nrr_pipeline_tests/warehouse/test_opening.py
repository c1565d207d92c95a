"""Opening a database: what is created, what is refused and with which words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse import migrations
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse
from nrr_pipeline.warehouse.outbox import unsent
from nrr_pipeline.warehouse.transactions import Warehouse

ONLY_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


def scalar(warehouse: Warehouse, sql: str) -> object:
    with warehouse.read() as connection:
        return connection.exec_driver_sql(sql).scalar()


def test_a_new_database_is_created_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "home" / "deeper" / "nrr.db"
    with open_warehouse(f"sqlite:///{path}") as warehouse:
        assert scalar(warehouse, "SELECT count(*) FROM knowledge") == 0
    assert path.is_file()


@ONLY_SQLITE
def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys_and_waits_for_others(
    warehouse: Warehouse,
) -> None:
    assert scalar(warehouse, "PRAGMA journal_mode") == "wal"
    assert scalar(warehouse, "PRAGMA foreign_keys") == 1
    assert scalar(warehouse, "PRAGMA busy_timeout") == 30_000
    assert scalar(warehouse, "PRAGMA synchronous") == 1


def test_opening_a_current_database_imports_no_migration_tool(database_url: str) -> None:
    script = (
        "import sys\n"
        "from nrr_pipeline.warehouse.engine import open_warehouse\n"
        "open_warehouse(sys.argv[1]).close()\n"
        "assert 'alembic' not in sys.modules, 'alembic was imported'\n"
    )
    subprocess.run([sys.executable, "-c", script, database_url], check=True)


def test_processes_that_create_the_same_database_at_once_all_succeed(new_url: str) -> None:
    script = (
        "import sys\n"
        "from nrr_pipeline.warehouse.engine import open_warehouse\n"
        "sys.stdin.readline()\n"
        "open_warehouse(sys.argv[1]).close()\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, new_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [process.communicate("go\n", timeout=120) for process in started]
    assert [(process.returncode, end[1]) for process, end in zip(started, ends, strict=True)] == [
        (0, "")
    ] * 2


def refused(url: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        open_warehouse(url)
    assert refusal.value.exit_status == 2
    return str(refusal.value)


def test_a_folder_is_refused_with_a_file_to_name_instead(tmp_path: Path) -> None:
    message = refused(f"sqlite:///{tmp_path}")
    assert f"{tmp_path} is a folder" in message
    assert f"sqlite:///{tmp_path}/nrr.db" in message


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    message = refused(f"sqlite:///{home}/nrr.db")
    assert "is a file" in message
    assert "NRR_HOME" in message
    assert home.read_text() == "not a folder"


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    assert "is a file" in refused(f"sqlite:///{home}/deeper/nrr.db")


def test_a_place_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert f"{tmp_path} is not writable" in refused(f"sqlite:///{tmp_path}/nrr.db")


def test_a_folder_that_cannot_be_created_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "cannot be created: Permission denied" in refused(f"sqlite:///{tmp_path}/new/nrr.db")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "nrr.db"
    path.write_bytes(b"a spreadsheet, perhaps" * 100)
    assert "not a usable database" in refused(f"sqlite:///{path}")
    assert path.read_bytes() == b"a spreadsheet, perhaps" * 100


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    message = refused(f"sqlite:///{path}")
    assert "recipes" in message
    assert "a database of its own" in message


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    with open_warehouse(database_url) as warehouse, warehouse.bookkeeping() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    message = refused(database_url)
    assert "newer version of nrr-pipeline" in message
    assert "pip install --upgrade nrr-pipeline" in message


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nonsense", "not a database address"),
        ("mysql://localhost/nrr", "mysql://, which is not supported"),
        ("postgresql://localhost/nrr", "postgresql://, which is not supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_an_address_of_another_kind_is_refused(url: str, reason: str) -> None:
    assert reason in refused(url)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    url = "postgresql+psycopg://nrr:very-secret@127.0.0.1:1/nrr"
    message = refused(url)
    assert "nrr:***@127.0.0.1:1/nrr" in message
    assert "Start the server, or correct its address" in message
    assert "very-secret" not in message
    assert database_exists(url)  # what is wrong with it is said when it is opened
    warehouse = open_warehouse(f"sqlite:///{tmp_path / 'nrr.db'}")
    warehouse.close()
    assert "very-secret" not in repr(warehouse)


def test_a_schema_is_only_for_postgresql(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unset NRR_DATABASE_SCHEMA"):
        open_warehouse(f"sqlite:///{tmp_path}/nrr.db", "nrr")


def test_a_database_of_the_first_version_is_brought_up_with_what_it_holds(
    new_url: str,
) -> None:
    first_version(new_url)
    engine = sa.create_engine(new_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO subscription_history (subscription_item_id, subscription_id, customer_id, "
            "valid_from, valid_to, state, price_id, currency, is_scheduled_churn, is_at_risk, "
            "source, source_id, known_from, known_to) VALUES ('si_1', 'sub_1', 'cus_1', "
            "'2026-01-01', '9999-12-31', 'active', 'price_1', 'usd', false, false, "
            "'subscription', 'sub_1', '2026-01-01', '9999-12-31')"
        )
    engine.dispose()
    with open_warehouse(new_url) as warehouse:
        query = "SELECT subscription_item_id, discounts, tax_rate, at_risk_since"
        with warehouse.read() as opened:
            rows = opened.exec_driver_sql(f"{query} FROM subscription_history").all()
    assert [tuple(row) for row in rows] == [("si_1", None, None, None)]


def test_alerts_that_were_raised_before_any_was_sent_are_still_to_be_sent(new_url: str) -> None:
    first_version(new_url)
    engine = sa.create_engine(new_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO alerts (alert_key, kind, metric, period, period_start, dimension, "
            "segment, edition, severity, text, raised_at, delivery_attempts) VALUES ('nrr', "
            "'raised', 'nrr', 'month', '2026-01-01', 'all', 'all', 1, 'warning', 'low', "
            "'2026-02-03 00:00:00.000000', 0)"
        )
    engine.dispose()
    with open_warehouse(new_url) as warehouse, warehouse.read() as opened:
        [row] = unsent(opened)
    assert (row["alert_key"], row["is_possible_repeat"], row["blocks"]) == ("nrr", False, None)


def first_version(url: str) -> None:
    """Create a database as the first released version did."""
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
