"""Times in which a subscription may not have counted, though nothing says that it did not.

Pauses that are over leave no trace on the object; what they leave is in the invoices: some that
nobody tried to collect, and a billing that stops, or begins anew. These times do count, and are
approximate; what does not count, as nothing bills it, is in ``unbilled``.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from nrr_pipeline.metrics.evidence import BillingState, Source, StateSpan
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.lines import Lines
from nrr_pipeline.stripe_source.payloads import Payload, readable_moment, whole_number

ONE_DAY_SECONDS = 86_400

UNCOLLECTED = (
    "an invoice of this time was voided or written off before anybody tried to collect it; "
    "collection may have been paused"
)
UNDATED_PAUSE = "no event tells since when it is paused; it may have been earlier"
BILLED_ANEW = "billing stopped, or began anew, without a credit; it may have been paused"

_GIVEN_UP = frozenset({"void", "uncollectible"})
_PAUSED = frozenset({BillingState.PAUSED, BillingState.COLLECTION_PAUSED})


def paused_doubts(
    subscription_id: str,
    invoices: Iterable[Payload],
    spans: Sequence[StateSpan],
    *,
    starts_at: int,
    seen_at: Sequence[int],
) -> tuple[StateSpan, ...]:
    """Stretches in which the subscription as a whole may have been paused.

    Args:
        subscription_id: The subscription.
        invoices: Its invoices, in any order.
        spans: Its known states.
        starts_at: When it starts to count.
        seen_at: When pulls and events saw whether it was paused.
    """
    found: set[tuple[int, int, str]] = set()
    dated = sorted(_dated(invoices), key=lambda entry: entry[0])
    known = sorted({*seen_at, *(created for created, invoice in dated if _is_tried(invoice))})
    for created, invoice in dated:
        following = next((at for at in known if at > created), None)
        if following is not None and _is_uncollected(invoice):
            found.add((_last_before(created, known, starts_at), following, UNCOLLECTED))
    for span in spans:
        if span.state in _PAUSED and span.source is Source.OBSERVATION:
            since = _last_before(span.starts_at, known, starts_at)
            found.add((since, span.starts_at, UNDATED_PAUSE))
    return tuple(
        doubt(subscription_id, start, end, reason)
        for start, end, reason in sorted(found)
        if start < end
    )


def billing_doubts(item_id: str, lines: Lines) -> tuple[StateSpan, ...]:
    """Stretches of one item that no invoice line charges for as it should."""
    return tuple(
        doubt(item_id, before.starts_at, _paused_by(before, after), BILLED_ANEW)
        for before, after in billed_anew(item_id, lines)
    )


def billed_anew(item_id: str, lines: Lines) -> Iterator[tuple[Line, Line]]:
    """Charges of one item that do not follow the one before, though nothing was given back."""
    mine = sorted(
        (line for line in lines.ordinary if line.item_id == item_id),
        key=lambda line: (line.starts_at, line.line_id),
    )
    credited = {line.starts_at for line in lines.prorations if line.is_credit}
    for before, after in itertools.pairwise(mine):
        if _is_anew(before, after) and after.starts_at not in credited:
            yield before, after


def has_new_anchor(before: Line, after: Line) -> bool:
    """Whether a new cycle began after the one before had ended: none merely lacks its invoice.

    Cycles begin at the same time of day for as long as their anchor stays.
    """
    gap = after.starts_at - before.ends_at
    return gap > 0 and gap % ONE_DAY_SECONDS != 0


def _paused_by(before: Line, after: Line) -> int:
    """When a pause had begun at the latest, or else was over."""
    return before.ends_at if has_new_anchor(before, after) else after.starts_at


def doubt(source_id: str, starts_at: int, ends_at: int | None, reason: str) -> StateSpan:
    """A stretch that counts, and may not have."""
    return StateSpan(
        starts_at,
        ends_at,
        BillingState.ACTIVE,
        Source.INVOICE_LINE,
        source_id,
        approximation=reason,
    )


def _is_anew(before: Line, after: Line) -> bool:
    """Whether a charge does not follow the one before it, beyond a free stretch such as a trial."""
    return (
        before.is_charge
        and before.starts_at < after.starts_at != before.ends_at
        and before.terms.price_id == after.terms.price_id
    )


def _is_uncollected(invoice: Payload) -> bool:
    """Whether an invoice that is charged by itself was given up without a single attempt."""
    is_automatic = invoice.get("collection_method") == "charge_automatically"
    return str(invoice.get("status")) in _GIVEN_UP and is_automatic and not _is_tried(invoice)


def _is_tried(invoice: Payload) -> bool:
    """Whether somebody tried to collect an invoice, so that nothing was paused."""
    return invoice.get("status") == "paid" or (whole_number(invoice.get("attempt_count")) or 0) > 0


def _dated(invoices: Iterable[Payload]) -> Iterator[tuple[int, Payload]]:
    for invoice in invoices:
        created = readable_moment(invoice, "created")
        if created is not None and invoice.get("billing_reason") != "subscription_update":
            yield created, invoice


def _last_before(at: int, known: Sequence[int], starts_at: int) -> int:
    return max((each for each in known if each < at), default=starts_at)
