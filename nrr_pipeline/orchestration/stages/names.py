"""What products, prices and customers are called, for readers who do not know their ids.

Names are those of today; figures never depend on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.stripe_source.naming import (
    billing_of_price,
    product_of_price,
    readable_name,
    unit_micros_of_price,
)
from nrr_pipeline.warehouse.raw_objects import latest
from nrr_pipeline.warehouse.transactions import Connection


class Names:
    """Looks names up as they are needed; an object without a name is called by its id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def segments(self, dimension: str, segments: Iterable[str]) -> dict[str, str]:
        """Return what the segments of a dimension are called; no two by the same name."""
        lookup = {"product": self.products, "price": self.prices}.get(dimension)
        wanted = list(segments)
        names = {segment: segment for segment in wanted}
        return names if lookup is None else names | lookup(wanted)

    def products(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of products."""
        return _told_apart(self._by_own_name("products", ids))

    def customers(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of customers, which need not be different."""
        return self._by_own_name("customers", ids)

    def prices(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of prices: their own, or their product's and how often they bill."""
        payloads = {
            each.object_id: each.payload for each in latest(self._connection, "prices", ids=ids)
        }
        products = self.products(filter(None, map(product_of_price, payloads.values())))
        names: dict[str, str] = {}
        for price_id, payload in payloads.items():
            made_up = (products.get(product_of_price(payload) or ""), billing_of_price(payload))
            name = readable_name("prices", payload)
            names[price_id] = name or " ".join(filter(None, made_up)) or price_id
        amounts = {
            price_id: format_money(*unit)
            for price_id, payload in payloads.items()
            if (unit := unit_micros_of_price(payload)) is not None
        }
        return _told_apart(_told_apart(names, amounts))

    def _by_own_name(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        return {
            version.object_id: readable_name(kind, version.payload) or version.object_id
            for version in latest(self._connection, kind, ids=ids)
        }


def _told_apart(
    names: Mapping[str, str], details: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Add a detail, by default the id, to the names that several objects have.

    >>> _told_apart({"p1": "Team", "p2": "Team", "p3": "Pro"})
    {'p1': 'Team (p1)', 'p2': 'Team (p2)', 'p3': 'Pro'}
    """
    listed = list(names.values())
    return {
        each: name
        if listed.count(name) == 1
        else f"{name} ({each if details is None else details.get(each, each)})"
        for each, name in names.items()
    }
