"""The books the simulation keeps while it runs: who has which contract now, and the log so far.

Here belong the state of the running simulation and the few ways in which it may change, each of
which writes to the log. Who changes what, and why, belongs to ``arrivals``, ``changes`` and
``departures``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from nrr_pipeline.demo.catalog import Catalog, Interval, Plan, Price
from nrr_pipeline.demo.cycles import DAY, HOUR, BillingCycles, midnight
from nrr_pipeline.demo.dice import Dice
from nrr_pipeline.demo.identifiers import Identifiers, part_number
from nrr_pipeline.demo.log import (
    BillingMode,
    Change,
    Customer,
    Happening,
    Item,
    ItemsChanged,
    Occasion,
    Subscribed,
)
from nrr_pipeline.demo.story import Size

_AFTER_RENEWAL = 2 * HOUR
_BEFORE_RENEWAL = HOUR
FOREVER = 1 << 62

_FLEXIBLE_SINCE = midnight(date(2025, 9, 30))
"""Since this day new subscriptions are billed in the flexible mode."""


@dataclass(slots=True, eq=False)
class Account:
    """A customer in the running simulation."""

    customer_id: str
    size: Size
    was_set_up_classic: bool
    contracts: list[Contract] = field(default_factory=list)
    may_have_credit: bool = False

    @property
    def running(self) -> list[Contract]:
        """The subscriptions that have not ended and are not about to."""
        return [contract for contract in self.contracts if contract.ends_at == FOREVER]


@dataclass(slots=True, eq=False)
class Contract:
    """A subscription in the running simulation.

    ``priced_since`` tells since when each item, also a removed one, had its last price;
    ``free_from`` is when the subscription may change next.
    """

    id: str
    number: int
    account: Account
    items: tuple[Item, ...]
    priced_since: dict[str, int]
    cycles: BillingCycles
    free_from: int
    yearly_amount: int
    trial_end: int | None = None
    ends_at: int = FOREVER


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the simulation, from its first second to the next month's."""

    start: int
    end: int


def _billing_mode(account: Account, at: int) -> BillingMode:
    is_classic = account.was_set_up_classic and at < _FLEXIBLE_SINCE
    return "classic" if is_classic else "flexible"


class Books:
    """All accounts and contracts, and the log that grows with every change to them."""

    def __init__(self, seed: int, catalog: Catalog) -> None:
        self.dice = Dice(seed)
        self.ids = Identifiers(seed)
        self.catalog = catalog
        self.customers: list[Customer] = []
        self.contracts: list[Contract] = []
        self.happenings: list[Happening] = []
        self._subscriptions = 0

    # The ways in which the books change

    def subscribe(
        self,
        account: Account,
        at: int,
        prices: list[Price],
        seats: int,
        *,
        occasion: Occasion,
        trial_end: int | None = None,
    ) -> Contract:
        """Start a subscription with one item for every price."""
        number, self._subscriptions = self._subscriptions, self._subscriptions + 1
        contract = Contract(
            id=self.ids.long("sub", number),
            number=number,
            account=account,
            items=(),
            priced_since={},
            cycles=BillingCycles(trial_end or at, months=prices[0].months),
            free_from=(trial_end or at) + HOUR,
            yearly_amount=0,
            trial_end=trial_end,
        )
        items = tuple(self.new_item(contract, price.id, seats, at) for price in prices)
        self._set_items(contract, items)
        account.contracts.append(contract)
        self.contracts.append(contract)
        self.happenings.append(
            Subscribed(
                at=at,
                subscription_id=contract.id,
                customer_id=account.customer_id,
                items=items,
                billing_mode=_billing_mode(account, at),
                trial_end=trial_end,
                occasion=occasion,
            )
        )
        return contract

    def change(
        self, contract: Contract, at: int, change: Change, items: tuple[Item, ...], cause: str
    ) -> None:
        """Change a subscription's items; another interval begins a new billing cycle."""
        before = contract.yearly_amount
        old_prices = {item.id: item.price_id for item in contract.items}
        for item in items:
            if old_prices.get(item.id) != item.price_id:
                contract.priced_since[item.id] = at
        self._set_items(contract, items)
        months = self.catalog.price_of[items[0].price_id].months
        if months != contract.cycles.months:
            contract.cycles = BillingCycles(at, months=months)
            contract.account.may_have_credit = True
        if contract.yearly_amount < before:
            contract.account.may_have_credit = True
        contract.free_from = at + HOUR
        self.happenings.append(
            ItemsChanged(
                at=at, subscription_id=contract.id, change=change, items=items, cause=cause
            )
        )

    def end(self, contract: Contract, ends_at: int, *happenings: Happening) -> None:
        """End a subscription at a moment, by what these happenings tell."""
        contract.ends_at = ends_at
        self.happenings += happenings

    def new_item(self, contract: Contract, price_id: str, seats: int, at: int) -> Item:
        """A new item for a subscription; it is not part of it yet."""
        part = len(contract.priced_since)
        item = Item(self.ids.short("si", part_number(contract.number, part)), price_id, seats)
        contract.priced_since[item.id] = at
        return item

    # What the books tell

    def yearly_amount(self, items: tuple[Item, ...]) -> int:
        """What items cost in a year, in cents: twelve times their MRR."""
        total = 0
        for item in items:
            price = self.catalog.price_of[item.price_id]
            total += price.unit_amount * item.quantity * 12 // price.months
        return total

    def main_price(self, contract: Contract) -> Price:
        """The price of the plan itself, which is always the first item."""
        return self.catalog.price_of[contract.items[0].price_id]

    def prices(self, plan: Plan, interval: Interval, at: int, *, add_on: bool) -> list[Price]:
        """The prices of a plan, with or without the add-on, as they are on sale at a moment."""
        plans = [plan, Plan.INSIGHTS] if add_on else [plan]
        return [self.catalog.offer(each, interval, at) for each in plans]

    def moment_within(self, contract: Contract, start: int, end: int) -> int | None:
        """A moment at which a subscription may change, or nothing when there is none.

        Moments close to a renewal are left out, so that no change meets a draft invoice.
        """
        start = max(start, contract.free_from)
        if end - start < DAY:
            return None
        day = self.dice.between(start // DAY, (end - 1) // DAY)
        second = int((self.dice.fraction() + self.dice.fraction()) / 2 * DAY)
        at = day * DAY + second
        cycle_start, cycle_end = contract.cycles.containing(at)
        at = max(at, cycle_start + _AFTER_RENEWAL + second % HOUR)
        at = min(at, cycle_end - _BEFORE_RENEWAL - second % HOUR)
        return at if start <= at < end else None

    def _set_items(self, contract: Contract, items: tuple[Item, ...]) -> None:
        contract.items = items
        contract.yearly_amount = self.yearly_amount(items)
