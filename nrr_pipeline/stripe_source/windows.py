"""Reading a list to its end, newest first, in stretches of ``created`` that can be cut in two.

Stripe's lists have no parallel cursor, but they can be filtered by ``created``. A window is one
such stretch, walked by cursor; the older half of what remains of it can be split off and walked
by somebody else, so that no knowledge of the account's age is needed and pages stay full. Several
windows never overlap, so every object comes exactly once, however many share one second.

Which thread takes which window is not decided here (``crew``); what objects mean neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nrr_pipeline.stripe_source.catalog import PAGE_SIZE, Listing
from nrr_pipeline.stripe_source.errors import PagingError

STALLS_ALLOWED = 5
"""How often in a row a window may make no progress before it is an error."""


class Window:
    """A stretch of a list, and how far it has been walked.

    It is not locked: whoever shares one between threads locks it.
    """

    def __init__(
        self,
        listing: Listing,
        *,
        floor: int | None,
        ceiling: int | None,
        stalls: int = 0,
        expected: float | None = None,
    ) -> None:
        self.listing = listing
        self.is_done = False
        self.rest: Window | None = None
        self._floor = floor
        self._ceiling = ceiling
        self._cursor: str | None = None
        self._newest: int | None = None
        self._oldest: int | None = None
        self._objects = 0
        self._cursors_lost = 1
        self._earlier_cursors: list[str] = []
        self._ids_of_last_page: set[str] = set()
        self._ids_of_oldest_second: set[str] = set()
        self._stalls = stalls
        self._expected = expected

    @classmethod
    def whole(cls, listing: Listing) -> Window:
        """The window over everything that is wanted of a list."""
        return cls(listing, floor=listing.since, ceiling=None)

    def params(self) -> dict[str, Any]:
        """The query of the next page."""
        params = dict(self.listing.params)
        bounds = {"gte": self._floor, "lte": self._ceiling}
        created = {name: bound for name, bound in bounds.items() if bound is not None}
        if created:
            params["created"] = created
        if self._cursor is not None:
            params["starting_after"] = self._cursor
        return params

    def accept(self, objects: Sequence[Any], *, has_more: bool) -> list[Any]:
        """Take in a page; returns the objects of it that are this window's and new."""
        mine = [each for each in objects if not self._is_known(each) and self._is_within(each)]
        ids = [found for each in mine if (found := _id(each)) is not None]
        reached_floor = bool(objects) and self._is_below_floor(objects[-1])
        self._note(mine)
        if not has_more or reached_floor:
            self.is_done = True
        elif ids:
            self._go_on_after(ids)
        elif self._is_on_the_way_back(objects):
            self._earlier_cursors = [each["id"] for each in objects]
            self._cursor = self._earlier_cursors[-1]
        else:
            self._stall("the list goes on after a page without new objects")
        return mine

    def lose_cursor(self) -> None:
        """The object that the cursor named is gone: go on from one before it, else by its time."""
        del self._earlier_cursors[-self._cursors_lost :]
        self._cursors_lost *= 2
        if self._earlier_cursors:
            self._cursor = self._earlier_cursors[-1]
        else:
            self._stall("the object that the cursor named is gone, again and again")

    def remaining(self) -> float | None:
        """Roughly how many objects are still to come; ``None`` before anything is known."""
        if self.is_done:
            return 0.0
        if self._oldest is None or self._newest is None:
            return self._expected
        seconds = max(1, self._newest - self._oldest)
        return self._objects / seconds * max(0, self._oldest - self._lower_end())

    def split(self) -> Window | None:
        """Give away the older half of what remains, when it is worth a page of its own."""
        remaining = self.remaining()
        if not self.listing.is_large or self._oldest is None or remaining is None:
            return None
        if remaining < 2 * PAGE_SIZE:
            return None
        middle = (self._lower_end() + self._oldest) // 2
        older = Window(self.listing, floor=self._floor, ceiling=middle - 1, expected=remaining / 2)
        self._floor = middle
        return older

    def _lower_end(self) -> int:
        return self.listing.earliest if self._floor is None else self._floor

    def _go_on_after(self, ids: list[str]) -> None:
        self._cursor = ids[-1]
        self._cursors_lost = 1
        self._earlier_cursors = ids
        self._ids_of_last_page = set(ids)
        if self.listing.has_created_filter and self._oldest is not None:
            self._stalls = 0

    def _is_on_the_way_back(self, objects: Sequence[Any]) -> bool:
        """A page of known objects only, before the place where the cursor was lost."""
        if not objects or _id(objects[-1]) == self._cursor:
            return False
        return all(map(self._is_known, objects))

    def _is_known(self, each: object) -> bool:
        object_id = _id(each)
        return object_id in self._ids_of_last_page or object_id in self._ids_of_oldest_second

    def _is_within(self, each: object) -> bool:
        created = _created(each)
        is_above = created is not None and self._ceiling is not None and created > self._ceiling
        return not is_above and not self._is_below_floor(each)

    def _is_below_floor(self, each: object) -> bool:
        created = _created(each)
        return self._floor is not None and created is not None and created < self._floor

    def _note(self, mine: Sequence[Any]) -> None:
        self._objects += len(mine)
        for each in mine:
            created = _created(each)
            if created is None:
                continue
            if self._newest is None:
                self._newest = created
            if self._oldest is None or created < self._oldest:
                self._oldest = created
                self._ids_of_oldest_second = set()
            object_id = _id(each)
            if created == self._oldest and object_id is not None:
                self._ids_of_oldest_second.add(object_id)

    def _stall(self, what: str) -> None:
        self._stalls += 1
        if self._stalls > STALLS_ALLOWED:
            raise PagingError(
                f"{self.listing.path} cannot be read to its end: {what} "
                f"(after {self._objects} objects, near created={self._oldest}). Run the same "
                "command again; what was landed is kept."
            )
        self._cursor = None
        self._cursors_lost = 1
        if not self.listing.has_created_filter:
            return
        if self._oldest is not None:
            self._ceiling = self._oldest
        if self._stalls > 1:
            self._set_older_half_aside()

    def _set_older_half_aside(self) -> None:
        """Ask for less at once; ``rest`` is to be walked on its own."""
        lower = self._lower_end()
        if self.rest is not None or self._ceiling is None or self._ceiling <= lower + 1:
            return
        middle = (lower + self._ceiling) // 2
        self.rest = Window(self.listing, floor=self._floor, ceiling=middle - 1, stalls=self._stalls)
        self._floor = middle


def _id(each: object) -> str | None:
    object_id = each.get("id") if isinstance(each, dict) else None
    return object_id if isinstance(object_id, str) and object_id else None


def _created(each: object) -> int | None:
    created = each.get("created") if isinstance(each, dict) else None
    return created if isinstance(created, int) else None
