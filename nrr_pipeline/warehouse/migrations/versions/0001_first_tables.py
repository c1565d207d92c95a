"""The first tables and views."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT, INTEGER, BIGINT = sa.Text(), sa.Integer(), sa.BigInteger()
BOOLEAN, DATE, TIMESTAMP = sa.Boolean(), sa.Date(), sa.DateTime(timezone=True)
REAL = sa.Double().with_variant(sa.REAL(), "sqlite")

Columns = dict[str, sa.types.TypeEngine]

RAW_TABLES = (
    "stripe_customers",
    "stripe_products",
    "stripe_prices",
    "stripe_coupons",
    "stripe_subscriptions",
    "stripe_invoices",
    "stripe_subscription_schedules",
    "stripe_events",
)
RETENTION_TABLES = {
    "monthly_nrr": "month",
    "quarterly_nrr": "quarter",
    "trailing_12_month_nrr": "trailing_12_months",
}
RETENTION: Columns = {
    "period_start": DATE,
    "period_end": DATE,
    "opening_date": DATE,
    "closing_date": DATE,
    "dimension": TEXT,
    "segment": TEXT,
    "currency": TEXT,
    "starting_mrr_micros": BIGINT,
    "expansion_micros": BIGINT,
    "contraction_micros": BIGINT,
    "churned_mrr_micros": BIGINT,
    "new_business_micros": BIGINT,
    "reactivation_micros": BIGINT,
    "fx_micros": BIGINT,
    "ending_mrr_micros": BIGINT,
    "nrr?": REAL,
    "nrr_numerator": BIGINT,
    "nrr_denominator": BIGINT,
    "grr?": REAL,
    "grr_numerator": BIGINT,
    "grr_denominator": BIGINT,
    "starting_customers": BIGINT,
    "churned_customers": BIGINT,
    "ending_customers": BIGINT,
    "logo_churn?": REAL,
    "is_final": BOOLEAN,
    "is_historical": BOOLEAN,
    "policy_version": TEXT,
    "edition": INTEGER,
    "known_at": TIMESTAMP,
}
ITEM = (
    "subscription_item_id, i.subscription_id, i.customer_id, i.account_id, i.product_id, "
    "i.price_id, i.billing_interval, i.billing_interval_count, i.quantity, i.currency, "
    "i.mrr_micros, i.is_at_risk, i.is_scheduled_churn, i.is_approximate, i.approximation, "
    "i.max_error_micros"
)
VALID = "valid_from < valid_to"
KNOWN = "known_from < known_to"


def upgrade() -> None:
    """Create everything."""
    create_pull_tables()
    create_history_table()
    create_interval_table()
    create_attribute_table()
    create_daily_tables()
    create_retention_tables()
    create_finding_tables()
    create_views()


def downgrade() -> None:
    """Drop everything."""
    for view in ("retention", "daily_mrr_as_reported", "daily_mrr"):
        op.execute(f"DROP VIEW {view}")
    for table in (
        *("data_quality", "alerts", "restatements", "evaluated_periods", *RETENTION_TABLES),
        *("mrr_movements", "daily_mrr_totals", "published_days", "customer_attributes"),
        *("mrr_intervals", "subscription_history", *RAW_TABLES),
        *("stage_progress", "knowledge", "pulls", "account"),
    ):
        op.drop_table(table)


def create(
    name: str,
    primary_key: str,
    columns: Columns,
    *,
    indexes: Iterable[str] = (),
    **checks: str,
) -> None:
    """Create one table; a ``?`` ends the name of a column that may be empty."""
    op.create_table(
        name,
        *(
            sa.Column(column.removesuffix("?"), kind, nullable=column.endswith("?"))
            for column, kind in columns.items()
        ),
        sa.PrimaryKeyConstraint(*primary_key.split(), name=op.f(f"pk_{name}")),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_{name}_{rule_name}"))
            for rule_name, rule in checks.items()
        ),
        *(
            sa.ForeignKeyConstraint(["pull_id"], ["pulls.pull_id"], name=op.f(f"fk_{name}_pull_id"))
            for column in columns
            if column.removesuffix("?") == "pull_id" and name != "pulls"
        ),
    )
    for index in indexes:
        index_columns = index.split()
        op.create_index(op.f(f"ix_{name}_{'_'.join(index_columns)}"), name, index_columns)


def create_pull_tables() -> None:
    """What came from Stripe, and when."""
    account: Columns = {"account_row": INTEGER, "livemode": BOOLEAN, "connected_at": TIMESTAMP}
    account |= {"start_date?": DATE, "connected_through?": DATE}
    create("account", "account_row", account, single="account_row = 1")
    pulls: Columns = {"pull_id": INTEGER, "status": TEXT, "started_at": TIMESTAMP}
    pulls |= {"observed_at?": TIMESTAMP, "heartbeat_at": TIMESTAMP, "finished_at?": TIMESTAMP}
    pulls |= {"host": TEXT, "process_id": INTEGER, "object_counts?": TEXT, "error?": TEXT}
    create("pulls", "pull_id", pulls, indexes=["status"])
    knowledge: Columns = {"known_at": TIMESTAMP, "cause": TEXT, "pull_id?": INTEGER}
    knowledge |= {"policy_version?": TEXT, "changed_from?": DATE}
    create("knowledge", "known_at", knowledge, indexes=["pull_id"])
    progress: Columns = {"stage": TEXT, "known_at": TIMESTAMP}
    progress |= {"raw_known_at?": TIMESTAMP, "policy_version?": TEXT}
    create("stage_progress", "stage", progress)
    raw: Columns = {"object_id": TEXT, "known_from": TIMESTAMP, "observed_at": TIMESTAMP}
    raw |= {"pull_id": INTEGER, "content_hash": TEXT, "is_deleted": BOOLEAN}
    raw |= {"subscription_id?": TEXT, "payload": TEXT}
    for table in RAW_TABLES:
        create(table, "object_id known_from", raw, indexes=["subscription_id", "known_from"])


def create_history_table() -> None:
    """What was true of every item when, and when that was known."""
    columns: Columns = {"history_id": INTEGER, "subscription_item_id": TEXT}
    columns |= {"subscription_id": TEXT, "customer_id": TEXT, "valid_from": TIMESTAMP}
    columns |= {"valid_to": TIMESTAMP, "state": TEXT, "price_id": TEXT}
    columns |= {"quantity?": BIGINT, "currency": TEXT, "is_scheduled_churn": BOOLEAN}
    columns |= {"is_at_risk": BOOLEAN, "approximation?": TEXT, "alternative_price_id?": TEXT}
    columns |= {"alternative_quantity?": BIGINT, "held_out?": TEXT, "end_reason?": TEXT}
    columns |= {"source": TEXT, "source_id": TEXT}
    columns |= {"known_from": TIMESTAMP, "known_to": TIMESTAMP}
    create(
        "subscription_history",
        "history_id",
        columns,
        indexes=["subscription_id known_to", "customer_id known_to"],
        valid=VALID,
        known=KNOWN,
    )


def create_interval_table() -> None:
    """MRR by valid days and by knowledge."""
    columns: Columns = {"interval_id": INTEGER, "subscription_item_id": TEXT}
    columns |= {"subscription_id": TEXT, "customer_id": TEXT, "account_id": TEXT}
    columns |= {"product_id?": TEXT, "price_id": TEXT, "billing_interval?": TEXT}
    columns |= {"billing_interval_count?": INTEGER, "quantity?": BIGINT, "currency": TEXT}
    columns |= {"mrr_micros?": BIGINT, "is_at_risk": BOOLEAN, "is_scheduled_churn": BOOLEAN}
    columns |= {"is_approximate": BOOLEAN, "approximation?": TEXT, "max_error_micros?": BIGINT}
    columns |= {"end_reason?": TEXT, "held_out?": TEXT, "valid_from": DATE, "valid_to": DATE}
    columns |= {"policy_version": TEXT, "known_from": TIMESTAMP, "known_to": TIMESTAMP}
    create(
        "mrr_intervals",
        "interval_id",
        columns,
        indexes=[
            "subscription_id known_to",
            "customer_id known_to",
            "known_to valid_from valid_to",
            "account_id valid_from",
        ],
        valid=VALID,
        known=KNOWN,
        priced="(mrr_micros IS NOT NULL AND mrr_micros > 0 AND held_out IS NULL) "
        "OR (mrr_micros IS NULL AND held_out IS NOT NULL)",
    )


def create_attribute_table() -> None:
    """Properties of customers by valid days and by knowledge."""
    columns: Columns = {"customer_attribute_id": INTEGER, "customer_id": TEXT}
    columns |= {"attribute": TEXT, "value": TEXT, "valid_from": DATE, "valid_to": DATE}
    columns |= {"known_from": TIMESTAMP, "known_to": TIMESTAMP}
    create(
        "customer_attributes",
        "customer_attribute_id",
        columns,
        indexes=["customer_id known_to", "attribute known_to"],
        valid=VALID,
        known=KNOWN,
    )


def create_daily_tables() -> None:
    """What follows from the snapshots of the days."""
    create("published_days", "as_of_date", {"as_of_date": DATE, "known_at": TIMESTAMP})
    totals: Columns = {"as_of_date": DATE, "currency": TEXT, "is_reporting": BOOLEAN}
    totals |= {"mrr_micros": BIGINT, "customers": BIGINT, "subscriptions": BIGINT}
    totals |= {"at_risk_mrr_micros": BIGINT, "scheduled_churn_mrr_micros": BIGINT}
    create("daily_mrr_totals", "as_of_date currency is_reporting", totals)
    movements: Columns = {"as_of_date": DATE, "account_id": TEXT, "movement": TEXT}
    movements |= {"reason?": TEXT, "opening_mrr_micros": BIGINT, "closing_mrr_micros": BIGINT}
    movements |= {"change_micros": BIGINT, "currency": TEXT}
    create("mrr_movements", "as_of_date account_id", movements, indexes=["account_id"])


def create_retention_tables() -> None:
    """Published retention and what later changed of it."""
    for table in RETENTION_TABLES:
        create(table, "period_start dimension segment edition", RETENTION)
    evaluated: Columns = {"table_name": TEXT, "period_start": DATE, "closing_date": DATE}
    evaluated |= {"policy_version": TEXT, "known_at": TIMESTAMP}
    create("evaluated_periods", "table_name period_start", evaluated)
    restatements: Columns = {"period": TEXT, "period_start": DATE, "dimension": TEXT}
    restatements |= {"segment": TEXT, "from_edition": INTEGER, "to_edition": INTEGER}
    restatements |= {"cause": TEXT, "nrr_before?": REAL, "nrr_after?": REAL, "detail": TEXT}
    restatements |= {"known_at": TIMESTAMP}
    create("restatements", "period period_start dimension segment to_edition", restatements)


def create_finding_tables() -> None:
    """What somebody should look at."""
    alerts: Columns = {"alert_key": TEXT, "kind": TEXT, "metric": TEXT, "period": TEXT}
    alerts |= {"period_start": DATE, "dimension": TEXT, "segment": TEXT, "edition": INTEGER}
    alerts |= {"threshold?": REAL, "value?": REAL, "severity": TEXT, "text": TEXT}
    alerts |= {"raised_at": TIMESTAMP, "delivered_at?": TIMESTAMP}
    alerts |= {"delivery_attempts": INTEGER, "last_error?": TEXT}
    create("alerts", "alert_key", alerts)
    findings: Columns = {"finding_id": INTEGER, "found_at": TIMESTAMP, "stage": TEXT}
    findings |= {"scope_id": TEXT, "check_name": TEXT, "severity": TEXT, "object_id": TEXT}
    findings |= {"detail": TEXT, "amount_micros?": BIGINT, "currency?": TEXT}
    findings |= {"resolved_at?": TIMESTAMP}
    create("data_quality", "finding_id", findings, indexes=["stage scope_id", "object_id"])


def create_views() -> None:
    """What readers of the database see."""
    days = (
        f"SELECT d.as_of_date, i.{ITEM} FROM published_days AS d "  # noqa: S608
        "JOIN mrr_intervals AS i ON i.valid_from <= d.as_of_date AND i.valid_to > d.as_of_date "
        "AND i.held_out IS NULL AND"
    )
    reported = "i.known_from <= d.known_at AND i.known_to > d.known_at"
    op.execute(f"CREATE VIEW daily_mrr AS {days} i.known_to > '9999-01-01'")
    op.execute(f"CREATE VIEW daily_mrr_as_reported AS {days} {reported}")
    columns = ", ".join(f"r.{column.removesuffix('?')}" for column in RETENTION)
    latest = (
        f"SELECT '{period}' AS period, {columns} FROM {table} AS r "  # noqa: S608
        f"WHERE r.edition = (SELECT max(e.edition) FROM {table} AS e "
        "WHERE e.period_start = r.period_start)"
        for table, period in RETENTION_TABLES.items()
    )
    op.execute(f"CREATE VIEW retention AS {' UNION ALL '.join(latest)}")
