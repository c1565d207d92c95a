"""One customer's objects of every kind, priced from their JSON, with a place to break them."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from nrr_pipeline.metrics.evidence import Finding
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.metrics.intervals import CountingRules, DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, read_price
from nrr_pipeline_tests.stripe_source.discount_sets import coupon, discount, discounted
from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    event,
    invoice,
    item,
    items_before,
    line,
    record,
    seen,
    subscription,
)

Place = tuple[str | int, ...]

DAYS = [date(2026, 1, 1) + timedelta(days=10 * n) for n in range(60)]
"""Days on which figures are compared."""


def price(price_id: str, interval: str, **fields: object) -> Payload:
    return {
        "id": price_id,
        "object": "price",
        "type": "recurring",
        "product": f"prod_{price_id}",
        "currency": "usd",
        "billing_scheme": "per_unit",
        "unit_amount": 1_000,
        "unit_amount_decimal": "1000",
        "tax_behavior": "inclusive",
        "transform_quantity": None,
        "recurring": {"interval": interval, "interval_count": 1, "usage_type": "licensed"},
        **fields,
    }


def tiered() -> Payload:
    tiers = [
        {"up_to": 5, "unit_amount_decimal": "500", "flat_amount_decimal": "300"},
        {"up_to": None, "unit_amount_decimal": "400", "flat_amount_decimal": None},
    ]
    plain = {"unit_amount": None, "unit_amount_decimal": None, "tax_behavior": "exclusive"}
    return price(
        "yearly", "year", billing_scheme="tiered", tiers_mode="graduated", tiers=tiers, **plain
    )


def story() -> Payload:
    """Two items, a discount on every level, contained tax, a change, a schedule."""
    half = discount("di_item", "half", subscription_item="si_1")
    five = discount("di_sub", "five", "2026-01-01", "2026-06-01")
    rates = [{"id": "txr_1", "inclusive": True, "percentage": 25.0}]
    first = {**item("monthly", 3), "discounts": [half], "tax_rates": rates}
    second = item("yearly", 8, item_id="si_2")
    now = subscription(
        first,
        second,
        discounts=[five],
        default_tax_rates=[],
        trial_start=None,
        trial_end=None,
        pause_collection=None,
        pending_update=None,
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
    )
    before = {**now, "items": {"data": [{**first, "quantity": 2}, second], "has_more": False}}
    taxes = [{"amount": 200, "taxable_amount": 800, "tax_behavior": "inclusive"}]
    january = {**line("monthly", 2, "2026-01-01", "2026-02-01", 2_000), "taxes": taxes}
    february = {**line("monthly", 3, "2026-02-01", "2026-03-01", 3_000), "taxes": taxes}
    year = line("yearly", 8, "2026-01-01", "2027-01-01", 4_000, item_id="si_2")
    changed = event("2026-01-20", now, items=items_before({**first, "quantity": 2}, second))
    return {
        "prices": [price("monthly", "month"), tiered()],
        "coupons": [
            coupon("half", percent_off=50),
            coupon("five", "repeating", amount_off=500, currency="usd", duration_in_months=5),
            coupon("loyal", percent_off=10),
        ],
        "customers": [{"id": "cus_1", "discount": discount("di_cus", "loyal", subscription=None)}],
        "versions": [before, now],
        "invoices": [
            invoice(
                "2026-01-01",
                discounted(january, di_item=1_000, di_sub=500),
                discounted(year, di_sub=500),
                discounts=[five],
            ),
            invoice(
                "2026-02-01", discounted(february, di_item=1_500, di_sub=500), discounts=["di_sub"]
            ),
        ],
        "events": [changed],
        "schedules": [{"id": "sub_sched_1", "status": "active", "phases": [{"start_date": 1}]}],
    }


@dataclass(frozen=True)
class Outcome:
    """What came of the objects: figures by day, and everything that was said about them."""

    intervals: list[MrrInterval]
    findings: list[Finding]
    is_refused: bool = False

    @property
    def figures(self) -> dict[tuple[str, date], int]:
        """MRR by item on some days of the story and of the time after it."""
        return {
            (each.subscription_item_id, day): each.mrr_micros
            for each in self.intervals
            for day in DAYS
            if each.mrr_micros is not None and each.valid_from <= day < each.valid_to
        }

    @property
    def is_flagged(self) -> bool:
        """Whether a reader is told that something is odd."""
        is_marked = any(each.is_approximate or each.held_out for each in self.intervals)
        return self.is_refused or bool(self.findings) or is_marked


def outcome(objects: Payload) -> Outcome:
    """Price a story as the stages do."""
    prices: dict[str, Price] = {}
    findings: list[Finding] = []
    for payload in objects["prices"]:
        try:
            read = read_price(payload)
        except MalformedObjectError as error:
            findings.append(Finding("unreadable_price", "error", "price", str(error)))
            continue
        if read is not None:
            prices[read.price_id] = read
    before, now = objects["versions"]
    objects_of_one = record(
        seen(before, "2026-01-01 12:00", "2026-01-10"),
        seen(now, "2026-02-10"),
        invoices=objects["invoices"],
        events=objects["events"],
        customers=[seen(each, "2026-02-10") for each in objects["customers"]],
        schedules=objects["schedules"],
    )
    coupons = {str(each.get("id")): each for each in objects["coupons"]}
    try:
        found = subscription_evidence(objects_of_one, prices, coupons=coupons)
    except MalformedObjectError:
        return Outcome([], findings, is_refused=True)
    assert found is not None
    builder = IntervalBuilder(prices, CountingRules(), DayClock("UTC"))
    intervals, more = builder.build(fold_subscription(found))
    checked = builder.check_lines(found.line_amounts, found.currency)
    told = [each for each in (*found.problems, *more, *checked) if each.severity != "info"]
    return Outcome(intervals, [*findings, *told])


def places(value: object, path: Place = ()) -> Iterator[Place]:
    """The path of every field and entry."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield (*path, key)
        yield from places(child, (*path, key))


def broken(objects: Payload, path: Place, value: object, *, drop: bool = False) -> Payload:
    """A copy of a story in which one place holds something else, or nothing."""
    changed = copy.deepcopy(objects)
    holder: Any = changed
    for key in path[:-1]:
        holder = holder[key]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = copy.deepcopy(value)
    return changed
