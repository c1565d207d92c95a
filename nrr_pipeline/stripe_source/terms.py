"""The facts about each item's price and quantity, from lines, events and own observations."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from nrr_pipeline.metrics.evidence import Source, Terms, TermsFact
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.events import SubscriptionEvent
from nrr_pipeline.stripe_source.lines import Line, Lines
from nrr_pipeline.stripe_source.payloads import (
    Payload,
    entries,
    item_terms,
    required_id,
    required_moment,
)
from nrr_pipeline.stripe_source.records import ObservedVersion, SubscriptionRecord

CREATED_WITH_SUBSCRIPTION_SECONDS = 60
"""An item whose creation lies so close to its subscription's has been part of it from the start."""

Facts = dict[str, list[TermsFact]]


def item_facts(
    record: SubscriptionRecord,
    lines: Lines,
    events: Sequence[SubscriptionEvent],
    prices: Mapping[str, Price],
) -> Facts:
    """By item id: every fact about its terms, in an order that does not depend on the record's."""
    facts: defaultdict[str, list[TermsFact]] = defaultdict(list)
    for line in (*lines.ordinary, *lines.prorations):
        facts[str(line.item_id)].append(_line_fact(line))
    for event in events:
        for item_id, terms in _terms_of_items(event.changed_from, prices).items():
            known_until = TermsFact(event.at, terms, Source.EVENT, event.event_id, is_until=True)
            facts[item_id].append(known_until)
    _add_snapshots(facts, _observations(record.versions) + _event_states(events), prices)
    return {item_id: sorted(facts[item_id], key=_fact_order) for item_id in sorted(facts)}


def item_joined_at(item_id: str, versions: Sequence[ObservedVersion], starts_at: int) -> int | None:
    """When an item joined its subscription; ``None`` where no version of it was ever seen."""
    for version in versions:
        for item in entries(version.payload, "items"):
            if item.get("id") == item_id:
                created = required_moment(item, "created")
                with_subscription = required_moment(version.payload, "created")
                if created - with_subscription <= CREATED_WITH_SUBSCRIPTION_SECONDS:
                    return starts_at
                return created
    return None


def _line_fact(line: Line) -> TermsFact:
    return TermsFact(
        line.starts_at,
        line.terms,
        Source.PRORATION_LINE if line.is_proration else Source.INVOICE_LINE,
        line.line_id,
        is_until=line.is_credit,
        covers_until=None if line.is_proration else line.ends_at,
    )


def _observations(versions: Sequence[ObservedVersion]) -> list[tuple[int, Payload, Source, str]]:
    """What pulls saw: each version at the first and at the last time that it was seen."""
    return [
        (at, version.payload, Source.OBSERVATION, str(version.payload.get("id")))
        for version in versions
        if not version.is_deleted
        for at in sorted({version.first_seen, version.last_seen})
    ]


def _event_states(events: Sequence[SubscriptionEvent]) -> list[tuple[int, Payload, Source, str]]:
    """The subscription right after each of its events."""
    return [(event.at, event.after, Source.EVENT, event.event_id) for event in events]


def _add_snapshots(
    facts: defaultdict[str, list[TermsFact]],
    snapshots: Sequence[tuple[int, Payload, Source, str]],
    prices: Mapping[str, Price],
) -> None:
    """What a look at the whole subscription proves: the items that it has, and has not."""
    seen = [(snapshot, _terms_of_items(snapshot[1], prices)) for snapshot in snapshots]
    for (at, _, source, source_id), items in seen:
        for item_id, terms in items.items():
            facts[item_id].append(TermsFact(at, terms, source, source_id))
    for (at, payload, source, source_id), items in seen:
        if _lists_every_item(payload):
            for item_id in facts.keys() - items.keys():
                facts[item_id].append(TermsFact(at, None, source, source_id))


def _lists_every_item(payload: Payload) -> bool:
    """Whether an item's absence proves its removal: an event shows the first ten items only."""
    items = payload.get("items")
    return isinstance(items, Mapping) and not items.get("has_more")


def _fact_order(fact: TermsFact) -> tuple[int, int, str, bool]:
    return fact.at, fact.strength, fact.source_id, fact.is_until


def _terms_of_items(payload: Payload, prices: Mapping[str, Price]) -> dict[str, Terms]:
    terms: dict[str, Terms] = {}
    for item in entries(payload, "items"):
        found = item_terms(item)
        price = prices.get(found.price_id)
        is_metered = price is not None and price.is_metered
        terms[required_id(item, "id")] = Terms(found.price_id, None) if is_metered else found
    return terms
