"""What a period's figures are and why: what alerts, board reports and ``nrr explain`` are made of.

Gathering it is the business of ``orchestration.stages.explaining``; words and layouts stand in the
modules that write them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, cast

from pydantic import BeforeValidator, PlainSerializer

from nrr_pipeline.metrics.attribution import SegmentEffect
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period


def _listed(names: Mapping[tuple[str, str], str]) -> list[tuple[str, str, str]]:
    return [(*key, name) for key, name in names.items()]


def _looked_up(names: object) -> object:
    if not isinstance(names, list):
        return names
    listed = cast("list[tuple[str, str, str]]", names)
    return {(dimension, segment): name for dimension, segment, name in listed}


SegmentNames = Annotated[
    Mapping[tuple[str, str], str], PlainSerializer(_listed), BeforeValidator(_looked_up)
]
"""By (dimension, segment) what readers call it; in JSON a list, which has no such keys."""


@dataclass(frozen=True, slots=True)
class CustomerMove:
    """One customer's part in a period; amounts in micros at the opening day's rates.

    ``reason`` says in words why its MRR moved ("seats 120 -> 80", "payment failed"); ``cause`` is
    the word by which reasons are counted (voluntary, involuntary, paused, seats, plan, …).
    ``name`` is the id where names are left out or unknown.
    """

    account_id: str
    name: str
    movement: Movement
    opening_mrr_micros: int
    closing_mrr_micros: int
    fx_micros: int
    cause: str
    reason: str

    @property
    def change_micros(self) -> int:
        """Closing less opening MRR."""
        return self.closing_mrr_micros - self.opening_mrr_micros

    def points_of(self, whole: Retention) -> Fraction:
        """Percentage points of the whole's NRR; 0 for a customer outside of the cohort."""
        if self.opening_mrr_micros == 0 or whole.starting_mrr_micros == 0:
            return Fraction(0)
        return Fraction(100 * self.change_micros, whole.starting_mrr_micros)


def causes_in_words(causes: str) -> str:
    """Say the causes of a restatement, as its table has them, for readers.

    >>> causes_in_words("fx, late_data")
    'exchange rates, late data'
    """
    return ", ".join(_CAUSES.get(each, each) for each in causes.split(", "))


_CAUSES = {"late_data": "late data", "fx": "exchange rates"}


@dataclass(frozen=True, slots=True)
class Restated:
    """One published figure that a later edition changed."""

    from_edition: int
    to_edition: int
    cause: str
    nrr_before: float | None
    nrr_after: float | None
    detail: str

    @property
    def why(self) -> str:
        """The causes in words."""
        return causes_in_words(self.cause)


@dataclass(frozen=True)
class PeriodExplanation:
    """A period as published, held against the period before, with the customers behind it.

    Attributes:
        period: Which.
        rows: Its figures, the row for all customers first, then every segment.
        before: Those of the period before, in the same order; empty where there are none.
        moves: Every customer whose MRR moved: the cohort's, the most costly first, then those that
            came or came back, the largest first. The cohort's changes sum to
            ``nrr_numerator - starting_mrr_micros`` exactly.
        effects: By dimension the rate and mix effects of its segments against the period before.
        segment_names: What readers call a (dimension, segment).
        restated: What later editions changed in the row for all customers, oldest first.
        held_out: By object why it is missing from opening or closing; such a period is provisional.
        at_risk_mrr_micros: Part of the ending MRR whose payment is past due.
        scheduled_churn_mrr_micros: Part of the ending MRR that is set to end.
        approximate_items: Items whose MRR at opening or closing is approximate.
        approximate_error_micros: By how much their sum can be wrong at most; ``None``: unknown.
    """

    period: Period
    rows: tuple[Retention, ...]
    before: tuple[Retention, ...]
    moves: tuple[CustomerMove, ...]
    effects: Mapping[str, tuple[SegmentEffect, ...]]
    segment_names: SegmentNames
    edition: int
    is_final: bool
    is_historical: bool
    policy_version: str
    known_at: datetime
    restated: tuple[Restated, ...] = ()
    held_out: Mapping[str, str] = field(default_factory=dict[str, str])
    at_risk_mrr_micros: int = 0
    scheduled_churn_mrr_micros: int = 0
    approximate_items: int = 0
    approximate_error_micros: int | None = 0

    @property
    def whole(self) -> Retention:
        """The row for all customers."""
        return self.rows[0]

    @property
    def whole_before(self) -> Retention | None:
        """The row for all customers of the period before."""
        return self.before[0] if self.before else None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The whole of a month, and of the trailing year that ends with it, in a series."""

    month: date
    figures: Retention
    trailing: Retention | None
    is_final: bool
    edition: int
