"""PostgreSQL: what is refused and with which words, schemas, connections that break, COPY."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.bulk import insert_rows
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse
from nrr_pipeline.warehouse.failures import WarehouseFailedError
from nrr_pipeline.warehouse.knowledge import latest_known_at
from nrr_pipeline.warehouse.sizes import stored_bytes
from nrr_pipeline.warehouse.tables import knowledge, published_days
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.databases import Server
from nrr_pipeline_tests.warehouse.conftest import Clock

pytestmark = pytest.mark.parametrize(
    "database_kind", ["postgresql"], indirect=True, scope="session"
)


@pytest.fixture
def stranger(server: Server, new_url: str) -> Iterator[str]:
    """The address of an empty database for somebody who owns nothing in it."""
    server.execute("CREATE ROLE stranger LOGIN")
    yield new_url.replace("postgres:", "stranger:")
    server.execute("DROP OWNED BY stranger", new_url)
    server.execute("DROP ROLE stranger")


def refused(url: str, schema: str | None = None) -> str:
    with pytest.raises(SettingsError) as refusal:
        open_warehouse(url, schema)
    assert refusal.value.exit_status == 2
    return str(refusal.value)


def tables(url: str, schema: str) -> set[str]:
    with open_warehouse(url, schema) as warehouse:
        return set(sa.inspect(warehouse.engine).get_table_names(schema))


def test_a_wrong_password_is_said_and_not_shown(server: Server, new_url: str) -> None:
    server.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    message = refused(new_url.replace("postgres:", "guarded:very-secret"))
    server.execute("DROP ROLE guarded")
    assert "Correct the user or the password in NRR_DATABASE_URL" in message
    assert "very-secret" not in message


def test_a_missing_database_or_user_is_said(new_url: str) -> None:
    name = new_url.partition("?")[0].rpartition("/")[2]
    assert "Create the database (createdb)" in refused(new_url.replace(name, "elsewhere"))
    assert "Correct the user" in refused(new_url.replace("postgres:", "nobody:"))


def test_an_option_that_does_not_exist_is_refused(new_url: str) -> None:
    assert "colour" in refused(f"{new_url}&colour=blue")


def test_somebody_without_the_right_to_create_learns_which_right_it_is(stranger: str) -> None:
    assert "CREATE ON SCHEMA" in refused(stranger)
    assert "CREATE ON DATABASE" in refused(stranger, "nrr")


def test_a_search_path_without_a_schema_asks_for_one(server: Server, new_url: str) -> None:
    server.execute("DROP SCHEMA public", new_url)
    assert "NRR_DATABASE_SCHEMA=nrr" in refused(new_url)
    assert "knowledge" in tables(new_url, "nrr")


@pytest.mark.parametrize("other", ["recipes", "alembic_version"])
def test_tables_of_something_else_are_left_alone_and_a_schema_beside_them_is_used(
    server: Server, new_url: str, other: str
) -> None:
    server.execute("CREATE TABLE recipes (version_num text)", new_url)
    if other == "alembic_version":
        server.execute("CREATE TABLE alembic_version AS SELECT 'theirs' AS version_num", new_url)
    message = refused(new_url)
    assert "recipes" in message
    assert "or NRR_DATABASE_SCHEMA a schema" in message
    assert "knowledge" in tables(new_url, "nrr")
    assert tables(new_url, "nrr").isdisjoint({"recipes"})


def test_looking_whether_there_is_something_creates_nothing(server: Server, new_url: str) -> None:
    assert not database_exists(new_url)
    assert not database_exists(new_url, "nrr")
    server.execute("CREATE SCHEMA nrr", new_url)
    open_warehouse(new_url, "nrr").close()
    assert database_exists(new_url, "nrr")
    assert not database_exists(new_url)


def test_schemas_are_warehouses_of_their_own_with_a_writer_each(new_url: str, clock: Clock) -> None:
    with (
        open_warehouse(new_url, "one") as one,
        open_warehouse(new_url, "two") as two,
        one.write("pull", clock=clock),
        two.write("pull", clock=clock) as second,
    ):
        assert second.known_at == clock.now
    with open_warehouse(new_url, "one") as one, one.read() as connection:
        assert latest_known_at(connection) == clock.now
        assert connection.scalar(sa.text("SELECT current_schema()")) == "one"


def test_a_connection_that_breaks_is_reported_and_the_next_one_works(
    server: Server, warehouse: Warehouse, clock: Clock
) -> None:
    backends = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'nrr%'"

    def write_while_the_server_ends() -> None:
        with warehouse.write("pull", clock=clock) as tx:
            server.execute(f"SELECT pg_terminate_backend(pid) {backends}")
            row = {"as_of_date": clock.now.date(), "known_at": tx.known_at}
            insert_rows(tx.connection, published_days, [row])

    with pytest.raises(WarehouseFailedError, match="Nothing was left half written"):
        write_while_the_server_ends()
    with warehouse.write("pull", clock=clock):
        pass
    server.execute(f"SELECT pg_terminate_backend(pid) {backends}")
    with warehouse.read() as connection:
        assert latest_known_at(connection) == clock.now


def test_copied_rows_keep_the_rules_of_the_table(warehouse: Warehouse, clock: Clock) -> None:
    row = {"known_at": clock.now, "cause": "pull"}
    with pytest.raises(IntegrityError), warehouse.bookkeeping() as connection:
        insert_rows(connection, knowledge, [row, row])
    local = {**row, "known_at": datetime(2026, 4, 3)}  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"), warehouse.bookkeeping() as connection:
        insert_rows(connection, knowledge, [local])
    with warehouse.read() as connection:
        assert latest_known_at(connection) is None


def test_a_writer_sees_what_others_committed_whatever_the_server_is_set_to(
    server: Server, database_url: str, clock: Clock
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    server.execute(f"ALTER DATABASE {name} SET timezone = 'Pacific/Kiritimati'")
    newest = sa.text("SELECT CAST(max(known_at) AS text) FROM knowledge")
    with (
        open_warehouse(database_url) as warehouse,
        warehouse.write("pull", clock=clock) as tx,
    ):
        level = tx.connection.scalar(sa.text("SHOW transaction_isolation"))
        assert (level, tx.connection.scalar(newest)) == ("read committed", f"{clock.now:%F %T}+00")


def test_the_size_of_the_tables_is_known(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert 100_000 < stored_bytes(connection) < 10_000_000
