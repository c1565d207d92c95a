"""Customers of one plan, run by the stages, whose map and policy a test gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.stages.daily import (
    missing_days,
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.inputs import InputReport, sync_customer_map
from nrr_pipeline.orchestration.stages.intervals import IntervalReport, build_intervals
from nrr_pipeline.orchestration.stages.periods import due_periods, publish_periods
from nrr_pipeline.orchestration.stages.pulling import privacy_rules
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.policy_sections import FilesPolicy
from nrr_pipeline.raw import RawObject
from nrr_pipeline.stripe_source.redaction import redact
from nrr_pipeline.warehouse import account, given, pulls
from nrr_pipeline.warehouse.raw_objects import land
from nrr_pipeline.warehouse.transactions import Warehouse

LAST = date(2026, 3, 31)

PRICE: dict[str, Any] = {
    "id": "price_1",
    "product": "prod_1",
    "currency": "usd",
    "type": "recurring",
    "billing_scheme": "per_unit",
    "unit_amount_decimal": "100",
    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
}
"""A dollar a month and seat."""


def customer(name: str, **fields: object) -> dict[str, Any]:
    return {"id": f"cus_{name}", "object": "customer", "metadata": {}, **fields}


def subscription(
    name: str, seats: int, start: date, end: date | None = None, **fields: object
) -> dict[str, Any]:
    """One subscription of the customer of the same name."""
    since = _moment(start)
    item = {"id": f"si_{name}", "created": since, "quantity": seats, "price": {"id": "price_1"}}
    return {
        "id": f"sub_{name}",
        "customer": f"cus_{name}",
        "currency": "usd",
        "status": "active" if end is None else "canceled",
        "created": since,
        "start_date": since,
        "ended_at": None if end is None else _moment(end),
        "discounts": [],
        "items": {"data": [item], "has_more": False},
        **fields,
    }


@dataclass
class Company:
    """A warehouse, the policy file's folder, and a clock that moves with every step."""

    warehouse: Warehouse
    folder: Path
    policy: MetricPolicy
    now: datetime = datetime(2026, 4, 10, 6, tzinfo=UTC)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def use(self, **sections: object) -> None:
        """Change the policy; the file of the map stays."""
        files = FilesPolicy(customer_map=self.folder / "map.csv")
        self.policy = MetricPolicy.model_validate({"files": files, **sections})

    def pull(self, *objects: tuple[str, dict[str, Any]]) -> None:
        """A complete pull that shows these objects, as far as privacy lets them in."""
        privacy = privacy_rules(self.policy)
        raw = [
            RawObject(
                kind,
                payload["id"],
                redact(kind, payload, privacy),
                subscription_id=payload["id"] if kind == "subscriptions" else None,
            )
            for kind, payload in objects
        ]
        with self.warehouse.bookkeeping() as connection:
            account.bind(connection, livemode=False, at=self.clock())
            pull_id = pulls.begin_pull(connection, now=self.clock(), host="test", process_id=1)
        with self.warehouse.write("pull", clock=self.clock, pull_id=pull_id) as tx:
            land(tx, raw, pull_id=pull_id, observed_at=self.now)
            pulls.finish(tx, pull_id, now=self.now, observed_at=self.now, object_counts={})

    def join(self, *lines: str) -> InputReport:
        """Write the file of the map and take it up."""
        text = "\n".join(["customer_id,account_id", *lines])
        (self.folder / "map.csv").write_text(f"{text}\n", encoding="utf-8")
        return self.sync()

    def sync(self) -> InputReport:
        return sync_customer_map(self.warehouse, self.policy, clock=self.clock)

    def enter(self, customer_id: str, account_id: str) -> None:
        """Insert a row of the map as somebody would by hand."""
        self.change(
            "INSERT INTO customer_map (customer_id, account_id) VALUES (:customer, :account)",
            customer=customer_id,
            account=account_id,
        )

    def believed(self) -> dict[str, str]:
        """The map as it is believed."""
        with self.warehouse.read() as connection:
            facts = given.facts_of(connection, given.CUSTOMER_MAP)
        return {fact["customer_id"]: fact["account_id"] for fact in facts}

    def change(self, statement: str, **values: object) -> None:
        with self.warehouse.bookkeeping() as connection:
            connection.execute(sa.text(statement), values)

    def close(self) -> IntervalReport:
        """Price what changed and publish everything that is due; what pricing did."""
        build_history(self.warehouse, self.policy, clock=self.clock)
        report = build_intervals(self.warehouse, self.policy, clock=self.clock)
        days = missing_days(self.warehouse, self.policy, LAST)
        publish_days(self.warehouse, self.policy, days, clock=self.clock)
        refresh_totals(self.warehouse, self.policy, clock=self.clock)
        refresh_movements(self.warehouse, self.policy, clock=self.clock)
        for kind in PeriodKind:
            due = due_periods(self.warehouse, self.policy, kind, clock=self.clock)
            publish_periods(self.warehouse, self.policy, due, clock=self.clock)
        return report

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def month(self, first: str) -> list[tuple[Any, ...]]:
        """By edition: customers and dollars at opening, churned customers, expansion, ending."""
        return self.rows(
            "SELECT edition, starting_customers, starting_mrr_micros / 1000000, "  # noqa: S608
            "churned_customers, expansion_micros / 1000000, new_business_micros / 1000000, "
            "ending_mrr_micros / 1000000 FROM monthly_nrr "
            f"WHERE dimension = 'all' AND period_start = '{first}' ORDER BY edition"
        )

    def findings(self, check: str) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT object_id, detail, amount_micros, currency FROM data_quality "  # noqa: S608
            f"WHERE resolved_at IS NULL AND check_name = '{check}' ORDER BY object_id"
        )


def _moment(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
