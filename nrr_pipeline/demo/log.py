"""The log: what happened in the simulated business, in order, and nothing else.

Here belong the kinds of happenings and their fields. What follows from them by rule (renewals,
invoices, payments that go through) is not in the log; ``billing`` works that out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Literal, NamedTuple

from nrr_pipeline.demo.catalog import Catalog
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.currencies import HOME
from nrr_pipeline.demo.cycles import HOUR, midnight

BillingMode = Literal["classic", "flexible"]
PauseBehavior = Literal["void", "mark_uncollectible", "keep_as_draft"]
_CLOSING_HOUR = 6


class Item(NamedTuple):
    """One subscription item: what is bought, and how many of it; usage has no quantity.

    ``trial_end`` is when a trial of this item alone ends.
    """

    id: str
    price_id: str
    quantity: int | None
    trial_end: int | None = None


class Occasion(Enum):
    """Why a subscription was started."""

    NEW_CUSTOMER = "new customer"
    SECOND_SUBSCRIPTION = "second subscription"
    RETURN = "return"


class Change(Enum):
    """What a customer changed about the items of a subscription."""

    SEATS = "seats"
    PLAN_SWITCHED = "plan switched"
    PLAN_REPLACED = "plan replaced by a new item"
    ITEM_ADDED = "item added"
    ITEM_REMOVED = "item removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to one subscription at one second (Unix, UTC)."""

    at: int
    subscription_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed(Happening):
    """A subscription started, with a trial when ``trial_end`` is set.

    Attributes:
        customer_id: Whose it is.
        items: What was bought.
        billing_mode: How prorations are billed.
        currency: What it is paid in.
        trial_end: When the trial ends, if there is one.
        occasion: Why it was started.
        start_date: Since when the customer really had it, where that was before this account.
        is_past_billed: Whether the first invoice also bills the time since ``start_date``.
        tax_rate_id: The tax on it.
        is_payment_open: Whether the first payment is still to be made, so that it is incomplete.
        is_invoiced: Whether the customer is sent invoices and pays them by bank transfer.
        grants: The discounts it started with.
    """

    customer_id: str
    items: tuple[Item, ...]
    billing_mode: BillingMode = "flexible"
    currency: str = HOME
    trial_end: int | None = None
    occasion: Occasion = Occasion.NEW_CUSTOMER
    start_date: int | None = None
    is_past_billed: bool = False
    tax_rate_id: str | None = None
    is_payment_open: bool = False
    is_invoiced: bool = False
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsChanged(Happening):
    """The items are ``items`` now; without proration no invoice tells of it before a renewal."""

    change: Change
    items: tuple[Item, ...]
    cause: str = ""
    is_prorated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeScheduled(Happening):
    """A change of the items was agreed that takes effect with the next cycle."""

    items: tuple[Item, ...]
    effective_at: int
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledChangeTookEffect(Happening):
    """The agreed change took effect, exactly at its period's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePending(Happening):
    """A change of the items was asked for but its payment failed: nothing has changed yet."""

    items: tuple[Item, ...]
    expires_at: int
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingUpdateApplied(Happening):
    """The payment was made after all, and the items are as asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingUpdateExpired(Happening):
    """The payment was never made, so that nothing ever changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountGiven(Happening):
    """The subscription, or one of its items, got a discount."""

    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountRemoved(Happening):
    """A discount was taken away before its end."""

    discount_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPaymentMade(Happening):
    """The first payment was made, so that the subscription is active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPaymentExpired(Happening):
    """The first payment was never made: there never was a subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionPaused(Happening):
    """Invoices are not collected for a while; the subscription's status stays."""

    behavior: PauseBehavior
    resumes_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionResumed(Happening):
    """Invoices are collected again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Happening):
    """The subscription was paused as a whole: no cycles, no invoices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Happening):
    """A paused subscription went on, with a new cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationScheduled(Happening):
    """The customer asked to end with the current billing period (or with the trial)."""

    cause: str = ""
    feedback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationWithdrawn(Happening):
    """The customer stays after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationTookEffect(Happening):
    """A scheduled cancellation ended the subscription, exactly at its period's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanceledAtOnce(Happening):
    """The customer ended the subscription at this moment, without a refund."""

    cause: str = ""
    feedback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFailed(Happening):
    """A charge of the latest renewal failed; the next attempt, if there is one, is planned."""

    next_attempt_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecovered(Happening):
    """The open renewal was paid after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedByFailedPayment(Happening):
    """Every attempt failed, so the subscription was canceled, or left unpaid."""

    outcome: Literal["canceled", "unpaid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerHappening:
    """Something that happened to a customer as a whole, at one second."""

    at: int
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDiscounted(CustomerHappening):
    """The customer got a discount on whatever has none of its own."""

    grant: Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDeleted(CustomerHappening):
    """The customer was deleted; its subscriptions end at once by happenings of their own."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A fictional company that became a customer, or the business itself trying its product."""

    id: str
    created: int
    name: str
    email: str
    phone: str | None
    line1: str
    city: str
    postal_code: str
    state: str | None
    country: str
    industry: str | None = None
    channel: str | None = None
    is_internal: bool = False


@dataclass(frozen=True, eq=False)
class BusinessLog:
    """Everything that happened from the first day to the last.

    Attributes:
        seed: Names the account: ids that are derived later depend on it.
        first_day: The first simulated day.
        last_day: The last whole simulated day.
        catalog: What was for sale.
        customers: All customers, in the order in which they came.
        happenings: What happened to subscriptions, oldest first.
        customer_happenings: What happened to customers as a whole, oldest first.
    """

    seed: int
    first_day: date
    last_day: date
    catalog: Catalog
    customers: tuple[Customer, ...]
    happenings: tuple[Happening, ...]
    customer_happenings: tuple[CustomerHappening, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a log that is out of order: everything built on it relies on the order."""
        previous = 0
        for happening in self.happenings:
            if happening.at < previous:
                raise ValueError(f"The log is out of order at {happening}.")
            previous = happening.at

    @property
    def ends_at(self) -> int:
        """The last moment the log knows about: six in the morning after the last day."""
        return end_of_log(self.last_day)


def end_of_log(last_day: date) -> int:
    """Six in the morning after the last whole day, in Unix seconds."""
    return midnight(last_day + timedelta(days=1)) + _CLOSING_HOUR * HOUR
