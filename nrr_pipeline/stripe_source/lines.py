"""Reads a subscription's invoice lines. Which item an unnamed one has is ``proration_items``'s."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nrr_pipeline.metrics.evidence import Finding, Terms
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    entries,
    moment,
    reference_id,
    required_moment,
    whole_number,
    whole_text,
)
from nrr_pipeline.stripe_source.proration_items import resolve_items
from nrr_pipeline.stripe_source.records import SubscriptionRecord


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of one subscription whose item is known, and what could not be read."""

    ordinary: tuple[Line, ...]
    prorations: tuple[Line, ...]
    problems: tuple[Finding, ...]
    has_discounts: bool

    @property
    def first_covered_at(self) -> int | None:
        """The earliest time that a line charges for."""
        return min((line.starts_at for line in (*self.ordinary, *self.prorations)), default=None)

    @property
    def paid_until(self) -> int | None:
        """The latest time that a paid ordinary line charges for."""
        return max((line.ends_at for line in self.ordinary if line.is_paid), default=None)


def read_lines(record: SubscriptionRecord, prices: Mapping[str, Price]) -> Lines:
    """Read every line of the subscription's invoices; one bad line never hides the others."""
    found: list[Line] = []
    problems: list[Finding] = []
    has_discounts = False
    for invoice in _applied_invoices(record):
        for payload in entries(invoice, "lines"):
            try:
                line = _read_line(payload, invoice, record.subscription_id, prices)
            except MalformedObjectError as error:
                problems.append(_unreadable(payload, str(error)))
                continue
            if line is not None:
                found.append(line)
                has_discounts = has_discounts or bool(payload.get("discount_amounts"))
    resolved = resolve_items(found, record.versions)
    problems.extend(_unmatched(line) for line in resolved if line.item_id is None)
    named = _credits_of_nothing([line for line in resolved if line.item_id is not None])
    return Lines(
        ordinary=tuple(line for line in named if not line.is_proration),
        prorations=tuple(line for line in named if line.is_proration),
        problems=tuple(problems),
        has_discounts=has_discounts,
    )


def _applied_invoices(record: SubscriptionRecord) -> list[Payload]:
    """All invoices but that of an update which waits for its payment: it may never be applied."""
    latest = record.versions[-1].payload if record.versions else {}
    waiting = reference_id(latest.get("latest_invoice")) if latest.get("pending_update") else None
    return [
        invoice
        for invoice in record.invoices
        if waiting is None or invoice.get("id") != waiting or invoice.get("status") != "open"
    ]


def _credits_of_nothing(lines: list[Line]) -> list[Line]:
    """Leaving a free plan gives back 0: beside a charge and no credit, that line is the credit."""
    credited = {(line.item_id, line.starts_at) for line in lines if line.is_credit}
    charged = {
        (line.item_id, line.starts_at)
        for line in lines
        if line.is_proration and (line.subtotal_minor or 0) > 0
    }
    changes = charged - credited
    return [
        replace(line, is_credit=True)
        if line.is_proration
        and line.subtotal_minor == 0
        and (line.item_id, line.starts_at) in changes
        else line
        for line in lines
    ]


def _read_line(
    payload: Payload, invoice: Payload, subscription_id: str, prices: Mapping[str, Price]
) -> Line | None:
    """The line, or ``None`` where it does not speak of one of the subscription's items."""
    parent = payload.get("parent")
    if not isinstance(parent, Mapping):
        return None
    details = parent.get("subscription_item_details")
    if not isinstance(details, Mapping):
        details = parent.get("invoice_item_details")
        if not isinstance(details, Mapping) or details.get("proration") is not True:
            return None
    if reference_id(details.get("subscription")) not in {subscription_id, None}:
        return None
    period = payload.get("period")
    if not isinstance(period, Mapping):
        raise MalformedObjectError(f"{payload.get('id')}: it has no period")
    is_proration = details.get("proration") is True
    return Line(
        line_id=str(payload.get("id")),
        item_id=reference_id(details.get("subscription_item")),
        terms=_line_terms(payload, prices),
        starts_at=required_moment(period, "start"),
        ends_at=moment(period, "end") or 0,
        is_proration=is_proration,
        is_credit=is_proration and _is_credit(payload, details),
        is_paid=invoice.get("status") == "paid",
        subtotal_minor=_subtotal(payload),
        credited_line_ids=_credited_line_ids(details),
    )


def _line_terms(payload: Payload, prices: Mapping[str, Price]) -> Terms:
    pricing = payload.get("pricing")
    details = pricing.get("price_details") if isinstance(pricing, Mapping) else None
    price_id = reference_id(details.get("price")) if isinstance(details, Mapping) else None
    if price_id is None:
        raise MalformedObjectError(f"{payload.get('id')}: it names no price")
    price = prices.get(price_id)
    if price is not None and price.is_metered:
        return Terms(price_id, None)
    quantity = whole_number(payload.get("quantity"))
    if quantity is None:
        quantity = whole_text(payload.get("quantity_decimal"))
    return Terms(price_id, quantity)


def _is_credit(payload: Payload, details: Payload) -> bool:
    return _credited(details) is not None or (whole_number(payload.get("amount")) or 0) < 0


def _credited(details: Payload) -> Payload | None:
    proration = details.get("proration_details")
    credited = proration.get("credited_items") if isinstance(proration, Mapping) else None
    return credited if isinstance(credited, Mapping) else None


def _credited_line_ids(details: Payload) -> tuple[str, ...]:
    credited = _credited(details)
    ids = credited.get("invoice_line_items") if credited is not None else None
    return tuple(str(line_id) for line_id in ids) if isinstance(ids, list) else ()


def _subtotal(payload: Payload) -> int | None:
    subtotal = whole_number(payload.get("subtotal"))
    return subtotal if subtotal is not None else whole_number(payload.get("amount"))


def _unreadable(payload: Payload, detail: str) -> Finding:
    return Finding("unreadable_line", "error", str(payload.get("id")), detail)


def _unmatched(line: Line) -> Finding:
    return Finding(
        "unmatched_proration",
        "warning",
        line.line_id,
        f"the proration for {line.terms.quantity} x {line.terms.price_id} names no item and fits "
        "several; the change that it bills may be dated wrongly",
    )
