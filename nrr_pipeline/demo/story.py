"""The story of the simulated business: what each month has in store.

Here belong the shares by which a month goes up or down, and why. Who exactly is hit, and when,
belongs to the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum


class Size(Enum):
    """How large a customer is when it comes; its seats when it starts."""

    SMALL = (2, 9)
    MEDIUM = (10, 45)
    LARGE = (46, 200)


EVERYBODY = frozenset(Size)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPlan:
    """Shares of the month's opening MRR, or of its customers, that move in this month.

    Attributes:
        expansion: Share of the MRR that existing customers add.
        growth: How much one customer that adds seats adds, from and to.
        expanding: Which customers expand.
        contraction: Share of the MRR that staying customers give up.
        leaving: Share of the customers that leave.
        leavers: Which customers leave.
        largest_leaver: No customer with a larger share of the MRR leaves.
        involuntary: Share of those leaving whose payment failed.
        reorganization: Share of the MRR that large customers cut after a re-organization.
        cause: Why customers leave in this month, where one reason stands out.
    """

    expansion: float = 0.026
    growth: tuple[float, float] = (0.10, 0.50)
    expanding: frozenset[Size] = EVERYBODY
    contraction: float = 0.005
    leaving: float = 0.011
    leavers: frozenset[Size] = EVERYBODY
    largest_leaver: float = 0.010
    involuntary: float = 0.25
    reorganization: float = 0.0
    cause: str | None = None


ORDINARY = MonthPlan()

ROLL_OUT = MonthPlan(
    expansion=0.082,
    growth=(0.30, 1.20),
    contraction=0.002,
    leaving=0.007,
    largest_leaver=0.006,
)
"""Teams that tried the service take it to their whole companies: world-class NRR."""

QUIET_CHURN = MonthPlan(
    expansion=0.028,
    growth=(0.15, 0.40),
    expanding=frozenset({Size.LARGE}),
    leaving=0.043,
    leavers=frozenset({Size.SMALL}),
    largest_leaver=0.004,
    involuntary=0.15,
    cause="a free competitor for small teams",
)
"""Small teams leave in numbers while large customers grow: NRR looks healthy, logos do not."""

SLOW_SUMMER = MonthPlan(expansion=0.013, contraction=0.007, leaving=0.013, involuntary=0.30)

REORGANIZATION = MonthPlan(
    expansion=0.009,
    contraction=0.006,
    leaving=0.026,
    largest_leaver=0.020,
    involuntary=0.60,
    reorganization=0.055,
    cause="re-organization",
)
"""Large customers re-organize and cut seats or leave, and payments fail more than usual."""

AFTERMATH = MonthPlan(
    leaving=0.035, largest_leaver=0.020, involuntary=0.30, cause="re-organization"
)
"""More customers are about to leave; the default business ends with their notice given."""

_MONTHS: dict[tuple[int, int], MonthPlan] = {
    (2025, 4): ROLL_OUT,
    (2025, 5): ROLL_OUT,
    (2025, 6): ROLL_OUT,
    (2026, 1): QUIET_CHURN,
    (2026, 2): QUIET_CHURN,
    (2026, 3): QUIET_CHURN,
    (2026, 7): SLOW_SUMMER,
    (2026, 8): SLOW_SUMMER,
    (2026, 9): REORGANIZATION,
    (2026, 10): AFTERMATH,
}


def plan_for(month: date) -> MonthPlan:
    """What a calendar month has in store; most are ordinary."""
    return _MONTHS.get((month.year, month.month), ORDINARY)
