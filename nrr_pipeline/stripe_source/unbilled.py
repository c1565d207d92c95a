"""Time that nothing bills: it does not count, though it may have been meant to.

What does count and is doubted is said in ``doubts``; what a stretch would be worth is
``metrics.intervals``'s.
"""

from collections.abc import Sequence

from nrr_pipeline.metrics.evidence import BillingState, Source, StateSpan, TermsFact
from nrr_pipeline.stripe_source.doubts import ONE_DAY_SECONDS, billed_anew, has_new_anchor
from nrr_pipeline.stripe_source.lines import Lines

BEFORE_CREATION = (
    "start_date lies before the creation and no invoice bills that time; it counts from its "
    "creation"
)
BEFORE_FIRST_CHARGE = (
    "its first charge begins within a period and nothing bills the time before; it counts from "
    "that charge, as after a trial of its own"
)

BEFORE_NEW_CYCLE = "no invoice bills the time before a new billing cycle; it must have been paused"


def before_creation(subscription_id: str, began_at: int, counts_from: int) -> tuple[StateSpan, ...]:
    """The time of a backdated subscription before it was created, where no invoice bills it."""
    if began_at >= counts_from:
        return ()
    return (_unbilled(began_at, counts_from, subscription_id, BEFORE_CREATION),)


def before_first_charge(joined_at: int | None, facts: Sequence[TermsFact]) -> tuple[StateSpan, ...]:
    """The time of an item before a debit that is the first that is known of it.

    An item that is added to be paid at once has a charge from its creation, and one that is added
    for nothing until the next period has one from there.

    Args:
        joined_at: When the item joined its subscription; ``None`` where nothing tells.
        facts: What is known of its terms, in order of time.
    """
    first = facts[0]
    is_told = any(fact.is_until for fact in facts if fact.at == first.at)
    if first.source is not Source.PRORATION_LINE or is_told or joined_at is None:
        return ()
    if first.at - joined_at <= ONE_DAY_SECONDS:
        return ()
    return (_unbilled(joined_at, first.at, first.source_id, BEFORE_FIRST_CHARGE),)


def before_new_cycle(item_id: str, lines: Lines) -> tuple[StateSpan, ...]:
    """The time of an item between a cycle that ended and the first of a new billing anchor."""
    return tuple(
        _unbilled(before.ends_at, after.starts_at, after.line_id, BEFORE_NEW_CYCLE)
        for before, after in billed_anew(item_id, lines)
        if has_new_anchor(before, after)
    )


def _unbilled(starts_at: int, ends_at: int, source_id: str, reason: str) -> StateSpan:
    return StateSpan(
        starts_at,
        ends_at,
        BillingState.UNBILLED,
        Source.INVOICE_LINE,
        source_id,
        approximation=reason,
    )
