"""The schema: what migrations build is what tables, views and the dictionary say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

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
        return [column["name"] for column in sa.inspect(connection).get_columns(name)]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_columns_are_those_that_readers_rely_on(warehouse: Warehouse, name: str) -> None:
    assert columns_in_database(warehouse, name) == names(PUBLIC[name])


@pytest.mark.parametrize("name", PUBLIC_WITH_ADDITIONS)
def test_public_columns_are_all_there(warehouse: Warehouse, name: str) -> None:
    assert set(names(PUBLIC_WITH_ADDITIONS[name])) <= set(columns_in_database(warehouse, name))


def test_migrations_build_exactly_the_tables(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.fixture
def defined(new_url: str) -> Iterator[sa.Inspector]:
    """A database that was made from the definitions, without migrations."""
    engine = sa.create_engine(new_url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for name, query in VIEWS.items():
            connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")
    yield sa.inspect(engine)
    engine.dispose()


def test_migrations_and_tables_agree_on_rules_and_keys(
    warehouse: Warehouse, defined: sa.Inspector
) -> None:
    migrated = sa.inspect(warehouse.engine)
    for name in TABLE_NAMES:
        for look in ("get_check_constraints", "get_foreign_keys", "get_pk_constraint"):
            facts = [getattr(place, look)(name) for place in (migrated, defined)]
            assert by_name(facts[0]) == by_name(facts[1]), (name, look)


def by_name(facts: object) -> object:
    return sorted(facts, key=lambda fact: fact["name"]) if isinstance(facts, list) else facts


def test_migrations_build_exactly_the_views(warehouse: Warehouse, defined: sa.Inspector) -> None:
    migrated = sa.inspect(warehouse.engine)
    for name in VIEWS:
        built, wanted = (place.get_view_definition(name) for place in (migrated, defined))
        assert str(built).split() == str(wanted).split()
    assert set(VIEWS) == set(VIEW_NAMES) == set(migrated.get_view_names())


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True, scope="session")
def test_text_is_ordered_by_code_points_in_every_column_of_every_table(
    warehouse: Warehouse,
) -> None:
    """A migration of later on says so of its columns, as 0006 does."""
    found = sa.inspect(warehouse.engine)
    columns = {
        (name, column["name"]): column for name in TABLE_NAMES for column in found.get_columns(name)
    }
    texts = {
        place: column["type"]
        for place, column in columns.items()
        if isinstance(column["type"], sa.Text)
    }
    assert texts
    assert [place for place, kind in texts.items() if kind.collation != "C"] == []


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
