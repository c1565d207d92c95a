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
from nrr_pipeline.demo.cycles import HOUR, midnight

BillingMode = Literal["classic", "flexible"]
_CLOSING_HOUR = 6


class Item(NamedTuple):
    """One subscription item: what is bought, and how many seats of it."""

    id: str
    price_id: str
    quantity: int


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
    """A subscription started, with a trial when ``trial_end`` is set."""

    customer_id: str
    items: tuple[Item, ...]
    billing_mode: BillingMode = "flexible"
    trial_end: int | None = None
    occasion: Occasion = Occasion.NEW_CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsChanged(Happening):
    """The items were changed, with proration, in one request; ``items`` is how they are now."""

    change: Change
    items: tuple[Item, ...]
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationScheduled(Happening):
    """The customer asked to end with the current billing period (or with the trial)."""

    cause: str = ""
    feedback: str | None = None


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


@dataclass(frozen=True, slots=True)
class Customer:
    """A fictional company that became a customer."""

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


@dataclass(frozen=True, eq=False)
class BusinessLog:
    """Everything that happened from the first day to the last.

    Attributes:
        seed: Names the account: ids that are derived later depend on it.
        first_day: The first simulated day.
        last_day: The last whole simulated day.
        catalog: What was for sale.
        customers: All customers, in the order in which they came.
        happenings: What happened, oldest first.
    """

    seed: int
    first_day: date
    last_day: date
    catalog: Catalog
    customers: tuple[Customer, ...]
    happenings: tuple[Happening, ...]

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
