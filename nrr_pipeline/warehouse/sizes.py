"""How much the database holds, for those who watch it grow."""

from __future__ import annotations

import sqlalchemy as sa

from nrr_pipeline.warehouse.tables import metadata
from nrr_pipeline.warehouse.transactions import Connection


def row_count(connection: Connection, table_name: str) -> int:
    """Return how many rows a table holds, those no longer believed included."""
    table = metadata.tables[table_name]
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def stored_bytes(connection: Connection) -> int:
    """Return how many bytes the tables take on disk, with their indexes."""
    if connection.dialect.name == "postgresql":
        relation = sa.func.to_regclass(sa.bindparam("name", type_=sa.Text()))
        size = sa.select(sa.func.pg_total_relation_size(relation))
        return sum(connection.scalar(size, {"name": name}) or 0 for name in metadata.tables)
    pages, size = (connection.exec_driver_sql(f"PRAGMA page_{of}") for of in ("count", "size"))
    return pages.scalar_one() * size.scalar_one()
