"""Which exchange rates stand behind a day's figures, and how old they are.

Where rates come from, and what counts as too old, is decided in ``rates``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.money import format_exact
from nrr_pipeline.metrics.periods import spelled
from nrr_pipeline.warehouse.given import Fact, rates_of_day
from nrr_pipeline.warehouse.reading import totals_of
from nrr_pipeline.warehouse.transactions import Connection


@dataclass(frozen=True, slots=True)
class ForeignMrr:
    """A currency with MRR on a day that is not the reporting one, and its newest rate by then."""

    currency: str
    as_of_date: date
    fact: Fact | None

    @property
    def age_days(self) -> int | None:
        """How many days before the day its rate was set; ``None`` without a rate."""
        return None if self.fact is None else (self.as_of_date - self.fact["as_of_date"]).days

    def __str__(self) -> str:
        """Return the rate in words.

        >>> fact = {"as_of_date": date(2026, 2, 27), "rate": "27/25", "source": "ecb"}
        >>> str(ForeignMrr("eur", date(2026, 3, 1), fact))
        'EUR 1.08 of 27 February 2026, 2 days old'
        """
        if self.fact is None:
            return f"{self.currency.upper()} has none"
        rate = format_exact(Fraction(self.fact["rate"]))
        old = f"{self.age_days} day{'' if self.age_days == 1 else 's'} old"
        age = f" of {spelled(self.fact['as_of_date'])}, {old}" if self.age_days else ""
        return f"{self.currency.upper()} {rate}{age}"

    def document(self) -> dict[str, Any]:
        """Return the same for JSON."""
        fact = self.fact or {}
        return {
            "currency": self.currency,
            "rate": fact.get("rate"),
            "rate_date": fact.get("as_of_date"),
            "source": fact.get("source"),
            "age_days": self.age_days,
        }


def foreign_mrr(
    connection: Connection,
    as_of_date: date,
    reporting_currency: str | None,
    known_at: datetime | None = None,
) -> list[ForeignMrr]:
    """Return the currencies that a published day's reporting figures need rates of."""
    rates = rates_of_day(connection, as_of_date, known_at)
    return [
        ForeignMrr(row["currency"], as_of_date, rates.get(row["currency"]))
        for row in totals_of(connection, as_of_date)
        if not row["is_reporting"] and row["mrr_micros"] and row["currency"] != reporting_currency
    ]


def rates_line(foreign: Sequence[ForeignMrr]) -> list[str]:
    """Say which rates a day's figures have; nothing where no rate is needed."""
    if not foreign:
        return []
    listed = "; ".join(map(str, foreign))
    return [f"exchange rates of {spelled(foreign[0].as_of_date)}: {listed}"]
