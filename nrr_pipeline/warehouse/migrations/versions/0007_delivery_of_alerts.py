"""How far the delivery of each alert is, and which alerts nobody wants to hear of for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True)
COLUMNS = {
    "blocks": TEXT,
    "run_id": TEXT,
    "attempted_at": TIMESTAMP,
    "next_attempt_at": TIMESTAMP,
    "held_until": TIMESTAMP,
    "acknowledged_at": TIMESTAMP,
    "acknowledged_by": TEXT,
    "silenced_until": TIMESTAMP,
}


def upgrade() -> None:
    """Add the columns and the table; alerts that were raised before wait to be delivered."""
    for name, kind in COLUMNS.items():
        op.add_column("alerts", sa.Column(name, kind, nullable=True))
    op.add_column(
        "alerts",
        sa.Column("is_possible_repeat", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "alert_silences",
        sa.Column("silence_id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, TEXT, nullable=True)
            for name in ("metric", "period", "dimension", "segment")
        ),
        sa.Column("until", TIMESTAMP, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("silence_id", name=op.f("pk_alert_silences")),
    )
