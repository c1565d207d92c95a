"""Bringing the schema of a database up to what this version expects.

The steps themselves are in ``migrations``. Alembic is imported only when there is work to do.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.migrations import HEAD_REVISION
from nrr_pipeline.warehouse.transactions import Warehouse

_VERSION_TABLE = "alembic_version"
_OURS = "knowledge"
_MIGRATIONS = Path(__file__).with_name("migrations")


def ensure_current(warehouse: Warehouse, schema: str | None = None) -> None:
    """Upgrade the tables if they are older; refuse them if they are newer or somebody else's.

    Args:
        warehouse: To look at.
        schema: Of PostgreSQL; created where it is missing.
    """
    with warehouse.read() as connection:
        if revision_of(connection) == HEAD_REVISION:
            return
    with warehouse.bookkeeping() as connection:
        if schema is not None and not sa.inspect(connection).has_schema(schema):
            connection.execute(CreateSchema(schema))
        revision = revision_of(connection)  # another process may have been faster
        if revision == HEAD_REVISION:
            return
        _refuse_foreign(connection, revision)
        _upgrade(connection, revision)


def revision_of(connection: sa.Connection) -> str | None:
    """Return the schema's revision; ``None`` for a database that was never set up."""
    if not sa.inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.scalar(sa.text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608


def _refuse_foreign(connection: sa.Connection, revision: str | None) -> None:
    tables = set(sa.inspect(connection).get_table_names()) - {_VERSION_TABLE}
    if tables and (revision is None or _OURS not in tables):
        own = "a database of its own"
        if connection.dialect.name == "postgresql":
            own += ", or NRR_DATABASE_SCHEMA a schema"
        raise SettingsError(
            f"The database {_name(connection)} holds tables of something else "
            f"({', '.join(sorted(tables)[:5])}). Give NRR_DATABASE_URL {own}."
        )


def _upgrade(connection: sa.Connection, revision: str | None) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    if revision is not None and revision not in {
        step.revision for step in scripts.walk_revisions()
    }:
        raise SettingsError(
            f"The database {_name(connection)} was set up by a newer version of nrr-pipeline "
            f"(schema {revision}; this version knows up to {HEAD_REVISION}). "
            "Upgrade: pip install --upgrade nrr-pipeline"
        )
    command.upgrade(config, "head")


def _name(connection: sa.Connection) -> str:
    return connection.engine.url.render_as_string(hide_password=True)
