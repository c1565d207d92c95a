"""Finding objects of an account fast: by id, by time of creation, by what they belong to.

Each index is built when it is first needed and then kept, so that no request searches through
the whole account. What a request may ask for is not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property

from nrr_pipeline.demo.account import StripeAccount, StripeObject
from nrr_pipeline.demo.server.parameters import Window

KeysOf = Callable[[StripeObject], Iterable[Hashable]]


class Shelf:
    """A list of objects in the order in which it is listed, newest first, with its indexes."""

    def __init__(self, objects: Sequence[StripeObject]) -> None:
        self.objects = objects
        self._groups: dict[str, dict[Hashable, list[int]]] = {}

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each object, by id."""
        return {each["id"]: position for position, each in enumerate(self.objects)}

    @cached_property
    def _ages(self) -> list[int]:
        """The time of creation, negated: ascending from the newest to the oldest."""
        return [-each["created"] for each in self.objects]

    def group(self, name: str, keys_of: KeysOf, key: Hashable) -> Sequence[int]:
        """Return the positions of the objects that have a key in a grouping, ascending."""
        if name not in self._groups:
            groups: dict[Hashable, list[int]] = {}
            for position, each in enumerate(self.objects):
                for own_key in set(keys_of(each)):
                    groups.setdefault(own_key, []).append(position)
            self._groups[name] = groups
        return self._groups[name].get(key, ())

    def bounds(self, positions: Sequence[int], created: Window) -> tuple[int, int]:
        """Return where in ``positions`` the objects of a time window start and end."""
        ages = self._ages
        low, high = 0, len(positions)
        if created.end is not None:
            low = bisect_left(positions, 1 - created.end, key=ages.__getitem__)
        if created.start is not None:
            high = bisect_left(positions, 1 - created.start, key=ages.__getitem__)
        return low, max(low, high)


class AccountIndex:
    """An account with the indexes over it."""

    def __init__(self, account: StripeAccount) -> None:
        self.account = account
        self._shelves = {kind: Shelf(objects) for kind, objects in account.objects.items()}

    def shelf(self, kind: str) -> Shelf:
        """Return the listed objects of a kind."""
        return self._shelves.setdefault(kind, Shelf(()))

    def find(self, kind: str, object_id: str) -> StripeObject | None:
        """Return an object by id, also one that no list shows, or what is left of a deleted one."""
        shelf = self.shelf(kind)
        position = shelf.positions.get(object_id)
        if position is not None:
            return shelf.objects[position]
        unlisted = self.account.unlisted.get(kind, {}).get(object_id)
        return unlisted or self.account.deleted.get(kind, {}).get(object_id)


class AccountHolder:
    """The account that a server serves at the moment; another one can take its place.

    A test exchanges it to let days pass or objects vanish while a client is connected. Every
    request is answered from one account as a whole.
    """

    def __init__(self, account: StripeAccount) -> None:
        self.index = AccountIndex(account)

    @property
    def account(self) -> StripeAccount:
        """The account that is served now."""
        return self.index.account

    def exchange(self, account: StripeAccount) -> None:
        """Serve another account from the next request on."""
        self.index = AccountIndex(account)
