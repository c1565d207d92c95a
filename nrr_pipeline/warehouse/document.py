"""Writes the lists of columns in ``docs/warehouse.md`` from the field dictionary.

Run ``python -m nrr_pipeline.warehouse.document docs/warehouse.md`` after a change of ``fields`` or
``sentences``; a test fails until it was run. What stands above the marker is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from nrr_pipeline.warehouse.fields import (
    RETENTION_TABLES,
    TABLE_NAMES,
    VIEW_NAMES,
    column_names,
    columns_of,
    description_of,
)
from nrr_pipeline.warehouse.sentences import MICROS

MARKER = "<!-- Everything below is written by python -m nrr_pipeline.warehouse.document -->"

PUBLIC = (
    "retention",
    *RETENTION_TABLES,
    "daily_mrr",
    "daily_mrr_as_reported",
    "daily_mrr_totals",
    "mrr_movements",
    "restatements",
    "alerts",
    "board_report",
    "data_quality",
)
"""What others may rely on, in the order in which a reader meets it."""


def document(text: str) -> str:
    """Return a page whose part below the marker is up to date.

    Raises:
        ValueError: The page has no marker.
    """
    by_hand, marker, _ = text.partition(MARKER)
    if not marker:
        raise ValueError(f"There is no line {MARKER!r}")
    return f"{by_hand}{MARKER}\n\n" + "\n".join(_sections())


def _sections() -> Iterator[str]:
    yield "## Tables and views to rely on\n"
    yield from _described(PUBLIC)
    yield "## Tables of the pipeline itself\n"
    yield "They may change with any version; a change is made by a migration.\n"
    yield from _described(name for name in TABLE_NAMES if name not in PUBLIC)


def _described(names: Iterable[str]) -> Iterator[str]:
    """Describe each table; those with the same columns share one list of them."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        alike.setdefault(column_names(name), []).append(name)
    for group in alike.values():
        for name in group:
            kind = "view" if name in VIEW_NAMES else "table"
            yield f"### {name}\n"
            yield f"*{kind}.* {description_of(name)}\n"
        yield "\n".join(_columns(group[-1])) + "\n"


def _columns(name: str) -> Iterator[str]:
    yield "| column | type | unit | |"
    yield "|---|---|---|---|"
    for field in columns_of(name):
        kind = f"{field.type}, may be empty" if field.is_nullable else field.type
        unit = "micros" if field.unit == MICROS else field.unit or ""
        yield f"| `{field.name}` | {kind} | {unit} | {field.description} |"


def _rewrite(path: Path) -> None:
    path.write_text(document(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _rewrite(Path(sys.argv[1]))
