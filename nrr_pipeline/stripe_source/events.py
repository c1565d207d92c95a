"""Reads a subscription's events: when something changed, and what it was before.

Events come in the API version of their creation, so one that cannot be read is left out and named;
it never takes the subscription with it. What events prove is said in ``terms`` and ``states``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nrr_pipeline.metrics.evidence import Finding
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    entries,
    has_only_objects,
    item_terms,
    moment,
    required_id,
    required_moment,
)
from nrr_pipeline.stripe_source.records import SubscriptionRecord

STATE_FIELDS = frozenset({"status", "pause_collection"})
"""The fields that decide a subscription's state."""


@dataclass(frozen=True, slots=True)
class SubscriptionEvent:
    """A subscription right after an event, and the former values of what the event changed."""

    at: int
    event_id: str
    after: Payload
    changed_from: Payload


def read_events(record: SubscriptionRecord) -> tuple[list[SubscriptionEvent], list[Finding]]:
    """The subscription's events in order, and those that cannot be read."""
    events: list[SubscriptionEvent] = []
    problems: list[Finding] = []
    for payload in record.events:
        try:
            events.append(_read_event(payload))
        except MalformedObjectError as error:
            detail = f"{error}. The event is left out; what it dates may be dated by a pull"
            problems.append(Finding("unreadable_event", "warning", str(payload.get("id")), detail))
    return sorted(events, key=lambda event: _order(event, events)), problems


def _read_event(payload: Payload) -> SubscriptionEvent:
    event_id, at = required_id(payload, "id"), required_moment(payload, "created")
    data = payload.get("data")
    after = data.get("object") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(after, Mapping):
        raise MalformedObjectError(f"{event_id}: data holds no object")
    previous = data.get("previous_attributes")
    changed_from = previous if isinstance(previous, Mapping) else {}
    for state in (after, changed_from):
        if not has_only_objects(state, "items"):
            raise MalformedObjectError(f"{event_id}: one of its items is not an object")
        _require_dates(state, "trial_start", "trial_end")
        for item in entries(state, "items"):
            required_id(item, "id")
            item_terms(item)
            trial = item.get("current_trial")
            if isinstance(trial, Mapping):
                _require_dates(trial, "start_date", "end_date")
    return SubscriptionEvent(at, event_id, after, changed_from)


def _require_dates(payload: Payload, *fields: str) -> None:
    for field in fields:
        moment(payload, field)


def _order(event: SubscriptionEvent, events: Sequence[SubscriptionEvent]) -> tuple[int, bool, str]:
    """By time; of one second's events, the one whose outcome no other changes comes last."""
    is_last = not any(_starts_from(other, event) for other in events if other.at == event.at)
    return event.at, is_last, event.event_id


def _starts_from(later: SubscriptionEvent, earlier: SubscriptionEvent) -> bool:
    changed = STATE_FIELDS & later.changed_from.keys()
    return bool(changed) and all(
        earlier.after.get(field) == later.changed_from[field] for field in changed
    )
