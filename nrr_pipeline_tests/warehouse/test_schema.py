"""The schema: what migrations build is what tables, views and the dictionary say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from nrr_pipeline.warehouse import migrations
from nrr_pipeline.warehouse.fields import (
    TABLE_NAMES,
    VIEW_NAMES,
    column_names,
    columns_of,
    description_of,
)
from nrr_pipeline.warehouse.tables import metadata
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline.warehouse.views import VIEWS

DAILY_MRR = """
as_of_date, subscription_item_id, subscription_id, customer_id, account_id, product_id, price_id,
billing_interval, billing_interval_count, quantity, currency, mrr_micros, is_at_risk,
is_scheduled_churn, is_approximate, approximation, max_error_micros
"""
RETENTION = """
period_start, period_end, opening_date, closing_date, dimension, segment, currency,
starting_mrr_micros, expansion_micros, contraction_micros, churned_mrr_micros, new_business_micros,
reactivation_micros, fx_micros, ending_mrr_micros, nrr, nrr_numerator, nrr_denominator, grr,
grr_numerator, grr_denominator, starting_customers, churned_customers, ending_customers,
logo_churn, is_final, is_historical, policy_version, edition, known_at
"""
PUBLIC = {
    "daily_mrr": DAILY_MRR,
    "daily_mrr_as_reported": DAILY_MRR,
    "daily_mrr_totals": """
        as_of_date, currency, is_reporting, mrr_micros, customers, subscriptions,
        at_risk_mrr_micros, scheduled_churn_mrr_micros
    """,
    "mrr_movements": """
        as_of_date, account_id, movement, reason, opening_mrr_micros, closing_mrr_micros,
        change_micros, currency
    """,
    "monthly_nrr": RETENTION,
    "quarterly_nrr": RETENTION,
    "trailing_12_month_nrr": RETENTION,
    "retention": f"period, {RETENTION}",
}
PUBLIC_WITH_ADDITIONS = {
    "restatements": """
        period, period_start, dimension, segment, from_edition, to_edition, cause, nrr_before,
        nrr_after, detail
    """,
    "alerts": """
        alert_key, kind, metric, period, period_start, dimension, segment, edition, threshold,
        value, severity, text, raised_at, delivered_at, delivery_attempts, last_error
    """,
    "data_quality": """
        found_at, check_name, severity, object_id, detail, amount_micros, currency, resolved_at
    """,
}


def names(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def columns_in_database(warehouse: Warehouse, name: str) -> list[str]:
    with warehouse.read() as connection:
        return [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_columns_are_those_that_readers_rely_on(warehouse: Warehouse, name: str) -> None:
    assert columns_in_database(warehouse, name) == names(PUBLIC[name])


@pytest.mark.parametrize("name", PUBLIC_WITH_ADDITIONS)
def test_public_columns_are_all_there(warehouse: Warehouse, name: str) -> None:
    assert set(names(PUBLIC_WITH_ADDITIONS[name])) <= set(columns_in_database(warehouse, name))


def test_migrations_build_exactly_the_tables(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrations_and_tables_agree_on_rules_and_keys(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    direct = sa.create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(direct)
    expected, migrated = sa.inspect(direct), sa.inspect(warehouse.engine)
    for name in TABLE_NAMES:
        for look in ("get_check_constraints", "get_foreign_keys", "get_pk_constraint"):
            facts = [getattr(place, look)(name) for place in (migrated, expected)]
            assert by_name(facts[0]) == by_name(facts[1]), (name, look)
    direct.dispose()


def by_name(facts: object) -> object:
    return sorted(facts, key=lambda fact: fact["name"]) if isinstance(facts, list) else facts


def test_migrations_build_exactly_the_views(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
        built = {name: " ".join(sql.split(" AS ", 1)[1].split()) for name, sql in rows}
    assert built == VIEWS
    assert set(VIEWS) == set(VIEW_NAMES)


def test_views_have_the_columns_of_the_dictionary(warehouse: Warehouse) -> None:
    for name in VIEW_NAMES:
        assert tuple(columns_in_database(warehouse, name)) == column_names(name)


def test_the_expected_revision_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD_REVISION]


def test_every_table_and_column_has_one_sentence() -> None:
    for name in (*TABLE_NAMES, *VIEW_NAMES):
        texts = [description_of(name), *(field.description for field in columns_of(name))]
        assert all(text.endswith(".") for text in texts), name


def test_every_amount_is_a_bigint_in_micros_beside_a_currency() -> None:
    for name in (*TABLE_NAMES, *VIEW_NAMES):
        amounts = [field for field in columns_of(name) if field.name.endswith("_micros")]
        assert {field.type for field in amounts} <= {"bigint"}
        assert all("micros" in (field.unit or "") for field in amounts)
        assert not amounts or "currency" in column_names(name), name


def test_column_comments_are_the_dictionary() -> None:
    table = metadata.tables["mrr_intervals"]
    assert table.c.mrr_micros.comment == "Monthly recurring revenue."


def test_postgresql_takes_the_same_tables() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        sql = str(CreateTable(table).compile(dialect=dialect))
        assert "TIMESTAMP WITH TIME ZONE" in sql or "TIMESTAMP" not in sql
        assert "DATETIME" not in sql
