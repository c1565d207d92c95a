"""Handing objects to the database in batches of a useful size.

A batch per request would mean a transaction per request; one for everything would lose it all to
an interruption. What a database does with them is not known here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from nrr_pipeline.raw import RawObject
from nrr_pipeline.stripe_source.intake import Batch
from nrr_pipeline.stripe_source.seen import SeenIds

LAND_AT = 500
LAND_AFTER_SECONDS = 2.0


class Lander:
    """Collects what is read, by kind, and lands it when it is enough or has waited enough."""

    def __init__(self, land: Callable[[Sequence[RawObject]], None]) -> None:
        self.seen = SeenIds()
        self.landed: Counter[str] = Counter()
        self.tombstones: Counter[str] = Counter()
        self._land = land
        self._waiting: dict[str, dict[str, RawObject]] = {}
        self._flushed_at = time.monotonic()

    def add(self, batch: Batch) -> None:
        """Take over a batch; of two readings of one object the later counts."""
        waiting = self._waiting.setdefault(batch.kind, {})
        waiting.update((each.object_id, each) for each in batch.objects)
        self.seen.add(batch.kind, (each.object_id for each in batch.objects))
        if len(waiting) >= LAND_AT:
            self._land_kind(batch.kind)

    def flush_when_due(self) -> None:
        """Land what has waited for too long."""
        if time.monotonic() - self._flushed_at >= LAND_AFTER_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Land everything."""
        for kind in list(self._waiting):
            self._land_kind(kind)
        self._flushed_at = time.monotonic()

    def _land_kind(self, kind: str) -> None:
        objects = list(self._waiting.pop(kind).values())
        if objects:
            self._land(objects)
            self.landed[kind] += len(objects)
            self.tombstones[kind] += sum(each.is_deleted for each in objects)
