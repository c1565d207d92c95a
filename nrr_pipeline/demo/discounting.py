"""Who gets a discount, of which form, and who loses one.

Here belong the choices. The coupons stand in ``coupon_list``; what a discount takes off belongs
to billing and to the truth.
"""

from __future__ import annotations

from typing import NamedTuple

from nrr_pipeline.demo.catalog import Plan
from nrr_pipeline.demo.contracts import FOREVER, Account, Books, Contract, Month, Wish
from nrr_pipeline.demo.coupon_list import Offer, coupon_id
from nrr_pipeline.demo.coupons import Coupon, DiscountLevel, Grant
from nrr_pipeline.demo.cycles import DAY, HOUR, months_later
from nrr_pipeline.demo.log import (
    CustomerDiscounted,
    DiscountGiven,
    DiscountRemoved,
)

_DISCOUNTED_AT_START = 0.24
_AT_START: dict[Offer, float] = {
    Offer.WELCOME: 0.20,
    Offer.CAMPAIGN: 0.12,
    Offer.PILOT: 0.04,
    Offer.KICK_OFF: 0.08,
    Offer.PARTNER: 0.12,
    Offer.LAUNCH: 0.10,
    Offer.BUNDLE: 0.10,
    Offer.FIRST_INVOICE: 0.14,
    Offer.VOUCHER: 0.10,
}
_ALSO_REFERRED = 0.15
_REPORTS = 0.30
_OF_CUSTOMER: dict[Offer, float] = {Offer.NON_PROFIT: 0.6, Offer.LOYALTY: 0.4}
_CUSTOMERS_DISCOUNTED = 0.04
_STAYS_A_MONTH = 0.006
_REMOVED_A_MONTH = 0.012


class Rebate(NamedTuple):
    """A coupon for a subscription, or for one of its items by position."""

    coupon: Coupon
    position: int | None = None


def rebates_at_start(books: Books, account: Account, wishes: list[Wish]) -> list[Rebate]:
    """The discounts that a subscription starts with."""
    dice = books.dice
    if account.has_discount or wishes[0].price.plan is Plan.FREE:
        return []
    found = [
        Rebate(_coupon(books, Offer.REPORTS), position)
        for position, wish in enumerate(wishes)
        if position and wish.quantity is not None and dice.happens(_REPORTS)
    ]
    if dice.happens(_DISCOUNTED_AT_START):
        found.append(Rebate(_coupon(books, dice.weigh(_AT_START))))
        if dice.happens(_ALSO_REFERRED):
            found.append(Rebate(_coupon(books, Offer.REFERRED)))
    return found


def is_sold(rebate: Rebate, at: int) -> bool:
    """Whether a coupon can still be had."""
    return rebate.coupon.deleted_at is None or at < rebate.coupon.deleted_at


def grants_for(books: Books, contract: Contract, rebates: list[Rebate], at: int) -> list[Grant]:
    """Give discounts to a subscription that starts or goes on."""
    grants = [
        new_grant(
            books,
            rebate.coupon,
            "subscription" if rebate.position is None else "item",
            contract.id if rebate.position is None else contract.items[rebate.position].id,
            at,
        )
        for rebate in rebates
        if is_sold(rebate, at)
    ]
    contract.grants += grants
    contract.keeps_items |= any(grant.end is not None for grant in grants)
    return grants


def discount_customer(books: Books, account: Account, at: int) -> None:
    """Now and then give a discount to a customer as a whole, when it comes."""
    if not books.dice.happens(_CUSTOMERS_DISCOUNTED):
        return
    account.has_discount = True
    coupon = _coupon(books, books.dice.weigh(_OF_CUSTOMER))
    grant = new_grant(books, coupon, "customer", account.customer_id, at)
    happening = CustomerDiscounted(at=at, customer_id=account.customer_id, grant=grant)
    books.customer_happenings.append(happening)


def persuade_some(books: Books, month: Month) -> None:
    """Give a discount to some monthly customers who think of leaving."""
    coupon = _coupon(books, Offer.STAY)
    for contract in books.contracts:
        if not books.dice.happens(_STAYS_A_MONTH) or not _may_be_persuaded(contract):
            continue
        at = books.moment_within(contract, month.start, month.end)
        if at is not None:
            (grant,) = grants_for(books, contract, [Rebate(coupon)], at)
            books.happenings.append(DiscountGiven(at=at, subscription_id=contract.id, grant=grant))
            contract.free_from = contract.cycle_around(at)[1] + 2 * HOUR


def remove_some(books: Books, month: Month) -> None:
    """Take a lasting discount away from some who have had it for long."""
    for contract in books.contracts:
        lasting = [
            each for each in contract.grants if each.end is None and each.start < month.start
        ]
        if not lasting or contract.ends_at != FOREVER or contract.has_switched:
            continue
        is_long_ago = lasting[0].start < month.start - 60 * DAY
        if not is_long_ago or not books.dice.happens(_REMOVED_A_MONTH):
            continue
        at = books.moment_within(contract, month.start, month.end)
        if at is not None and contract.was_billed_alike(at):
            gone = lasting[0]
            contract.grants.remove(gone)
            contract.keeps_items = True
            books.happenings.append(
                DiscountRemoved(at=at, subscription_id=contract.id, discount_id=gone.id)
            )
            contract.free_from = at + HOUR


def new_grant(books: Books, coupon: Coupon, level: DiscountLevel, owner_id: str, at: int) -> Grant:
    """A discount by a coupon, from a moment on."""
    return Grant(
        id=books.ids.long("di", books.next_number("di")),
        coupon_id=coupon.id,
        level=level,
        owner_id=owner_id,
        start=at,
        end=None if coupon.months is None else months_later(at, coupon.months),
    )


def _may_be_persuaded(contract: Contract) -> bool:
    is_short = contract.cadence.months <= 1 and contract.side_cycles is None
    had_one = bool(contract.grants) or contract.keeps_items or contract.account.has_discount
    return is_short and not had_one and contract.yearly_amount > 0 and contract.ends_at == FOREVER


def _coupon(books: Books, offer: Offer) -> Coupon:
    return books.catalog.coupon_of[coupon_id(books.ids, offer)]
