"""The simulated business: a project-management service, month by month.

Here belongs the order in which things happen. The plan of each month belongs to ``story``, the
choices of customers to ``arrivals``, ``changes`` and ``departures``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from nrr_pipeline.demo.agreements import agree_on_changes, raise_prices
from nrr_pipeline.demo.arrivals import arrival_times, arrive, come_back, migrate
from nrr_pipeline.demo.changes import Budget, contract_some, expand, reorganize
from nrr_pipeline.demo.contracts import FOREVER, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR, midnight
from nrr_pipeline.demo.departures import drop_trials, fail_payments, leave
from nrr_pipeline.demo.discounting import persuade_some, remove_some
from nrr_pipeline.demo.interruptions import (
    fail_updates,
    leave_updates_waiting,
    pause_some,
    think_again,
)
from nrr_pipeline.demo.log import BusinessLog, end_of_log
from nrr_pipeline.demo.migration import MIGRATED, migration_time
from nrr_pipeline.demo.price_list import standard_catalog
from nrr_pipeline.demo.story import MonthPlan, plan_for
from nrr_pipeline.demo.unknowable import EVENTS_LAST

DEFAULT_SEED = 2636
DEFAULT_CUSTOMERS = 300
FIRST_DAY = date(2024, 4, 1)
LAST_DAY = date(2026, 10, 4)

_MONTHS_BEYOND = 3
"""Months simulated past the end, so that the log ends with cancellations that are still to come."""

_UNPAID_DAYS = 26
"""Since this many days before the end, failed payments leave subscriptions unpaid."""

_PRICE_RISE_DAY = 560
"""Since this day those who have an old price are moved to the new one, by and by."""

_RETURNS = 0.22
_RETURNS_AFTER_MONTHS = (2, 8)


def simulate(
    *,
    seed: int = DEFAULT_SEED,
    customers: int = DEFAULT_CUSTOMERS,
    first_day: date = FIRST_DAY,
    last_day: date = LAST_DAY,
    is_knowable: bool = False,
    in_one_currency: bool = False,
) -> BusinessLog:
    """Let the business live from its first day to its last, and tell what happened.

    The same arguments give the same log, to the second and to the id. In one that ``is_knowable``
    nothing happens of which the account at the log's end no longer tells; see ``unknowable``. Where
    all is ``in_one_currency`` everybody pays in dollars.
    """
    if last_day < first_day:
        raise ValueError(f"The last day, {last_day}, lies before the first, {first_day}.")
    ends_at = end_of_log(last_day)
    told_since = ends_at - EVENTS_LAST + DAY if is_knowable else None
    books = Books(
        seed,
        standard_catalog(seed, first_day),
        told_since=told_since,
        in_one_currency=in_one_currency,
    )
    _Simulation(books, customers, first_day, last_day).run()
    happenings = sorted(
        (happening for happening in books.happenings if happening.at <= ends_at),
        key=lambda happening: (happening.at, happening.subscription_id),
    )
    return BusinessLog(
        seed=seed,
        first_day=first_day,
        last_day=last_day,
        catalog=books.catalog.with_inline(tuple(books.inline_prices)),
        customers=tuple(books.customers),
        happenings=tuple(happenings),
        customer_happenings=tuple(
            sorted(
                (happening for happening in books.customer_happenings if happening.at <= ends_at),
                key=lambda happening: (happening.at, happening.customer_id),
            )
        ),
    )


class _Simulation:
    """One run of the business."""

    def __init__(self, books: Books, customers: int, first_day: date, last_day: date) -> None:
        self._books = books
        self._first_day = first_day
        self._last_day = last_day
        end = midnight(last_day + timedelta(days=1))
        self._unpaid_from = end - _UNPAID_DAYS * DAY
        self._opened = midnight(first_day) + HOUR
        self._ends_at = end_of_log(last_day)
        self._migrates_at = migration_time(self._opened, end)
        self._migrating = round(MIGRATED * customers)
        self._raises_prices_at = midnight(first_day) + _PRICE_RISE_DAY * DAY
        self._arrivals = arrival_times(books, customers - self._migrating, self._opened, end)
        self._returns: dict[int, list[Contract]] = defaultdict(list)

    def run(self) -> None:
        arrivals = iter([*self._arrivals, FOREVER])
        next_arrival = next(arrivals)
        for number, first_of_month, month in self._months():
            self._live(number, plan_for(first_of_month), month)
            while next_arrival < month.end:
                arrive(self._books, next_arrival)
                next_arrival = next(arrivals)
            if month.start <= self._migrates_at < month.end:
                for _ in range(self._migrating):
                    migrate(self._books, self._migrates_at, self._opened)
            drop_trials(self._books, month)
            if month.start <= self._ends_at < month.end:
                leave_updates_waiting(self._books, self._ends_at)
            self._books.contracts = [
                contract for contract in self._books.contracts if contract.ends_at == FOREVER
            ]

    def _months(self) -> Iterator[tuple[int, date, Month]]:
        first = self._first_day.replace(day=1)
        months = (self._last_day.year - first.year) * 12 + self._last_day.month - first.month
        for number in range(months + 1 + _MONTHS_BEYOND):
            following = (first + timedelta(days=31)).replace(day=1)
            yield number, first, Month(midnight(first), midnight(following))
            first = following

    def _live(self, number: int, plan: MonthPlan, month: Month) -> None:
        """Everything that existing customers do in a month."""
        books = self._books
        books.dice.shuffle(books.contracts)
        base = sum(contract.yearly_amount for contract in books.contracts)
        for account in leave(books, plan, month, self._unpaid_from):
            if books.dice.happens(_RETURNS):
                comes_back = number + books.dice.between(*_RETURNS_AFTER_MONTHS)
                self._returns[comes_back].append(account.contracts[-1])
        remove_some(books, month)
        persuade_some(books, month)
        reorganize(books, month, Budget(plan.reorganization * base))
        fail_payments(books, month)
        pause_some(books, month)
        think_again(books, month)
        fail_updates(books, month)
        contract_some(books, plan, month, Budget(plan.contraction * base))
        raised = raise_prices(books, month, self._raises_prices_at)
        raised += agree_on_changes(books, month)
        expand(books, plan, month, Budget(plan.expansion * base - raised))
        for left in self._returns.pop(number, []):
            come_back(books, left, month)
