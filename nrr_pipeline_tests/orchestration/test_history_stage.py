"""The history stage over a database filled by hand: discounts, customers, coupons, schedules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.orchestration.stages.attributes import build_attributes
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.raw import RawObject
from nrr_pipeline.warehouse.attributes import CUSTOMER_ATTRIBUTES, values_on
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline.warehouse.intervals import intervals_of
from nrr_pipeline.warehouse.pulls import begin_pull, finish
from nrr_pipeline.warehouse.quality import open_findings
from nrr_pipeline.warehouse.raw_objects import land
from nrr_pipeline.warehouse.transactions import Warehouse

Payload = dict[str, Any]
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@dataclass
class Pipeline:
    """A warehouse and a clock that moves by a day with every pull."""

    warehouse: Warehouse
    now: datetime = datetime(2026, 1, 1, 6, tzinfo=UTC)

    def clock(self) -> datetime:
        return self.now

    def pull(self, *objects: RawObject) -> None:
        self.now += timedelta(days=1)
        with self.warehouse.bookkeeping() as connection:
            pull_id = begin_pull(connection, now=self.now, host="here", process_id=1)
        with self.warehouse.write("pull", clock=self.clock, pull_id=pull_id) as tx:
            land(tx, objects, pull_id=pull_id, observed_at=self.now)
        with self.warehouse.write("pull", clock=self.clock, pull_id=pull_id) as tx:
            finish(tx, pull_id, now=self.now, observed_at=self.now, object_counts={})

    def figures(self, policy: MetricPolicy = MetricPolicy()) -> list[tuple[int | None, str | None]]:  # noqa: B008
        """MRR in dollars of each interval, or why it is held out."""
        build_history(self.warehouse, policy, clock=self.clock)
        build_intervals(self.warehouse, policy, clock=self.clock)
        with self.warehouse.read() as connection:
            return [
                (
                    None if row["mrr_micros"] is None else row["mrr_micros"] // 1_000_000,
                    row["held_out"],
                )
                for row in intervals_of(connection, subscription_ids=["sub_1"])
            ]

    def findings(self) -> list[str]:
        with self.warehouse.read() as connection:
            return sorted(each.finding.check_name for each in open_findings(connection))


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with open_warehouse(f"sqlite:///{tmp_path / 'nrr.db'}") as warehouse:
        yield Pipeline(warehouse)


def raw(kind: str, payload: Payload, **fields: Any) -> RawObject:  # noqa: ANN401
    return RawObject(kind, payload["id"], payload, **fields)


PRICE = raw(
    "prices",
    {
        "id": "price_1",
        "product": "prod_1",
        "currency": "usd",
        "type": "recurring",
        "billing_scheme": "per_unit",
        "unit_amount_decimal": "10000",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    },
)
HALF = raw("coupons", {"id": "half", "duration": "forever", "percent_off": 50})


def customer(discount: Payload | None = None) -> RawObject:
    return raw("customers", {"id": "cus_1", "discount": discount})


def discount(coupon: object = "half", **fields: object) -> Payload:
    source = {"type": "coupon", "coupon": coupon}
    return {"id": "di_1", "start": START, "end": None, "source": source, **fields}


def subscription(*discounts: Payload, **fields: object) -> RawObject:
    item = {"id": "si_1", "created": START, "quantity": 1, "price": {"id": "price_1"}}
    payload = {
        "id": "sub_1",
        "customer": "cus_1",
        "currency": "usd",
        "status": "active",
        "created": START,
        "start_date": START,
        "discounts": list(discounts),
        "items": {"data": [item], "has_more": False},
        **fields,
    }
    return raw("subscriptions", payload, subscription_id="sub_1")


def amounts(pipeline: Pipeline, policy: MetricPolicy = MetricPolicy()) -> set[int | None]:  # noqa: B008
    return {amount for amount, _ in pipeline.figures(policy)}


def test_a_discount_is_subtracted_as_the_policy_says(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, HALF, customer(), subscription(discount()))
    assert amounts(pipeline) == {50}
    assert amounts(pipeline, MetricPolicy(discounts="none")) == {100}
    assert amounts(pipeline, MetricPolicy(discounts="forever")) == {50}


def test_the_customers_discount_counts_from_its_start(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, HALF, customer(discount()), subscription())
    assert amounts(pipeline) == {50}


def test_a_subscription_counts_though_its_customer_could_not_be_read(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, subscription())
    assert amounts(pipeline) == {100}


def test_a_coupon_that_becomes_known_prices_what_was_held_out(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, customer(), subscription(discount()))
    [(amount, why), *_] = pipeline.figures()
    assert amount is None
    assert "half" in str(why)
    assert "unpriceable_item" in pipeline.findings()
    pipeline.pull(HALF)
    assert amounts(pipeline) == {50}
    assert "unpriceable_item" not in pipeline.findings()


def test_a_deleted_coupon_goes_on_discounting(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, HALF, customer(), subscription(discount()))
    assert amounts(pipeline) == {50}
    gone = {"id": "half", "object": "coupon", "deleted": True}
    pipeline.pull(raw("coupons", gone, is_deleted=True))
    assert amounts(pipeline) == {50}


def test_a_deleted_price_goes_on_pricing(pipeline: Pipeline) -> None:
    pipeline.pull(PRICE, customer(), subscription())
    assert amounts(pipeline) == {100}
    gone = {"id": "price_1", "object": "price", "deleted": True}
    pipeline.pull(raw("prices", gone, is_deleted=True))
    assert amounts(pipeline) == {100}


def test_a_coupon_shown_without_its_products_keeps_those_that_were_known(
    pipeline: Pipeline,
) -> None:
    limited = {**HALF.payload, "applies_to": {"products": ["prod_other"]}}
    pipeline.pull(PRICE, raw("coupons", limited), customer(), subscription(discount()))
    assert amounts(pipeline) == {100}
    pipeline.pull(raw("coupons", {**HALF.payload, "valid": False}))
    assert amounts(pipeline) == {100}


def test_contained_tax_is_taken_off(pipeline: Pipeline) -> None:
    inclusive = raw("prices", {**PRICE.payload, "tax_behavior": "inclusive"})
    rates = [{"id": "txr_1", "inclusive": True, "percentage": 25}]
    pipeline.pull(inclusive, customer(), subscription(default_tax_rates=rates))
    assert amounts(pipeline) == {80}


def test_a_late_payment_counts_for_as_long_as_the_policy_says(pipeline: Pipeline) -> None:
    failed = raw(
        "invoices",
        {
            "id": "in_1",
            "status": "open",
            "attempt_count": 2,
            "created": START,
            "lines": {"data": []},
        },
        subscription_id="sub_1",
    )
    pipeline.pull(PRICE, customer(), subscription(status="past_due"), failed)
    assert amounts(pipeline) == {100}
    policy = MetricPolicy.model_validate({"past_due": {"max_days": 10}})
    pipeline.figures(policy)
    with pipeline.warehouse.read() as connection:
        ends = {row["valid_to"] for row in intervals_of(connection, subscription_ids=["sub_1"])}
    assert max(ends).isoformat() == "2026-01-11"


def test_a_planned_phase_is_listed(pipeline: Pipeline) -> None:
    later = START + 90 * 86_400
    phases = [{"start_date": later, "items": [{"price": "price_2", "quantity": 4}]}]
    schedule = {"id": "sub_sched_1", "status": "active", "phases": phases}
    pipeline.pull(
        PRICE,
        customer(),
        subscription(),
        raw("subscription_schedules", schedule, subscription_id="sub_1"),
    )
    assert amounts(pipeline) == {100}
    assert "scheduled_change" in pipeline.findings()


def test_the_country_of_a_customer_that_was_deleted_before_is_that_of_its_latest_invoice(
    pipeline: Pipeline,
) -> None:
    gone = raw("customers", {"id": "cus_1", "object": "customer", "deleted": True}, is_deleted=True)
    bills = [
        raw(
            "invoices",
            {
                "id": f"in_{country}",
                "customer": "cus_1",
                "created": START + number,
                "customer_address": {"country": country},
            },
            subscription_id="sub_1",
        )
        for number, country in enumerate(("FR", "DE"))
    ]
    pipeline.pull(PRICE, gone, subscription(), *bills)
    pipeline.figures()
    build_attributes(pipeline.warehouse, MetricPolicy(), clock=pipeline.clock)
    with pipeline.warehouse.read() as connection:
        values = values_on(connection, CUSTOMER_ATTRIBUTES, date(2025, 1, 1))
    assert values == {"country": {"cus_1": "DE"}}
