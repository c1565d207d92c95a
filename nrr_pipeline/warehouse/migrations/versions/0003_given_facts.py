"""What users give: exchange rates, joined customers, attributes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT, DATE = sa.Text(), sa.Date()
TABLES = {
    "fx_rates": (
        "fx_rate_id",
        {"as_of_date": DATE, "currency": TEXT, "rate": TEXT},
        ["currency", "as_of_date"],
    ),
    "customer_map": (
        "customer_map_id",
        {"customer_id": TEXT, "account_id": TEXT},
        ["customer_id"],
    ),
    "attributes": (
        "attribute_id",
        {
            "customer_id": TEXT,
            "attribute": TEXT,
            "value": TEXT,
            "valid_from?": DATE,
            "valid_to?": DATE,
        },
        ["customer_id"],
    ),
}


def upgrade() -> None:
    """Create the tables; a row that is entered by hand leaves its last three columns empty."""
    for name, (number, columns, indexed) in TABLES.items():
        op.create_table(
            name,
            sa.Column(number, sa.Integer(), nullable=False),
            *(
                sa.Column(column.removesuffix("?"), kind, nullable=column.endswith("?"))
                for column, kind in columns.items()
            ),
            sa.Column("source", TEXT, nullable=True),
            sa.Column("known_from", sa.DateTime(timezone=True), nullable=True),
            sa.Column("known_to", sa.DateTime(timezone=True), nullable=True),
            sa.PrimaryKeyConstraint(number, name=op.f(f"pk_{name}")),
            sa.CheckConstraint("known_from < known_to", name=op.f(f"ck_{name}_known")),
        )
        op.create_index(op.f(f"ix_{name}_{'_'.join(indexed)}"), name, indexed)
