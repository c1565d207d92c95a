"""From starting to ending MRR in amounts that add up as they are shown: for tables and charts."""

from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros
from nrr_pipeline.reporting.parts import WHOLE_UNITS_FROM
from nrr_pipeline.reporting.points import HUNDRED, apportioned, nrr_tenths

KEPT = "Kept"
"""The level between what NRR counts and what it does not."""


@dataclass(frozen=True, slots=True)
class BridgeLine:
    """A level of MRR, or a step from one to the next.

    Attributes:
        label: What it is called.
        units: In the last decimal that is shown; a step's with its sign.
        points: Tenths of a point of NRR, for steps of the cohort.
    """

    label: str
    units: int
    is_level: bool = False
    points: int | None = None


@dataclass(frozen=True, slots=True)
class Bridge:
    """A period's bridge as it is shown, in units of so many decimals of its currency."""

    lines: tuple[BridgeLine, ...]
    decimals: int


def bridge_of(row: Retention) -> Bridge:
    """Round a period's parts so that what is shown adds up: whole units where MRR is large."""
    is_whole = max(row.starting_mrr_micros, row.ending_mrr_micros) >= WHOLE_UNITS_FROM
    unit = MICROS_PER_MAJOR if is_whole else minor_unit_micros(row.currency)
    starting, kept, ending = (
        round(Fraction(micros, unit))
        for micros in (row.starting_mrr_micros, row.nrr_numerator, row.ending_mrr_micros)
    )
    of_cohort = [row.expansion_micros, -row.contraction_micros, -row.churned_mrr_micros]
    beside = [row.new_business_micros, row.reactivation_micros, row.fx_micros]
    steps = apportioned(
        [Fraction(each, unit) for each in of_cohort], kept - starting, rounded=round
    )
    later = apportioned([Fraction(each, unit) for each in beside], ending - kept, rounded=round)
    names = ("Expansion", "Contraction", "Churn")
    return Bridge(
        (
            BridgeLine("Starting MRR", starting, is_level=True),
            *map(BridgeLine, names, steps, [False] * len(names), cohort_points(row)),
            BridgeLine(KEPT, kept, is_level=True),
            *map(BridgeLine, ("New business", "Reactivation", "Exchange rates"), later),
            BridgeLine("Ending MRR", ending, is_level=True),
        ),
        len(str(MICROS_PER_MAJOR // unit)) - 1,
    )


def cohort_points(row: Retention) -> tuple[int | None, ...]:
    """Tenths of a point that expansion, contraction and churn add to NRR, adding up as shown.

    Nothing for each where there was nothing to retain.
    """
    starting = row.starting_mrr_micros
    if starting == 0:
        return (None, None, None)
    moved = [row.expansion_micros, -row.contraction_micros, -row.churned_mrr_micros]
    exact = [Fraction(HUNDRED * micros, starting) for micros in moved]
    return tuple(apportioned(exact, nrr_tenths(row) - HUNDRED))
