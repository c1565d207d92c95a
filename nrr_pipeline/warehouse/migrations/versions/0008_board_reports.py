"""Board reports as they were issued: their content, and where their files are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "board_report"
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True)
COLUMNS = {
    "period_start": sa.Date(),
    "edition": sa.Integer(),
    "issued_at": TIMESTAMP,
    "data_as_of": TIMESTAMP,
    "known_at": TIMESTAMP,
    "policy_version": TEXT,
    "changes": TEXT,
    "content": sa.LargeBinary(),
    "content_sha256": TEXT,
    "location": TEXT,
    "files": TEXT,
    "written_at": TIMESTAMP,
}
MAY_BE_EMPTY = {"changes", "location", "files", "written_at"}


def upgrade() -> None:
    """Create the table; the next run issues the report of the latest complete month."""
    op.create_table(
        TABLE,
        *(sa.Column(name, kind, nullable=name in MAY_BE_EMPTY) for name, kind in COLUMNS.items()),
        sa.PrimaryKeyConstraint("period_start", "edition", name=op.f(f"pk_{TABLE}")),
    )
