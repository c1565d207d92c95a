"""The books the simulation keeps while it runs: who has which contract now, and the log so far.

Here belong the state of the running simulation and the few ways in which it may change, each of
which writes to the log. Who changes what, and why, belongs to ``arrivals``, ``changes`` and
``departures``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from nrr_pipeline.demo.billing_pricing import yearly_cost
from nrr_pipeline.demo.catalog import Catalog, Price
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.cycles import DAY, HOUR, BillingCycles, Cadence, midnight
from nrr_pipeline.demo.dice import Dice
from nrr_pipeline.demo.identifiers import Identifiers, part_number
from nrr_pipeline.demo.log import (
    BillingMode,
    Change,
    Customer,
    CustomerHappening,
    Happening,
    Item,
    ItemsChanged,
    Occasion,
    Subscribed,
)
from nrr_pipeline.demo.story import Size

FOREVER = 1 << 62
_AFTER_RENEWAL, _BEFORE_RENEWAL = 2 * HOUR, HOUR
_FIRST_INLINE_PRICE = 1 << 12
_FLEXIBLE_SINCE = midnight(date(2025, 9, 30))


class Wish(NamedTuple):
    """A price that a customer wants, and how many of it; usage has no quantity."""

    price: Price
    quantity: int | None


@dataclass(slots=True, eq=False)
class Account:
    """A customer in the running simulation."""

    customer_id: str
    country: str
    currency: str
    size: Size
    was_set_up_classic: bool
    contracts: list[Contract] = field(default_factory=list)
    may_have_credit: bool = False
    has_discount: bool = False
    is_deleted: bool = False

    @property
    def running(self) -> list[Contract]:
        """The subscriptions that have not ended and are not about to."""
        return [contract for contract in self.contracts if contract.ends_at == FOREVER]


@dataclass(slots=True, eq=False)
class Contract:
    """A subscription in the running simulation.

    ``priced_since`` tells since when each item, also a removed one, had its last price; it may
    change next at ``free_from``; ``side_cycles`` are those of items of another interval than the
    plan's. One that ``keeps_items`` changes only seats, as what was billed may keep a discount;
    one that ``has_switched`` had another interval before.
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
    side_cycles: BillingCycles | None = None
    billing_mode: BillingMode = "flexible"
    grants: list[Grant] = field(default_factory=list)
    keeps_items: bool = False
    is_invoiced: bool = False
    has_switched: bool = False

    @property
    def cadence(self) -> Cadence:
        """How often the plan itself is billed."""
        return self.cycles.cadence

    def was_billed_alike(self, at: int) -> bool:
        """Whether the running cycle was billed with all of today's items at today's prices.

        Only then may an item be removed or get another price, or a discount be taken away:
        otherwise the account could be without one ordinary invoice line that tells of it.
        """
        cycle_start = self.cycles.containing(at)[0]
        return all(self.priced_since[item.id] <= cycle_start for item in self.items)

    def cycle_around(self, at: int) -> tuple[int, int]:
        """The renewals closest to a moment: that before it, and that after it."""
        start, end = self.cycles.containing(at)
        if self.side_cycles is None:
            return start, end
        side_start, side_end = self.side_cycles.containing(at)
        return max(start, side_start), min(end, side_end)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the simulation, from its first second to the next month's."""

    start: int
    end: int


def billing_mode(account: Account, at: int) -> BillingMode:
    """How the prorations are billed of a subscription that starts now; since then all are alike."""
    is_classic = account.was_set_up_classic and at < _FLEXIBLE_SINCE
    return "classic" if is_classic else "flexible"


class Books:
    """All accounts and contracts, and the log that grows with every change to them."""

    def __init__(
        self,
        seed: int,
        catalog: Catalog,
        *,
        told_since: int | None = None,
        in_one_currency: bool = False,
    ) -> None:
        self.told_since = told_since
        self.in_one_currency = in_one_currency
        self.dice = Dice(seed)
        self.ids = Identifiers(seed)
        self.catalog = catalog
        self.price_of = dict(catalog.price_of)
        self.inline_prices: list[Price] = []
        self.customers: list[Customer] = []
        self.contracts: list[Contract] = []
        self.happenings: list[Happening] = []
        self.customer_happenings: list[CustomerHappening] = []
        self._numbers: Counter[str] = Counter()

    # The ways in which the books change

    def subscribe(
        self,
        account: Account,
        at: int,
        wishes: list[Wish],
        *,
        occasion: Occasion,
        trial_end: int | None = None,
        tax_rate_id: str | None = None,
        discounts: Callable[[Contract], list[Grant]] | None = None,
        is_payment_open: bool = False,
        is_invoiced: bool = False,
    ) -> Contract:
        """Start a subscription with one item for every wish."""
        contract = self.open_contract(account, at, wishes, trial_end)
        contract.is_invoiced = is_invoiced
        grants = discounts(contract) if discounts is not None else []
        self.happenings.append(
            Subscribed(
                at=at,
                subscription_id=contract.id,
                customer_id=account.customer_id,
                items=contract.items,
                billing_mode=contract.billing_mode,
                currency=account.currency,
                trial_end=trial_end,
                occasion=occasion,
                tax_rate_id=tax_rate_id,
                grants=tuple(grants),
                is_payment_open=is_payment_open,
                is_invoiced=is_invoiced,
            )
        )
        return contract

    def open_contract(
        self, account: Account, at: int, wishes: list[Wish], trial_end: int | None = None
    ) -> Contract:
        """Put a new subscription into the books; telling the log is left to the caller."""
        number = self.next_number("sub")
        contract = Contract(
            id=self.ids.long("sub", number),
            number=number,
            account=account,
            items=(),
            priced_since={},
            cycles=BillingCycles(trial_end or at, wishes[0].price.cadence),
            free_from=(trial_end or at) + HOUR,
            yearly_amount=0,
            trial_end=trial_end,
            billing_mode=billing_mode(account, at),
            keeps_items=account.has_discount,
        )
        items = tuple(self.new_item(contract, wish.price.id, wish.quantity, at) for wish in wishes)
        self.set_items(contract, items)
        account.contracts.append(contract)
        self.contracts.append(contract)
        return contract

    def inline_price(self, like: Price, unit_amount: Fraction, at: int) -> Price:
        """A price that is made for one subscription, and is on no list."""
        price = replace(
            like,
            id=self.ids.long("price", _FIRST_INLINE_PRICE + len(self.inline_prices)),
            unit_amount=unit_amount,
            created=at,
            options=(),
            is_inline=True,
            archived_at=None,
        )
        self.inline_prices.append(price)
        self.price_of[price.id] = price
        return price

    def change(
        self,
        contract: Contract,
        at: int,
        change: Change,
        items: tuple[Item, ...],
        cause: str,
        *,
        is_prorated: bool = True,
    ) -> None:
        """Change a subscription's items; another interval begins a new billing cycle."""
        before = contract.yearly_amount
        old_prices = {item.id: item.price_id for item in contract.items}
        for item in items:
            if old_prices.get(item.id) != item.price_id:
                contract.priced_since[item.id] = item.trial_end or at
        cadence = self.price_of[items[0].price_id].cadence
        if cadence != contract.cadence:
            contract.cycles = BillingCycles(at, cadence)
            contract.account.may_have_credit = contract.has_switched = True
        self.set_items(contract, items)
        contract.account.may_have_credit |= contract.yearly_amount < before
        contract.free_from = at + HOUR
        self.happenings.append(
            ItemsChanged(
                at=at,
                subscription_id=contract.id,
                change=change,
                items=items,
                cause=cause,
                is_prorated=is_prorated,
            )
        )

    def set_items(self, contract: Contract, items: tuple[Item, ...]) -> None:
        """Put other items into the books; telling the log is left to the caller."""
        contract.items = items
        contract.yearly_amount = self.yearly_amount(contract, items)
        others = {self.price_of[item.price_id].cadence for item in items} - {contract.cadence}
        anchor = contract.cycles.anchor
        contract.side_cycles = BillingCycles(anchor, others.pop()) if others else None

    def restart(self, contract: Contract, at: int) -> None:
        """Begin the cycles of a subscription anew."""
        contract.cycles = BillingCycles(at, contract.cadence)
        contract.free_from = at + HOUR

    def end(self, contract: Contract, ends_at: int, *happenings: Happening) -> None:
        """End a subscription at a moment, by what these happenings tell."""
        contract.ends_at = ends_at
        self.happenings += happenings

    def new_item(self, contract: Contract, price_id: str, quantity: int | None, at: int) -> Item:
        """A new item for a subscription; it is not part of it yet."""
        part = len(contract.priced_since)
        item = Item(self.ids.short("si", part_number(contract.number, part)), price_id, quantity)
        contract.priced_since[item.id] = at
        return item

    def next_number(self, kind: str) -> int:
        """The next number of a kind of thing, from 0."""
        self._numbers[kind] += 1
        return self._numbers[kind] - 1

    # What the books tell

    def may_be_silent(self, at: int) -> bool:
        """Whether something may happen that only events tell of: always, or ``told_since``."""
        return self.told_since is None or at >= self.told_since

    def yearly_amount(self, contract: Contract, items: tuple[Item, ...]) -> int:
        """What items cost a customer in a year, in cents: about twelve times their MRR."""
        currency = contract.account.currency
        prices = [self.price_of[item.price_id].in_currency(currency) for item in items]
        return sum(
            yearly_cost(price, item.quantity) for price, item in zip(prices, items, strict=True)
        )

    def main_price(self, contract: Contract) -> Price:
        """The price of the plan itself, which is always the first item."""
        return self.price_of[contract.items[0].price_id].in_currency(contract.account.currency)

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
        cycle_start, cycle_end = contract.cycle_around(at)
        at = max(at, cycle_start + _AFTER_RENEWAL + second % HOUR)
        at = min(at, cycle_end - _BEFORE_RENEWAL - second % HOUR)
        return at if start <= at < end else None
