"""Who moved a period's NRR and by how many points, and how it changed against the period before.

Why a customer's MRR moved does not belong here: see ``reasons``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.retention import Measurement


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one customer of the cohort adds to NRR - 100 %; amounts at the opening day's rates."""

    account_id: str
    movement: Movement
    opening_mrr_micros: int
    closing_mrr_micros: int
    starting_mrr_micros: int

    @property
    def change_micros(self) -> int:
        """Closing less opening MRR."""
        return self.closing_mrr_micros - self.opening_mrr_micros

    @property
    def points(self) -> Fraction:
        """Percentage points of NRR; over all customers they sum to NRR - 100 % exactly."""
        return Fraction(100 * self.change_micros, self.starting_mrr_micros)


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


def contributions(measurement: Measurement) -> tuple[Contribution, ...]:
    """Every customer of the cohort whose MRR moved, the most costly first (ties: by account).

    Those that did not move add nothing, so the points sum to NRR - 100 % exactly.
    """
    customers = measurement.customers
    starting = measurement.whole.starting_mrr_micros
    in_cohort = customers[
        (customers["opening_mrr_micros"] > 0)
        & (customers["opening_mrr_micros"] != customers["closing_mrr_micros"])
    ]
    columns = ("account_id", "movement", "opening_mrr_micros", "closing_mrr_micros")
    listed = [
        Contribution(str(account), Movement(movement), int(opening), int(closing), starting)
        for account, movement, opening, closing in zip(
            *(in_cohort[name] for name in columns), strict=True
        )
    ]
    return tuple(sorted(listed, key=lambda each: (each.change_micros, each.account_id)))


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
    weights = [
        Fraction(row.starting_mrr_micros if row else 0, whole.starting_mrr_micros)
        for row, whole in zip(rows, wholes, strict=True)
    ]
    whole_rates = [whole.nrr or Fraction(0) for whole in wholes]
    half = Fraction(1, 2)
    rate = half * sum(weights) * (last - first)
    mix = (weights[1] - weights[0]) * half * (first + last - sum(whole_rates))
    return SegmentEffect(*key, rows[0], rows[1], 100 * rate, 100 * mix)
