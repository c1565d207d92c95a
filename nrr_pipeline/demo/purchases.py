"""What customers buy: plans, terms, add-ons, negotiated prices, and the taxes on them.

Here belongs the choice among what the price list offers. When customers come belongs to
``arrivals``, what they change later to ``changes``.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import NamedTuple

from nrr_pipeline.demo.catalog import Plan, Price, Term
from nrr_pipeline.demo.contracts import Account, Books, Contract, Wish, billing_mode
from nrr_pipeline.demo.log import BillingMode
from nrr_pipeline.demo.story import Size

_PLANS: dict[Size, dict[Plan, float]] = {
    Size.SMALL: {
        Plan.FREE: 0.07,
        Plan.STARTER: 0.50,
        Plan.TEAM: 0.27,
        Plan.STUDIO: 0.08,
        Plan.SCALE: 0.04,
        Plan.BUSINESS: 0.04,
    },
    Size.MEDIUM: {
        Plan.STARTER: 0.12,
        Plan.TEAM: 0.46,
        Plan.BUSINESS: 0.18,
        Plan.STUDIO: 0.13,
        Plan.SCALE: 0.11,
    },
    Size.LARGE: {Plan.TEAM: 0.42, Plan.BUSINESS: 0.33, Plan.SCALE: 0.25},
}
_TERMS: dict[Size, dict[Term, float]] = {
    Size.SMALL: {"week": 0.06, "month": 0.60, "quarter": 0.06, "year": 0.28},
    Size.MEDIUM: {"month": 0.48, "quarter": 0.09, "year": 0.40, "two years": 0.03},
    Size.LARGE: {"month": 0.32, "quarter": 0.10, "year": 0.50, "two years": 0.08},
}
_ADD_ONS: dict[Plan, dict[Size, float]] = {
    Plan.INSIGHTS: {Size.SMALL: 0.03, Size.MEDIUM: 0.12, Size.LARGE: 0.22},
    Plan.GUESTS: {Size.SMALL: 0.04, Size.MEDIUM: 0.09, Size.LARGE: 0.12},
    Plan.AUTOMATIONS: {Size.SMALL: 0.04, Size.MEDIUM: 0.08, Size.LARGE: 0.12},
    Plan.API_CALLS: {Size.SMALL: 0.03, Size.MEDIUM: 0.08, Size.LARGE: 0.16},
}
_LATER_ADD_ONS = {
    Plan.INSIGHTS: 0.5,
    Plan.GUESTS: 0.25,
    Plan.AUTOMATIONS: 0.25,
}
_NEGOTIATED = 0.40
_WITH_TAX = 0.75
_ON_THE_SIDE = 0.30


class Purchase(NamedTuple):
    """What a customer buys together."""

    wishes: list[Wish]
    tax_rate_id: str | None

    @property
    def is_for_long(self) -> bool:
        """Whether it is paid for a year or longer at once, by a customer without other terms."""
        return {wish.price.cadence.interval for wish in self.wishes} == {"year"}

    @property
    def is_free(self) -> bool:
        """Whether nothing is to be paid for it."""
        return self.wishes[0].price.plan is Plan.FREE


def purchase(books: Books, account: Account, seats: int, at: int) -> Purchase:
    """What a new customer buys."""
    dice, size = books.dice, account.size
    plan, term = dice.weigh(_PLANS[size]), dice.weigh(_TERMS[size])
    with_tax = _buys_with_tax(books, account, plan)
    wishes = wishes_for(books, account, plan, term, seats, at, with_tax=with_tax)
    main, mode = wishes[0].price, billing_mode(account, at)
    if size is Size.LARGE and main.unit_amount is not None and dice.happens(_NEGOTIATED):
        wishes = [Wish(_negotiated(books, main, at), seats)]
    if not with_tax and plan is not Plan.FREE:
        for add_on, shares in _ADD_ONS.items():
            if dice.happens(shares[size]):
                wishes += _add_on(books, mode, main, add_on, seats, at)
    return Purchase(wishes, _tax_rate_id(books, account, main))


def wishes_for(
    books: Books,
    account: Account,
    plan: Plan,
    term: Term,
    seats: int,
    at: int,
    *,
    with_tax: bool = False,
) -> list[Wish]:
    """A plan alone, by the month where it is not sold for the term."""
    offered: Term = term if books.catalog.sells(plan, term, with_tax=with_tax) else "month"
    quantity = min(seats, 3) if plan is Plan.FREE else seats
    price = books.catalog.offer(plan, offered, at, with_tax=with_tax, currency=account.currency)
    return [Wish(price, quantity)]


def add_on_wish(books: Books, contract: Contract, at: int) -> Wish | None:
    """An add-on that goes with a subscription that has none, if there is one."""
    main = books.main_price(contract)
    if main.is_tax_inclusive or main.plan is Plan.FREE:
        return None
    plan = books.dice.weigh(_LATER_ADD_ONS)
    seats = contract.items[0].quantity or 1
    wishes = _add_on(books, contract.billing_mode, main, plan, seats, at)
    return wishes[0] if wishes and wishes[0].price.cadence == main.cadence else None


def _add_on(
    books: Books, mode: BillingMode, main: Price, plan: Plan, seats: int, at: int
) -> list[Wish]:
    """An add-on for the plan's own term, or by the month beside it where billing allows that."""
    may_differ = mode == "flexible" and main.cadence.months > 1
    term = main.term
    if may_differ and (plan is Plan.API_CALLS or books.dice.happens(_ON_THE_SIDE)):
        term = "month"
    if not books.catalog.sells(plan, term):
        return []
    price = books.catalog.offer(plan, term, at, currency=main.currency)
    if price.is_metered:
        return [Wish(price, None)]
    if plan is Plan.GUESTS:
        return [Wish(price, max(6, ceil(seats * books.dice.within(0.5, 1.5))))]
    return [Wish(price, seats)]


def _buys_with_tax(books: Books, account: Account, plan: Plan) -> bool:
    """Whether the price contains the tax, as it often does for small customers in Europe."""
    is_for_sale = books.catalog.sells(plan, "month", with_tax=True)
    is_taxed = any(rate.country == account.country for rate in books.catalog.tax_rates)
    is_small = account.size is Size.SMALL
    return is_for_sale and is_taxed and is_small and books.dice.happens(_WITH_TAX)


def _tax_rate_id(books: Books, account: Account, main: Price) -> str | None:
    return next(
        (
            rate.id
            for rate in books.catalog.tax_rates
            if rate.country == account.country and rate.is_inclusive == main.is_tax_inclusive
        ),
        None,
    )


def _negotiated(books: Books, listed: Price, at: int) -> Price:
    """A price that a large customer gets for itself, in tenths of a cent."""
    share = books.dice.between(700, 950)
    amount = Fraction(round((listed.unit_amount or 0) * share / 100), 10)
    return books.inline_price(listed, amount, at)
