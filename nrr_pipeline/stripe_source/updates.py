"""Which invoices show what was really changed: that of an update may wait, or never be applied.

An update that waits for its payment has an invoice with the lines of the new state. What the lines
of an invoice prove is said in ``lines``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.stripe_source.payloads import Payload, entries, reference_id, whole_number
from nrr_pipeline.stripe_source.records import SubscriptionRecord

_MAY_WAIT = frozenset({"open", "draft", "void", "uncollectible"})
"""What an invoice is that has not been paid: with it, its update may not have happened."""

_EXPIRES_AFTER_SECONDS = 24 * 3_600
"""An update that nobody pays is discarded after 23 hours at most, its invoice right after that."""


@dataclass(frozen=True, slots=True)
class _Look:
    """The terms that a subscription was seen with; an invoice shows only some of its items."""

    at: int
    terms: frozenset[Terms]
    is_whole: bool


def applied_invoices(record: SubscriptionRecord) -> list[Payload]:
    """All invoices but those of updates that wait for their payment, or expired unpaid."""
    latest = record.versions[-1].payload if record.versions else {}
    waiting = reference_id(latest.get("latest_invoice")) if latest.get("pending_update") else None
    if not any(_may_wait(invoice, waiting) for invoice in record.invoices):
        return list(record.invoices)
    looks = sorted(_looks(record), key=lambda look: look.at)
    return [
        invoice
        for invoice in record.invoices
        if not _may_wait(invoice, waiting) or not _is_unapplied(invoice, waiting, looks)
    ]


def _may_wait(invoice: Payload, waiting: str | None) -> bool:
    """Whether an invoice is unpaid, and that of an update."""
    is_unpaid = str(invoice.get("status")) in _MAY_WAIT
    return is_unpaid and (_is_of_update(invoice) or invoice.get("id") == waiting)


def _is_of_update(invoice: Payload) -> bool:
    return invoice.get("billing_reason") == "subscription_update"


def _is_unapplied(invoice: Payload, waiting: str | None, looks: list[_Look]) -> bool:
    """Whether the state before the update is what was seen next, or it seems to have expired."""
    if waiting is not None and invoice.get("id") == waiting and invoice.get("status") == "open":
        return True
    created = whole_number(invoice.get("created"))
    if not _is_of_update(invoice) or created is None:
        return False
    terms = list(_terms_of_lines(invoice))
    after = frozenset(found for found, amount in terms if amount > 0)
    before = frozenset(found for found, amount in terms if amount < 0)
    for look in looks:
        if look.at < created or not after:
            continue
        if after & look.terms:
            return False
        if before & look.terms or (look.is_whole and not before):
            return True
    return _has_expired(invoice, created)


def _has_expired(invoice: Payload, created: int) -> bool:
    """Whether an invoice was voided as soon as Stripe does that to an update that nobody pays."""
    transitions = invoice.get("status_transitions")
    voided_at = (
        whole_number(transitions.get("voided_at")) if isinstance(transitions, dict) else None
    )
    return voided_at is not None and voided_at - created <= _EXPIRES_AFTER_SECONDS


def _looks(record: SubscriptionRecord) -> Iterator[_Look]:
    """What pulls, events and the bills of whole periods saw."""
    for version in record.versions:
        if not version.is_deleted:
            yield _Look(version.first_seen, _terms_of_items(version.payload), is_whole=True)
    for event in record.events:
        data, at = event.get("data"), whole_number(event.get("created"))
        after = data.get("object") if isinstance(data, Mapping) else None
        if isinstance(after, Mapping) and at is not None and after.get("items") is not None:
            yield _Look(at, _terms_of_items(after), is_whole=True)
    for invoice in record.invoices:
        created = whole_number(invoice.get("created"))
        is_update = _is_of_update(invoice)
        if created is None or (is_update and invoice.get("status") != "paid"):
            continue
        sign = -1 if is_update else 1  # what an update gives back was true until then
        terms = (found for found, amount in _terms_of_lines(invoice) if amount * sign > 0)
        yield _Look(created - is_update, frozenset(terms), is_whole=False)


def _terms_of_items(subscription: Payload) -> frozenset[Terms]:
    return frozenset(
        Terms(price_id, whole_number(item.get("quantity")))
        for item in entries(subscription, "items")
        if (price_id := reference_id(item.get("price"))) is not None
    )


def _terms_of_lines(invoice: Payload) -> Iterator[tuple[Terms, int]]:
    """The terms that an invoice's lines charge for, or with a negative amount give back."""
    for line in entries(invoice, "lines"):
        pricing = line.get("pricing")
        details = pricing.get("price_details") if isinstance(pricing, Mapping) else None
        price_id = reference_id(details.get("price")) if isinstance(details, Mapping) else None
        if price_id is not None:
            terms = Terms(price_id, whole_number(line.get("quantity")))
            yield terms, whole_number(line.get("amount")) or 0
