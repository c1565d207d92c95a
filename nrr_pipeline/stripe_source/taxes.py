"""Which tax the amounts of a subscription contain, as far as its objects and lines tell.

Tax that comes on top of a price is no part of it, and so is not read. What a rate takes off is
``metrics.pricing``'s.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.evidence import Source, TaxSpan
from nrr_pipeline.stripe_source.events import SubscriptionEvent
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.payloads import Payload, entries, reference_id
from nrr_pipeline.stripe_source.records import ObservedVersion

_PER_CENT = Fraction(1, 100)
_ALL = Fraction(100)


@dataclass(frozen=True, slots=True)
class _Look:
    """The rate that an item was seen with; ``None`` where it has none of its own."""

    at: int
    rate: Fraction | None
    source: Source
    source_id: str


def tax_spans(
    versions: Sequence[ObservedVersion],
    events: Sequence[SubscriptionEvent],
    full_lines: Iterable[Line],
    all_lines: Iterable[Line],
    item_ids: Iterable[str],
    *,
    starts_at: int,
) -> tuple[TaxSpan, ...]:
    """The tax contained in each item's amounts, the stronger evidence first.

    A rate on the item or its subscription holds from when it was seen. Before that, and where
    there is none, the rate of the last full-period line holds, or of another line that names a rate
    that was seen; and before any line the first rate that was seen.

    Args:
        versions: The subscription as pulls saw it.
        events: Its events.
        full_lines: Its ordinary lines that charge a whole billing interval.
        all_lines: All of its lines: a stub's amounts round too much, but it may name its rates.
        item_ids: Its items.
        starts_at: When the subscription starts to count.
    """
    seen = [version.payload for version in versions]
    told = [payload for event in events for payload in (event.changed_from, event.after)]
    rates = [rate for payload in (*seen, *told) for rate in _rates(payload)]
    named = _percentages(rates)
    telling = {line for line in full_lines if line.tax_rate is not None}
    telling |= {line for line in all_lines if not line.is_credit and _is_named(line, named)}
    lines = sorted(telling, key=lambda line: (line.starts_at, line.line_id))
    if not rates and not lines:
        return ()
    spans: list[TaxSpan] = []
    for item_id in item_ids:
        looks = sorted(_looks(item_id, versions, events), key=lambda look: look.at)
        given = [look for look in looks if look.rate is not None]
        spans += _spans(item_id, _with_ends(looks))
        billed = [_of_line(line, named, given) for line in lines if line.item_id == item_id]
        spans += _spans(item_id, _with_ends(billed))
        if given:
            spans += _spans(item_id, [(starts_at, given[0].at, given[0])])
    return tuple(spans)


def _looks(
    item_id: str, versions: Sequence[ObservedVersion], events: Sequence[SubscriptionEvent]
) -> Iterable[_Look]:
    for version in versions:
        subscription_id = str(version.payload.get("id"))
        for item in _items_of(version.payload, item_id):
            rate = _given(item, version.payload)
            yield _Look(version.first_seen, rate, Source.OBSERVATION, subscription_id)
    for event in events:
        before = {**event.after, **event.changed_from}
        if event.changed_from.keys() & {"default_tax_rates", "items"}:
            for item in _items_of(before, item_id):
                yield _Look(event.at - 1, _given(item, before), Source.EVENT, event.event_id)
        for item in _items_of(event.after, item_id):
            yield _Look(event.at, _given(item, event.after), Source.EVENT, event.event_id)


def _items_of(subscription: Payload, item_id: str) -> list[Payload]:
    """The item as a subscription shows it; one that is gone had no rates of its own we know of."""
    items = list(entries(subscription, "items"))
    return [item for item in items if reference_id(item) == item_id] or [{}]


def _given(item: Payload, subscription: Payload) -> Fraction | None:
    """The sum of the contained taxes; an item's own rates replace those of its subscription."""
    own = list(entries(item, "tax_rates"))
    rates = own or list(entries(subscription, "default_tax_rates"))
    contained = [rate for rate in rates if rate.get("inclusive") is True]
    percentages = [_percentage(rate) for rate in contained]
    if not contained or None in percentages:
        return None
    return sum((each for each in percentages if each is not None), Fraction(0)) * _PER_CENT


def _percentage(rate: Payload) -> Fraction | None:
    value = rate.get("percentage")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        percentage = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None
    return percentage if 0 <= percentage <= _ALL else None


def _rates(subscription: Payload) -> list[Payload]:
    """The tax rates of a subscription and of its items."""
    own = (rate for item in entries(subscription, "items") for rate in entries(item, "tax_rates"))
    return [*entries(subscription, "default_tax_rates"), *own]


def _percentages(rates: Iterable[Payload]) -> dict[str, Fraction]:
    """The percentages of all rates that were ever seen, by id; they never change."""
    found: dict[str, Fraction] = {}
    for rate in rates:
        rate_id, percentage = reference_id(rate), _percentage(rate)
        if rate_id is not None and percentage is not None:
            found[rate_id] = percentage
    return found


def _of_line(line: Line, named: Mapping[str, Fraction], given: Sequence[_Look]) -> _Look:
    """The rate that a line shows.

    Its amounts are rounded: the rates that it names, or that were seen and give the same tax, are
    meant exactly.
    """
    rate = line.tax_rate or Fraction(0)
    if _is_named(line, named):
        rate = sum((named[each] for each in line.tax_rate_ids), Fraction(0)) * _PER_CENT
        return _Look(line.starts_at, rate, Source.INVOICE_LINE, line.line_id)
    net = line.net_minor
    for look in given:
        if look.rate is not None and net is not None:
            difference = net - net * (1 + rate) / (1 + look.rate)
            if abs(difference) <= 1:
                rate = look.rate
                break
    return _Look(line.starts_at, rate, Source.INVOICE_LINE, line.line_id)


def _is_named(line: Line, named: Mapping[str, Fraction]) -> bool:
    """Whether a line says which rates it means, and all of them were seen."""
    return bool(line.tax_rate_ids) and all(each in named for each in line.tax_rate_ids)


def _with_ends(looks: Sequence[_Look]) -> list[tuple[int, int | None, _Look]]:
    ends = [look.at for look in looks[1:]]
    pairs = itertools.zip_longest(looks, ends)
    return [(look.at, end, look) for look, end in pairs if look is not None]


def _spans(item_id: str, found: Iterable[tuple[int, int | None, _Look]]) -> list[TaxSpan]:
    return [
        TaxSpan(start, end, look.rate, item_id, look.source, look.source_id)
        for start, end, look in found
        if look.rate is not None and (end is None or start < end)
    ]
