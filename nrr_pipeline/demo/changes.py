"""How subscriptions that go on change: seats, plans, add-ons, intervals, further subscriptions.

Here belong the choices of customers that stay. The plan says how much MRR is to move in a month;
customers are drawn until it has moved. Leaving belongs to ``departures``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from math import ceil

from nrr_pipeline.demo.billing_pricing import yearly_cost
from nrr_pipeline.demo.catalog import Plan, Term
from nrr_pipeline.demo.contracts import FOREVER, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR, MINUTE
from nrr_pipeline.demo.departures import end_within
from nrr_pipeline.demo.log import Change, Item, Occasion
from nrr_pipeline.demo.purchases import add_on_wish, wishes_for
from nrr_pipeline.demo.story import MonthPlan, Size

_OVERSHOOT = 1.25
"""A change may exceed what is left of the month's budget by this factor."""

_NEXT_PLAN = {
    Plan.FREE: Plan.STARTER,
    Plan.STARTER: Plan.TEAM,
    Plan.TEAM: Plan.BUSINESS,
    Plan.STUDIO: Plan.SCALE,
}
_LOWER_PLAN = {
    Plan.BUSINESS: Plan.TEAM,
    Plan.TEAM: Plan.STARTER,
    Plan.STARTER: Plan.FREE,
    Plan.SCALE: Plan.STUDIO,
}
_NEW_ITEM = 0.25
"""Share of plan changes that remove the item and add a new one, instead of changing its price."""

_WITHOUT_PRORATION = 0.05
"""Share of seat changes of short cycles that wait for the next one to be billed."""

_ADD_ON_TRIAL = 0.45
_ADD_ON_TRIAL_DAYS = 14

_TYPING_ERROR = 0.04
"""Share of seat changes that are wrong at first and put right soon after."""


@dataclass(slots=True)
class Budget:
    """How much may still move, in cents a year."""

    left: float

    def allows(self, amount: int) -> bool:
        """Whether a change of this size still fits."""
        return 0 < amount <= self.left * _OVERSHOOT


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that a customer might make."""

    change: Change
    items: tuple[Item, ...]
    cause: str


Proposer = Callable[[Books, Contract, int, float], Proposal | None]
"""Makes a proposal for a subscription at a moment; the last number is the share of seats."""


def expand(books: Books, plan: MonthPlan, month: Month, budget: Budget) -> None:
    """Let customers grow until the budget is used up, or all were asked twice."""
    for contract in chain(books.dice.walk(books.contracts), books.dice.walk(books.contracts)):
        if budget.left <= 0:
            return
        if contract.account.size not in plan.expanding:
            continue
        share = books.dice.within(*plan.growth)
        if books.dice.happens(0.06):
            _subscribe_again(books, contract, month, budget)
            continue
        proposer = books.dice.weigh(_EXPANSIONS)
        _make(books, contract, month, budget, proposer, share)


def contract_some(books: Books, plan: MonthPlan, month: Month, budget: Budget) -> None:
    """Let customers shrink, without leaving, until the budget is used up."""
    for contract in books.dice.walk(books.contracts):
        if budget.left <= 0:
            return
        is_one_of_two = len(contract.account.running) > 1 and contract.ends_at == FOREVER
        if is_one_of_two and budget.allows(contract.yearly_amount):
            if end_within(books, contract, plan, month, unpaid_from=FOREVER):
                budget.left -= contract.yearly_amount
            continue
        share = -books.dice.within(0.10, 0.45)
        _make(books, contract, month, budget, books.dice.weigh(_CONTRACTIONS), share)


def reorganize(books: Books, month: Month, budget: Budget) -> None:
    """Let large customers cut seats until the budget is used up."""
    for contract in books.dice.walk(books.contracts):
        if budget.left <= 0:
            return
        if contract.account.size is not Size.LARGE:
            continue
        share = -books.dice.within(0.30, 0.60)
        _make(books, contract, month, budget, _cut_after_reorganization, share)


def _make(
    books: Books,
    contract: Contract,
    month: Month,
    budget: Budget,
    proposer: Proposer,
    share: float,
) -> None:
    """Make a proposed change if the subscription is free for it and the budget allows it."""
    if contract.ends_at != FOREVER:
        return
    at = books.moment_within(contract, month.start, month.end)
    if at is None:
        return
    proposal = proposer(books, contract, at, share)
    if proposal is None or (contract.keeps_items and proposal.change is not Change.SEATS):
        return
    amount = abs(books.yearly_amount(contract, proposal.items) - contract.yearly_amount)
    if not budget.allows(amount):
        return
    budget.left -= amount
    if proposal.change is Change.SEATS and books.dice.happens(_TYPING_ERROR):
        at = _mistype(books, contract, at, proposal)
    is_short = contract.cadence.months <= 1 and proposal.change is Change.SEATS
    is_silent = is_short and books.dice.happens(_WITHOUT_PRORATION) and books.may_be_silent(at)
    books.change(
        contract, at, proposal.change, proposal.items, proposal.cause, is_prorated=not is_silent
    )
    for item in proposal.items:
        if item.trial_end is not None:
            contract.free_from = max(contract.free_from, item.trial_end + HOUR)


def _mistype(books: Books, contract: Contract, at: int, proposal: Proposal) -> int:
    """Set the seats wrong first, and return when they are put right."""
    wrong = tuple(
        item._replace(quantity=item.quantity and item.quantity * 2) for item in proposal.items
    )
    if wrong == contract.items:
        return at
    books.change(contract, at, Change.SEATS, wrong, "typing error")
    return at + books.dice.between(3 * MINUTE, 50 * MINUTE)


def _subscribe_again(books: Books, contract: Contract, month: Month, budget: Budget) -> None:
    """Another department of the customer subscribes on its own."""
    at = books.moment_within(contract, month.start, month.end)
    if at is None or contract.ends_at != FOREVER or len(contract.account.running) > 1:
        return
    plan = books.main_price(contract).plan
    if plan is Plan.FREE:
        return
    term: Term = "month" if books.dice.happens(0.6) else "year"
    seats = max(1, round((contract.items[0].quantity or 1) * books.dice.within(0.15, 0.5)))
    wishes = wishes_for(books, contract.account, plan, term, seats, at)
    amount = yearly_cost(wishes[0].price, seats)
    if budget.allows(amount):
        budget.left -= amount
        books.subscribe(contract.account, at, wishes, occasion=Occasion.SECOND_SUBSCRIPTION)


# Proposals


def _seats(books: Books, contract: Contract, at: int, share: float) -> Proposal | None:
    del books, at
    return _other_seats(contract, share, "the team grew" if share > 0 else "fewer people")


def _cut_after_reorganization(
    books: Books, contract: Contract, at: int, share: float
) -> Proposal | None:
    del books, at
    return _other_seats(contract, share, "re-organization")


def _other_seats(contract: Contract, share: float, cause: str) -> Proposal | None:
    items = tuple(
        item
        if item.quantity is None
        else item._replace(quantity=item.quantity + _step(item.quantity * share))
        for item in contract.items
    )
    if any(item.quantity is not None and item.quantity < 1 for item in items):
        return None
    return Proposal(Change.SEATS, items, cause)


def _step(seats: float) -> int:
    """Whole seats away from zero, at least one."""
    return ceil(seats) if seats > 0 else -ceil(-seats)


def _other_plan(books: Books, contract: Contract, at: int, share: float) -> Proposal | None:
    """The next plan up, or down, for the same seats."""
    price = books.main_price(contract)
    plan = (_NEXT_PLAN if share > 0 else _LOWER_PLAN).get(price.plan)
    if plan is None or not contract.was_billed_alike(at):
        return None
    if plan is Plan.FREE and contract.items[1:]:
        return None
    if not books.catalog.sells(plan, price.term, with_tax=price.is_tax_inclusive):
        return None
    price_id = books.catalog.offer(
        plan, price.term, at, with_tax=price.is_tax_inclusive, currency=price.currency
    ).id
    item = contract.items[0]
    cause = "needs more than the plan has" if share > 0 else "needs less than the plan has"
    if books.dice.happens(_NEW_ITEM):
        new_item = books.new_item(contract, price_id, item.quantity, at)
        return Proposal(Change.PLAN_REPLACED, (new_item, *contract.items[1:]), cause)
    switched = item._replace(price_id=price_id)
    return Proposal(Change.PLAN_SWITCHED, (switched, *contract.items[1:]), cause)


def _add_on(books: Books, contract: Contract, at: int, share: float) -> Proposal | None:
    """Take an add-on, or give one up."""
    if share > 0 and len(contract.items) == 1:
        wish = add_on_wish(books, contract, at)
        if wish is None:
            return None
        added = books.new_item(contract, wish.price.id, wish.quantity, at)
        may_try = contract.billing_mode == "flexible"
        if may_try and books.dice.happens(_ADD_ON_TRIAL):
            added = added._replace(trial_end=at + _ADD_ON_TRIAL_DAYS * DAY)
        return Proposal(Change.ITEM_ADDED, (*contract.items, added), "wants more")
    if share < 0 and len(contract.items) > 1 and contract.was_billed_alike(at):
        return Proposal(Change.ITEM_REMOVED, contract.items[:-1], "the add-on is not used")
    return None


def _other_interval(books: Books, contract: Contract, at: int, share: float) -> Proposal | None:
    """From yearly to monthly, which is dearer, or the other way."""
    term: Term = "month" if share > 0 else "year"
    prices = [books.price_of[item.price_id] for item in contract.items]
    is_other = prices[0].term == ("year" if share > 0 else "month")
    can_be_had = all(
        not price.is_inline
        and books.catalog.sells(price.plan, term, with_tax=price.is_tax_inclusive)
        for price in prices
    )
    if not is_other or contract.side_cycles is not None or not can_be_had:
        return None
    if not contract.was_billed_alike(at):
        return None
    offers = [
        books.catalog.offer(
            price.plan,
            term,
            at,
            with_tax=price.is_tax_inclusive,
            currency=contract.account.currency,
        )
        for price in prices
    ]
    items = tuple(
        item._replace(price_id=offer.id) for item, offer in zip(contract.items, offers, strict=True)
    )
    cause = "wants to stay flexible" if share > 0 else "the yearly price is lower"
    return Proposal(Change.PLAN_SWITCHED, items, cause)


_EXPANSIONS: dict[Proposer, float] = {
    _seats: 0.72,
    _other_plan: 0.12,
    _add_on: 0.12,
    _other_interval: 0.04,
}
_CONTRACTIONS: dict[Proposer, float] = {
    _seats: 0.50,
    _other_plan: 0.14,
    _add_on: 0.24,
    _other_interval: 0.12,
}
