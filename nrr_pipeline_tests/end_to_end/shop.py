"""An account that is built subscription by subscription, and what was published of it.

What is sold in it, and what its owner says about rates and customers, belongs to the tests.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.metrics.periods import ONE_DAY, PeriodKind, periods_closing_within
from nrr_pipeline.orchestration.stages.daily import (
    missing_days,
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.inputs import sync_customer_map, sync_fx_rates
from nrr_pipeline.orchestration.stages.periods import TABLES, due_periods, publish_periods
from nrr_pipeline_tests.end_to_end.by_definition import (
    FIGURES,
    Definitions,
    RateIsMissingError,
    Rates,
    Sold,
)
from nrr_pipeline_tests.end_to_end.pipeline import Connected
from nrr_pipeline_tests.end_to_end.rules_account import RulesAccount, at, item, price

COLUMNS = {
    **{name: name if name.endswith("customers") else f"{name}_micros" for name in FIGURES},
    "starting": "starting_mrr_micros",
    "churned": "churned_mrr_micros",
    "ending": "ending_mrr_micros",
    "kept": "nrr_numerator",
    "kept_without_growth": "grr_numerator",
}

Segments = Mapping[str, Callable[[Sold, date], str]]


@dataclass
class Shop:
    """Sells by the month, and keeps a list of it."""

    rules: RulesAccount = field(default_factory=RulesAccount)
    sold: list[Sold] = field(default_factory=list[Sold])
    tags: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def customer(self, name: str, country: str = "DE", industry: str = "unknown") -> None:
        self.tags[name] = {"country": country, "industry": industry}
        about = {"address": {"country": country}, "metadata": {"industry": industry}}
        self.rules.customer(f"cus_{name}", at(2025, 6, 1), **about)

    def sell(
        self,
        customer: str,
        amounts: str,
        start: int,
        end: int | None = None,
        method: str = "charge_automatically",
    ) -> None:
        """A subscription with an item for each amount of ``eur 10.00 5.00``."""
        if customer not in self.tags:
            self.customer(customer)
        name = f"{customer}_{len(self.sold)}"
        currency, *each_amount = amounts.split()
        items: list[dict[str, Any]] = []
        for place, amount in enumerate(each_amount):
            minor = amount.replace(".", "").lstrip("0")
            product = f"prod_{len(minor)}"
            of = price(f"{currency}_{minor}", minor, currency=currency, product=product)
            items.append(item(of))
            tags = self.tags[customer] | {"product": product, "collection_method": method}
            micros = int(Fraction(amount) * 1_000_000)
            item_id, customer_id = f"si_{name}_{place}", f"cus_{customer}"
            self.sold.append(Sold(item_id, customer_id, currency, micros, start, end, tags))
        ended = {"status": "canceled", "ended_at": end, "canceled_at": end} if end else {}
        fields = {"start": start, "of_customer": f"cus_{customer}", "collection_method": method}
        self.rules.add(name, items, [0] * len(items), **fields, **ended)


class Books:
    """The lists of a shop's owner, and what was published."""

    def __init__(self, pipeline: Connected, folder: Path, sold: list[Sold], last: date) -> None:
        self._pipeline, self._folder, self._last = pipeline, folder, last
        self.expected = Definitions(sold, timezone=pipeline.policy.timezone)

    def write(self, name: str, *lines: str) -> None:
        (self._folder / name).write_text("\n".join(lines))

    def give_rates(self, rates: Rates) -> None:
        lines = [f"{day},{currency},{rate}" for (day, currency), rate in rates.items()]
        self.write("rates.csv", "date,currency,rate", *lines)
        self.expected = replace(self.expected, rates=rates)

    def join(self, accounts: dict[str, str]) -> None:
        self.write("map.csv", "customer_id,account_id", *map(",".join, accounts.items()))
        self.expected = replace(self.expected, accounts=accounts)

    def publish(self) -> list[str]:
        """Bring everything up to date; what cannot be used or published."""
        pipeline = self._pipeline
        warehouse, policy, clock = pipeline.warehouse, pipeline.policy, pipeline.clock
        problems = [
            *sync_customer_map(warehouse, policy, clock=clock).problems,
            *sync_fx_rates(warehouse, policy, clock=clock).problems,
        ]
        pipeline.build()
        publish_days(warehouse, policy, missing_days(warehouse, policy, self._last), clock=clock)
        refresh_totals(warehouse, policy, clock=clock)
        refresh_movements(warehouse, policy, clock=clock)
        for kind in PeriodKind:
            due = due_periods(warehouse, policy, kind, clock=clock)
            problems += publish_periods(warehouse, policy, due, clock=clock)[1]
        return problems

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self._pipeline.warehouse.read() as connection:
            return [dict(row) for row in connection.execute(sa.text(query)).mappings()]

    def require_by_definition(self, since: date, segments: Segments | None = None) -> None:
        """Hold every published figure against its definition; what lacks a rate must be absent."""
        self._require_days(since)
        for kind, table in TABLES.items():
            for dimension, segment in ({"all": None} | dict(segments or {})).items():
                published = self._latest(table, dimension)
                for period in periods_closing_within(
                    kind,
                    since,
                    self._last,
                    fiscal_year_start_month=self._pipeline.policy.fiscal_year_start_month,
                ):
                    days = period.opening_date, period.closing_date
                    found = published.pop(str(period.period_start), {})
                    try:
                        figures = self.expected.retention(*days, segment)
                    except RateIsMissingError:
                        continue
                    wanted = {name: {k: each[k] for k in FIGURES} for name, each in figures.items()}
                    assert found == wanted, (period.label, dimension)
                assert published == {}

    def _require_days(self, since: date) -> None:
        days = [since + ONE_DAY * number for number in range((self._last - since).days + 1)]
        totals: dict[tuple[str, str, int], int] = {}
        moved: dict[tuple[str, str], tuple[str, int, int]] = {}
        for day in days:
            native = self.expected.native(day)
            totals |= {(str(day), currency, 0): micros for currency, micros in native.items()}
            with suppress(RateIsMissingError):
                totals |= {(str(day), "usd", 1): self.expected.reported(day)} if native else {}
            with suppress(RateIsMissingError):
                moved |= {
                    (str(day), account): (movement.replace("churned", "churn"), start, end)
                    for account, movement, start, end in self.expected.movements(day - ONE_DAY, day)
                    if movement != "unchanged"
                }
        assert totals == {
            (str(row["as_of_date"]), row["currency"], int(row["is_reporting"])): row["mrr_micros"]
            for row in self.rows("SELECT * FROM daily_mrr_totals WHERE mrr_micros <> 0")
        }
        assert moved == {
            (str(row["as_of_date"]), row["account_id"]): (
                row["movement"],
                row["opening_mrr_micros"],
                row["closing_mrr_micros"],
            )
            for row in self.rows("SELECT * FROM mrr_movements")
        }

    def _latest(self, table: str, dimension: str) -> dict[str, dict[str, dict[str, int]]]:
        found: defaultdict[str, dict[str, dict[str, int]]] = defaultdict(dict)
        for row in self.rows(
            f"SELECT * FROM {table} t WHERE dimension = '{dimension}' AND edition = "  # noqa: S608
            f"(SELECT max(edition) FROM {table} WHERE period_start = t.period_start)"
        ):
            figures = {name: row[column] for name, column in COLUMNS.items()}
            if any(figures.values()):
                found[str(row["period_start"])][row["segment"]] = figures
        return dict(found)
