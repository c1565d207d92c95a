"""What Stripe's objects prove about one subscription: dates, states and the terms of every item.

Times come from what Stripe dates itself (lines, events, dates on the object) and, where nothing
does, from when we looked. Folding the facts is ``metrics.history``'s.
"""

from collections.abc import Mapping, Sequence

from nrr_pipeline.metrics.evidence import (
    EndReason,
    Finding,
    ItemEvidence,
    SubscriptionEvidence,
)
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.at_risk import at_risk_spans
from nrr_pipeline.stripe_source.coupons import CouponBook
from nrr_pipeline.stripe_source.discount_looks import Sightings
from nrr_pipeline.stripe_source.discounts import Discounts
from nrr_pipeline.stripe_source.doubts import billing_doubts, paused_doubts
from nrr_pipeline.stripe_source.events import SubscriptionEvent, read_events
from nrr_pipeline.stripe_source.line_amounts import full_lines, line_amounts
from nrr_pipeline.stripe_source.lines import Lines, read_lines
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    has_only_objects,
    moment,
    required_id,
    required_moment,
)
from nrr_pipeline.stripe_source.planned import metered_usage, planned_changes
from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord
from nrr_pipeline.stripe_source.scheduled_pauses import scheduled_pauses
from nrr_pipeline.stripe_source.states import (
    assumed_onsets,
    scheduled_churn_spans,
    state_facts,
    state_spans,
)
from nrr_pipeline.stripe_source.taxes import tax_spans
from nrr_pipeline.stripe_source.terms import Facts, item_facts, item_joined_at
from nrr_pipeline.stripe_source.trials import Sighting, item_trial_spans, sightings, trial_spans
from nrr_pipeline.stripe_source.unbilled import (
    before_creation,
    before_first_charge,
    before_new_cycle,
)

ONE_DAY_SECONDS = 86_400

_END_REASONS = {
    "cancellation_requested": EndReason.VOLUNTARY,
    "payment_failed": EndReason.INVOLUNTARY,
    "payment_disputed": EndReason.INVOLUNTARY,
}


def subscription_evidence(
    record: SubscriptionRecord,
    prices: Mapping[str, Price],
    *,
    coupons: Mapping[str, Payload] | None = None,
) -> SubscriptionEvidence | None:
    """Everything that the objects of one subscription prove; ``None`` if it was never seen alive.

    Args:
        record: The subscription's objects as known at one time.
        prices: All prices by id, to know which are metered.
        coupons: The coupons that are or were listed, by id.

    Raises:
        MalformedObjectError: The subscription itself cannot be read; the message names the field.
    """
    alive = [version for version in record.versions if not version.is_deleted]
    if not alive:
        return None
    latest = alive[-1].payload
    if not all(has_only_objects(version.payload, "items") for version in alive):
        raise MalformedObjectError(f"{record.subscription_id}: one of its items is not an object")
    currency, customer_id = latest.get("currency"), required_id(latest, "customer")
    if not isinstance(currency, str):
        raise MalformedObjectError(f"{record.subscription_id}: currency is {currency!r}")
    events, event_problems = read_events(record)
    lines = read_lines(record, prices)
    starts_at, start_problems = _start(latest, lines.first_covered_at)
    began_at = required_moment(latest, "start_date") if start_problems else starts_at
    final = _final_payload(record, latest, events)
    ends_at, end_problems = _end(record, final)
    seen = sightings(alive, events)
    states, trials = state_facts(alive, events), trial_spans(seen, starts_at)
    spans = state_spans(states, record.invoices, starts_at=starts_at, paid=lines.paid_periods)
    discounts = _discounts(record, events, lines, coupons or {}, starts_at)
    facts = item_facts(record, lines, events, prices)
    items = _items(facts, lines, discounts, alive, seen, began_at)
    item_ids = [item.subscription_item_id for item in items]
    whole_lines = full_lines(lines, prices, trials)
    all_lines = (*lines.ordinary, *lines.prorations)
    doubts = (
        *paused_doubts(
            record.subscription_id,
            record.invoices,
            spans,
            starts_at=starts_at,
            seen_at=[fact.at for fact in states],
        ),
        *discounts.doubts(),
    )
    return SubscriptionEvidence(
        subscription_id=record.subscription_id,
        customer_id=customer_id,
        currency=currency,
        starts_at=began_at,
        ends_at=ends_at,
        end_reason=_end_reason(final),
        items=items,
        spans=(
            *trials,
            *spans,
            *scheduled_pauses(record.schedules),
            *before_creation(record.subscription_id, began_at, starts_at),
            *doubts,
        ),
        at_risk=at_risk_spans(record.invoices, states),
        scheduled_churn=scheduled_churn_spans(states, ends_at),
        line_amounts=line_amounts(whole_lines, record.invoices, discounts.discount),
        discounts=discounts.spans(item_ids),
        taxes=tax_spans(alive, events, whole_lines, all_lines, item_ids, starts_at=starts_at),
        problems=(
            *lines.problems,
            *event_problems,
            *start_problems,
            *end_problems,
            *assumed_onsets(record.subscription_id, spans),
            *discounts.findings(record.subscription_id),
            *planned_changes(record, alive[-1]),
            *metered_usage(alive[-1], prices),
        ),
    )


def _discounts(
    record: SubscriptionRecord,
    events: Sequence[SubscriptionEvent],
    lines: Lines,
    coupons: Mapping[str, Payload],
    starts_at: int,
) -> Discounts:
    book = CouponBook(coupons)
    return Discounts(Sightings(record, events, book), lines, book, starts_at=starts_at)


def _items(
    facts: Facts,
    lines: Lines,
    discounts: Discounts,
    alive: Sequence[ObservedVersion],
    seen: Sequence[Sighting],
    began_at: int,
) -> tuple[ItemEvidence, ...]:
    joined_at = {item_id: item_joined_at(item_id, alive, began_at) for item_id in facts}
    return tuple(
        ItemEvidence(
            item_id,
            joined_at[item_id],
            tuple(facts[item_id]),
            (
                *item_trial_spans(item_id, seen, began_at),
                *before_first_charge(joined_at[item_id], facts[item_id]),
                *before_new_cycle(item_id, lines),
                *billing_doubts(item_id, lines),
                *discounts.doubts_of(item_id),
            ),
        )
        for item_id in facts
    )


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
        if ended_at < min(required_moment(final, "created"), required_moment(final, "start_date")):
            raise MalformedObjectError(f"{record.subscription_id}: it ended before it began")
        return ended_at, []
    if final.get("status") in ("canceled", "incomplete_expired"):
        canceled_at = moment(final, "canceled_at")
        if canceled_at is None:
            raise MalformedObjectError(
                f"{record.subscription_id}: it is {final.get('status')} but says neither ended_at "
                "nor canceled_at"
            )
        detail = "it is canceled without ended_at; it counts until canceled_at"
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
