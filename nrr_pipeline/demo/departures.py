"""How customers leave, and how payments fail: at once, with the period, or for want of money.

Here belong ends of subscriptions and failed payments, also those that recover. Changes of
subscriptions that go on belong to ``changes``.
"""

from __future__ import annotations

from typing import Literal

from nrr_pipeline.demo.billing import CHARGE_DELAY, FINALIZATION_DELAY
from nrr_pipeline.demo.contracts import FOREVER, Account, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR
from nrr_pipeline.demo.log import (
    CanceledAtOnce,
    CancellationScheduled,
    CancellationTookEffect,
    CustomerDeleted,
    EndedByFailedPayment,
    Happening,
    PaymentFailed,
    PaymentRecovered,
)
from nrr_pipeline.demo.story import MonthPlan

_RETRY_DAYS = (3, 8, 15)
"""When a failed charge is tried again, in days after the first attempt."""

_FAILED_AND_RECOVERED = 0.02
_YEARLY_LEAVES_EARLY = 0.15
_TRIAL_IS_DROPPED = 0.25
_DELETED = 0.20
"""Share of those leaving at once whose customer is deleted, which is how they leave."""

_ASKS_BEFORE_DAYS = {"month": 28, "year": 75}

_CAUSES: dict[str, str] = {
    "the project ended": "unused",
    "too expensive": "too_expensive",
    "moved to another tool": "switched_service",
    "misses a feature": "missing_features",
    "closed down": "other",
}

Outcome = Literal["canceled", "unpaid"]


def leave(books: Books, plan: MonthPlan, month: Month, unpaid_from: int) -> list[Account]:
    """Let the plan's share of customers leave within a month, and tell which ones did.

    Who leaves follows from the order of the contracts, which is a random one.
    """
    accounts = list(
        dict.fromkeys(each.account for each in books.contracts if each.ends_at == FOREVER)
    )
    base = sum(contract.yearly_amount for contract in books.contracts)
    count = _whole(books, plan.leaving * len(accounts))
    left: list[Account] = []
    for account in accounts:
        if len(left) >= count:
            break
        if account.size not in plan.leavers:
            continue
        if sum(contract.yearly_amount for contract in account.running) > plan.largest_leaver * base:
            continue
        ended = [end_within(books, each, plan, month, unpaid_from) for each in account.running]
        if all(ended):
            left.append(account)
    return left


def end_within(
    books: Books, contract: Contract, plan: MonthPlan, month: Month, unpaid_from: int
) -> bool:
    """End one subscription in a month if it can; tell whether it does."""
    is_involuntary = books.dice.happens(plan.involuntary)
    if is_involuntary and _may_fail(books, contract):
        return _end_by_failed_payment(books, contract, month, unpaid_from)
    cause = plan.cause if plan.cause and books.dice.happens(0.8) else None
    cause = cause or books.dice.pick(list(_CAUSES))
    feedback = _CAUSES.get(cause, "other")
    is_yearly = contract.cadence.months > 1
    prefers_period_end = books.dice.happens(1 - _YEARLY_LEAVES_EARLY if is_yearly else 0.65)
    if prefers_period_end:
        return _end_with_period(books, contract, month, cause, feedback)
    return _end_at_once(books, contract, month, cause, feedback)


def fail_payments(books: Books, month: Month) -> None:
    """Let some renewals of the month fail and recover."""
    for contract in books.contracts:
        if contract.ends_at != FOREVER or not _may_fail(books, contract):
            continue
        if not books.dice.happens(_FAILED_AND_RECOVERED):
            continue
        renewal = _renewal_within(contract, month.start, month.end)
        if renewal is None or renewal <= contract.free_from:
            continue
        failures = _failures(contract, renewal)[: books.dice.between(1, len(_RETRY_DAYS))]
        planned = failures[-1].next_attempt_at
        if planned is None:
            continue
        is_new_card = books.dice.happens(0.4)
        recovered = books.dice.between(failures[-1].at + HOUR, planned) if is_new_card else planned
        books.happenings += failures
        books.happenings.append(PaymentRecovered(at=recovered, subscription_id=contract.id))
        contract.free_from = recovered + HOUR


def drop_trials(books: Books, month: Month) -> None:
    """Let some of the trials that end in a month end without becoming a subscription."""
    for contract in books.contracts:
        trial_end = contract.trial_end
        if trial_end is None or not month.start <= trial_end < month.end:
            continue
        is_untouched = contract.ends_at == FOREVER and contract.free_from == trial_end + HOUR
        if not is_untouched:
            continue
        if books.dice.happens(_TRIAL_IS_DROPPED):
            started = contract.priced_since[contract.items[0].id]
            asked = books.dice.between(started + HOUR, trial_end - HOUR)
            _log_end_with_period(books, contract, asked, trial_end, "not what we need", "other")


def _may_fail(books: Books, contract: Contract) -> bool:
    """Whether a renewal surely charges something, and is the only one while it is tried again."""
    is_slow = contract.cadence.months > 0 and contract.side_cycles is None
    coupons = [books.catalog.coupon_of[grant.coupon_id] for grant in contract.grants]
    is_charged = all(each.percent_off and each.percent_off <= 50 for each in coupons)  # noqa: PLR2004
    owes = contract.yearly_amount > 0 and not contract.account.may_have_credit
    return is_slow and is_charged and owes and not contract.is_invoiced


def _whole(books: Books, expected: float) -> int:
    """A whole number whose mean is the expected one."""
    return int(expected) + books.dice.happens(expected - int(expected))


def _renewal_within(contract: Contract, start: int, end: int) -> int | None:
    """The renewal of a subscription between two moments, if there is one."""
    renewal = contract.cycles.containing(end - 1)[0]
    return renewal if renewal >= start and renewal > contract.cycles.anchor else None


def _failures(contract: Contract, renewal: int) -> list[PaymentFailed]:
    """All attempts to charge a renewal, failing."""
    first = renewal + FINALIZATION_DELAY + CHARGE_DELAY
    attempts = [first, *(first + days * DAY for days in _RETRY_DAYS)]
    return [
        PaymentFailed(at=at, subscription_id=contract.id, next_attempt_at=following)
        for at, following in zip(attempts, [*attempts[1:], None], strict=True)
    ]


def _end_by_failed_payment(
    books: Books, contract: Contract, month: Month, unpaid_from: int
) -> bool:
    """End with the last failed attempt; since a change of settings, as unpaid."""
    lead = _RETRY_DAYS[-1] * DAY + FINALIZATION_DELAY + 2 * CHARGE_DELAY
    renewal = _renewal_within(contract, month.start - lead, month.end - lead)
    if renewal is None or renewal <= contract.free_from:
        return False
    failures = _failures(contract, renewal)
    ends_at = failures[-1].at + CHARGE_DELAY
    outcome: Outcome = "unpaid" if ends_at >= unpaid_from else "canceled"
    ended = EndedByFailedPayment(at=ends_at, subscription_id=contract.id, outcome=outcome)
    books.end(contract, ends_at, *failures, ended)
    return True


def _end_with_period(
    books: Books, contract: Contract, month: Month, cause: str, feedback: str
) -> bool:
    ends_at = _renewal_within(contract, month.start, month.end)
    if ends_at is None:
        return False
    cycle_start = contract.cycles.containing(ends_at - 1)[0]
    earliest = max(
        contract.free_from,
        cycle_start + 2 * HOUR,
        ends_at - _ASKS_BEFORE_DAYS["year" if contract.cadence.months > 1 else "month"] * DAY,
    )
    if earliest > ends_at - 2 * HOUR:
        return False
    asked = books.dice.between(earliest, ends_at - 2 * HOUR)
    _log_end_with_period(books, contract, asked, ends_at, cause, feedback)
    return True


def _log_end_with_period(
    books: Books, contract: Contract, asked: int, ends_at: int, cause: str, feedback: str
) -> None:
    request: Happening = CancellationScheduled(
        at=asked, subscription_id=contract.id, cause=cause, feedback=feedback
    )
    effect = CancellationTookEffect(at=ends_at, subscription_id=contract.id)
    books.end(contract, ends_at, request, effect)


def _end_at_once(books: Books, contract: Contract, month: Month, cause: str, feedback: str) -> bool:
    at = books.moment_within(contract, month.start, month.end)
    if at is None:
        return False
    canceled = CanceledAtOnce(at=at, subscription_id=contract.id, cause=cause, feedback=feedback)
    books.end(contract, at, canceled)
    others = [each for each in contract.account.contracts if each is not contract]
    is_last = all(each.ends_at <= at for each in others)
    if is_last and books.dice.happens(_DELETED):
        contract.account.is_deleted = True
        deleted = CustomerDeleted(at=at, customer_id=contract.account.customer_id)
        books.customer_happenings.append(deleted)
    return True
