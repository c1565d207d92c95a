"""Which stretches of history have MRR, and which discounts they lose, under a policy.

What a stretch is worth does not belong here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from nrr_pipeline.metrics.discounts import Discount, Duration
from nrr_pipeline.metrics.evidence import BillingState, EndReason
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.pricing import Normalization

SUBTRACTED = {
    "recurring": frozenset({Duration.FOREVER, Duration.REPEATING, Duration.UNKNOWN}),
    "forever": frozenset({Duration.FOREVER, Duration.UNKNOWN}),
    "all": frozenset(Duration),
    "none": frozenset[Duration](),
}
"""The settings of ``discounts``, and the durations that each subtracts.

An unknown duration is subtracted wherever one is: it has no rule, so its items are held out.
"""


@dataclass(frozen=True, slots=True)
class CountingRules:
    """Which stretches of history have MRR: the policy as far as pricing asks."""

    normalization: Normalization = field(default_factory=Normalization)
    churn_at_request: bool = False
    paused_collection_counts: bool = False
    discounts: str = "recurring"
    past_due_max_seconds: int | None = None

    def subtracted(self, discounts: tuple[Discount, ...]) -> tuple[Discount, ...]:
        """Those of a stretch's discounts that reduce its MRR."""
        if not discounts:
            return ()
        durations = SUBTRACTED[self.discounts]
        return tuple(each for each in discounts if each.duration in durations)


def counting_pieces(
    segments: Iterable[HistorySegment], rules: CountingRules
) -> list[HistorySegment]:
    """The parts of history that have MRR; those that history holds out are among them.

    Where the policy, not history, ends the MRR, the last part says why.
    """
    pieces: list[HistorySegment] = []
    for segment in segments:
        if segment.held_out is not None:
            pieces.append(segment)
        elif segment.is_scheduled_churn and rules.churn_at_request:
            _ended(pieces, segment, EndReason.VOLUNTARY)
        elif _is_counted(segment, rules):
            _until_limit(pieces, segment, rules.past_due_max_seconds)
    return pieces


def hold_out_items(
    pieces: Iterable[HistorySegment], unknown_forms: Mapping[str, str]
) -> list[HistorySegment]:
    """The same parts, with every item held out whole that ever had a price without a rule.

    What is known of its other time would show as a change that nobody knows.

    Args:
        pieces: The parts of one subscription's history that have MRR.
        unknown_forms: Prices whose billing interval or scheme has no rule, with the reason.
    """
    pieces = list(pieces)
    reasons = {
        piece.subscription_item_id: unknown_forms[piece.terms.price_id]
        for piece in pieces
        if piece.terms.price_id in unknown_forms
    }
    return [
        replace(piece, held_out=reasons[piece.subscription_item_id])
        if piece.held_out is None and piece.subscription_item_id in reasons
        else piece
        for piece in pieces
    ]


def doubtful_gaps(segments: Iterable[HistorySegment]) -> list[HistorySegment]:
    """The parts of history that do not count, though it is not certain that they should not."""
    return [
        replace(segment, alternative=None)
        for segment in segments
        if segment.state is BillingState.UNBILLED
    ]


def _is_counted(segment: HistorySegment, rules: CountingRules) -> bool:
    if segment.state is BillingState.COLLECTION_PAUSED:
        return rules.paused_collection_counts
    return segment.state is BillingState.ACTIVE


def _until_limit(
    pieces: list[HistorySegment], segment: HistorySegment, max_seconds: int | None
) -> None:
    """Add a stretch as far as it has not been past due for too long."""
    if max_seconds is None or not segment.is_at_risk:
        pieces.append(segment)
        return
    since = segment.valid_from if segment.at_risk_since is None else segment.at_risk_since
    limit = since + max_seconds
    if limit <= segment.valid_from:
        _ended(pieces, segment, EndReason.INVOLUNTARY)
    elif segment.valid_to is not None and segment.valid_to <= limit:
        pieces.append(segment)
    else:
        pieces.append(replace(segment, valid_to=limit, end_reason=EndReason.INVOLUNTARY))


def _ended(pieces: list[HistorySegment], following: HistorySegment, reason: EndReason) -> None:
    """Say on the part before a stretch without MRR why its MRR ended there."""
    last = pieces[-1] if pieces else None
    if (
        last is not None
        and last.end_reason is None
        and last.subscription_item_id == following.subscription_item_id
        and last.valid_to == following.valid_from
    ):
        pieces[-1] = replace(last, end_reason=reason)
