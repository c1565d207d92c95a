"""Folds the evidence of a subscription into a step function: what was true when.

From state, never by summing amounts. Prices, days and the policy do not belong here: history is the
same under every policy.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from operator import attrgetter
from typing import TypeVar

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, in_order
from nrr_pipeline.metrics.evidence import (
    BillingState,
    DiscountSpan,
    EndReason,
    ItemEvidence,
    Source,
    StateSpan,
    SubscriptionEvidence,
    TaxSpan,
    Terms,
)
from nrr_pipeline.metrics.terms_history import TermsStretch, fold_terms


@dataclass(frozen=True, slots=True)
class HistorySegment:
    """A stretch of one item's life in which nothing about it changed.

    ``valid_from`` and ``valid_to`` are unix seconds, half-open; ``None`` is open-ended. Where
    ``approximation`` is set, ``alternative`` are the terms that may be the true ones (``None``:
    the item may not have counted at all, or where it does not, may have). ``held_out`` says why
    the stretch cannot be priced. ``end_reason`` is set on the last stretch before MRR ends.
    ``discounts`` are all that are in force, in their order and whatever their duration;
    ``tax_rate`` is the tax that tax-inclusive amounts contain. Where ``is_at_risk``,
    ``at_risk_since`` says since when.
    """

    subscription_item_id: str
    subscription_id: str
    customer_id: str
    currency: str
    valid_from: int
    valid_to: int | None
    terms: Terms
    state: BillingState
    source: Source
    source_id: str
    is_at_risk: bool = False
    is_scheduled_churn: bool = False
    approximation: str | None = None
    alternative: Terms | None = None
    held_out: str | None = None
    end_reason: EndReason | None = None
    discounts: tuple[Discount, ...] = ()
    tax_rate: Fraction | None = None
    at_risk_since: int | None = None

    def holds(self, at: int) -> bool:
        """Whether an instant lies within the stretch."""
        return _holds(self.valid_from, self.valid_to, at)

    def overlaps(self, other: "HistorySegment") -> bool:
        """Whether two stretches have an instant in common."""
        return (other.valid_to is None or self.valid_from < other.valid_to) and (
            self.valid_to is None or other.valid_from < self.valid_to
        )


def fold_subscription(evidence: SubscriptionEvidence) -> list[HistorySegment]:
    """The step function of every item of one subscription, in order of item and time."""
    segments: list[HistorySegment] = []
    for item in evidence.items:
        overlays = _Overlays.of(evidence, item)
        pieces = [
            segment
            for stretch in fold_terms(item, starts_at=evidence.starts_at, ends_at=evidence.ends_at)
            for segment in _overlay(evidence, item, stretch, overlays)
        ]
        segments.extend(_with_end_reason(_merge_equal(pieces), evidence))
    return segments


def _overlay(
    evidence: SubscriptionEvidence, item: ItemEvidence, stretch: TermsStretch, overlays: "_Overlays"
) -> Iterator[HistorySegment]:
    """Cut a stretch wherever a state, a flag, a discount or the tax of the item changes."""
    cuts = sorted(
        edge
        for edge in overlays.edges
        if stretch.starts_at < edge and (stretch.ends_at is None or edge < stretch.ends_at)
    )
    bounds = [stretch.starts_at, *cuts, stretch.ends_at]
    for start, end in itertools.pairwise(bounds):
        assert start is not None  # noqa: S101  (only the last bound is open)
        yield _segment(evidence, item, stretch, overlays, start, end)


@dataclass(frozen=True, slots=True)
class _Overlays:
    """Everything beside its terms that changes in the life of one item; it does so at ``edges``."""

    states: tuple[StateSpan, ...]
    at_risk: tuple[tuple[int, int | None], ...]
    scheduled_churn: tuple[tuple[int, int | None], ...]
    discounts: tuple[DiscountSpan, ...]
    taxes: tuple[TaxSpan, ...]
    edges: frozenset[int]

    @classmethod
    def of(cls, evidence: SubscriptionEvidence, item: ItemEvidence) -> "_Overlays":
        """What concerns an item; its own states and taxes before those of the subscription."""
        item_id = item.subscription_item_id
        states = (*item.spans, *evidence.spans)
        discounts = tuple(span for span in evidence.discounts if span.item_id in {item_id, None})
        taxes = (
            *(span for span in evidence.taxes if span.item_id == item_id),
            *(span for span in evidence.taxes if span.item_id is None),
        )
        pairs = [(span.starts_at, span.ends_at) for span in (*states, *discounts, *taxes)]
        pairs.extend((*evidence.at_risk, *evidence.scheduled_churn))
        edges = frozenset(edge for pair in pairs for edge in pair if edge is not None)
        return cls(states, evidence.at_risk, evidence.scheduled_churn, discounts, taxes, edges)

    def discounts_at(self, at: int) -> tuple[Discount, ...]:
        """What is in force, in order: the customer's only where the subscription has none."""
        found: dict[str, Discount] = {}
        for span in self.discounts:
            if _holds(span.starts_at, span.ends_at, at):
                found.setdefault(span.discount.discount_id, span.discount)
        has_own = any(each.level is DiscountLevel.SUBSCRIPTION for each in found.values())
        return in_order(
            each
            for each in found.values()
            if not (has_own and each.level is DiscountLevel.CUSTOMER)
        )


def _segment(
    evidence: SubscriptionEvidence,
    item: ItemEvidence,
    stretch: TermsStretch,
    overlays: _Overlays,
    start: int,
    end: int | None,
) -> HistorySegment:
    span = _first(overlays.states, start)
    tax = _first(overlays.taxes, start)
    at_risk = [flag[0] for flag in overlays.at_risk if _holds(*flag, start)]
    return HistorySegment(
        subscription_item_id=item.subscription_item_id,
        subscription_id=evidence.subscription_id,
        customer_id=evidence.customer_id,
        currency=evidence.currency,
        valid_from=start,
        valid_to=end,
        terms=stretch.terms,
        state=span.state if span else BillingState.ACTIVE,
        source=stretch.source,
        source_id=stretch.source_id,
        is_at_risk=bool(at_risk),
        at_risk_since=min(at_risk, default=None),
        is_scheduled_churn=any(_holds(*flag, start) for flag in overlays.scheduled_churn),
        approximation=_joined(
            stretch.approximation,
            span.approximation if span else None,
            tax.approximation if tax else None,
        ),
        alternative=stretch.alternative,
        held_out=span.held_out if span else None,
        discounts=overlays.discounts_at(start) if overlays.discounts else (),
        tax_rate=tax.rate if tax else None,
    )


_Span = TypeVar("_Span", StateSpan, TaxSpan)


def _first(spans: Sequence[_Span], at: int) -> _Span | None:
    return next((span for span in spans if _holds(span.starts_at, span.ends_at, at)), None)


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(reason for reason in reasons if reason is not None) or None


def _holds(starts_at: int, ends_at: int | None, at: int) -> bool:
    return starts_at <= at and (ends_at is None or at < ends_at)


_PROOF = frozenset({"valid_from", "valid_to", "source", "source_id"})
_content = attrgetter(*(each.name for each in fields(HistorySegment) if each.name not in _PROOF))


def _merge_equal(segments: list[HistorySegment]) -> list[HistorySegment]:
    """Join neighbors that differ in nothing but their time and the document that proves them."""
    merged: list[HistorySegment] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if last and last.valid_to == segment.valid_from and _content(last) == _content(segment):
            merged[-1] = replace(last, valid_to=segment.valid_to)
        else:
            merged.append(segment)
    return merged


def _with_end_reason(
    segments: list[HistorySegment], evidence: SubscriptionEvidence
) -> list[HistorySegment]:
    """Say on every counting stretch that ends why it does."""
    result: list[HistorySegment] = []
    for index, segment in enumerate(segments):
        following = segments[index + 1] if index + 1 < len(segments) else None
        reason = _reason(segment, following, evidence)
        result.append(replace(segment, end_reason=reason) if reason else segment)
    return result


_STATE_REASONS = {
    BillingState.UNPAID: EndReason.INVOLUNTARY,
    BillingState.PAUSED: EndReason.PAUSED,
    BillingState.COLLECTION_PAUSED: EndReason.PAUSED,
    BillingState.UNBILLED: EndReason.PAUSED,
}


def _reason(
    segment: HistorySegment, following: HistorySegment | None, evidence: SubscriptionEvidence
) -> EndReason | None:
    if segment.state is not BillingState.ACTIVE or segment.valid_to is None:
        return None
    if following is not None and following.valid_from == segment.valid_to:
        return _STATE_REASONS.get(following.state)
    if segment.valid_to == evidence.ends_at:
        return evidence.end_reason or EndReason.OTHER
    return EndReason.OTHER
