"""Long lists of ids, in pieces that one statement can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

Id = TypeVar("Id", str, int)

CHUNK = 5_000
"""SQLite takes 32 766 parameters in a statement, PostgreSQL's driver 65 535."""


def in_chunks(ids: Iterable[Id], size: int = CHUNK) -> Iterator[list[Id]]:
    """Yield the distinct ids in sorted pieces.

    >>> list(in_chunks(["b", "a", "c", "a"], 2))
    [['a', 'b'], ['c']]
    """
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
