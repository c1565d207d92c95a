"""How many rows a table holds, for those who watch it grow."""

from __future__ import annotations

import sqlalchemy as sa

from nrr_pipeline.warehouse.tables import metadata
from nrr_pipeline.warehouse.transactions import Connection


def row_count(connection: Connection, table_name: str) -> int:
    """Return how many rows a table holds, those no longer believed included."""
    table = metadata.tables[table_name]
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
