"""Text in PostgreSQL is ordered by code points, as in SQLite, whatever the database's language.

From here on a script writes new text columns as
``sa.Text().with_variant(sa.Text(collation="C"), "postgresql")``.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change every text column; the views over them are taken away meanwhile."""
    database = op.get_bind()
    if database.dialect.name != "postgresql":
        return
    quoted = database.dialect.identifier_preparer.quote
    found = sa.inspect(database)
    views = {name: found.get_view_definition(name) for name in found.get_view_names()}
    for view in views:
        op.execute(f"DROP VIEW {quoted(view)}")
    for table in found.get_table_names():
        changes = ", ".join(
            f'ALTER {quoted(column["name"])} TYPE text COLLATE "C"'
            for column in found.get_columns(table)
            if isinstance(column["type"], sa.Text)
        )
        if changes:
            op.execute(f"ALTER TABLE {quoted(table)} {changes}")
    for view, definition in views.items():
        op.execute(f"CREATE VIEW {quoted(view)} AS {definition}")
