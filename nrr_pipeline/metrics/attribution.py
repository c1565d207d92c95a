"""How NRR changed against the period before: what each segment adds by its rate and by its mix.

What each customer adds to a period's NRR is its own change: see ``reporting.explanation``; why a
customer's MRR moved, see ``reasons``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """What one segment adds to the change of NRR between two periods, in percentage points.

    ``before`` and ``after`` are the segment's own figures; ``None`` where it had no cohort.
    """

    dimension: str
    segment: str
    before: Retention | None
    after: Retention | None
    rate_points: Fraction
    mix_points: Fraction


def rate_and_mix(
    before: Sequence[Retention], after: Sequence[Retention]
) -> dict[str, tuple[SegmentEffect, ...]]:
    """Split the change of NRR between two periods over the segments of every dimension.

    With weights w and rates r of a segment and R of the whole in the two periods, rate is
    (w0 + w1) / 2 x (r1 - r0) and mix (w1 - w0) x ((r0 + r1) / 2 - (R0 + R1) / 2). A segment that is
    absent in one period takes its other rate. Over the segments of a dimension both together sum to
    R1 - R0 exactly.

    Args:
        before: The earlier period's rows, the whole first.
        after: The later period's rows, the whole first.

    Returns:
        By dimension the effects, the most harmful first; nothing where either period had nothing to
        retain, and of the dimensions only those that both periods have.
    """
    if not before or not after or before[0].nrr is None or after[0].nrr is None:
        return {}
    wholes = before[0], after[0]
    sides = _by_segment(before), _by_segment(after)
    dimensions = list(dict.fromkeys(row.dimension for row in after[1:]))
    had = {row.dimension for row in before}
    effects: dict[str, tuple[SegmentEffect, ...]] = {}
    for dimension in dimensions:
        if dimension not in had:
            continue
        keys = sorted({key for side in sides for key in side if key[0] == dimension})
        listed = [effect for key in keys if (effect := _effect(key, sides, wholes)) is not None]
        effects[dimension] = tuple(
            sorted(listed, key=lambda each: (each.rate_points + each.mix_points, each.segment))
        )
    return effects


def most_telling(
    effects: Mapping[str, Sequence[SegmentEffect]], before: Retention, after: Retention
) -> list[str]:
    """The dimensions, first the one that tells most about where the change came from.

    It is the one with the segment that is farthest from what its weight alone gives: its mean share
    of the cohort's MRR times the whole change (ties: in the order given).

    Args:
        effects: By dimension, as ``rate_and_mix`` gives them.
        before: The whole of the earlier period.
        after: The whole of the later period.
    """

    def distance(dimension: str) -> Fraction:
        listed = effects[dimension]
        change = sum((each.rate_points + each.mix_points for each in listed), Fraction(0))
        return max(
            abs(
                each.rate_points
                + each.mix_points
                - (_weight(each.before, before) + _weight(each.after, after)) / 2 * change
            )
            for each in listed
        )

    return sorted(effects, key=distance, reverse=True)


def _weight(row: Retention | None, whole: Retention) -> Fraction:
    return Fraction(row.starting_mrr_micros if row else 0, whole.starting_mrr_micros)


_Side = Mapping[tuple[str, str], Retention]


def _by_segment(rows: Sequence[Retention]) -> _Side:
    return {(row.dimension, row.segment): row for row in rows[1:] if row.starting_mrr_micros > 0}


def _effect(
    key: tuple[str, str], sides: tuple[_Side, _Side], wholes: tuple[Retention, Retention]
) -> SegmentEffect | None:
    rows = sides[0].get(key), sides[1].get(key)
    rates = [row.nrr for row in rows if row is not None and row.nrr is not None]
    if not rates:
        return None
    first, last = rates[0], rates[-1]
    weights = [_weight(row, whole) for row, whole in zip(rows, wholes, strict=True)]
    whole_rates = [whole.nrr or Fraction(0) for whole in wholes]
    half = Fraction(1, 2)
    rate = half * sum(weights) * (last - first)
    mix = (weights[1] - weights[0]) * half * (first + last - sum(whole_rates))
    return SegmentEffect(*key, rows[0], rows[1], 100 * rate, 100 * mix)
