"""Finds coupons that no list has any more: deleted ones, which go on discounting.

They still stand within the discounts of customers, subscriptions and invoices. The first of these
that names one is read once more on its own, as deep as Stripe lets us look. What a coupon takes
off is not known here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nrr_pipeline.stripe_source.catalog import COUPON_EXPANSIONS, lines_listing, with_whole_coupons
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import ObjectMissingError, PagingError, StripeRefusedError
from nrr_pipeline.stripe_source.lists import read_whole
from nrr_pipeline.stripe_source.payloads import entries, reference_id
from nrr_pipeline.stripe_source.references import at

Payload = Mapping[str, Any]


class UnlistedCoupons:
    """Remembers which coupons are known; used by many threads at once.

    Attributes:
        listed: The coupons that a list has.
    """

    def __init__(self, source: StripeSource, stop: threading.Event) -> None:
        self.listed: set[str] = set()
        self._found: set[str] = set()
        self._lock = threading.Lock()
        self._source = source
        self._stop = stop

    def found_in(self, kind: str, payload: Payload) -> list[dict[str, Any]]:
        """The coupons that an object names, that no list has and that were not found before."""
        if kind not in COUPON_EXPANSIONS:
            return []
        found: list[dict[str, Any]] = []
        for coupon, read_again in self._named_by(kind, payload):
            coupon_id = reference_id(coupon)
            if coupon_id is None or not self._claim(coupon_id):
                continue
            whole = self._whole(coupon_id, coupon, read_again)
            if whole is None:
                self._found.discard(coupon_id)
            else:
                found.append(whole)
        return found

    def _claim(self, coupon_id: str) -> bool:
        with self._lock:
            is_new = coupon_id not in self.listed and coupon_id not in self._found
            if is_new:
                self._found.add(coupon_id)
            return is_new

    def _named_by(
        self, kind: str, payload: Payload
    ) -> Iterator[tuple[Any, Callable[[], Iterator[Any]] | None]]:
        """Each coupon of an object, and how to read again what shows the whole of it."""

        def alone() -> Iterator[Any]:
            path, params = with_whole_coupons(kind, str(payload["id"]))
            yield from _attached(self._source.get(path, params, stop=self._stop).data)

        def lines() -> Iterator[Any]:
            listing = lines_listing(str(payload["id"]))
            for line in read_whole(self._source, listing, stop=self._stop):
                yield from _attached(line)

        yield from ((coupon, alone) for coupon in _attached(payload))
        for item in entries(payload, "items"):
            yield from ((coupon, None) for coupon in _attached(item))
        for line in entries(payload, "lines"):
            yield from ((coupon, lines) for coupon in _attached(line))

    def _whole(
        self, coupon_id: str, coupon: object, read_again: Callable[[], Iterator[Any]] | None
    ) -> dict[str, Any] | None:
        seen = [coupon]
        if read_again is not None:
            # where it cannot be read again, it is known as far as it was shown
            with contextlib.suppress(ObjectMissingError, StripeRefusedError, PagingError):
                seen.extend(read_again())
        shown = [each for each in seen if isinstance(each, dict) and each.get("id") == coupon_id]
        return None if not shown or shown[-1].get("deleted") else shown[-1]


def _attached(holder: object) -> Iterator[Any]:
    """The coupons of the discounts that are attached to an object."""
    if not isinstance(holder, Mapping):
        return
    for discount in (holder.get("discount"), *entries(holder, "discounts")):
        coupon = at(discount, "source", "coupon")
        if coupon is not None:
            yield coupon
