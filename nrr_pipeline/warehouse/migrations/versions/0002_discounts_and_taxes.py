"""What history says of discounts, of contained tax, and of payments that are late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = {
    "discounts": sa.Text(),
    "tax_rate": sa.Text(),
    "at_risk_since": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    """Add the columns; the next build of the history fills them."""
    for name, kind in COLUMNS.items():
        op.add_column("subscription_history", sa.Column(name, kind, nullable=True))
