"""Properties of subscriptions, by valid days and by knowledge, like those of customers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = "subscription_attributes"
TEXT, DATE, TIMESTAMP = sa.Text(), sa.Date(), sa.DateTime(timezone=True)
COLUMNS = {
    "subscription_attribute_id": sa.Integer(),
    "subscription_id": TEXT,
    "attribute": TEXT,
    "value": TEXT,
    "valid_from": DATE,
    "valid_to": DATE,
    "known_from": TIMESTAMP,
    "known_to": TIMESTAMP,
}


def upgrade() -> None:
    """Create the table; the next run fills it."""
    op.create_table(
        TABLE,
        *(sa.Column(name, kind, nullable=False) for name, kind in COLUMNS.items()),
        sa.PrimaryKeyConstraint("subscription_attribute_id", name=op.f(f"pk_{TABLE}")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f(f"ck_{TABLE}_valid")),
        sa.CheckConstraint("known_from < known_to", name=op.f(f"ck_{TABLE}_known")),
    )
    for first in ("subscription_id", "attribute"):
        op.create_index(op.f(f"ix_{TABLE}_{first}_known_to"), TABLE, [first, "known_to"])
