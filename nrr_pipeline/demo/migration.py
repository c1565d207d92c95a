"""A bulk migration: customers of another billing system that all come in one second.

Here belongs who comes so, and since when each really was a customer. For some the first invoice
also bills the past; for the others nothing in the account proves it.
"""

from __future__ import annotations

from dataclasses import replace

from nrr_pipeline.demo.contracts import Books
from nrr_pipeline.demo.cycles import DAY, HOUR
from nrr_pipeline.demo.log import Subscribed

MIGRATED = 0.05
"""Share of all customers that come by the migration."""

_AFTER_DAYS = 200
_IS_PAST_BILLED = 0.5
_BILLED_DAYS = (40, 170)
_UNBILLED_DAYS = (5, 18)


def migration_time(start: int, end: int) -> int:
    """When it happens: one second, some months after the business opened."""
    return min(start + _AFTER_DAYS * DAY + 3 * HOUR + 17 * 60, (start + end) // 2)


def migrated(books: Books, started: Subscribed, opened: int) -> Subscribed:
    """A start as the migration makes it: with a past, billed or not."""
    dice = books.dice
    is_past_billed = dice.happens(_IS_PAST_BILLED) or books.told_since is not None
    days = dice.between(*(_BILLED_DAYS if is_past_billed else _UNBILLED_DAYS))
    since = max(opened, started.at - days * DAY - dice.between(0, DAY))
    return replace(
        started,
        billing_mode="flexible",
        start_date=min(since, started.at - HOUR),
        is_past_billed=is_past_billed,
    )
