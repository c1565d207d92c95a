"""What nobody can know from the account alone: where, since when, how long, and why.

The truth holds what really happened, also here. Whoever rebuilds it from the account must say in
these places that it cannot be sure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from nrr_pipeline.demo import log as logged
from nrr_pipeline.demo.cycles import DAY, BillingCycles, Cadence, day_of

EVENTS_LAST = 29 * DAY
"""Within this time before a moment its events surely tell what happened."""

_HIDING = {"void", "mark_uncollectible"}


@dataclass(frozen=True, slots=True)
class Unknowable:
    """Days on which the account does not prove what a subscription was worth.

    Where it ``is_traceless`` nothing even hints at it, so that nobody can say to be unsure.
    """

    subscription_id: str
    valid_from: date
    valid_to: date
    reason: str
    is_traceless: bool = False

    def holds_on(self, day: date) -> bool:
        """Whether a day is one of them."""
        return self.valid_from <= day < self.valid_to


def unknowable_days(log: logged.BusinessLog, now: int | None = None) -> tuple[Unknowable, ...]:
    """Everything that an observer who comes at a moment (the log's end) can no longer know."""
    moment = log.ends_at if now is None else now
    histories: dict[str, list[logged.Happening]] = defaultdict(list)
    for happening in log.happenings:
        if happening.at <= moment:
            histories[happening.subscription_id].append(happening)
    found: list[Unknowable] = []
    for history in histories.values():
        found += _past(history)
        found += _pauses(log, history, moment)
        found += _unbilled_changes(log, history, moment)
    return tuple(found)


def _past(history: list[logged.Happening]) -> list[Unknowable]:
    """A start before the account knew of it, which no invoice bills."""
    started = history[0]
    if not isinstance(started, logged.Subscribed) or started.start_date is None:
        return []
    if started.is_past_billed:
        return []
    reason = "backdated without an invoice"
    return [_days(started, started.start_date, started.at, reason, is_traceless=True)]


def _pauses(log: logged.BusinessLog, history: list[logged.Happening], now: int) -> list[Unknowable]:
    """Pauses that began before the events that are still there.

    One that is over left no trace but invoices; of one that lasts the first invoice that was not
    collected is known, or the day of a pause as a whole.
    """
    found: list[Unknowable] = []
    begun: logged.Happening | None = None
    for each in history:
        if _hides(each):
            begun = each
        elif begun is not None and _ends_pause(each):
            if begun.at < now - EVENTS_LAST:
                found.append(_old_pause(log, history, begun, each.at, now))
            begun = None
    if isinstance(begun, logged.CollectionPaused) and begun.at < now - EVENTS_LAST:
        until = min(_cycle_end(log, history, begun.at), now + DAY)
        found.append(_days(begun, begun.at, until, "a pause of collection that lasts"))
    return found


def _old_pause(
    log: logged.BusinessLog,
    history: list[logged.Happening],
    begun: logged.Happening,
    end: int,
    now: int,
) -> Unknowable:
    """A pause that is over; between two invoices, both paid, it is as if it had never been."""
    is_between = isinstance(begun, logged.CollectionPaused) and end <= _cycle_end(
        log, history, begun.at
    )
    if is_between and end < now - EVENTS_LAST:
        return _days(begun, begun.at, end, "an old pause between two invoices", is_traceless=True)
    return _days(begun, begun.at, end, "an old pause")


def _hides(happening: logged.Happening) -> bool:
    if isinstance(happening, logged.CollectionPaused):
        return happening.behavior in _HIDING
    return isinstance(happening, logged.Paused)


def _ends_pause(happening: logged.Happening) -> bool:
    return isinstance(happening, logged.CollectionResumed | logged.Resumed)


def _unbilled_changes(
    log: logged.BusinessLog, history: list[logged.Happening], now: int
) -> list[Unknowable]:
    """Changes without proration: until the next cycle no invoice tells of them."""
    return [
        _days(each, each.at, _cycle_end(log, history, each.at), "changed without proration")
        for each in history
        if isinstance(each, logged.ItemsChanged)
        and not each.is_prorated
        and each.at < now - EVENTS_LAST
    ]


def _cycle_end(log: logged.BusinessLog, history: list[logged.Happening], at: int) -> int:
    """When the cycle of the plan ends in which a moment lies."""
    price_of = log.catalog.price_of
    anchor, cadence = 0, Cadence("month")
    for each in history:
        if each.at > at:
            break
        if isinstance(each, logged.Subscribed):
            anchor = each.trial_end or each.at
            cadence = price_of[each.items[0].price_id].cadence
        elif isinstance(each, logged.Resumed):
            anchor = each.at
        elif isinstance(each, logged.ItemsChanged):
            changed = price_of[each.items[0].price_id].cadence
            anchor = each.at if changed != cadence else anchor
            cadence = changed
    return BillingCycles(anchor, cadence).containing(at)[1]


def _days(
    about: logged.Happening, start: int, end: int, reason: str, *, is_traceless: bool = False
) -> Unknowable:
    first, last = day_of(start), day_of(end)
    last = max(last, first + timedelta(days=1))
    return Unknowable(about.subscription_id, first, last, reason, is_traceless)
