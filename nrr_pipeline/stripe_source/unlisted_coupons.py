"""Finds coupons that no list has any more: deleted ones, which go on discounting.

They still stand within the discounts of customers, subscriptions and invoices. The first of these
that names one is read once more on its own, as deep as Stripe lets us look. What a coupon takes
off is not known here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from nrr_pipeline.stripe_source.catalog import COUPON_EXPANSIONS, lines_listing, with_whole_coupons
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.coupons import LIMITS_UNKNOWN
from nrr_pipeline.stripe_source.errors import ObjectMissingError, PagingError, StripeRefusedError
from nrr_pipeline.stripe_source.lists import read_whole
from nrr_pipeline.stripe_source.payloads import entries, reference_id
from nrr_pipeline.stripe_source.references import at

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class _Place:
    """A coupon as an object names it, and how to see more of it; all of it, or without limits."""

    coupon: object
    read_again: Callable[[], Iterator[Any]]
    shows_all: bool


class UnlistedCoupons:
    """Remembers which coupons are known; used by many threads at once.

    Attributes:
        listed: The coupons that a list has.
    """

    def __init__(self, source: StripeSource, stop: threading.Event) -> None:
        self.listed: set[str] = set()
        self._whole: set[str] = set()
        self._partial: dict[str, dict[str, Any] | None] = {}
        self._lock = threading.Lock()
        self._source = source
        self._stop = stop

    def found_in(self, kind: str, payload: Payload) -> list[dict[str, Any]]:
        """The coupons that an object names, that no list has and that were not found before.

        Those that it does not show with their limits are kept back for ``without_limits``.
        """
        if kind not in COUPON_EXPANSIONS:
            return []
        found: list[dict[str, Any]] = []
        for place in self._places(kind, payload):
            coupon_id = reference_id(place.coupon)
            if coupon_id is None or not self._claim(coupon_id, place):
                continue
            coupon, is_whole = self._look(coupon_id, place)
            if coupon is not None and is_whole:
                found.append(coupon)
            else:
                self._keep_back(coupon_id, coupon, place)
        return found

    def without_limits(self) -> list[dict[str, Any]]:
        """The coupons that nothing showed with the products that they are limited to."""
        with self._lock:
            return [
                {**coupon, LIMITS_UNKNOWN: True}
                for coupon_id, coupon in sorted(self._partial.items())
                if coupon is not None and coupon_id not in self._whole
            ]

    def _claim(self, coupon_id: str, place: _Place) -> bool:
        with self._lock:
            if coupon_id in self.listed or coupon_id in self._whole:
                return False
            if place.shows_all:
                self._whole.add(coupon_id)
                return True
            is_new = coupon_id not in self._partial
            self._partial.setdefault(coupon_id, None)
            return is_new

    def _keep_back(self, coupon_id: str, coupon: dict[str, Any] | None, place: _Place) -> None:
        with self._lock:
            if place.shows_all:
                self._whole.discard(coupon_id)
            if coupon is not None:
                self._partial[coupon_id] = coupon
            elif self._partial.get(coupon_id) is None:
                self._partial.pop(coupon_id, None)

    def _places(self, kind: str, payload: Payload) -> Iterator[_Place]:
        """Each coupon of an object, and how to read again what shows more of it."""
        holders = [(kind, payload), *(("subscription_items", e) for e in entries(payload, "items"))]
        for holder_kind, holder in holders:
            alone = partial(self._alone, holder_kind, str(reference_id(holder)))
            for coupon in _attached(holder):
                yield _Place(coupon, alone, shows_all=True)
        lines = partial(self._lines, str(reference_id(payload)))
        for line in entries(payload, "lines"):
            for coupon in _attached(line):
                yield _Place(coupon, lines, shows_all=False)

    def _alone(self, kind: str, object_id: str) -> Iterator[Any]:
        path, params = with_whole_coupons(kind, object_id)
        yield from _attached(self._source.get(path, params, stop=self._stop).data)

    def _lines(self, invoice_id: str) -> Iterator[Any]:
        for line in read_whole(self._source, lines_listing(invoice_id), stop=self._stop):
            yield from _attached(line)

    def _look(self, coupon_id: str, place: _Place) -> tuple[dict[str, Any] | None, bool]:
        """A coupon as far as it is shown, and whether that is all of it."""
        shown, is_whole = _of_id(coupon_id, [place.coupon]), False
        # where it cannot be read again, it is known as far as it was shown
        with contextlib.suppress(ObjectMissingError, StripeRefusedError, PagingError):
            again = _of_id(coupon_id, place.read_again())
            shown, is_whole = again or shown, place.shows_all and again is not None
        return shown, is_whole


def _of_id(coupon_id: str, coupons: Iterable[object]) -> dict[str, Any] | None:
    """The coupon of that id among references; ``None`` where it is not expanded, or deleted."""
    for coupon in coupons:
        if isinstance(coupon, dict) and coupon.get("id") == coupon_id:
            return None if coupon.get("deleted") else coupon
    return None


def _attached(holder: object) -> Iterator[Any]:
    """The coupons of the discounts that are attached to an object."""
    if not isinstance(holder, Mapping):
        return
    for discount in (holder.get("discount"), *entries(holder, "discounts")):
        coupon = at(discount, "source", "coupon")
        if coupon is not None:
            yield coupon
