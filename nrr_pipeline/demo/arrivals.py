"""How customers come: when, how large, on which plan, and some of them a second time.

Here belong new customers and those that return. What they do while they are here belongs to
``changes``, how they leave to ``departures``.
"""

from __future__ import annotations

from math import exp, log, sqrt

from nrr_pipeline.demo.catalog import Plan, Term
from nrr_pipeline.demo.contracts import Account, Books, Contract, Month
from nrr_pipeline.demo.currencies import HOME, currency_of
from nrr_pipeline.demo.cycles import DAY
from nrr_pipeline.demo.discounting import discount_customer, grants_for, rebates_at_start
from nrr_pipeline.demo.interruptions import open_first_payment
from nrr_pipeline.demo.log import Occasion, Subscribed
from nrr_pipeline.demo.migration import migrated
from nrr_pipeline.demo.profiles import invent_customer
from nrr_pipeline.demo.purchases import purchase, wishes_for
from nrr_pipeline.demo.story import Size

_SIZES = {Size.SMALL: 0.60, Size.MEDIUM: 0.29, Size.LARGE: 0.11}
_TRIAL = 0.08
_TRIAL_DAYS = 14
_SECOND_SUBSCRIPTION = 0.04
_FIRST_PAYMENT_FAILS = 0.06
_TRIES_AGAIN = 0.8
_CLASSIC = 0.60
_INVOICED = {Size.SMALL: 0.0, Size.MEDIUM: 0.2, Size.LARGE: 0.5}
_GROWTH_OF_ARRIVALS = 1.3
"""The last day brings this much more customers than the first, as a share of the first."""


def arrival_times(books: Books, customers: int, start: int, end: int) -> list[int]:
    """When the customers come: more and more of them, the newest last."""
    slope = _GROWTH_OF_ARRIVALS
    times: list[int] = []
    for _ in range(customers):
        share = books.dice.fraction() * (1 + slope / 2)
        progress = (sqrt(1 + 2 * slope * share) - 1) / slope
        times.append(start + int(progress * (end - start)))
    return sorted(times)


def arrive(books: Books, at: int) -> None:
    """A new customer subscribes."""
    dice = books.dice
    account = _new_account(books, at, is_classic=dice.happens(_CLASSIC))
    discount_customer(books, account, at)
    is_trial = dice.happens(_TRIAL)
    trial_end = at + _TRIAL_DAYS * DAY if is_trial else None
    _subscribe(books, account, at, occasion=Occasion.NEW_CUSTOMER, trial_end=trial_end)
    if dice.happens(_SECOND_SUBSCRIPTION):
        later = at + dice.between(2 * DAY, 20 * DAY)
        _subscribe(books, account, later, occasion=Occasion.SECOND_SUBSCRIPTION)


def _new_account(books: Books, at: int, *, is_classic: bool) -> Account:
    dice = books.dice
    number = len(books.customers)
    customer_id = books.ids.short("cus", number)
    created = at - dice.between(40, 900)
    books.customers.append(invent_customer(dice, customer_id, number, created))
    customer = books.customers[-1]
    size = Size.SMALL if customer.is_internal else dice.weigh(_SIZES)
    currency = HOME if books.in_one_currency else currency_of(customer.country)
    return Account(customer_id, customer.country, currency, size, is_classic)


def migrate(books: Books, at: int, opened: int) -> None:
    """A customer of another billing system is taken over."""
    account = _new_account(books, at, is_classic=False)
    _subscribe(books, account, at, occasion=Occasion.NEW_CUSTOMER, is_plain=True)
    started = books.happenings[-1]
    if isinstance(started, Subscribed):
        books.happenings[-1] = migrated(books, started, opened)


def come_back(books: Books, left: Contract, month: Month) -> None:
    """A customer that left subscribes anew, about as large as before."""
    dice = books.dice
    if left.account.is_deleted:
        return
    at = dice.between(month.start, month.end - 1)
    seats = max(1, round((left.items[0].quantity or 1) * dice.within(0.6, 1.1)))
    price = books.main_price(left)
    plan = Plan.STARTER if price.plan is Plan.FREE else price.plan
    term: Term = "month" if dice.happens(0.8) else price.term
    wishes = wishes_for(books, left.account, plan, term, seats, at)
    books.subscribe(left.account, at, wishes, occasion=Occasion.RETURN)


def _subscribe(
    books: Books,
    account: Account,
    at: int,
    *,
    occasion: Occasion,
    trial_end: int | None = None,
    is_plain: bool = False,
) -> None:
    """Start a subscription; a plain one has no discount, and its first payment does not fail."""
    dice = books.dice
    fewest, most = account.size.value
    seats = round(exp(dice.within(log(fewest), log(most))))
    bought = purchase(books, account, seats, at)
    rebates = [] if is_plain else rebates_at_start(books, account, bought.wishes)
    is_invoiced = bought.is_for_long and dice.happens(_INVOICED[account.size])
    is_late = not (is_plain or is_invoiced or trial_end or rebates)
    is_late = is_late and dice.happens(_FIRST_PAYMENT_FAILS)
    is_late = is_late and not bought.is_free
    contract = books.subscribe(
        account,
        at,
        bought.wishes,
        occasion=occasion,
        trial_end=None if bought.is_free else trial_end,
        tax_rate_id=bought.tax_rate_id,
        discounts=lambda contract: grants_for(books, contract, rebates, at),
        is_payment_open=is_late,
        is_invoiced=is_invoiced,
    )
    if is_late and not open_first_payment(books, contract, at) and dice.happens(_TRIES_AGAIN):
        later = at + dice.between(DAY, 3 * DAY)
        _subscribe(books, account, later, occasion=occasion, is_plain=True)
