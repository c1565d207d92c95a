"""A database for these tests: what was landed, in the order in which it was."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from nrr_pipeline.raw import RawObject


class MemorySink:
    """Keeps everything in memory; notices calls from other threads than its own."""

    def __init__(self) -> None:
        self.landings: list[Sequence[RawObject]] = []
        self.latest: dict[tuple[str, str], RawObject] = {}
        self.mode: bool | None = None
        self.on_land: Callable[[Sequence[RawObject]], None] = lambda _: None
        self._thread = threading.get_ident()

    def land(self, objects: Sequence[RawObject]) -> None:
        assert threading.get_ident() == self._thread
        self.on_land(objects)
        self.landings.append(objects)
        self.latest.update({(each.kind, each.object_id): each for each in objects})

    def known_ids(self, kind: str) -> set[str]:
        return self._ids(kind, deleted=False)

    def deleted_ids(self, kind: str) -> set[str]:
        return self._ids(kind, deleted=True)

    def known_customers(self, limit: int) -> list[str]:
        return [found for kind, found in self.latest if kind == "customers"][:limit]

    def bound_mode(self) -> bool | None:
        return self.mode

    def bind_mode(self, *, livemode: bool) -> None:
        assert self.mode is None
        self.mode = livemode

    def landed(self, kind: str) -> list[str]:
        """Every id of a kind that was landed, as often as it was."""
        return [
            each.object_id for objects in self.landings for each in objects if each.kind == kind
        ]

    def __getitem__(self, key: tuple[str, str]) -> RawObject:
        return self.latest[key]

    def _ids(self, kind: str, *, deleted: bool) -> set[str]:
        return {
            each.object_id
            for each in self.latest.values()
            if each.kind == kind and each.is_deleted is deleted
        }
