"""Trials, of a subscription and of single items: until they end there is no MRR."""

from collections.abc import Iterable, Mapping

from nrr_pipeline.metrics.evidence import BillingState, Source, StateSpan
from nrr_pipeline.stripe_source.events import SubscriptionEvent
from nrr_pipeline.stripe_source.payloads import Payload, entries, moment, reference_id
from nrr_pipeline.stripe_source.records import ObservedVersion


def seen_payloads(
    versions: Iterable[ObservedVersion], events: Iterable[SubscriptionEvent]
) -> list[Payload]:
    """The subscription as pulls and events saw it, in order of time."""
    seen = [(version.first_seen, version.payload) for version in versions]
    told = [(event.at, event.after) for event in events]
    return [payload for _, payload in sorted((*told, *seen), key=lambda entry: entry[0])]


def trial_spans(payloads: Iterable[Payload], starts_at: int) -> tuple[StateSpan, ...]:
    """The subscription's trials, as far as its payloads tell; the last word on each counts.

    One that does not say when it began has lasted from ``starts_at``.
    """
    trials: dict[int, StateSpan] = {}
    for subscription in payloads:
        dates = (
            moment(subscription, "trial_start"),
            moment(subscription, "trial_end"),
        )
        _add_trial(trials, dates, starts_at, subscription)
    return tuple(trials.values())


def item_trial_spans(
    item_id: str, payloads: Iterable[Payload], starts_at: int
) -> tuple[StateSpan, ...]:
    """One item's own trials, as far as the subscription's payloads tell."""
    trials: dict[int, StateSpan] = {}
    for payload in payloads:
        for item in entries(payload, "items"):
            trial = item.get("current_trial")
            if reference_id(item) == item_id and isinstance(trial, Mapping):
                dates = (
                    moment(trial, "start_date"),
                    moment(trial, "end_date"),
                )
                _add_trial(trials, dates, starts_at, payload)
    return tuple(trials.values())


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
