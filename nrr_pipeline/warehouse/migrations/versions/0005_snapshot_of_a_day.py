"""A day's snapshot is read from one index, which holds what its totals need."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COVERED = [
    *("known_to", "valid_to", "valid_from"),
    *("held_out", "currency", "mrr_micros", "account_id"),
]
COLUMNS = (
    "as_of_date, i.subscription_item_id, i.subscription_id, i.customer_id, i.account_id, "
    "i.product_id, i.price_id, i.billing_interval, i.billing_interval_count, i.quantity, "
    "i.currency, i.mrr_micros, i.is_at_risk, i.is_scheduled_churn, i.is_approximate, "
    "i.approximation, i.max_error_micros"
)


def upgrade() -> None:
    """Replace the index, and let the view ask for the one time that means still believed."""
    op.drop_index(op.f("ix_mrr_intervals_known_to_valid_from_valid_to"), "mrr_intervals")
    op.create_index("ix_mrr_intervals_snapshot", "mrr_intervals", COVERED)
    op.execute("DROP VIEW daily_mrr")
    op.execute(
        f"CREATE VIEW daily_mrr AS SELECT d.{COLUMNS} "  # noqa: S608
        "FROM published_days AS d JOIN mrr_intervals AS i "
        "ON i.valid_from <= d.as_of_date AND i.valid_to > d.as_of_date "
        "AND i.held_out IS NULL AND i.known_to = '9999-12-31 00:00:00.000000'"
    )
