"""What is known of one subscription, each fact with its time and its source.

The vocabulary between the room that reads Stripe's payloads and the history that is folded from
them. Times are unix seconds. Neither folding nor pricing belongs here.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from nrr_pipeline.metrics.discounts import Discount


class Source(StrEnum):
    """Where a fact comes from."""

    INVOICE_LINE = "invoice_line"
    OBSERVATION = "observation"
    PRORATION_LINE = "proration_line"
    EVENT = "event"
    SUBSCRIPTION = "subscription"


_STRENGTH = {
    Source.INVOICE_LINE: 0,
    Source.SUBSCRIPTION: 0,
    Source.PRORATION_LINE: 1,
    Source.EVENT: 2,
    Source.OBSERVATION: 3,
}


class BillingState(StrEnum):
    """What a stretch of a subscription's life is, as far as MRR asks."""

    ACTIVE = "active"
    TRIALING = "trialing"
    UNPAID = "unpaid"
    PAUSED = "paused"
    COLLECTION_PAUSED = "collection_paused"
    INCOMPLETE = "incomplete"
    UNBILLED = "unbilled"
    UNKNOWN = "unknown"


class EndReason(StrEnum):
    """Why MRR ended: the reasons that churn carries."""

    VOLUNTARY = "voluntary"
    INVOLUNTARY = "involuntary"
    PAUSED = "paused"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an item is charged for."""

    price_id: str
    quantity: int | None


@dataclass(frozen=True, slots=True)
class TermsFact:
    """An item has these terms from ``at`` on, or with ``is_until`` had them up to ``at``.

    ``terms`` of ``None`` says that the item is no part of its subscription. ``covers_until`` is the
    end of the time that an ordinary invoice line charges for.
    """

    at: int
    terms: Terms | None
    source: Source
    source_id: str
    is_until: bool = False
    covers_until: int | None = None

    @property
    def strength(self) -> int:
        """Which fact wins when two speak of the same second: observations beat all."""
        return _STRENGTH[self.source]

    @property
    def is_exact(self) -> bool:
        """Whether the fact says when the change happened, not only that it has.

        An event does so only beside what was true until its second: it may be about another thing.
        """
        return self.source is Source.PRORATION_LINE


@dataclass(frozen=True, slots=True)
class StateSpan:
    """A stretch in which the whole subscription, or one item, is not simply active.

    ``held_out`` says why a stretch that may have MRR cannot be priced. ``approximation`` says why
    one that counts may not have, or why one that nothing bills, which does not count, may have.
    """

    starts_at: int
    ends_at: int | None
    state: BillingState
    source: Source
    source_id: str
    held_out: str | None = None
    approximation: str | None = None


@dataclass(frozen=True, slots=True)
class DiscountSpan:
    """A stretch in which a discount is in force on one item, or on all (``item_id`` of ``None``).

    Spans of one discount may overlap: it counts once, as the first of them describes it.
    """

    starts_at: int
    ends_at: int | None
    discount: Discount
    item_id: str | None
    source: Source
    source_id: str


@dataclass(frozen=True, slots=True)
class TaxSpan:
    """A stretch in which ``rate`` is all the tax that tax-inclusive amounts contain: 19/100.

    An item's own spans go before those of the whole subscription (``item_id`` of ``None``), and of
    several that hold the first counts. ``approximation`` says what about the rate was assumed.
    """

    starts_at: int
    ends_at: int | None
    rate: Fraction
    item_id: str | None
    source: Source
    source_id: str
    approximation: str | None = None


@dataclass(frozen=True, slots=True)
class ItemEvidence:
    """Everything that speaks of one subscription item.

    ``starts_at`` is when the item joined its subscription; ``None`` where only its facts tell.
    """

    subscription_item_id: str
    starts_at: int | None
    facts: tuple[TermsFact, ...]
    spans: tuple[StateSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class LineAmount:
    """What an ordinary paid invoice line charged, to hold a price's arithmetic against.

    ``net_minor`` is the line after ``discounts``, those that its invoice took off it, whatever
    their duration; ``None`` leaves the discounts unchecked. ``invoice_id`` says which lines share a
    fixed amount.
    """

    line_id: str
    terms: Terms
    subtotal_minor: int
    net_minor: int | None = None
    discounts: tuple[Discount, ...] = ()
    invoice_id: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionEvidence:
    """Everything that speaks of one subscription.

    ``ends_at`` is the real end, ``None`` while it lasts. ``at_risk`` and ``scheduled_churn`` are
    spans ``(from, to)`` in which those flags hold.
    """

    subscription_id: str
    customer_id: str
    currency: str
    starts_at: int
    ends_at: int | None
    end_reason: EndReason | None
    items: tuple[ItemEvidence, ...]
    spans: tuple[StateSpan, ...] = ()
    at_risk: tuple[tuple[int, int | None], ...] = ()
    scheduled_churn: tuple[tuple[int, int | None], ...] = ()
    line_amounts: tuple[LineAmount, ...] = ()
    discounts: tuple[DiscountSpan, ...] = ()
    taxes: tuple[TaxSpan, ...] = ()
    problems: tuple["Finding", ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that could not be priced, or had to be assumed: a row of ``data_quality``.

    ``severity`` is ``error`` where a figure is held out, ``warning`` where one is approximate,
    and ``info`` where something is merely listed.
    """

    check_name: str
    severity: str
    object_id: str
    detail: str
    amount_micros: int | None = None
    currency: str | None = None
