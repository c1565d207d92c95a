"""The books of the simulated account: subscriptions, invoices and lines as plain records.

Here belong the records that ``billing`` fills and the ``render_…`` modules turn into API objects.
Neither the rules that fill them nor the API's field names belong here.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

from nrr_pipeline.demo.catalog import Price
from nrr_pipeline.demo.cycles import BillingCycles
from nrr_pipeline.demo.log import BillingMode

BillingReason = Literal["subscription_create", "subscription_cycle", "subscription_update"]
SubscriptionStatus = Literal["trialing", "active", "past_due", "unpaid", "canceled"]


class LineKind(Enum):
    """What an invoice line charges or gives back."""

    ORDINARY = "ordinary"
    TRIAL = "trial"
    UNUSED = "unused"
    REMAINING = "remaining"

    @property
    def is_proration(self) -> bool:
        """Whether the line corrects a cycle that was already billed."""
        return self is LineKind.UNUSED or self is LineKind.REMAINING


class BilledItem(NamedTuple):
    """A subscription item with its price."""

    id: str
    price: Price
    quantity: int
    created: int


@dataclass(slots=True)
class InvoiceLine:
    """One line; ``invoice_id`` is empty while a proration waits for its invoice."""

    id: str
    kind: LineKind
    item: BilledItem
    amount: int
    start: int
    end: int
    invoice_item_id: str | None = None
    credited: InvoiceLine | None = None
    invoice_id: str = ""


@dataclass(slots=True)
class Invoice:
    """One invoice and what became of it; times that never came are ``None``.

    ``number``, ``starting_balance`` and ``sequence`` come from the customer's account, which is
    settled over all of the customer's invoices.
    """

    id: str
    subscription_id: str
    billing_mode: BillingMode
    created: int
    reason: BillingReason
    period_start: int
    period_end: int
    lines: list[InvoiceLine]
    total: int
    charge_at: int
    finalized_at: int | None = None
    failures: list[tuple[int, int | None]] = field(default_factory=list)
    paid_at: int | None = None
    uncollectible_at: int | None = None
    number: str | None = None
    starting_balance: int = 0

    @property
    def amount_due(self) -> int:
        """What is left to charge after the customer's balance."""
        return max(0, self.total + min(0, self.starting_balance))

    @property
    def ending_balance(self) -> int:
        """The customer's balance after this invoice; negative is the customer's credit."""
        if self.total < 0:
            return self.starting_balance + self.total
        return min(0, self.starting_balance + self.total)


@dataclass(slots=True)
class Subscription:
    """A subscription as it is at one moment of its life."""

    id: str
    customer_id: str
    created: int
    billing_mode: BillingMode
    items: tuple[BilledItem, ...]
    cycles: BillingCycles
    cycle_number: int
    period_start: int
    period_end: int
    status: SubscriptionStatus = "active"
    trial_end: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation_reason: str | None = None
    feedback: str | None = None
    comment: str | None = None
    latest_invoice_id: str | None = None

    @property
    def interval(self) -> str:
        """The billing interval, which all items share."""
        return self.items[0].price.interval

    def snapshot(self) -> Subscription:
        """A copy that later changes do not reach."""
        return copy(self)


class Moment(NamedTuple):
    """A change of a subscription that Stripe tells of in an event."""

    at: int
    event_id: str
    event_type: str
    before: Subscription | None
    after: Subscription
    is_request: bool
