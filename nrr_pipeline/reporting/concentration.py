"""How much of a month hangs on its ten largest customers; from a report's content alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.board_report import CustomerMonth

LARGEST = 10
"""How many customers count as the largest."""


@dataclass(frozen=True, slots=True)
class Concentration:
    """What the largest customers have of the whole; micros of the reporting currency.

    Attributes:
        largest: The ten customers with the most ending MRR, the largest first.
        largest_ending_mrr_micros: Their ending MRR, at the closing day's rates.
        ending_mrr_micros: That of all.
        largest_expansion_micros: Expansion of the ten customers with the most opening MRR.
        expansion_micros: That of all.
    """

    largest: tuple[CustomerMonth, ...]
    largest_ending_mrr_micros: int
    ending_mrr_micros: int
    largest_expansion_micros: int
    expansion_micros: int

    @property
    def share_of_ending_mrr(self) -> Fraction | None:
        """The largest customers' part of the ending MRR; ``None`` without any."""
        if self.ending_mrr_micros == 0:
            return None
        return Fraction(self.largest_ending_mrr_micros, self.ending_mrr_micros)

    @property
    def share_of_expansion(self) -> Fraction | None:
        """The largest customers' part of the expansion; ``None`` where nobody expanded."""
        if self.expansion_micros == 0:
            return None
        return Fraction(self.largest_expansion_micros, self.expansion_micros)


def concentration(customers: Sequence[CustomerMonth]) -> Concentration:
    """Hold the largest customers of one month against all (ties: by account).

    Args:
        customers: Every customer with MRR at the month's opening or closing.
    """
    by_ending = sorted(customers, key=lambda each: (-_ending(each), each.account_id))
    by_opening = sorted(customers, key=lambda each: (-each.opening_mrr_micros, each.account_id))
    largest = tuple(each for each in by_ending[:LARGEST] if _ending(each))
    return Concentration(
        largest,
        sum(map(_ending, largest)),
        sum(map(_ending, customers)),
        sum(map(_expansion, by_opening[:LARGEST])),
        sum(map(_expansion, customers)),
    )


def _ending(customer: CustomerMonth) -> int:
    return customer.closing_mrr_micros + customer.fx_micros


def _expansion(customer: CustomerMonth) -> int:
    if customer.movement is not Movement.EXPANSION:
        return 0
    return customer.closing_mrr_micros - customer.opening_mrr_micros
