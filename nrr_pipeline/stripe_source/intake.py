"""From an object of Stripe's to the raw object that is landed.

Here belongs everything that is done to one object: is it whole, are its nested lists complete, is
it of the right mode, what names a person in it, which others does it name. One object that is not
as expected becomes a finding and harms no other. What objects mean for MRR is not known here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nrr_pipeline.raw import RawObject
from nrr_pipeline.stripe_source.catalog import (
    EVENT_TYPES,
    TYPE_OF_KIND,
    items_listing,
    lines_listing,
    single,
    with_tiers_of,
)
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import ObjectMissingError, StripeRefusedError, WrongModeError
from nrr_pipeline.stripe_source.lists import read_whole
from nrr_pipeline.stripe_source.payloads import entries, reference_id
from nrr_pipeline.stripe_source.redaction import PrivacyRules, redact
from nrr_pipeline.stripe_source.references import (
    Reference,
    at,
    references_of,
    subscription_of,
)
from nrr_pipeline.stripe_source.unlisted_coupons import UnlistedCoupons


@dataclass(frozen=True)
class PullFinding:
    """Something about one object that a person should know."""

    kind: str
    object_id: str
    what: str


@dataclass
class Batch:
    """What one request brought at a time on Stripe's clock, ready to be landed.

    ``coupons`` are those within its objects that no list has any more.
    """

    kind: str
    observed_at: int | None = None
    objects: list[RawObject] = field(default_factory=list)
    problems: list[PullFinding] = field(default_factory=list)
    notes: list[PullFinding] = field(default_factory=list)
    references: set[Reference] = field(default_factory=set)
    coupons: list[RawObject] = field(default_factory=list)


class _BadShapeError(Exception):
    """An object is not as Stripe's objects are."""


class Intake:
    """Takes objects in; used by many threads at once.

    Args:
        source: Where the rest of an incomplete nested list is read.
        livemode: The mode that every object must have; ``None`` when nothing says.
        privacy: What is left out.
        stop: When set, reading ends at once.

    Attributes:
        listed: The ids that a list showed, of coupons and of prices.
    """

    def __init__(
        self,
        source: StripeSource,
        *,
        livemode: bool | None,
        privacy: PrivacyRules,
        stop: threading.Event,
    ) -> None:
        self._source = source
        self._livemode = livemode
        self._privacy = privacy
        self._stop = stop
        self._coupons = UnlistedCoupons(source, stop)
        self._item_prices: dict[str, dict[str, Any]] = {}
        self.listed: Mapping[str, set[str]] = {"coupons": self._coupons.listed, "prices": set()}

    def take_in(self, kind: str, objects: Iterable[Any], observed_at: int) -> Batch:
        """Make raw objects of one page's objects."""
        batch = Batch(kind, observed_at)
        for position, each in enumerate(objects):
            created = at(each, "created")
            place = f"position {position} of a page" if created is None else f"created {created}"
            self._add(batch, each, place)
        return batch

    def coupons_without_limits(self) -> Batch:
        """The coupons that no list has and that were seen without their limits only."""
        batch = Batch("coupons")
        for coupon in self._coupons.without_limits():
            kept = redact("coupons", coupon, self._privacy)
            batch.objects.append(RawObject("coupons", coupon["id"], kept))
        return batch

    def retrieve(self, kind: str, object_id: str) -> Batch:
        """Read one object by its id.

        One that is gone becomes a tombstone; a price, what the items that have it show of it.
        """
        path, params = single(kind, object_id)
        try:
            answer = self._source.get(path, params, stop=self._stop)
        except ObjectMissingError:
            batch = Batch(kind)
            batch.objects.append(self._gone(batch, object_id))
            batch.notes.append(PullFinding(kind, object_id, "Stripe no longer has it"))
            return batch
        batch = Batch(kind, answer.server_time)
        self._add(batch, answer.data, object_id)
        return batch

    def _add(self, batch: Batch, each: object, place: str) -> None:
        try:
            payload = _checked(each)
            raw = self._raw(batch, payload)
        except ObjectMissingError:
            return  # deleted while we read its nested list: it will be missed, and looked for
        except (_BadShapeError, KeyError, TypeError, AttributeError, ValueError) as error:
            known = reference_id(each) or place
            batch.problems.append(PullFinding(batch.kind, known, f"left out: {_words(error)}"))
            return
        if raw is not None:
            batch.objects.append(raw)
            if not raw.is_deleted:
                batch.references.update(references_of(batch.kind, payload))

    def _raw(self, batch: Batch, payload: dict[str, Any]) -> RawObject | None:
        kind, object_id = batch.kind, str(payload["id"])
        if payload.get("deleted") is True:
            return self._gone(batch, object_id)
        self._check_mode(kind, payload)
        if kind == "events" and not _is_wanted_event(payload):
            return None
        whole = self._completed(kind, payload)
        if kind == "subscriptions":
            self._remember_prices(whole)
        for coupon in self._coupons.found_in(kind, whole):
            kept = redact("coupons", coupon, self._privacy)
            batch.coupons.append(
                RawObject("coupons", coupon["id"], kept, observed_at=batch.observed_at)
            )
        return RawObject(
            kind=kind,
            object_id=object_id,
            payload=redact(kind, whole, self._privacy),
            subscription_id=subscription_of(whole),
            observed_at=batch.observed_at,
        )

    def _remember_prices(self, subscription: Mapping[str, Any]) -> None:
        """Keep the prices that may be nowhere but on the items that have them."""
        for item in entries(subscription, "items"):
            price = item.get("price")
            if isinstance(price, dict) and reference_id(price) not in self.listed["prices"]:
                self._item_prices[str(reference_id(price))] = price

    def _gone(self, batch: Batch, object_id: str) -> RawObject:
        price = self._item_prices.get(object_id) if batch.kind == "prices" else None
        if price is None:
            return _tombstone(batch, object_id)
        kept = redact("prices", price, self._privacy)
        return RawObject("prices", object_id, kept, observed_at=batch.observed_at)

    def _check_mode(self, kind: str, payload: Mapping[str, Any]) -> None:
        livemode = payload.get("livemode")
        if isinstance(livemode, bool) and self._livemode not in (None, livemode):
            modes = {True: "live", False: "test"}
            raise WrongModeError(
                f"{kind} {payload['id']} is of {modes[livemode]} mode, but this database is for "
                f"{modes[not livemode]} mode. Use the key of the other mode in STRIPE_API_KEY, or "
                "another database in NRR_DATABASE_URL, then check it: nrr doctor"
            )

    def _completed(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind == "subscriptions":
            items = _nested_list(payload, "items")
            if items["has_more"] or self._has_unlisted_item_coupon(items["data"]):
                listing = items_listing(payload["id"])
                whole = read_whole(self._source, listing, stop=self._stop)
                payload["items"] = {**items, "data": whole, "has_more": False}
        elif kind == "invoices":
            lines = _nested_list(payload, "lines")
            if lines["has_more"]:
                whole = read_whole(self._source, lines_listing(payload["id"]), stop=self._stop)
                payload["lines"] = {**lines, "data": whole, "has_more": False}
        elif kind == "prices":
            return self._with_all_tiers(payload)
        return payload

    def _with_all_tiers(self, price: dict[str, Any]) -> dict[str, Any]:
        """A price with its tiers in every currency; as it is where Stripe refuses to show them."""
        options = price.get("currency_options")
        if price.get("billing_scheme") != "tiered" or not isinstance(options, dict):
            return price
        lacking = sorted(name for name in options if at(options, name, "tiers") is None)
        if lacking:
            path, params = with_tiers_of(lacking, price["id"])
            with contextlib.suppress(StripeRefusedError):
                return _checked(self._source.get(path, params, stop=self._stop).data)
        return price

    def _has_unlisted_item_coupon(self, items: list[Any]) -> bool:
        """A deleted coupon goes on discounting, and only the item's own list still shows it."""
        coupons = (
            at(discount, "source", "coupon")
            for item in items
            for discount in entries(item, "discounts")
        )
        return any(isinstance(c, str) and c not in self.listed["coupons"] for c in coupons)


def _checked(each: object) -> dict[str, Any]:
    if not isinstance(each, dict):
        raise _BadShapeError("it is not an object")
    if not isinstance(each.get("id"), str) or not each["id"]:
        raise _BadShapeError("it has no id")
    return each


def _is_wanted_event(payload: Mapping[str, Any]) -> bool:
    concerned = at(payload, "data", "object")
    if not isinstance(concerned, dict):
        raise _BadShapeError("it says of no object what happened")
    return concerned.get("object") in EVENT_TYPES


def _nested_list(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = payload.get(name)
    if not isinstance(found, dict) or not isinstance(found.get("data"), list):
        raise _BadShapeError(f"its {name} are not a list")
    if any(not isinstance(each, dict) or not reference_id(each) for each in found["data"]):
        raise _BadShapeError(f"one of its {name} is not an object with an id")
    return {**found, "has_more": bool(found.get("has_more"))}


def _tombstone(batch: Batch, object_id: str) -> RawObject:
    return RawObject(
        kind=batch.kind,
        object_id=object_id,
        payload={"id": object_id, "object": TYPE_OF_KIND[batch.kind], "deleted": True},
        is_deleted=True,
        subscription_id=object_id if batch.kind == "subscriptions" else None,
        observed_at=batch.observed_at,
    )


def _words(error: Exception) -> str:
    if isinstance(error, _BadShapeError):
        return str(error)
    return f"its shape is not as expected ({type(error).__name__}: {error})"
