"""How customers come: when, how large, on which plan, and some of them a second time.

Here belong new customers and those that return. What they do while they are here belongs to
``changes``, how they leave to ``departures``.
"""

from __future__ import annotations

from math import exp, log, sqrt

from nrr_pipeline.demo.catalog import Interval, Plan
from nrr_pipeline.demo.contracts import Account, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY
from nrr_pipeline.demo.log import Occasion
from nrr_pipeline.demo.profiles import invent_customer
from nrr_pipeline.demo.story import Size

_SIZES = {Size.SMALL: 0.60, Size.MEDIUM: 0.29, Size.LARGE: 0.11}
_PLANS: dict[Size, dict[Plan, float]] = {
    Size.SMALL: {Plan.STARTER: 0.62, Plan.TEAM: 0.33, Plan.BUSINESS: 0.05},
    Size.MEDIUM: {Plan.STARTER: 0.15, Plan.TEAM: 0.62, Plan.BUSINESS: 0.23},
    Size.LARGE: {Plan.TEAM: 0.58, Plan.BUSINESS: 0.42},
}
_YEARLY = {Size.SMALL: 0.28, Size.MEDIUM: 0.42, Size.LARGE: 0.58}
_ADD_ON = {Size.SMALL: 0.04, Size.MEDIUM: 0.14, Size.LARGE: 0.26}
_TRIAL = 0.08
_TRIAL_DAYS = 14
_SECOND_SUBSCRIPTION = 0.04
_CLASSIC = 0.60
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
    number = len(books.customers)
    customer_id = books.ids.short("cus", number)
    created = at - dice.between(40, 900)
    books.customers.append(invent_customer(dice, customer_id, number, created))
    is_classic = dice.happens(_CLASSIC)
    account = Account(customer_id, dice.weigh(_SIZES), is_classic)
    is_trial = dice.happens(_TRIAL)
    trial_end = at + _TRIAL_DAYS * DAY if is_trial else None
    _subscribe(books, account, at, occasion=Occasion.NEW_CUSTOMER, trial_end=trial_end)
    if dice.happens(_SECOND_SUBSCRIPTION):
        later = at + dice.between(DAY // 4, 20 * DAY)
        _subscribe(books, account, later, occasion=Occasion.SECOND_SUBSCRIPTION)


def come_back(books: Books, left: Contract, month: Month) -> None:
    """A customer that left subscribes anew, about as large as before."""
    dice = books.dice
    at = dice.between(month.start, month.end - 1)
    seats = max(1, round(left.items[0].quantity * dice.within(0.6, 1.1)))
    price = books.main_price(left)
    interval: Interval = "month" if dice.happens(0.8) else price.interval
    prices = books.prices(price.plan, interval, at, add_on=False)
    books.subscribe(left.account, at, prices, seats, occasion=Occasion.RETURN)


def _subscribe(
    books: Books,
    account: Account,
    at: int,
    *,
    occasion: Occasion,
    trial_end: int | None = None,
) -> None:
    dice, size = books.dice, account.size
    plan = dice.weigh(_PLANS[size])
    interval: Interval = "year" if dice.happens(_YEARLY[size]) else "month"
    prices = books.prices(plan, interval, at, add_on=dice.happens(_ADD_ON[size]))
    fewest, most = size.value
    seats = round(exp(dice.within(log(fewest), log(most))))
    books.subscribe(account, at, prices, seats, occasion=occasion, trial_end=trial_end)
