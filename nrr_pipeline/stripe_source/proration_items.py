"""Finds the item of proration lines that do not name one, as under classic billing.

A credit names the lines that it gives back, and at any time one price belongs to at most one item
of a subscription; together these tell nearly always. What no rule tells stays without an item.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace

from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.payloads import entries, moment, reference_id
from nrr_pipeline.stripe_source.records import ObservedVersion

Sighting = tuple[int, str | None]
"""A second in which a price was charged, and the item that had it, where that is known."""


Rule = Callable[[Line], str | None]


def resolve_items(lines: list[Line], versions: Iterable[ObservedVersion]) -> list[Line]:
    """Give every line its item, as far as the subscription's other facts tell it."""
    if all(line.item_id is not None for line in lines):
        return lines
    return _Resolution(lines, list(versions)).run()


class _Resolution:
    """Applies the rules, strongest first, until none tells anything new."""

    def __init__(self, lines: list[Line], versions: list[ObservedVersion]) -> None:
        self.lines = list(lines)
        self.observed, self.created = _observed_items(versions)
        self.credited_by = {
            credited: index
            for index, line in enumerate(self.lines)
            for credited in line.credited_line_ids
        }

    def run(self) -> list[Line]:
        rules: tuple[Rule, ...] = (
            self._of_credited_line,
            self._created_with_debit,
            self._of_same_price_nearby,
            self._of_same_price_in_same_second,
            self._partner_of_same_second,
            self._only_item,
        )
        while any(self._apply(rule) for rule in rules):
            pass
        return self.lines

    def _apply(self, rule: Rule) -> bool:
        found = False
        for index, line in enumerate(self.lines):
            item_id = rule(line) if line.item_id is None else None
            if item_id is not None:
                self.lines[index] = replace(line, item_id=item_id)
                found = True
        return found

    def _of_credited_line(self, line: Line) -> str | None:
        """A credit has the item of what it gives back; what is given back, that of its credit."""
        linked = {other.item_id for other in self.lines if other.line_id in line.credited_line_ids}
        credit = self.credited_by.get(line.line_id)
        if credit is not None:
            linked.add(self.lines[credit].item_id)
        return _only(linked - {None})

    def _created_with_debit(self, line: Line) -> str | None:
        """A debit that begins with an item's creation is that item's."""
        if line.is_credit:
            return None
        begun = self._items_at(line.starts_at, is_credit=False)
        born = {
            item_id
            for item_id, created in self.created.items()
            if created == line.starts_at and item_id not in begun
        }
        if begun.count(None) == 1 and len(born) == 1:
            return _only(born)
        return _only({each for each in born if self._has_had(each, line.terms.price_id)})

    def _of_same_price_nearby(self, line: Line) -> str | None:
        """A charge goes on as the next sighting of its price; a credit ends the one before."""
        if line.line_id in self.credited_by:
            return None
        sightings = sorted(self._sightings(line.terms.price_id), key=lambda sighting: sighting[0])
        if line.is_credit:
            before = [sighting for sighting in sightings if sighting[0] < line.starts_at]
            return self._all_of_second(before[-1][0], before) if before else None
        after = [sighting for sighting in sightings if sighting[0] > line.starts_at]
        if not after or self._is_credited_within(line, after[0][0]):
            return None
        return self._all_of_second(after[0][0], after)

    def _of_same_price_in_same_second(self, line: Line) -> str | None:
        """The two sides of a change of quantity have one price, and so one item."""
        partners = {
            other.item_id
            for other in self.lines
            if other.starts_at == line.starts_at
            and other.is_credit is not line.is_credit
            and other.terms.price_id == line.terms.price_id
            and other.item_id is not None
            and self.created.get(other.item_id) != line.starts_at
        }
        return _only(partners)

    def _items_at(self, second: int, *, is_credit: bool) -> list[str | None]:
        """The items of one side of a second, as far as they are known."""
        return [
            line.item_id
            for line in self.lines
            if line.starts_at == second and line.is_credit is is_credit
        ]

    def _all_of_second(self, second: int, sightings: list[Sighting]) -> str | None:
        return _only({item_id for at, item_id in sightings if at == second})

    def _is_credited_within(self, line: Line, until: int) -> bool:
        return any(
            other.is_credit
            and other.terms.price_id == line.terms.price_id
            and line.starts_at < other.starts_at <= until
            for other in self.lines
        )

    def _partner_of_same_second(self, line: Line) -> str | None:
        """The only unnamed side of a second belongs to the only item whose other side is missing.

        An item that was created in that second has no other side.
        """
        mine = self._items_at(line.starts_at, is_credit=line.is_credit)
        others = self._items_at(line.starts_at, is_credit=not line.is_credit)
        missing = {
            item_id
            for item_id in others
            if item_id is not None
            and item_id not in mine
            and self.created.get(item_id) != line.starts_at
        }
        return _only(missing) if mine.count(None) == 1 else None

    def _only_item(self, line: Line) -> str | None:
        """A subscription that has only ever had one item leaves no choice."""
        del line
        items = {line.item_id for line in self.lines if line.item_id is not None}
        return _only(items | set(self.created))

    def _has_had(self, item_id: str, price_id: str) -> bool:
        return any(item_id == found for _, found in self._sightings(price_id))

    def _sightings(self, price_id: str) -> list[Sighting]:
        """When the price is known to have been charged, for an item that may still be unknown."""
        seen = [
            (line.starts_at, line.item_id)
            for line in self.lines
            if not line.is_credit and line.terms.price_id == price_id
        ]
        return [*seen, *self.observed.get(price_id, [])]


def _observed_items(
    versions: list[ObservedVersion],
) -> tuple[Mapping[str, list[Sighting]], dict[str, int | None]]:
    """By price, which item was seen with it and when; and when each item was created."""
    observed: defaultdict[str, list[Sighting]] = defaultdict(list)
    created: dict[str, int | None] = {}
    for version in versions:
        for item in entries(version.payload, "items"):
            item_id, price_id = reference_id(item), reference_id(item.get("price"))
            if item_id is not None and price_id is not None:
                observed[price_id].append((version.first_seen, item_id))
                created[item_id] = moment(item, "created")
    return observed, created


def _only(found: Set[str | None]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None
