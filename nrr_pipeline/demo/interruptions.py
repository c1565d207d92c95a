"""What interrupts subscriptions without ending them: pauses, second thoughts, failed updates.

Here belong the choices of customers, and of their banks. What such a thing means belongs to
billing and to the truth.
"""

from __future__ import annotations

from nrr_pipeline.demo.contracts import FOREVER, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR, MINUTE
from nrr_pipeline.demo.log import (
    CancellationScheduled,
    CancellationWithdrawn,
    CollectionPaused,
    CollectionResumed,
    FirstPaymentExpired,
    FirstPaymentMade,
    Item,
    PauseBehavior,
    Paused,
    PendingUpdateApplied,
    PendingUpdateExpired,
    Resumed,
    UpdatePending,
)

_COLLECTION_PAUSED = 0.004
_BEHAVIORS: dict[PauseBehavior, float] = {
    "void": 0.4,
    "mark_uncollectible": 0.2,
    "keep_as_draft": 0.4,
}
_PAUSED = 0.0020
_COMES_BACK = 0.75
_THINKS_AGAIN = 0.008
_UPDATE_FAILS = 0.012
_PAID_AFTER_ALL = 0.55
_UPDATE_EXPIRES_AFTER = 23 * HOUR
_FIRST_PAYMENT_EXPIRES_AFTER = 23 * HOUR


def pause_some(books: Books, month: Month) -> None:
    """Some who pay every month pause: most of them only their payments, and most for a while."""
    for contract in books.contracts:
        pauses_payments = books.dice.happens(_COLLECTION_PAUSED)
        pauses_all = not pauses_payments and books.dice.happens(_PAUSED)
        pays_often = contract.cadence.months <= 1 and _goes_on(contract)
        if not (pauses_payments or pauses_all) or not pays_often:
            continue
        at = books.moment_within(contract, month.start, month.end)
        if at is None:
            continue
        until = at + books.dice.between(15 * DAY, 50 * DAY)
        resumes_at = until if books.dice.happens(_COMES_BACK) else None
        if pauses_payments:
            _pause_collection(books, contract, at, resumes_at)
        elif _may_pause(contract) and books.may_be_silent(at):
            _pause(books, contract, at, resumes_at)


def think_again(books: Books, month: Month) -> None:
    """Some ask to end with their period, and then stay."""
    for contract in books.contracts:
        if not books.dice.happens(_THINKS_AGAIN) or not _goes_on(contract):
            continue
        at = books.moment_within(contract, month.start, month.end)
        if at is None:
            continue
        _, ends_at = contract.cycle_around(at)
        if ends_at - at < 2 * DAY:
            continue
        stays = books.dice.between(at + HOUR, min(ends_at - HOUR, at + 12 * DAY))
        books.happenings += [
            CancellationScheduled(at=at, subscription_id=contract.id, cause="too expensive"),
            CancellationWithdrawn(at=stays, subscription_id=contract.id),
        ]
        contract.free_from = stays + HOUR


def fail_updates(books: Books, month: Month) -> None:
    """Some want more seats, but their bank says no: the change waits, and may never be made."""
    for contract in books.contracts:
        if not books.dice.happens(_UPDATE_FAILS) or not _may_wait(contract):
            continue
        at = books.moment_within(contract, month.start, month.end)
        if at is None:
            continue
        items = _more(contract)
        _wait_for_payment(books, contract, at, items)
        end_of_day = at - at % DAY + DAY
        paid = at + books.dice.between(5 * MINUTE, 6 * HOUR)
        if books.dice.happens(_PAID_AFTER_ALL) and paid < end_of_day:
            books.happenings.append(PendingUpdateApplied(at=paid, subscription_id=contract.id))
            books.set_items(contract, items)
        else:
            expires_at = at + _UPDATE_EXPIRES_AFTER
            expired = PendingUpdateExpired(at=expires_at, subscription_id=contract.id)
            books.happenings.append(expired)


def leave_updates_waiting(books: Books, end: int) -> None:
    """When the log ends a few updates still wait for their payment."""
    wanted = 1 + len(books.contracts) // 200
    for contract in books.dice.walk(books.contracts):
        at = end - books.dice.between(HOUR, 20 * HOUR)
        start, renewal = contract.cycle_around(at)
        is_quiet = start + 2 * HOUR < at < renewal - DAY and contract.free_from < at
        if _may_wait(contract) and is_quiet:
            _wait_for_payment(books, contract, at, _more(contract))
            wanted -= 1
        if not wanted:
            return


def open_first_payment(books: Books, contract: Contract, at: int) -> bool:
    """Let the first payment of a new subscription fail at first; tell whether it ever is made."""
    paid = at + books.dice.between(2 * MINUTE, 50 * MINUTE)
    is_paid = books.dice.happens(0.7) and paid < at - at % DAY + DAY
    if is_paid:
        books.happenings.append(FirstPaymentMade(at=paid, subscription_id=contract.id))
        contract.free_from = paid + HOUR
    else:
        expired_at = at + _FIRST_PAYMENT_EXPIRES_AFTER
        expired = FirstPaymentExpired(at=expired_at, subscription_id=contract.id)
        books.end(contract, expired_at, expired)
    return is_paid


def _pause_collection(books: Books, contract: Contract, at: int, resumes_at: int | None) -> None:
    behavior = books.dice.weigh(_BEHAVIORS)
    if behavior != "keep_as_draft" and not books.may_be_silent(at):
        return
    books.happenings.append(
        CollectionPaused(
            at=at, subscription_id=contract.id, behavior=behavior, resumes_at=resumes_at
        )
    )
    if resumes_at is not None:
        books.happenings.append(CollectionResumed(at=resumes_at, subscription_id=contract.id))
    contract.free_from = FOREVER if resumes_at is None else resumes_at + 2 * HOUR


def _pause(books: Books, contract: Contract, at: int, resumes_at: int | None) -> None:
    books.happenings.append(Paused(at=at, subscription_id=contract.id))
    contract.free_from = FOREVER
    if resumes_at is not None:
        books.happenings.append(Resumed(at=resumes_at, subscription_id=contract.id))
        books.restart(contract, resumes_at)


def _wait_for_payment(books: Books, contract: Contract, at: int, items: tuple[Item, ...]) -> None:
    expires_at = at + _UPDATE_EXPIRES_AFTER
    books.happenings.append(
        UpdatePending(
            at=at,
            subscription_id=contract.id,
            items=items,
            expires_at=expires_at,
            cause="the team grew",
        )
    )
    contract.free_from = expires_at + HOUR


def _more(contract: Contract) -> tuple[Item, ...]:
    return tuple(
        item if item.quantity is None else item._replace(quantity=item.quantity + 2)
        for item in contract.items
    )


def _may_pause(contract: Contract) -> bool:
    return not contract.keeps_items and contract.side_cycles is None


def _may_wait(contract: Contract) -> bool:
    return _goes_on(contract) and contract.cadence.months > 1 and contract.side_cycles is None


def _goes_on(contract: Contract) -> bool:
    """Whether it is paid by card until further notice."""
    is_paid = contract.yearly_amount > 0 and not contract.is_invoiced
    return is_paid and contract.ends_at == FOREVER
