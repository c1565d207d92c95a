"""What moved a period, in sentences: found from its customers, never guessed.

Why a single customer's MRR moved is known before: see ``metrics.reasons``.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from nrr_pipeline.metrics.attribution import SegmentEffect
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.points import apportioned, nrr_tenths, signed, tenths, unsigned

LARGEST = 10
"""How many customers count as the largest."""

_LOST_BY = {
    "seats": "Seat cuts by",
    "plan": "Moves to other plans by",
    "billing": "Changes of the billing interval by",
    "price": "Lower prices or discounts at",
    "exchange_rate": "Exchange rates at",
    "subscription": "Parts given up by",
    "voluntary": "Cancellations by",
    "involuntary": "Failed payments of",
    "paused": "Pauses of",
    "other": "Departures for no known reason of",
}
_LEFT_BY = {
    "voluntary": "canceled",
    "involuntary": "did not pay",
    "paused": "paused",
    "other": "for no known reason",
}
_LONGEST_WORDS = 60
_MOST = Fraction(1, 2)
"""The part of a cause from which on it is worth saying at which customers it lies."""

_NOTABLE = Fraction(1, 5)
"""The part of all losses from which on a second cause is worth a sentence."""


_NOTABLE_CHANGE = 10
"""Tenths of a point from which on a change is worth saying where it came from."""


def main_causes(explained: PeriodExplanation, bands: Sequence[int]) -> str:
    """What cost most points, at how many customers, and whether these are the large ones.

    Args:
        explained: The period.
        bands: Where the bands of customers' MRR begin, in whole units, ascending.
    """
    whole = explained.whole
    losses = [each for each in explained.moves if each.points_of(whole) < 0]
    by_cause: dict[str, list[CustomerMove]] = {}
    for each in losses:
        by_cause.setdefault(each.cause, []).append(each)
    ranked = sorted(by_cause.items(), key=lambda item: (_points(item[1], whole), item[0]))
    if not ranked:
        return "No customer pays less than at opening."
    lost = _points(losses, whole)
    cause, moves = ranked[0]
    sentence = (
        f"{_LOST_BY.get(cause, cause)} {people(len(moves))} cost {_shown(moves, whole)} of the "
        f"{unsigned(tenths(lost))} points lost{_at_large(moves, whole, bands)}."
    )
    if cause not in _LEFT_BY:
        sentence += _named_for_most(moves, whole)
    for second, others in ranked[1:2]:
        if _points(others, whole) <= _NOTABLE * lost:
            said = _LOST_BY.get(second, second)
            sentence += f" {said} {people(len(others))} cost {_shown(others, whole)}."
    return sentence


def who_left(explained: PeriodExplanation) -> str:
    """Logo churn, whether those who left wanted to, and the reason that most of them named."""
    whole = explained.whole
    churn = format_ratio(whole.churned_customers, whole.starting_customers)
    sentence = (
        f"Logo churn: {whole.churned_customers:,} of {people(whole.starting_customers)} left "
        f"({churn})"
    )
    left = [each for each in explained.moves if each.movement is Movement.CHURN]
    ways = Counter(each.cause for each in left)
    listed = [f"{count} {_LEFT_BY.get(cause, cause)}" for cause, count in ways.most_common()]
    return f"{': '.join(filter(None, (sentence, ', '.join(listed))))}.{_most_named(left)}"


def who_expanded(explained: PeriodExplanation) -> str:
    """How much expansion there was, and how much the ten customers brought that added most."""
    whole = explained.whole
    grown = [each for each in explained.moves if each.movement is Movement.EXPANSION]
    largest = sorted(grown, key=lambda each: (each.change_micros, each.account_id))[-LARGEST:]
    if len(grown) <= LARGEST:
        return f"Expansion at {people(len(grown))} hides it: {_shown(grown, whole)} points."
    return (
        f"Expansion at {people(len(grown))} hides it: {_shown(grown, whole)} points, "
        f"{_shown(largest, whole)} of them at the {LARGEST} that added most."
    )


def against_before(explained: PeriodExplanation) -> str:
    """NRR of the period before, the difference as shown, and the segment that did most for it."""
    before, whole = explained.whole_before, explained.whole
    if before is None or before.nrr is None:
        return ""
    change = nrr_tenths(whole) - nrr_tenths(before)
    label = explained.period.previous.label
    if change == 0:
        return f"{label} was the same: {shown_nrr(before)}."
    way = "lower" if change < 0 else "higher"
    sentence = f"Against {label} ({shown_nrr(before)}): {unsigned(change)} points {way}"
    stood_out = _standing_out(explained) if abs(change) >= _NOTABLE_CHANGE else None
    return f"{sentence}{_of_segment(explained, stood_out) if stood_out else ''}."


def shown_nrr(row: Retention) -> str:
    """NRR as it is shown everywhere."""
    return f"{unsigned(nrr_tenths(row))} %"


def people(count: int) -> str:
    """A number of customers."""
    return f"{count:,} customer{'' if count == 1 else 's'}"


def _points(moves: Sequence[CustomerMove], whole: Retention) -> Fraction:
    return sum((each.points_of(whole) for each in moves), Fraction(0))


def _shown(moves: Sequence[CustomerMove], whole: Retention) -> str:
    return unsigned(tenths(_points(moves, whole)))


def _at_large(moves: Sequence[CustomerMove], whole: Retention, bands: Sequence[int]) -> str:
    """Which part lies at the largest customers, from the highest band on that holds most of it."""
    for band in sorted(bands, reverse=True):
        large = [each for each in moves if each.opening_mrr_micros >= band * MICROS_PER_MAJOR]
        if len(large) == len(moves):
            break
        if large and _points(large, whole) <= _MOST * _points(moves, whole):
            floor = format_money(band * MICROS_PER_MAJOR, whole.currency, whole=True)
            return (
                f", {_shown(large, whole)} of them at {len(large):,} that paid {floor} or more "
                "a month"
            )
    return ""


def _most_named(moves: Sequence[CustomerMove]) -> str:
    """The reason that most of those customers named who named one, if it is more than one."""
    named = Counter(words for each in moves if (words := _own_words(each.reason)))
    reason, count = min(named.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return f" Most named reason: {reason} ({count} of {named.total()})." if count > 1 else ""


def reason_named(
    moves: Sequence[CustomerMove], whole: Retention
) -> tuple[str, Sequence[CustomerMove]] | None:
    """The reason that those customers named who together cost most points, and who they are."""
    by_reason: dict[str, list[CustomerMove]] = {}
    for each in moves:
        if words := _own_words(each.reason):
            by_reason.setdefault(words, []).append(each)
    return min(by_reason.items(), key=lambda item: (_points(item[1], whole), item[0]), default=None)


def _named_for_most(moves: Sequence[CustomerMove], whole: Retention) -> str:
    if (found := reason_named(moves, whole)) is None:
        return ""
    reason, named = found
    return f" Reason named for {_shown(named, whole)}: {reason} ({people(len(named))})."


def _own_words(reason: str) -> str:
    """What a customer wrote, or chose as its reason when it canceled; nothing where it did not."""
    said = re.search(r'"(.+)"$', reason) or re.match(r"canceled: (.+)", reason)
    return legible(said[1], _LONGEST_WORDS) if said else ""


def _standing_out(explained: PeriodExplanation) -> SegmentEffect | None:
    """The segment that moved NRR most beyond its weight, in the direction in which it went.

    Beyond its weight, because of a dimension with one segment that one explains everything, and
    says nothing.
    """
    before, whole = explained.whole_before, explained.whole
    if before is None or before.nrr is None or whole.nrr is None:
        return None
    change = 100 * (whole.nrr - before.nrr)
    found = [
        (abs(share) - abs(change) * _weight(effect, whole), effect)
        for effect in _effects(explained)
        if (share := effect.rate_points + effect.mix_points) * change > 0
    ]
    best = max(found, key=lambda each: each[0], default=None)
    return best[1] if best is not None and best[0] > 0 else None


def _effects(explained: PeriodExplanation) -> Iterator[SegmentEffect]:
    for effects in explained.effects.values():
        yield from effects


def _weight(effect: SegmentEffect, whole: Retention) -> Fraction:
    mine = effect.after.starting_mrr_micros if effect.after else 0
    return Fraction(mine, whole.starting_mrr_micros)


def _of_segment(explained: PeriodExplanation, effect: SegmentEffect) -> str:
    total = tenths(effect.rate_points + effect.mix_points)
    rate, mix = apportioned([effect.rate_points * 10, effect.mix_points * 10], total)
    name = segment_name(explained, effect.dimension, effect.segment)
    return f"; {signed(total)} from {name} (rate {signed(rate)}, mix {signed(mix)})"


def segment_name(explained: PeriodExplanation, dimension: str, segment: str) -> str:
    """What a message calls a segment."""
    name = explained.segment_names.get((dimension, segment), segment)
    return f'{dimension.replace("_", " ")} "{legible(name)}"'
