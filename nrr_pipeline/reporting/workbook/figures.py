"""Figures as cells: every sum and ratio a formula over the cells beside it, with its exact value.

Amounts stand in major units. A cell holds about 15 digits, so the last micros of amounts beyond
10^9 major units are not in it; a cell's value is then the nearest one. Where the cells stand does
not belong here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.locale import NOTHING_TO_RETAIN, ratio_tenths
from nrr_pipeline.reporting.workbook.cells import Live

NONE = NOTHING_TO_RETAIN
"""Stands where there is nothing to divide by."""

PARTS = {
    "starting_mrr_micros": "Starting MRR",
    "new_business_micros": "+ New business",
    "reactivation_micros": "+ Reactivation",
    "expansion_micros": "+ Expansion",
    "contraction_micros": "\N{MINUS SIGN} Contraction",
    "churned_mrr_micros": "\N{MINUS SIGN} Churn",
    "fx_micros": "± FX",
}
"""The parts of the bridge in the order in which they lead to the ending MRR."""

CUSTOMERS = {
    "starting_customers": "Customers at opening",
    "churned_customers": "Customers lost",
    "ending_customers": "Customers at closing",
}

_MOVED = {
    "new_business_micros": Movement.NEW_BUSINESS,
    "reactivation_micros": Movement.REACTIVATION,
    "expansion_micros": Movement.EXPANSION,
    "contraction_micros": Movement.CONTRACTION,
    "churned_mrr_micros": Movement.CHURN,
}
_LOST = {Movement.CONTRACTION, Movement.CHURN}


class CustomerRow(Protocol):
    """One customer between two snapshots: a ``CustomerMonth`` or a ``CustomerMove``."""

    @property
    def movement(self) -> Movement: ...  # noqa: D102
    @property
    def opening_mrr_micros(self) -> int: ...  # noqa: D102
    @property
    def closing_mrr_micros(self) -> int: ...  # noqa: D102
    @property
    def fx_micros(self) -> int: ...  # noqa: D102


At = Callable[[str], str]
"""From the name of a figure to the reference of its cell."""


def amount(micros: int) -> float:
    """Major units for a cell."""
    return micros / MICROS_PER_MAJOR


def movement_label(movement: Movement) -> str:
    """What readers call a movement."""
    return movement.value.replace("_", " ").capitalize()


def part_value(figures: Retention, part: str) -> float:
    """A figure's own value for a cell: an amount in major units, or a count."""
    value: int = getattr(figures, part)
    return value if part.endswith("customers") else amount(value)


def decimals_of(currency: str) -> int:
    """How many decimals amounts of a currency are shown with."""
    return len(str(MICROS_PER_MAJOR // minor_unit_micros(currency))) - 1


def shares(numerator: int, denominator: int, *, currency: str | None = None) -> float | str:
    """A ratio as it is shown: in whole tenths of a per cent, rounded toward zero."""
    shown = ratio_tenths(numerator, denominator, currency=currency)
    return NONE if shown is None else shown / 1_000


def share_of(numerator: str, denominator: str, value: float | str) -> Live:
    """A ratio of two cells, rounded toward zero; the inner rounding undoes that of doubles."""
    shown = f"ROUNDDOWN(ROUND({numerator}/{denominator},12),3)"
    return Live(f'=IF({denominator}=0,"{NONE}",{shown})', value)


def _kept_of(numerator: str, denominator: str, currency: str, value: float | str) -> Live:
    """As ``share_of``, but a shortfall below one minor unit is rounding and shows as 100 %."""
    missing = f"ROUND({denominator}-{numerator},6)"
    minor = f"{minor_unit_micros(currency) / MICROS_PER_MAJOR:g}"
    shown = f"ROUNDDOWN(ROUND({numerator}/{denominator},12),3)"
    is_rounding = f"AND({missing}>0,{missing}<{minor})"
    return Live(f'=IF({denominator}=0,"{NONE}",IF({is_rounding},1,{shown}))', value)


def derived(figures: Retention, at: At) -> dict[str, Live]:
    """What follows from a row of bridge parts and customers: formulas over its cells."""
    start, grown = at("starting_mrr_micros"), at("expansion_micros")
    lost = f"({at('contraction_micros')}+{at('churned_mrr_micros')})"
    won = f"{at('new_business_micros')}+{at('reactivation_micros')}+{grown}"
    starting, currency = figures.starting_mrr_micros, figures.currency
    return {
        "ending_mrr_micros": Live(
            f"={start}+{won}-{lost}+{at('fx_micros')}", amount(figures.ending_mrr_micros)
        ),
        "nrr_numerator": Live(f"={start}+{grown}-{lost}", amount(figures.nrr_numerator)),
        "grr_numerator": Live(f"={start}-{lost}", amount(figures.grr_numerator)),
        "nrr": _kept_of(
            at("nrr_numerator"),
            start,
            currency,
            shares(figures.nrr_numerator, starting, currency=currency),
        ),
        "grr": _kept_of(
            at("grr_numerator"),
            start,
            currency,
            shares(figures.grr_numerator, starting, currency=currency),
        ),
        "logo_churn": share_of(
            at("churned_customers"),
            at("starting_customers"),
            shares(figures.churned_customers, figures.starting_customers),
        ),
        "quick_ratio": _quick_ratio(figures, won, lost),
    }


def trailing(figures: Retention, at: At) -> dict[str, Live]:
    """NRR and GRR of trailing twelve months, from the cells of its cohort's MRR."""
    start, currency = at("starting_mrr_micros"), figures.currency
    return {
        name: _kept_of(
            at(f"{name}_numerator"),
            start,
            currency,
            shares(
                getattr(figures, f"{name}_numerator"),
                figures.starting_mrr_micros,
                currency=currency,
            ),
        )
        for name in ("nrr", "grr")
    }


def _quick_ratio(figures: Retention, won: str, lost: str) -> Live:
    gains = figures.new_business_micros + figures.reactivation_micros + figures.expansion_micros
    losses = figures.contraction_micros + figures.churned_mrr_micros
    value = gains * 10 // losses / 10 if losses else NONE
    return Live(f'=IF({lost}=0,"{NONE}",ROUNDDOWN(ROUND(({won})/{lost},12),1))', value)


def difference(now: str, before: str, values: tuple[float | str, float | str]) -> Live:
    """The difference of two amounts or counts."""
    first, last = (value if not isinstance(value, str) else 0 for value in values)
    return Live(f"={now}-{before}", round(first - last, 6))


def change_in_points(now: str, before: str, values: tuple[float | str, float | str]) -> Live:
    """The difference of two shown ratios in percentage points, as a reader would subtract them."""
    formula = f'=IF(AND(ISNUMBER({now}),ISNUMBER({before})),ROUND(100*({now}-{before}),1),"{NONE}")'
    first, last = values
    if isinstance(first, str) or isinstance(last, str):
        return Live(formula, NONE)
    return Live(formula, round(100 * (first - last), 1))


def reading(nrr: str, value: float | str) -> Live:
    """The band of an NRR in words."""
    bands = ((1.2, "world class"), (1.0, "healthy"), (0.8, "warning"), (0.0, "trouble"))
    formula = '"trouble"'
    for limit, word in reversed(bands[:-1]):
        formula = f'IF({nrr}>={limit:g},"{word}",{formula})'
    word = NONE
    if not isinstance(value, str):
        word = next(word for limit, word in bands if value >= limit)
    return Live(f'=IF(ISNUMBER({nrr}),{formula},"{NONE}")', word)


def summed(rows: str, where: str = "") -> dict[str, str]:
    """Formulas for a bridge's moved parts over named customer rows.

    Args:
        rows: What the names of the rows' columns begin with, such as ``customer``.
        where: Further conditions, each with a comma before it.
    """
    moved = {
        part: f"SUMIFS({rows}_change,{rows}_movement,{_quoted(movement)}{where})"
        for part, movement in _MOVED.items()
    }
    return {
        part: f"=-{formula}" if _MOVED[part] in _LOST else f"={formula}"
        for part, formula in moved.items()
    }


def counted(rows: str, movement: Movement, where: str = "") -> str:
    """How many of the named customer rows moved like this."""
    return f"COUNTIFS({rows}_movement,{_quoted(movement)}{where})"


def _quoted(movement: Movement) -> str:
    return f'"{movement_label(movement)}"'


def moved_sums(rows: Iterable[CustomerRow]) -> dict[str, int]:
    """What the formulas of ``summed`` yield, exactly, with the lost customers."""
    sums = dict.fromkeys((*_MOVED, "churned_customers"), 0)
    part_of = {movement: part for part, movement in _MOVED.items()}
    for row in rows:
        if row.movement is not Movement.UNCHANGED:
            sums[part_of[row.movement]] += abs(row.closing_mrr_micros - row.opening_mrr_micros)
            sums["churned_customers"] += row.movement is Movement.CHURN
    return sums


def all_sums(rows: Iterable[CustomerRow]) -> dict[str, int]:
    """``moved_sums`` with what all customers of a period add up to."""
    listed = list(rows)
    return {
        **moved_sums(listed),
        "starting_mrr_micros": sum(row.opening_mrr_micros for row in listed),
        "fx_micros": sum(row.fx_micros for row in listed),
        "ending_mrr_micros": sum(row.closing_mrr_micros + row.fx_micros for row in listed),
        "starting_customers": sum(row.opening_mrr_micros > 0 for row in listed),
        "ending_customers": sum(row.closing_mrr_micros > 0 for row in listed),
    }


def agree(sums: Mapping[str, int], figures: Retention) -> bool:
    """Whether rows add up to the figures exactly: only then may formulas over them stand there."""
    return all(getattr(figures, part) == value for part, value in sums.items())


def values_of(figures: Retention) -> dict[str, float]:
    """The parts and customers of figures that have no rows to be summed from."""
    return {part: part_value(figures, part) for part in (*PARTS, *CUSTOMERS)}
