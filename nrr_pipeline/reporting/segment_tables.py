"""The table of a dimension's segments in a board report, with what moved NRR against before.

What is shown adds up: each segment's rate and mix to its effect, all of them to the change of NRR.
"""

from collections.abc import Sequence
from fractions import Fraction

from nrr_pipeline.metrics.attribution import SegmentEffect
from nrr_pipeline.metrics.bridge import BRIDGE_AMOUNTS, Retention
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.locale import Notation
from nrr_pipeline.reporting.points import apportioned, nrr_tenths, rest, tenths
from nrr_pipeline.reporting.ratios import grr_of, logo_churn_of, nrr_of
from nrr_pipeline.reporting.report_tables import LONGEST, Column, Row, Table

SEGMENTS_LISTED = 8


class SegmentTables:
    """Tables of segments written in one locale."""

    def __init__(self, notation: Notation) -> None:
        self._in = notation

    def table(self, explained: PeriodExplanation, dimension: str) -> Table:
        """The largest segments of a dimension, the others in one row, and all customers."""
        rows = [row for row in explained.rows[1:] if row.dimension == dimension]
        rows.sort(key=lambda row: (-row.starting_mrr_micros, row.segment))
        before = {row.segment: row for row in explained.before[1:] if row.dimension == dimension}
        effects = {each.segment: each for each in explained.effects.get(dimension, ())}
        many = len(rows) > SEGMENTS_LISTED
        listed = rows[: SEGMENTS_LISTED - 1] if many else rows
        shown = [_effect_tenths(effects.get(row.segment)) for row in listed]
        lines = [
            Row(
                self._segment(
                    segment_label(explained, dimension, row.segment),
                    row,
                    before.get(row.segment),
                    points,
                )
            )
            for row, points in zip(listed, shown, strict=True)
        ]
        total = _total_tenths(explained, dimension)
        if many:
            others = rows[SEGMENTS_LISTED - 1 :]
            earlier = [before[row.segment] for row in others if row.segment in before]
            left = _left(total, shown)
            name = f"All others ({self._in.number(len(others))})"
            lines.append(Row(self._segment(name, _joined(others), _joined(earlier), left)))
        elif (left := _left(total, shown)) and any(left):
            is_gone = set(effects) - {row.segment for row in rows}
            name = "Gone by opening" if is_gone else "Rounding"
            lines.append(Row([name, *[""] * 5, *map(self._in.points, left)]))
        whole = self._segment("All customers", explained.whole, explained.whole_before, total)
        return Table(self._segment_columns(explained), [*lines, Row(whole, "total")])

    def _segment_columns(self, explained: PeriodExplanation) -> list[Column]:
        currency = explained.whole.currency.upper()
        figures = (
            (f"Starting, {currency}", 78),
            *(("NRR", 46), ("before", 46), ("GRR", 46), ("Logo churn", 54)),
            *(("Rate", 40), ("Mix", 40)),
        )
        return [
            Column("", is_figure=False, share=1),
            *(Column(label, width=width) for label, width in figures),
        ]

    def _segment(
        self,
        name: str,
        row: Retention,
        before: Retention | None,
        points: tuple[int, int] | None,
    ) -> list[str]:
        return [
            name,
            self._in.amount(row.starting_mrr_micros, row.currency, whole=True),
            self._in.per_cent(nrr_of(row)),
            "" if before is None else self._in.per_cent(nrr_of(before)),
            self._in.per_cent(grr_of(row)),
            self._in.per_cent(logo_churn_of(row)),
            *(["", ""] if points is None else map(self._in.points, points)),
        ]


def segment_label(explained: PeriodExplanation, dimension: str, segment: str) -> str:
    """What readers call a segment; currencies in capitals, as everywhere in a report."""
    name = explained.segment_names.get((dimension, segment), segment)
    return legible(name.upper() if dimension == "currency" else name, LONGEST)


def _effect_tenths(effect: SegmentEffect | None) -> tuple[int, int] | None:
    if effect is None:
        return None
    both = tenths(effect.rate_points + effect.mix_points)
    rate, mix = apportioned([10 * effect.rate_points, 10 * effect.mix_points], both)
    return rate, mix


def _total_tenths(explained: PeriodExplanation, dimension: str) -> tuple[int, int] | None:
    """The rate and mix effects of all segments, which add up to the change of NRR as shown."""
    effects = explained.effects.get(dimension)
    if not effects or explained.whole_before is None:
        return None
    change = nrr_tenths(explained.whole) - nrr_tenths(explained.whole_before)
    sums = [
        sum((10 * part for part in parts), Fraction(0))
        for parts in (
            [each.rate_points for each in effects],
            [each.mix_points for each in effects],
        )
    ]
    rate, mix = apportioned(sums, change)
    return rate, mix


def _left(
    total: tuple[int, int] | None, shown: Sequence[tuple[int, int] | None]
) -> tuple[int, int] | None:
    if total is None:
        return None
    known = [each for each in shown if each is not None]
    return rest(total[0], (each[0] for each in known)), rest(total[1], (each[1] for each in known))


def _joined(rows: Sequence[Retention]) -> Retention:
    """Segments as one: every figure added."""
    names = (
        *(*BRIDGE_AMOUNTS, "nrr_numerator", "grr_numerator"),
        *("starting_customers", "churned_customers", "ending_customers"),
    )
    sums = {name: sum(getattr(row, name) for row in rows) for name in names}
    currency = rows[0].currency if rows else ""
    return Retention("others", "others", currency, **sums)
