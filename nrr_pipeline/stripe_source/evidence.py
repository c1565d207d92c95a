"""What Stripe's objects prove about one subscription: dates, states and the terms of every item.

Times come from what Stripe dates itself (lines, events, dates on the object) and, where nothing
does, from when we looked. Folding the facts is ``metrics.history``'s.
"""

from collections.abc import Mapping, Sequence

from nrr_pipeline.metrics.evidence import (
    BillingState,
    EndReason,
    Finding,
    ItemEvidence,
    LineAmount,
    Source,
    StateSpan,
    SubscriptionEvidence,
)
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.events import SubscriptionEvent, read_events
from nrr_pipeline.stripe_source.lines import Line, Lines, read_lines
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    entries,
    moment,
    required_id,
    required_moment,
)
from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord
from nrr_pipeline.stripe_source.states import (
    assumed_onsets,
    at_risk_spans,
    item_trial_spans,
    scheduled_churn_spans,
    state_facts,
    state_spans,
    trial_spans,
)
from nrr_pipeline.stripe_source.terms import Facts, item_facts, item_joined_at

ONE_DAY_SECONDS = 86_400

_SHORTEST_DAYS = {"day": 1, "week": 7, "month": 28, "year": 365}
"""Days of the shortest interval of each kind; a line of fewer charges for a part of one."""

_END_REASONS = {
    "cancellation_requested": EndReason.VOLUNTARY,
    "payment_failed": EndReason.INVOLUNTARY,
    "payment_disputed": EndReason.INVOLUNTARY,
}


def subscription_evidence(
    record: SubscriptionRecord,
    prices: Mapping[str, Price],
    *,
    discounted_customers: frozenset[str] = frozenset(),
) -> SubscriptionEvidence | None:
    """Everything that the objects of one subscription prove; ``None`` if it was never seen alive.

    Args:
        record: The subscription's objects as known at one time.
        prices: All prices by id, to know which are metered.
        discounted_customers: Customers whose own discount applies where a subscription has none.

    Raises:
        MalformedObjectError: The subscription itself cannot be read; the message names the field.
    """
    alive = [version for version in record.versions if not version.is_deleted]
    if not alive:
        return None
    latest = alive[-1].payload
    currency, customer_id = latest.get("currency"), required_id(latest, "customer")
    if not isinstance(currency, str):
        raise MalformedObjectError(f"{record.subscription_id}: currency is {currency!r}")
    events, event_problems = read_events(record)
    lines = read_lines(record, prices)
    starts_at, start_problems = _start(latest, lines.first_covered_at)
    final = _final_payload(record, latest, events)
    ends_at, end_problems = _end(record, final)
    states, trials = state_facts(alive, events), trial_spans(alive)
    spans = state_spans(states, record.invoices, starts_at=starts_at, paid_until=lines.paid_until)
    onset_problems = assumed_onsets(record.subscription_id, spans)
    is_discounted = (
        lines.has_discounts or _is_discounted(latest) or customer_id in discounted_customers
    )
    discounted = (_discounted(record.subscription_id, starts_at),) if is_discounted else ()
    return SubscriptionEvidence(
        subscription_id=record.subscription_id,
        customer_id=customer_id,
        currency=currency,
        starts_at=starts_at,
        ends_at=ends_at,
        end_reason=_end_reason(final),
        items=_items(item_facts(record, lines, events, prices), alive, starts_at),
        spans=(*trials, *spans, *discounted),
        at_risk=at_risk_spans(record.invoices, states),
        scheduled_churn=scheduled_churn_spans(states, ends_at),
        line_amounts=_line_amounts(lines, prices, trials),
        problems=(
            *lines.problems,
            *event_problems,
            *start_problems,
            *end_problems,
            *onset_problems,
        ),
    )


def _items(
    facts: Facts, alive: Sequence[ObservedVersion], starts_at: int
) -> tuple[ItemEvidence, ...]:
    return tuple(
        ItemEvidence(
            item_id,
            item_joined_at(item_id, alive, starts_at),
            tuple(facts[item_id]),
            item_trial_spans(item_id, alive),
        )
        for item_id in facts
    )


def _line_amounts(
    lines: Lines, prices: Mapping[str, Price], trials: Sequence[StateSpan]
) -> tuple[LineAmount, ...]:
    """The paid ordinary lines that charge a whole billing interval: not a trial, not a stub."""
    return tuple(
        LineAmount(line.line_id, line.terms, line.subtotal_minor)
        for line in lines.ordinary
        if line.subtotal_minor is not None
        and line.is_paid
        and _is_whole_interval(line, prices.get(line.terms.price_id))
        and not any(_within(trial, line.starts_at) for trial in trials)
    )


def _is_whole_interval(line: Line, price: Price | None) -> bool:
    shortest_days = _SHORTEST_DAYS.get(price.billing_interval) if price else None
    if price is None or shortest_days is None:
        return False
    shortest = shortest_days * price.billing_interval_count * ONE_DAY_SECONDS
    return line.ends_at - line.starts_at >= shortest


def _within(span: StateSpan, at: int) -> bool:
    return span.starts_at <= at and (span.ends_at is None or at < span.ends_at)


def _final_payload(
    record: SubscriptionRecord, latest: Payload, events: Sequence[SubscriptionEvent]
) -> Payload:
    """What tells how it ended: the object, or of one that is gone the event that ended it."""
    if record.versions[-1].is_deleted:
        ending = [event.after for event in events if event.after.get("ended_at") is not None]
        return ending[-1] if ending else latest
    return latest


def _start(latest: Payload, first_covered_at: int | None) -> tuple[int, list[Finding]]:
    """When the subscription starts to count, trials aside.

    Backdated and billed: ``start_date``. Backdated and not billed, as after a migration:
    ``created``, since ``start_date`` would bring only survivors into old cohorts.
    """
    start_date = required_moment(latest, "start_date")
    created = required_moment(latest, "created")
    if start_date >= created:
        return start_date, []
    if first_covered_at is not None and first_covered_at <= start_date + ONE_DAY_SECONDS:
        return start_date, []
    finding = Finding(
        "backdated_without_invoice",
        "warning",
        str(latest.get("id")),
        f"start_date lies {(created - start_date) // ONE_DAY_SECONDS} days before it was created "
        "and no invoice bills that time; it counts from its creation",
    )
    return created, [finding]


def _end(record: SubscriptionRecord, final: Payload) -> tuple[int | None, list[Finding]]:
    """When the subscription really ended; ``None`` while it lasts."""
    ended_at = moment(final, "ended_at")
    if ended_at is not None:
        return ended_at, []
    if final.get("status") in ("canceled", "incomplete_expired"):
        canceled_at = moment(final, "canceled_at")
        if canceled_at is None:
            raise MalformedObjectError(
                f"{record.subscription_id}: it is {final.get('status')} but says neither ended_at "
                "nor canceled_at"
            )
        detail = "it is cancelled without ended_at; it counts until canceled_at"
        return canceled_at, [Finding("end_assumed", "warning", record.subscription_id, detail)]
    last = record.versions[-1]
    if last.is_deleted:
        detail = "Stripe no longer has it and no event tells when it ended; it counts until the "
        finding = Finding(
            "vanished_subscription", "warning", record.subscription_id, detail + "pull"
        )
        return last.first_seen, [finding]
    return None, []


def _end_reason(latest: Payload) -> EndReason:
    details = latest.get("cancellation_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    return _END_REASONS.get(str(reason), EndReason.OTHER)


def _is_discounted(latest: Payload) -> bool:
    return any(holder.get("discounts") for holder in (latest, *entries(latest, "items")))


def _discounted(subscription_id: str, starts_at: int) -> StateSpan:
    return StateSpan(
        starts_at,
        None,
        BillingState.ACTIVE,
        Source.SUBSCRIPTION,
        subscription_id,
        held_out=f"{subscription_id}: it has or had a discount, which this version cannot price",
    )
