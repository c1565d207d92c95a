"""What is agreed for the next cycle: a price rise for those with old prices, and other changes.

Here belong changes that take effect with a renewal, by a schedule. Changes that are made at once
belong to ``changes``.
"""

from __future__ import annotations

from nrr_pipeline.demo.contracts import FOREVER, Books, Contract, Month
from nrr_pipeline.demo.cycles import DAY, HOUR
from nrr_pipeline.demo.log import ChangeScheduled, Item, ScheduledChangeTookEffect

_AHEAD = (12 * DAY, 75 * DAY)
"""How long before its renewal a change is agreed on, at least and at most."""

_RAISED_A_MONTH = 0.30
_AGREED_A_MONTH = 0.006


def raise_prices(books: Books, month: Month, since: int) -> int:
    """Move customers with old prices to those of today; returns what a year brings more."""
    if month.start < since:
        return 0
    raised = 0
    for contract in books.contracts:
        if not books.dice.happens(_RAISED_A_MONTH):
            continue
        items = _at_todays_prices(books, contract, month.start)
        if items is not None:
            raised += _agree(books, contract, month, items, "price rise")
    return raised


def agree_on_changes(books: Books, month: Month) -> int:
    """Some customers order more seats from their next cycle on; returns what a year brings more."""
    gained = 0
    for contract in books.contracts:
        if books.dice.happens(_AGREED_A_MONTH):
            items = tuple(
                item if item.quantity is None else item._replace(quantity=item.quantity + 1)
                for item in contract.items
            )
            gained += _agree(books, contract, month, items, "from the next cycle on")
    return gained


def _at_todays_prices(books: Books, contract: Contract, at: int) -> tuple[Item, ...] | None:
    price = books.main_price(contract)
    if price.archived_at is None or price.is_inline:
        return None
    today = books.catalog.offer(price.plan, price.term, at, currency=price.currency)
    return (contract.items[0]._replace(price_id=today.id), *contract.items[1:])


def _agree(
    books: Books, contract: Contract, month: Month, items: tuple[Item, ...], cause: str
) -> int:
    """Schedule a change for the end of the running cycle, if that is not too close or far."""
    is_simple = contract.side_cycles is None and not contract.keeps_items
    if contract.ends_at != FOREVER or not is_simple or not contract.yearly_amount:
        return 0
    at = books.moment_within(contract, month.start, month.end)
    if at is None:
        return 0
    effective_at = contract.cycles.containing(at)[1]
    if not _AHEAD[0] <= effective_at - at <= _AHEAD[1]:
        return 0
    before = contract.yearly_amount
    books.happenings += [
        ChangeScheduled(
            at=at,
            subscription_id=contract.id,
            items=items,
            effective_at=effective_at,
            cause=cause,
        ),
        ScheduledChangeTookEffect(at=effective_at, subscription_id=contract.id),
    ]
    for old, new in zip(contract.items, items, strict=True):
        if old.price_id != new.price_id:
            contract.priced_since[new.id] = effective_at
    books.set_items(contract, items)
    contract.free_from = effective_at + 2 * HOUR
    return contract.yearly_amount - before
