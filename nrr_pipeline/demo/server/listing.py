"""Cutting one page out of a list: filters, cursors, and whether more follows.

Which filters a list has stands in ``resources``; how an object is shown, in ``expansion``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.server.account_index import AccountIndex, Shelf
from nrr_pipeline.demo.server.errors import invalid_parameter, missing_object
from nrr_pipeline.demo.server.resources import Filter, Resource
from nrr_pipeline.demo.server.shapes import OBJECT_NAMES

DEFAULT_PAGE_SIZE = 10

Test = Callable[[StripeObject], bool]


@dataclass(frozen=True)
class Page:
    """The objects of one page, and whether the list goes on behind it."""

    objects: list[StripeObject]
    has_more: bool


@dataclass(frozen=True)
class Selection:
    """The part of a list that the filters leave: a run of positions, and tests on each object.

    Attributes:
        shelf: The whole list.
        positions: The positions that come into question, ascending.
        low: Where in ``positions`` the run starts.
        high: Where it ends.
        tests: What an object must pass besides.
    """

    shelf: Shelf
    positions: Sequence[int]
    low: int
    high: int
    tests: Sequence[Test] = ()

    def passes(self, candidate: StripeObject) -> bool:
        """Tell whether an object is what the filters ask for."""
        return all(test(candidate) for test in self.tests)

    def locate(self, object_id: str) -> int | None:
        """Return where in ``positions`` an object is, or ``None`` if it is not selected."""
        position = self.shelf.positions.get(object_id)
        if position is None or not self.passes(self.shelf.objects[position]):
            return None
        place = bisect_left(self.positions, position)
        is_selected = self.low <= place < self.high and self.positions[place] == position
        return place if is_selected else None


def whole(shelf: Shelf) -> Selection:
    """Select everything."""
    count = len(shelf.objects)
    return Selection(shelf, range(count), 0, count)


def select(index: AccountIndex, resource: Resource, sent: Mapping[str, Any]) -> Selection:
    """Apply the filters of a list to the account."""
    shelf = index.shelf(resource.kind)
    wanted = _wanted(index, resource, sent)
    positions: Sequence[int] = range(len(shelf.objects))
    tests: list[Test] = []
    for name, value in wanted.items():
        own_filter = resource.filters[name]
        if own_filter.keys_of is not None:
            group = shelf.group(name, own_filter.keys_of, value)
            positions = min(positions, group, key=len)
        tests.append(_test(own_filter, value))
    if resource.hides_test_clocks and not {"test_clock", "customer"} & wanted.keys():
        tests.append(_is_off_test_clocks)
    low, high = 0, len(positions)
    if "created" in sent:
        low, high = shelf.bounds(positions, sent["created"])
    return Selection(shelf, positions, low, high, tests)


def _wanted(index: AccountIndex, resource: Resource, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to filter by, with the defaults; ids must name something."""
    wanted: dict[str, Any] = {}
    for name, own_filter in resource.filters.items():
        value = sent.get(name, own_filter.default)
        if value is None:
            continue
        if own_filter.kind is not None and index.find(own_filter.kind, value) is None:
            raise missing_object(noun_of(own_filter.kind), value, param=name)
        wanted[name] = value
    return wanted


def _test(own_filter: Filter, value: object) -> Test:
    return lambda candidate: own_filter.selects(candidate, value)


def _is_off_test_clocks(candidate: StripeObject) -> bool:
    return candidate.get("test_clock") is None


def noun_of(kind: str) -> str:
    """Return what messages call an object of a kind.

    >>> noun_of("subscription_schedules")
    'subscription schedule'
    """
    return OBJECT_NAMES[kind].replace("_", " ")


def cut_page(selection: Selection, sent: Mapping[str, Any], *, noun: str) -> Page:
    """Return the page that the cursors and the limit ask for, newest first."""
    size = sent.get("limit", DEFAULT_PAGE_SIZE)
    places: Sequence[int] = range(selection.low, selection.high)
    is_backwards = "ending_before" in sent
    if is_backwards and "starting_after" in sent:
        message = "You can page with starting_after or with ending_before, not with both."
        raise invalid_parameter("ending_before", message)
    for param in ("starting_after", "ending_before"):
        if param in sent:
            cursor = selection.locate(sent[param])
            if cursor is None:
                raise missing_object(noun, sent[param], param=param)
            newer = range(cursor - 1, selection.low - 1, -1)
            places = newer if is_backwards else range(cursor + 1, selection.high)
    found = _first(selection, places, size + 1)
    page = found[:size]
    return Page(page[::-1] if is_backwards else page, has_more=len(found) > size)


def _first(selection: Selection, places: Sequence[int], count: int) -> list[StripeObject]:
    """Return the first objects along the places that pass the selection's tests."""
    found: list[StripeObject] = []
    objects, positions = selection.shelf.objects, selection.positions
    for place in places:
        candidate = objects[positions[place]]
        if selection.passes(candidate):
            found.append(candidate)
            if len(found) == count:
                break
    return found


def list_body(page: Page, url: str, shown: list[StripeObject]) -> dict[str, Any]:
    """Render a page as the API's list object."""
    return {"object": "list", "url": url, "has_more": page.has_more, "data": shown}
