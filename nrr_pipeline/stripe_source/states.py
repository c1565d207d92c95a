"""When a subscription was not simply active: trials, pauses, unpaid, about to leave."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nrr_pipeline.metrics.evidence import BillingState, Finding, Source, StateSpan
from nrr_pipeline.stripe_source.events import STATE_FIELDS, SubscriptionEvent
from nrr_pipeline.stripe_source.payloads import (
    Payload,
    moment,
    required_moment,
)
from nrr_pipeline.stripe_source.records import ObservedVersion

_STATES = {
    "active": BillingState.ACTIVE,
    "past_due": BillingState.ACTIVE,
    "trialing": BillingState.ACTIVE,
    "canceled": BillingState.ACTIVE,
    "unpaid": BillingState.UNPAID,
    "paused": BillingState.PAUSED,
    "incomplete": BillingState.INCOMPLETE,
    "incomplete_expired": BillingState.INCOMPLETE,
}
"""State by status. Trials and ends have dates of their own, so their statuses add nothing here."""

_IN_WORDS = {
    BillingState.UNPAID: "it is unpaid",
    BillingState.PAUSED: "it is paused",
    BillingState.COLLECTION_PAUSED: "its collection is paused",
}
"""States whose onset the object itself need not tell."""

_DATED_BY_EVENTS = STATE_FIELDS | {"cancel_at", "cancel_at_period_end", "canceled_at"}
_PAUSING_BEHAVIORS = frozenset({"void", "mark_uncollectible"})
_COUNTING_BEHAVIORS = frozenset({"keep_as_draft", None})
_NOT_COLLECTED = frozenset({"void", "uncollectible", "open", "draft"})


@dataclass(frozen=True, slots=True)
class StateFact:
    """The subscription as it was at a time, from a pull or an event."""

    at: int
    payload: Payload
    source: Source
    source_id: str

    @property
    def state(self) -> BillingState:
        """What its status and a pause of its collection say."""
        status = str(self.payload.get("status"))
        state = _STATES.get(status, BillingState.UNKNOWN)
        if status == "trialing" and self.payload.get("trial_end") is None:
            return BillingState.TRIALING
        if state is BillingState.ACTIVE and self.pause_behavior not in _COUNTING_BEHAVIORS:
            pauses = self.pause_behavior in _PAUSING_BEHAVIORS
            return BillingState.COLLECTION_PAUSED if pauses else BillingState.UNKNOWN
        return state

    @property
    def pause_behavior(self) -> str | None:
        """What happens to invoices while collection is paused; ``None`` while it is not."""
        pause = self.payload.get("pause_collection")
        behavior = pause.get("behavior") if isinstance(pause, Mapping) else pause
        return None if behavior is None else str(behavior)

    @property
    def paused_at(self) -> int | None:
        """When a subscription that is paused says that it was."""
        details = self.payload.get("status_details")
        paused = details.get("paused") if isinstance(details, Mapping) else None
        if self.state is not BillingState.PAUSED or not isinstance(paused, Mapping):
            return None
        return moment(paused, "transitioned_at")

    @property
    def is_past_due(self) -> bool:
        """Whether a payment is late but the subscription goes on."""
        return self.payload.get("status") == "past_due"


def state_facts(
    versions: Sequence[ObservedVersion], events: Sequence[SubscriptionEvent]
) -> list[StateFact]:
    """What pulls and events say of the subscription as a whole, in order of time.

    An event also tells what was true until the second before it.
    """
    facts = [
        StateFact(
            version.first_seen,
            version.payload,
            Source.OBSERVATION,
            str(version.payload.get("id")),
        )
        for version in versions
    ]
    for event in events:
        if _DATED_BY_EVENTS & event.changed_from.keys():
            earlier = {**event.after, **event.changed_from}
            facts.append(StateFact(event.at - 1, earlier, Source.EVENT, event.event_id))
        facts.append(StateFact(event.at, event.after, Source.EVENT, event.event_id))
    return sorted(facts, key=lambda fact: fact.at)


def state_spans(
    facts: Sequence[StateFact],
    invoices: Sequence[Payload],
    *,
    starts_at: int,
    paid: Sequence[tuple[int, int]],
) -> tuple[StateSpan, ...]:
    """Every stretch in which the subscription as a whole was not simply active, trials aside.

    Args:
        facts: What is known of its state, in order of time.
        invoices: Its invoices, in any order.
        starts_at: When it starts to count.
        paid: The periods that its paid lines charge for, in order: they prove that it counted.
    """
    spans: list[StateSpan] = []
    running: StateFact | None = None
    since = 0
    for fact in facts:
        if running is None or fact.state is not running.state:
            if running is not None:
                spans.extend(_spans(running, since, fact.at, paid))
            since = _onset(fact, invoices, starts_at, is_first=running is None)
            # what was so when it was first seen may have been so for long, whoever tells it
            running = replace(fact, source=Source.OBSERVATION) if running is None else fact
    if running is not None:
        spans.extend(_spans(running, since, None, paid))
    return tuple(spans)


def assumed_onsets(subscription_id: str, spans: Iterable[StateSpan]) -> list[Finding]:
    """What must be known about stretches whose beginning nothing tells exactly."""
    return [
        Finding(
            "state_onset_assumed",
            "warning",
            subscription_id,
            f"{_IN_WORDS[span.state]}, but no event tells since when; the first invoice of the "
            "closing run of uncollected ones dates it, or the pull that first saw it",
        )
        for span in spans
        if span.state in _IN_WORDS and span.source is Source.OBSERVATION
    ]


def scheduled_churn_spans(
    facts: Sequence[StateFact], ends_at: int | None
) -> tuple[tuple[int, int | None], ...]:
    """From each request to cancel later until it takes effect or is taken back."""
    spans: list[tuple[int, int | None]] = []
    requested_at: int | None = None
    for fact in facts:
        canceled_at = moment(fact.payload, "canceled_at")
        is_requested = (
            canceled_at is not None
            or fact.payload.get("cancel_at_period_end") is True
            or moment(fact.payload, "cancel_at") is not None
        )
        if is_requested and requested_at is None:
            requested_at = canceled_at if canceled_at is not None else fact.at
        elif not is_requested and requested_at is not None:
            spans.append((requested_at, fact.at))
            requested_at = None
    if requested_at is not None and (ends_at is None or requested_at < ends_at):
        spans.append((requested_at, ends_at))
    return tuple(spans)


def _onset(
    fact: StateFact,
    invoices: Sequence[Payload],
    starts_at: int,
    *,
    is_first: bool,
) -> int:
    """Since when the state that a fact shows has lasted."""
    if fact.paused_at is not None:
        return fact.paused_at
    if fact.state is BillingState.UNKNOWN:
        return starts_at if is_first else fact.at
    if not is_first or fact.state is BillingState.ACTIVE:
        return fact.at
    if fact.state in (BillingState.INCOMPLETE, BillingState.TRIALING):
        return starts_at
    start = _closing_run_start(invoices, fact.at)
    trial_end = moment(fact.payload, "trial_end")
    if fact.state is BillingState.PAUSED and trial_end is not None and trial_end < start:
        # a trial that ends without a way to pay pauses the subscription before its first bill
        is_billed = any(required_moment(invoice, "created") >= trial_end for invoice in invoices)
        return start if is_billed else trial_end
    return start


def _closing_run_start(invoices: Iterable[Payload], at: int) -> int:
    """The first of the unbroken run of uncollected invoices that reaches ``at``."""
    dated = [(required_moment(invoice, "created"), invoice) for invoice in invoices]
    start = at
    for created, invoice in sorted(dated, key=lambda entry: entry[0], reverse=True):
        if created > at:
            continue
        if _is_collected(invoice, at):
            break
        start = created
    return start


def _is_collected(invoice: Payload, at: int) -> bool:
    """Whether an invoice had been paid at a time; its status tells only the present."""
    if str(invoice.get("status")) in _NOT_COLLECTED:
        return False
    paid_at = transition(invoice, "paid_at")
    return paid_at is None or paid_at <= at


def transition(invoice: Payload, name: str) -> int | None:
    """When an invoice took on a status: ``paid_at``, ``voided_at``, …; ``None`` if it did not."""
    transitions = invoice.get("status_transitions")
    return moment(transitions, name) if isinstance(transitions, Mapping) else None


def _spans(
    fact: StateFact, since: int, until: int | None, paid: Sequence[tuple[int, int]]
) -> list[StateSpan]:
    if fact.state is BillingState.ACTIVE or (until is not None and until <= since):
        return []
    if fact.state is BillingState.UNKNOWN:
        held_out = f"{fact.payload.get('id')}: {_unknown(fact)}; update nrr-pipeline"
        return [
            StateSpan(start, end, fact.state, fact.source, fact.source_id, held_out)
            for start, end in _unproven(since, until, paid)
        ]
    source = fact.source if fact.paused_at is None else Source.SUBSCRIPTION
    return [StateSpan(since, until, fact.state, source, fact.source_id)]


def _unproven(
    since: int, until: int | None, paid: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int | None]]:
    """What is left of a stretch without the periods that were paid for."""
    for start, end in paid:
        if until is not None and start >= until:
            break
        if since < start:
            yield since, start
        since = max(since, end)
    if until is None or since < until:
        yield since, until


def _unknown(fact: StateFact) -> str:
    status = str(fact.payload.get("status"))
    if status in _STATES:
        return f"pause_collection {fact.pause_behavior!r} is not known to this version"
    return f"status {fact.payload.get('status')!r} is not known to this version"
