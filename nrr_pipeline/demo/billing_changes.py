"""What changes of items and discounts mean for billing.

Here belong the happenings by which a subscription that goes on becomes another: at once, agreed
for later, or waiting for a payment. Each returns the type of the event that Stripe would send.
"""

from __future__ import annotations

from nrr_pipeline.demo.billing_desk import Desk
from nrr_pipeline.demo.billing_records import (
    BilledItem,
    PendingUpdate,
    Schedule,
    Trial,
    cycle_from,
)
from nrr_pipeline.demo.cycles import DAY, BillingCycles
from nrr_pipeline.demo.log import (
    ChangeScheduled,
    DiscountGiven,
    DiscountRemoved,
    Happening,
    Item,
    ItemsChanged,
    PendingUpdateApplied,
    PendingUpdateExpired,
    ScheduledChangeTookEffect,
    UpdatePending,
)

AT_ONCE_WINDOW = 2 * DAY
"""Changes this early in a monthly cycle are invoiced at once; see the README."""

UPDATED = "customer.subscription.updated"


def items_changed(desk: Desk, happening: ItemsChanged) -> str:
    """Other items from now on; another interval begins new cycles."""
    state, at = desk.state, happening.at
    old, new = state.items, _after(desk, happening.items, at)
    if new == old:
        raise ValueError(f"This changes nothing: {happening}")
    state.change_reason = happening.cause or None
    if new[0].price.cadence != old[0].price.cadence:
        desk.lines.give_back(old, at, state.cycle_of)
        state.items = new
        state.periods = {item.price.cadence: cycle_from(at, item.price.cadence) for item in new}
        cycles = list(state.periods.values())
        desk.invoice(at, "subscription_update", desk.renewal_lines(cycles, []))
        return UPDATED
    _take_over(desk, new, at, is_prorated=happening.is_prorated)
    if happening.is_prorated and _is_invoiced_at_once(desk, at):
        _invoice_pending(desk, at)
    return UPDATED


def change_scheduled(desk: Desk, happening: ChangeScheduled) -> str:
    """Agree on items for the next cycle."""
    state = desk.state
    cycle = state.cycle
    if happening.effective_at != cycle.end:
        raise ValueError(f"Not the end of the running cycle: {happening}")
    schedule = Schedule(
        id=desk.numbering.next_id("sub_sched"),
        subscription_id=state.id,
        created=happening.at,
        before=state.items,
        after=_after(desk, happening.items, happening.effective_at),
        phase_start=cycle.start,
        effective_at=happening.effective_at,
        then_until=cycle.following().end,
    )
    desk.schedules.append(schedule)
    state.schedule_id = schedule.id
    return UPDATED


def scheduled_change_took_effect(desk: Desk, happening: ScheduledChangeTookEffect) -> str:
    """The next cycle is billed with the items that were agreed on."""
    schedule = desk.schedules[-1]
    if schedule.effective_at != happening.at or schedule.released_at is not None:
        raise ValueError(f"Nothing was agreed on for this moment: {happening}")
    schedule.released_at = happening.at
    desk.state.schedule_id = None
    desk.state.items, desk.state.change_reason = schedule.after, None
    return UPDATED


def update_pending(desk: Desk, happening: UpdatePending) -> str:
    """An invoice for a change whose payment fails; the items stay as they are."""
    state, at = desk.state, happening.at
    desk.lines_before_update = desk.lines.remembered()
    wanted = _after(desk, happening.items, at)
    desk.lines.prorate(state.items, wanted, at, state.cycle_of)
    invoice = desk.invoice(at, "subscription_update", desk.lines.take_pending())
    desk.waiting.remove(invoice)
    invoice.failures.append((at + 2, None))
    state.pending_update = PendingUpdate(wanted, happening.expires_at)
    return UPDATED


def pending_update_applied(desk: Desk, happening: PendingUpdateApplied) -> str:
    """The change is paid for, and is made."""
    pending = _pending(desk, happening)
    desk.invoices[-1].paid_at = happening.at
    desk.state.items, desk.state.pending_update = pending.items, None
    desk.state.change_reason = None
    return UPDATED


def pending_update_expired(desk: Desk, happening: PendingUpdateExpired) -> str:
    """The change is never made; its invoice is void."""
    _pending(desk, happening)
    desk.invoices[-1].voided_at = happening.at
    desk.lines.put_back(desk.lines_before_update)
    desk.state.pending_update = None
    return UPDATED


def discount_given(desk: Desk, happening: DiscountGiven) -> str:
    """One more discount, after those that there are."""
    state, grant = desk.state, happening.grant
    if grant.level == "item":
        own = state.item_discounts.get(grant.owner_id, ())
        state.item_discounts = {**state.item_discounts, grant.owner_id: (*own, grant)}
    else:
        state.discounts = (*state.discounts, grant)
    return UPDATED


def discount_removed(desk: Desk, happening: DiscountRemoved) -> str:
    """One discount less."""
    state = desk.state
    state.discounts = tuple(each for each in state.discounts if each.id != happening.discount_id)
    state.item_discounts = {
        item_id: tuple(each for each in grants if each.id != happening.discount_id)
        for item_id, grants in state.item_discounts.items()
    }
    return UPDATED


def end_item_trials(desk: Desk, at: int) -> None:
    """Charge the items whose trials are over for the rest of the cycle."""
    state = desk.state
    for item in state.items:
        if item.trial is not None and item.trial.end == at:
            desk.lines.begin(item, at, state.cycle_of(item))
    state.items = tuple(
        item._replace(trial=None) if item.trial and item.trial.end == at else item
        for item in state.items
    )
    if _is_invoiced_at_once(desk, at):
        _invoice_pending(desk, at)


def _invoice_pending(desk: Desk, at: int) -> None:
    """Invoice what waits, if anything does: giving up usage costs nothing."""
    lines = desk.lines.take_pending()
    if lines:
        desk.invoice(at, "subscription_update", lines)


def _after(desk: Desk, items: tuple[Item, ...], at: int) -> tuple[BilledItem, ...]:
    """The items of the log as the books keep them; those that stay keep when they were made."""
    known = {item.id: item for item in desk.state.items}
    return tuple(
        desk.billed(item, known[item.id].created, known[item.id])
        if item.id in known
        else _new(desk, item, at)
        for item in items
    )


def _new(desk: Desk, item: Item, at: int) -> BilledItem:
    trial = None if item.trial_end is None else Trial(at, item.trial_end)
    return desk.billed(item, at)._replace(trial=trial)


def _take_over(desk: Desk, new: tuple[BilledItem, ...], at: int, *, is_prorated: bool) -> None:
    """Put other items in place; a new interval beside the plan's shares its anchor."""
    state, old = desk.state, desk.state.items
    anchor = state.cycle.cycles.anchor
    periods = dict(state.periods)
    for item in new:
        if item.price.cadence not in periods:
            cycles = BillingCycles(anchor, item.price.cadence)
            number = cycles.number_at(at)
            first = cycle_from(anchor, item.price.cadence)
            periods[item.price.cadence] = first._replace(
                number=number, start=cycles.boundary(number), end=cycles.boundary(number + 1)
            )
    state.periods = periods
    if is_prorated:
        desk.lines.prorate(old, new, at, state.cycle_of)
    state.items = new
    used = {item.price.cadence for item in new}
    state.periods = {cadence: cycle for cadence, cycle in periods.items() if cadence in used}


def _is_invoiced_at_once(desk: Desk, at: int) -> bool:
    cycle = desk.state.cycle
    return cycle.cycles.cadence.months > 1 or at < cycle.start + AT_ONCE_WINDOW


def _pending(desk: Desk, happening: Happening) -> PendingUpdate:
    if desk.state.pending_update is None:
        raise ValueError(f"No update waits for a payment: {happening}")
    return desk.state.pending_update
