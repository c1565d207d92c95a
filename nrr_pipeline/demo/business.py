"""The simulated business: a project-management service, month by month.

Here belongs the order in which things happen. The plan of each month belongs to ``story``, the
choices of customers to ``arrivals``, ``changes`` and ``departures``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from nrr_pipeline.demo.arrivals import arrival_times, arrive, come_back
from nrr_pipeline.demo.catalog import standard_catalog
from nrr_pipeline.demo.changes import Budget, contract_some, expand, reorganize
from nrr_pipeline.demo.contracts import FOREVER, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR, midnight
from nrr_pipeline.demo.departures import drop_trials, fail_payments, leave
from nrr_pipeline.demo.log import BusinessLog, end_of_log
from nrr_pipeline.demo.story import MonthPlan, plan_for

DEFAULT_SEED = 2032
DEFAULT_CUSTOMERS = 300
FIRST_DAY = date(2024, 4, 1)
LAST_DAY = date(2026, 10, 4)

_MONTHS_BEYOND = 3
"""Months simulated past the end, so that the log ends with cancellations that are still to come."""

_UNPAID_DAYS = 26
"""Since this many days before the end, failed payments leave subscriptions unpaid."""

_RETURNS = 0.22
_RETURNS_AFTER_MONTHS = (2, 8)


def simulate(
    *,
    seed: int = DEFAULT_SEED,
    customers: int = DEFAULT_CUSTOMERS,
    first_day: date = FIRST_DAY,
    last_day: date = LAST_DAY,
) -> BusinessLog:
    """Let the business live from its first day to its last, and tell what happened.

    The same arguments give the same log, to the second and to the id.
    """
    if last_day < first_day:
        raise ValueError(f"The last day, {last_day}, lies before the first, {first_day}.")
    books = Books(seed, standard_catalog(seed, first_day))
    _Simulation(books, customers, first_day, last_day).run()
    ends_at = end_of_log(last_day)
    happenings = sorted(
        (happening for happening in books.happenings if happening.at <= ends_at),
        key=lambda happening: (happening.at, happening.subscription_id),
    )
    return BusinessLog(
        seed=seed,
        first_day=first_day,
        last_day=last_day,
        catalog=books.catalog,
        customers=tuple(books.customers),
        happenings=tuple(happenings),
    )


class _Simulation:
    """One run of the business."""

    def __init__(self, books: Books, customers: int, first_day: date, last_day: date) -> None:
        self._books = books
        self._first_day = first_day
        self._last_day = last_day
        end = midnight(last_day + timedelta(days=1))
        self._unpaid_from = end - _UNPAID_DAYS * DAY
        self._arrivals = arrival_times(books, customers, midnight(first_day) + HOUR, end)
        self._returns: dict[int, list[Contract]] = defaultdict(list)

    def run(self) -> None:
        arrivals = iter([*self._arrivals, FOREVER])
        next_arrival = next(arrivals)
        for number, first_of_month, month in self._months():
            self._live(number, plan_for(first_of_month), month)
            while next_arrival < month.end:
                arrive(self._books, next_arrival)
                next_arrival = next(arrivals)
            drop_trials(self._books, month)
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
        reorganize(books, month, Budget(plan.reorganization * base))
        fail_payments(books, month)
        contract_some(books, plan, month, Budget(plan.contraction * base))
        expand(books, plan, month, Budget(plan.expansion * base))
        for left in self._returns.pop(number, []):
            come_back(books, left, month)
