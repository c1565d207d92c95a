"""The books of the simulated account: subscriptions, invoices and lines as plain records.

Here belong the records that ``billing`` fills and the ``render_…`` modules turn into API objects.
Neither the rules that fill them nor the API's field names belong here.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

from nrr_pipeline.demo.catalog import Price, TaxRate
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.cycles import BillingCycles, Cadence
from nrr_pipeline.demo.log import BillingMode, PauseBehavior

BillingReason = Literal["subscription_create", "subscription_cycle", "subscription_update"]
SubscriptionStatus = Literal[
    "trialing",
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "paused",
]


class LineKind(Enum):
    """What an invoice line charges or gives back."""

    ORDINARY = "ordinary"
    TRIAL = "trial"
    USAGE = "usage"
    UNUSED = "unused"
    REMAINING = "remaining"

    @property
    def is_proration(self) -> bool:
        """Whether the line corrects a cycle that was already billed."""
        return self is LineKind.UNUSED or self is LineKind.REMAINING


class Trial(NamedTuple):
    """The trial of one item."""

    start: int
    end: int


class BilledItem(NamedTuple):
    """A subscription item with its price."""

    id: str
    price: Price
    quantity: int | None
    created: int
    trial: Trial | None = None


class Cycle(NamedTuple):
    """A running cycle: which one it is of its calendar, and from when to when."""

    cycles: BillingCycles
    number: int
    start: int
    end: int

    def following(self) -> Cycle:
        """The cycle after this one."""
        number = self.number + 1
        return Cycle(self.cycles, number, self.end, self.cycles.boundary(number + 1))


def cycle_from(anchor: int, cadence: Cadence) -> Cycle:
    """The first cycle of an anchor."""
    cycles = BillingCycles(anchor, cadence)
    return Cycle(cycles, 0, anchor, cycles.boundary(1))


class Taken(NamedTuple):
    """What a discount takes off a line."""

    grant: Grant
    amount: int


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
    quantity: int | None = None
    discounts: tuple[Taken, ...] = ()
    tax: int = 0

    @property
    def net(self) -> int:
        """What is left after discounts."""
        return self.amount - sum(taken.amount for taken in self.discounts)


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
    tax_rate: TaxRate | None = None
    discounts: tuple[Grant, ...] = ()
    due_at: int | None = None
    finalized_at: int | None = None
    failures: list[tuple[int, int | None]] = field(default_factory=list)
    paid_at: int | None = None
    uncollectible_at: int | None = None
    voided_at: int | None = None
    number: str | None = None
    starting_balance: int = 0

    @property
    def amount_due(self) -> int:
        """What is left to charge after the customer's balance."""
        return max(0, self.total + min(0, self.starting_balance))

    @property
    def ending_balance(self) -> int:
        """The customer's balance after this invoice; negative is the customer's credit."""
        if self.voided_at is not None:
            return self.starting_balance
        if self.total < 0:
            return self.starting_balance + self.total
        return min(0, self.starting_balance + self.total)


class CollectionPause(NamedTuple):
    """How invoices are treated while they are not collected, and until when that is planned."""

    behavior: PauseBehavior
    resumes_at: int | None


class PendingUpdate(NamedTuple):
    """Items that were asked for and wait for their payment."""

    items: tuple[BilledItem, ...]
    expires_at: int


@dataclass(slots=True)
class Schedule:
    """An agreed change of a subscription, and what became of it."""

    id: str
    subscription_id: str
    created: int
    before: tuple[BilledItem, ...]
    after: tuple[BilledItem, ...]
    phase_start: int
    effective_at: int
    then_until: int
    released_at: int | None = None


@dataclass(slots=True)
class Subscription:
    """A subscription as it is at one moment of its life.

    ``change_reason`` is what the account team wrote beside the last change of its items.
    What is a mapping here is replaced as a whole whenever it changes, so that snapshots keep.
    """

    id: str
    customer_id: str
    created: int
    start_date: int
    billing_mode: BillingMode
    items: tuple[BilledItem, ...]
    periods: dict[Cadence, Cycle]
    status: SubscriptionStatus = "active"
    trial_end: int | None = None
    tax_rate: TaxRate | None = None
    discounts: tuple[Grant, ...] = ()
    item_discounts: dict[str, tuple[Grant, ...]] = field(default_factory=dict)
    collection_pause: CollectionPause | None = None
    paused_at: int | None = None
    pending_update: PendingUpdate | None = None
    schedule_id: str | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    cancellation_reason: str | None = None
    feedback: str | None = None
    comment: str | None = None
    change_reason: str | None = None
    latest_invoice_id: str | None = None
    is_invoiced: bool = False

    @property
    def cycle(self) -> Cycle:
        """The running cycle of the plan itself, which is always the first item."""
        return self.periods[self.items[0].price.cadence]

    @property
    def next_renewal(self) -> int:
        """When the first of the running cycles ends."""
        return min(cycle.end for cycle in self.periods.values())

    def cycle_of(self, item: BilledItem) -> tuple[int, int]:
        """Start and end of the cycle in which an item is billed."""
        cycle = self.periods[item.price.cadence]
        return cycle.start, cycle.end

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
