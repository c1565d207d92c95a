"""Looking into a home's database, and changing it, past all of our own code."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(home: Path, query: str, *parameters: object) -> list[dict[str, Any]]:
    """Return what a query gives."""
    with closing(sqlite3.connect(home / "nrr.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, parameters)]


def change(home: Path, statement: str, *parameters: object) -> None:
    """Execute a statement."""
    with closing(sqlite3.connect(home / "nrr.db")) as connection, connection:
        connection.execute(statement, parameters)
