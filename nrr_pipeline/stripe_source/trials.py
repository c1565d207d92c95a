"""Trials, of a subscription and of single items: until they end there is no MRR."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nrr_pipeline.metrics.evidence import BillingState, Source, StateSpan
from nrr_pipeline.stripe_source.events import SubscriptionEvent
from nrr_pipeline.stripe_source.payloads import Payload, entries, moment, reference_id
from nrr_pipeline.stripe_source.records import ObservedVersion

Sighting = tuple[int, Payload]
"""A second, and the subscription as it was then."""


def sightings(
    versions: Iterable[ObservedVersion], events: Iterable[SubscriptionEvent]
) -> list[Sighting]:
    """The subscription as pulls and events saw it, in order of time.

    An event also tells what was true until the second before it.
    """
    seen = [(version.first_seen, version.payload) for version in versions]
    for event in events:
        seen.append((event.at - 1, {**event.after, **event.changed_from}))
        seen.append((event.at, event.after))
    return sorted(seen, key=lambda entry: entry[0])


def trial_spans(seen: Iterable[Sighting], starts_at: int) -> tuple[StateSpan, ...]:
    """The subscription's trials, as far as anything saw them; the last word on each counts.

    One that does not say when it began has lasted from ``starts_at``.
    """
    trials: dict[int, StateSpan] = {}
    for _, subscription in seen:
        dates = (
            moment(subscription, "trial_start"),
            moment(subscription, "trial_end"),
        )
        _add_trial(trials, dates, starts_at, subscription)
    return tuple(trials.values())


def item_trial_spans(
    item_id: str, seen: Iterable[Sighting], starts_at: int
) -> tuple[StateSpan, ...]:
    """One item's own trials, as far as anything saw them; without one it has ended."""
    trials: dict[int, StateSpan] = {}
    for at, payload in seen:
        for item in entries(payload, "items"):
            if reference_id(item) != item_id or "current_trial" not in item:
                continue
            trial = item["current_trial"]
            if isinstance(trial, Mapping):
                dates = (
                    moment(trial, "start_date"),
                    moment(trial, "end_date"),
                )
                _add_trial(trials, dates, starts_at, payload)
            else:
                _cut_short(trials, at)
    return tuple(trials.values())


def _cut_short(trials: dict[int, StateSpan], at: int) -> None:
    for start, trial in trials.items():
        if start < at and (trial.ends_at is None or at < trial.ends_at):
            trials[start] = replace(trial, ends_at=at)


def _add_trial(
    trials: dict[int, StateSpan],
    dates: tuple[int | None, int | None],
    starts_at: int,
    subscription: Payload,
) -> None:
    start, end = dates
    if start is None:
        start = starts_at
    if end is not None and start < end:
        source_id = str(subscription.get("id"))
        trials[start] = StateSpan(start, end, BillingState.TRIALING, Source.SUBSCRIPTION, source_id)
