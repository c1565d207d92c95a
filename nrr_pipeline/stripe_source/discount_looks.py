"""Where each discount was seen: on subscriptions, items and customers, and on invoices.

When a discount was in force is concluded in ``discounts``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nrr_pipeline.metrics.discounts import DiscountLevel
from nrr_pipeline.stripe_source.coupons import CouponBook
from nrr_pipeline.stripe_source.events import SubscriptionEvent
from nrr_pipeline.stripe_source.lines import Lines
from nrr_pipeline.stripe_source.payloads import Payload, entries, reference_id, whole_number
from nrr_pipeline.stripe_source.records import SubscriptionRecord


@dataclass(frozen=True, slots=True)
class Holder:
    """What a discount is attached to; ``item_id`` of an item."""

    level: DiscountLevel
    item_id: str | None = None


ON_SUBSCRIPTION = Holder(DiscountLevel.SUBSCRIPTION)
ON_CUSTOMER = Holder(DiscountLevel.CUSTOMER)


@dataclass(frozen=True, slots=True)
class Look:
    """The discounts that a holder was seen with; ``is_exact`` where they changed at that time."""

    at: int
    discount_ids: tuple[str, ...]
    is_exact: bool = False


class Sightings:
    """Everything that was seen of the discounts of one subscription."""

    def __init__(
        self,
        record: SubscriptionRecord,
        events: Sequence[SubscriptionEvent],
        book: CouponBook,
    ) -> None:
        self.payloads: dict[str, Payload] = {}
        self.looks: defaultdict[Holder, list[Look]] = defaultdict(list)
        self.billed: defaultdict[Holder, list[tuple[str, ...]]] = defaultdict(list)
        self.removed_at: dict[str, int] = {}
        self._applied: list[tuple[str, ...]] = []
        self._places: dict[str, Holder] = {}
        self._book = book
        self._look_at_versions(record)
        self._look_at_events(events)
        for event in record.discount_events:
            self._look_at_discount_event(event)
        for invoice in record.invoices:
            self._look_at_invoice(invoice)
        for version in record.versions:
            self._look_at_pending(version.payload)
        for looks in self.looks.values():
            looks.sort(key=lambda look: (look.at, look.is_exact))

    def holder_of(self, discount_id: str) -> Holder | None:
        """What a discount is attached to; ``None`` for one that was given to a single invoice."""
        for holder, looks in self.looks.items():
            if any(discount_id in look.discount_ids for look in looks):
                return holder
        payload = self.payloads.get(discount_id, {})
        item_id = reference_id(payload.get("subscription_item"))
        if item_id is not None:
            return Holder(DiscountLevel.ITEM, item_id)
        if reference_id(payload.get("subscription")) is not None:
            return ON_SUBSCRIPTION
        if payload.get("invoice") is not None or payload.get("invoice_item") is not None:
            return None
        place = self._places.get(discount_id, ON_SUBSCRIPTION)
        is_customers = payload.get("customer") is not None and place == ON_SUBSCRIPTION
        return ON_CUSTOMER if is_customers else place

    @property
    def attached(self) -> set[str]:
        """The discounts that are or were attached to a subscription, an item or a customer."""
        seen = {
            discount_id
            for looks in self.looks.values()
            for look in looks
            for discount_id in look.discount_ids
        }
        return seen | self.removed_at.keys()

    def positions(self, holder: Holder) -> dict[str, int]:
        """The place of each of a holder's discounts, in the order in which they are applied."""
        order: list[str] = []
        arrays = [look.discount_ids for look in reversed(self.looks.get(holder, []))]
        for array in (*arrays, *self.billed.get(holder, []), *self._applied):
            before = len(order)
            for discount_id in reversed(array):
                if discount_id in order:
                    before = order.index(discount_id)
                else:
                    order.insert(before, discount_id)
        return {discount_id: position for position, discount_id in enumerate(order)}

    def _look_at_versions(self, record: SubscriptionRecord) -> None:
        for version in record.versions:
            if not version.is_deleted:
                for at in sorted({version.first_seen, version.last_seen}):
                    self._look_at_subscription(at, version.payload)
        for version in record.customer_versions:
            if not version.is_deleted:
                given = version.payload.get("discount")
                array = self._read([] if given is None else [given], "the customer's discount")
                for at in sorted({version.first_seen, version.last_seen}):
                    self.looks[ON_CUSTOMER].append(Look(at, array))

    def _look_at_subscription(self, at: int, payload: Payload, *, is_exact: bool = False) -> None:
        if payload.get("discounts") is not None:
            array = self._read(payload["discounts"], f"a discount of {payload.get('id')}")
            self.looks[ON_SUBSCRIPTION].append(Look(at, array, is_exact))
        for item in entries(payload, "items"):
            item_id = reference_id(item)
            if item_id is not None and item.get("discounts") is not None:
                array = self._read(item["discounts"], f"a discount of {item_id}")
                holder = Holder(DiscountLevel.ITEM, item_id)
                self.looks[holder].append(Look(at, array, is_exact))

    def _look_at_events(self, events: Sequence[SubscriptionEvent]) -> None:
        for event in events:
            changed = {"discounts", "items"} & event.changed_from.keys()
            if changed:
                before = {name: event.changed_from[name] for name in changed}
                self._look_at_subscription(event.at - 1, before)
            after = {"id": event.after.get("id")}
            for name in ("discounts", "items"):
                self._look_at_subscription(
                    event.at, {**after, name: event.after.get(name)}, is_exact=name in changed
                )

    def _look_at_discount_event(self, event: Payload) -> None:
        data, at = event.get("data"), whole_number(event.get("created"))
        discount = data.get("object") if isinstance(data, dict) else None
        discount_id = reference_id(discount)
        if not isinstance(discount, dict) or discount_id is None or at is None:
            return
        self._note(discount_id, discount)
        if str(event.get("type")).endswith(".deleted"):
            self.removed_at[discount_id] = at

    def _look_at_invoice(self, invoice: Payload) -> None:
        array = self._read(invoice.get("discounts"), f"a discount of {invoice.get('id')}")
        self.billed[ON_SUBSCRIPTION].append(array)
        self.billed[ON_CUSTOMER].append(array)
        for discount_id in array:
            self._places.setdefault(discount_id, ON_SUBSCRIPTION)
        self._look_at_amounts(invoice, "total_discount_amounts")
        for line in entries(invoice, "lines"):
            of_line = self._read(line.get("discounts"), f"a discount of {line.get('id')}")
            self._look_at_amounts(line, "discount_amounts")
            holder = _item_of_line(line) if of_line else None
            if holder is not None:
                self.billed[holder].append(of_line)
                for discount_id in of_line:
                    if discount_id not in array:
                        self._places[discount_id] = holder

    def _look_at_amounts(self, payload: Payload, field: str) -> None:
        """What discounts took off an invoice or a line, in the order in which they did."""
        applied = [entry.get("discount") for entry in entries(payload, field)]
        known = self._read([each for each in applied if reference_id(each) is not None], "")
        if len(known) > 1:
            self._applied.append(known)

    def _look_at_pending(self, subscription: Payload) -> None:
        """The discounts of an update that waits are none yet, but their objects are known."""
        pending = subscription.get("pending_update")
        if isinstance(pending, dict):
            self._read(pending.get("discounts"), "")

    def _read(self, array: object, name: str) -> tuple[str, ...]:
        """The ids in an array of discounts; what cannot be read has a name instead."""
        found: list[str] = []
        for position, entry in enumerate(_entries_of(array)):
            discount_id = reference_id(entry)
            if discount_id is None:
                discount_id = f"{name} that cannot be read ({position})"
            elif isinstance(entry, dict):
                self._note(discount_id, entry)
            found.append(discount_id)
        return tuple(dict.fromkeys(found))

    def _note(self, discount_id: str, discount: Payload) -> None:
        self._book.note(discount)
        known = self.payloads.get(discount_id, {})
        told = {name: value for name, value in discount.items() if value is not None}
        self.payloads[discount_id] = {**known, **told}


def shown_on(lines: Lines) -> set[str]:
    """The discounts that took something off a line."""
    everything = (*lines.ordinary, *lines.prorations)
    return {discount_id for line in everything for discount_id in line.discount_ids}


def _item_of_line(line: Payload) -> Holder | None:
    parent = line.get("parent")
    details = parent.get("subscription_item_details") if isinstance(parent, dict) else None
    found = details.get("subscription_item") if isinstance(details, dict) else None
    item_id = reference_id(found)
    return None if item_id is None else Holder(DiscountLevel.ITEM, item_id)


def _entries_of(array: object) -> list[Any]:
    if isinstance(array, dict) and isinstance(array.get("data"), list):
        array = array["data"]
    if array is None:
        return []
    return array if isinstance(array, list) else [None]
