"""Bringing the schema of a database up to what this version expects.

The steps themselves are in ``migrations``. Alembic is imported only when there is work to do.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.migrations import HEAD_REVISION
from nrr_pipeline.warehouse.transactions import Warehouse

_VERSION_TABLE = "alembic_version"
_MIGRATIONS = Path(__file__).with_name("migrations")


def ensure_current(warehouse: Warehouse) -> None:
    """Upgrade the schema if it is older; refuse it if it is newer or somebody else's."""
    with warehouse.read() as connection:
        if revision_of(connection) == HEAD_REVISION:
            return
    with warehouse.bookkeeping() as connection:
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
    tables = sorted(set(sa.inspect(connection).get_table_names()) - {_VERSION_TABLE})
    if revision is None and tables:
        raise SettingsError(
            f"The database {_name(connection)} holds tables of something else "
            f"({', '.join(tables[:5])}). Give NRR_DATABASE_URL a database of its own."
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
