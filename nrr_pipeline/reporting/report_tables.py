"""The tables of a board report: cells as they are shown, adding up as they are shown.

How a table looks is decided in ``board_report.typ``.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.bridge_lines import KEPT, bridge_of, cohort_points
from nrr_pipeline.reporting.concentration import Concentration
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.locale import Notation
from nrr_pipeline.reporting.points import rest, tenths
from nrr_pipeline.reporting.ratios import nrr_of

MOVERS_LISTED = 6
CAME_LISTED = 5
LONGEST = 120
"""Letters of a name or reason at most; what does not fit its column is cut there."""

Kind = Literal["body", "level", "total"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: of words, or of figures that stand flush right.

    ``share`` is its part of the free width, ``width`` is in points; with neither it is as wide as
    what stands in it.
    """

    label: str
    is_figure: bool = True
    share: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and whether the row is an ordinary one, a level or a total."""

    cells: Sequence[str]
    kind: Kind = "body"


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; without rows there is no table."""

    columns: Sequence[Column]
    rows: Sequence[Row]

    def as_data(self) -> dict[str, Any] | None:
        """What the template reads."""
        return asdict(self) if self.rows else None


class Tables:
    """Tables written in one locale."""

    def __init__(self, notation: Notation) -> None:
        self._in = notation

    def bridge(self, explained: Sequence[PeriodExplanation]) -> Table:
        """The bridges of periods side by side, in money and in points of NRR."""
        bridges = [bridge_of(each.whole) for each in explained]
        columns = [Column("", is_figure=False, share=1)]
        for each in explained:
            currency = each.whole.currency.upper()
            columns += [Column(f"{self._in.period(each.period)}, {currency}"), Column("points")]
        rows: list[Row] = []
        for lines in zip(*(bridge.lines for bridge in bridges), strict=True):
            cells = [lines[0].label]
            for line, bridge, each in zip(lines, bridges, explained, strict=True):
                write = self._in.number if line.is_level else self._in.signed
                points = "" if line.points is None else self._in.points(line.points)
                if line.label == KEPT:
                    points = self._in.per_cent(nrr_of(each.whole))
                cells += [write(line.units, bridge.decimals), points]
            rows.append(Row(cells, "level" if lines[0].is_level else "body"))
        return Table(columns, rows)

    def losses(self, explained: PeriodExplanation) -> Table:
        """The customers that cost most points, and all others that cost any."""
        whole = explained.whole
        moves = [each for each in explained.moves if each.points_of(whole) < 0]
        _, contraction, churn = cohort_points(whole)
        return self._movers(explained, moves, (contraction or 0) + (churn or 0))

    def gains(self, explained: PeriodExplanation) -> Table:
        """The customers of the cohort that added most points, and all others that added any."""
        whole = explained.whole
        moves = [each for each in reversed(explained.moves) if each.points_of(whole) > 0]
        return self._movers(explained, moves, cohort_points(whole)[0] or 0)

    def _movers(
        self, explained: PeriodExplanation, moves: Sequence[CustomerMove], total: int
    ) -> Table:
        whole = explained.whole
        large = [each for each in moves[:MOVERS_LISTED] if tenths(each.points_of(whole))]
        listed = large or moves[:1]
        others = moves[len(listed) :]
        shown = [tenths(each.points_of(whole)) for each in listed]
        rows = [
            Row([*self._move(each, whole), self._in.points(points)])
            for each, points in zip(listed, shown, strict=True)
        ]
        left = rest(total, shown)
        if others or left:
            name = f"All others ({self._in.number(len(others))})" if others else "Rounding"
            rows.append(Row([name, "", *self._sides(others, whole), self._in.points(left)]))
        if rows:
            sides = self._sides(moves, whole)
            rows.append(Row(["Together", "", *sides, self._in.points(total)], "total"))
        currency = whole.currency.upper()
        columns = [
            Column("Customer", is_figure=False, share=4),
            Column("Why", is_figure=False, share=6),
            Column(f"Opening, {currency}"),
            Column(f"Closing, {currency}"),
            Column("Points"),
        ]
        return Table(columns, rows)

    def came(self, explained: PeriodExplanation) -> Table:
        """New and returned customers, which no NRR counts, the largest first."""
        whole = explained.whole
        moves = [each for each in explained.moves if each.opening_mrr_micros == 0]
        listed, others = moves[:CAME_LISTED], moves[CAME_LISTED:]
        words = {Movement.NEW_BUSINESS: "new", Movement.REACTIVATION: "returned"}
        rows = [
            Row(
                [
                    legible(each.name, LONGEST),
                    words.get(each.movement, each.movement),
                    self._money(each.closing_mrr_micros, whole),
                ]
            )
            for each in listed
        ]
        if others:
            name = f"All others ({self._in.number(len(others))})"
            closing = sum(each.closing_mrr_micros for each in others)
            rows.append(Row([name, "", self._money(closing, whole)]))
        columns = [
            Column("Customer", is_figure=False, share=4),
            Column("", is_figure=False, share=6),
            Column(f"Closing, {whole.currency.upper()}"),
        ]
        return Table(columns, rows)

    def largest(self, of: Concentration, currency: str) -> Table:
        """The customers with the most ending MRR."""
        rows = [
            Row(
                [
                    legible(each.name, LONGEST),
                    self._in.amount(ending, currency, whole=True),
                    self._in.ratio(ending, of.ending_mrr_micros),
                ]
            )
            for each in of.largest
            for ending in (each.closing_mrr_micros + each.fx_micros,)
        ]
        columns = [
            Column("Customer", is_figure=False, share=1),
            Column(f"Ending MRR, {currency.upper()}"),
            Column("Share"),
        ]
        return Table(columns, rows)

    def _move(self, move: CustomerMove, whole: Retention) -> list[str]:
        reason = legible(move.reason, LONGEST) if move.reason else ""
        return [legible(move.name, LONGEST), reason, *self._sides([move], whole)]

    def _sides(self, moves: Sequence[CustomerMove], whole: Retention) -> list[str]:
        if not moves:
            return ["", ""]
        sides: list[Callable[[CustomerMove], int]] = [
            lambda move: move.opening_mrr_micros,
            lambda move: move.closing_mrr_micros,
        ]
        return [self._money(sum(map(side, moves)), whole) for side in sides]

    def _money(self, micros: int, row: Retention) -> str:
        return self._in.amount(micros, row.currency, whole=True)
