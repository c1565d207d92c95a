"""Alembic's entry: runs the scripts on the connection that ``upgrading`` hands over.

What the schema is stands in ``tables``; when it is upgraded stands in ``upgrading``.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from sqlalchemy.schema import SetColumnComment, SetTableComment

from nrr_pipeline.warehouse.migrations import HEAD_REVISION
from nrr_pipeline.warehouse.tables import metadata


def run_migrations(connection: sa.Connection) -> None:
    """Run the scripts inside the transaction that the connection is in."""
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
    is_current = context.get_context().get_current_revision() == HEAD_REVISION
    if is_current and connection.dialect.supports_comments:
        set_comments(connection)


def set_comments(connection: sa.Connection) -> None:
    """Copy the field dictionary's sentences to the database."""
    for table in metadata.sorted_tables:
        connection.execute(SetTableComment(table))
        for column in table.columns:
            connection.execute(SetColumnComment(column))


if __name__ == "env_py":  # the name under which alembic loads this file
    run_migrations(context.config.attributes["connection"])
