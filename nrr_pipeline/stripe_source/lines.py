"""Reads a subscription's invoice lines. Which item an unnamed one has is ``proration_items``'s."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nrr_pipeline.metrics.evidence import Finding
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.line_fields import (
    contained_taxes,
    credited_line_ids,
    is_credit,
    line_details,
    line_discounts,
    line_period,
    line_subtotal,
    line_tax_rate,
    line_tax_rate_ids,
    line_terms,
)
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    entries,
    has_only_objects,
    moment,
    reference_id,
)
from nrr_pipeline.stripe_source.proration_items import resolve_items
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline.stripe_source.tier_lines import join_tiers
from nrr_pipeline.stripe_source.updates import applied_invoices


@dataclass(frozen=True, slots=True)
class Lines:
    """All lines of one subscription whose item is known, and what could not be read."""

    ordinary: tuple[Line, ...]
    prorations: tuple[Line, ...]
    problems: tuple[Finding, ...]

    @property
    def first_covered_at(self) -> int | None:
        """The earliest time that a line charges for."""
        return min((line.starts_at for line in (*self.ordinary, *self.prorations)), default=None)

    @property
    def paid_periods(self) -> list[tuple[int, int]]:
        """The periods that paid lines charge for, in order."""
        lines = (*self.ordinary, *self.prorations)
        return sorted(
            (line.starts_at, line.ends_at) for line in lines if line.is_paid and not line.is_credit
        )


def read_lines(record: SubscriptionRecord, prices: Mapping[str, Price]) -> Lines:
    """Read every line of the subscription's invoices; one bad line never hides the others."""
    found: list[Line] = []
    problems: list[Finding] = []
    for invoice in applied_invoices(record):
        if not has_only_objects(invoice, "lines"):
            problems.append(_unreadable(invoice, "one of its lines is not an object"))
        for payload in entries(invoice, "lines"):
            try:
                line = _read_line(payload, invoice, record.subscription_id, prices)
            except MalformedObjectError as error:
                problems.append(_unreadable(payload, str(error)))
                continue
            if line is not None:
                found.append(line)
    resolved = resolve_items(join_tiers(found, prices), record.versions)
    problems.extend(_unmatched(line) for line in resolved if line.item_id is None)
    named = _credits_of_nothing([line for line in resolved if line.item_id is not None])
    return Lines(
        ordinary=tuple(line for line in named if not line.is_proration),
        prorations=tuple(line for line in named if line.is_proration),
        problems=tuple(problems),
    )


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
    details = line_details(payload)
    if details is None or reference_id(details.get("subscription")) not in {subscription_id, None}:
        return None
    starts_at, ends_at = line_period(payload)
    is_proration = details.get("proration") is True
    taxes = contained_taxes(payload)
    return Line(
        line_id=str(payload.get("id")),
        item_id=reference_id(details.get("subscription_item")),
        terms=line_terms(payload, prices),
        starts_at=starts_at,
        ends_at=ends_at,
        is_proration=is_proration,
        is_credit=is_proration and is_credit(payload, details),
        is_paid=invoice.get("status") == "paid",
        subtotal_minor=line_subtotal(payload),
        credited_line_ids=credited_line_ids(details),
        invoice_id=str(invoice.get("id")),
        invoiced_at=moment(invoice, "created"),
        discounts=line_discounts(payload),
        tax_rate=line_tax_rate(taxes),
        tax_rate_ids=line_tax_rate_ids(taxes),
    )


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
