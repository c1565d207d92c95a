"""Who belongs to which segment, how many there are, and what two dimensions give together."""

import csv
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from nrr_pipeline.metrics.dimensions import (
    DIMENSIONS,
    NOT_DIMENSIONS,
    OTHER_SEGMENT,
    UNKNOWN_SEGMENT,
    size_band,
)
from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.metrics.retention import crossed, measure_retention
from nrr_pipeline.metrics.segments import AttributeValues, SegmentRules
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.measuring import CLOSING, OPENING, intervals, measure
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row

RATES = {"usd": Fraction(1), "eur": Fraction(2), "jpy": Fraction(1, 100)}
OF_SUBSCRIPTIONS = ("collection_method", "channel")


def items(dimension: str, text: str) -> list[Row]:
    """The items of one account that a golden case tells: ``team=10 pro=90``."""
    rows: list[Row] = []
    for number, token in enumerate(text.split()):
        value, _, amount = token.partition("=")
        interval, _, count = value.partition("/")
        fields = {
            "product": {"product_id": value},
            "price": {"price_id": value},
            "billing_interval": {
                "billing_interval": interval,
                "billing_interval_count": int(count or 1),
            },
        }
        ids = {name: f"{name}_{number}" for name in ("subscription_item_id", "subscription_id")}
        ids["customer_id"] = f"customer_{number}"
        currency = value if value in RATES else "usd"
        own = fields.get(dimension, {})
        rows.append(row("acme", micros(amount), **ids, currency=currency, **own))
    return rows


def attribute(dimension: str, opening: str, closing: str) -> AttributeValues:
    """What is known of each item's customer or subscription on the two days."""
    of = "subscription_id" if dimension in OF_SUBSCRIPTIONS else "customer_id"
    at_opening, at_closing = (
        {
            f"{of if of == 'subscription_id' else 'customer'}_{number}": value
            for number, token in enumerate(text.split())
            if (value := token.partition("=")[0])
        }
        for text in (opening, closing)
    )
    return AttributeValues(of, at_opening, at_closing)


@cases("monthly_nrr/segments.csv")
def test_a_customer_belongs_where_it_was_worked_out_by_hand(case: Case) -> None:
    dimension = case["dimension"]
    rows = intervals(items(dimension, case["opening"]), items(dimension, case["closing"]))
    if case["since"]:
        since = date.fromisoformat(case["since"])
        rows.append(row("acme", 1, valid_from=since, valid_to=since + ONE_DAY))
    known = attribute(dimension, case["opening"], case["closing"])
    measured = measure_retention(
        IntervalArrays.of(frame(rows)),
        OPENING,
        CLOSING,
        opening_rates=RATES,
        closing_rates=RATES,
        reporting_currency="usd",
        segments=SegmentRules((dimension,), {dimension: known}, (100, 1_000)),
    )
    assert measured.customers[dimension].tolist() == [case["segment"]], case["why"]


def test_every_built_in_dimension_has_golden_cases() -> None:
    file = Path(__file__).parents[1] / "golden/monthly_nrr/segments.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        assert {case["dimension"] for case in csv.DictReader(lines)} >= set(DIMENSIONS)


def test_the_order_of_equal_items_changes_nothing() -> None:
    rows = [
        row("cus_1", 10, subscription_item_id="si_2", price_id="two"),
        row("cus_1", 10, subscription_item_id="si_1", price_id="one"),
    ]
    for mixed in (rows, rows[::-1]):
        assert measure(mixed, [], dimensions=["price"]).customers["price"].tolist() == ["one"]


def test_without_bands_all_customers_are_of_any_size() -> None:
    assert size_band(5, ()) == "any"


def test_no_dimension_is_called_like_a_column_of_customers() -> None:
    columns = set(measure([row("cus_1", 1)], []).customers.columns)
    assert columns <= set(NOT_DIMENSIONS)


def test_values_that_are_called_other_or_unknown_join_those_segments() -> None:
    rows = [
        row(name, amount)
        for name, amount in (("cus_0", 50), ("cus_1", 40), ("cus_2", 30), ("cus_3", 20))
    ]
    countries = {"cus_0": OTHER_SEGMENT, "cus_1": UNKNOWN_SEGMENT, "cus_3": "DE"}
    measured = measure(rows, rows, dimensions=["country"], countries=countries, max_segments=2)
    found = {
        each.segment: each.starting_mrr_micros
        for each in measured.rows
        if each.dimension == "country"
    }
    assert found == {UNKNOWN_SEGMENT: 70, OTHER_SEGMENT: 70}


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, ["one", "two", "three", "four"]),
        (3, ["one", "two", OTHER_SEGMENT, OTHER_SEGMENT]),
        (2, ["one", OTHER_SEGMENT, OTHER_SEGMENT, OTHER_SEGMENT]),
        (1, [OTHER_SEGMENT] * 4),
    ],
)
def test_the_largest_segments_stay_and_the_rest_is_other(most: int, expected: list[str]) -> None:
    """Largest at opening; of those without opening MRR, at closing; of equal ones, by name."""
    names = ("one", "two", "three", "four")
    opening = [row("one", 30, price_id="one"), row("two", 20, price_id="two")]
    closing = [row("three", 5, price_id="three"), row("four", 4, price_id="four")]
    measured = measure(opening, closing, dimensions=["price"], max_segments=most)
    found = dict(zip(measured.customers["account_id"], measured.customers["price"], strict=True))
    assert [found[name] for name in names] == expected
    rows = [each for each in measured.rows if each.dimension == "price"]
    assert len(rows) <= most
    assert sum(each.starting_mrr_micros for each in rows) == 50
    assert sum(each.new_business_micros for each in rows) == 9


def test_two_dimensions_are_crossed() -> None:
    opening = [
        row("cus_0", 10, product_id="a"),
        row("cus_1", 20, product_id="b"),
        row("cus_2", 30, product_id="a"),
    ]
    measured = measure(opening, opening[:2], dimensions=["product", "country"])
    found = crossed(measured, "country", "product")
    assert [(*pair, each.starting_mrr_micros, each.nrr_numerator) for *pair, each in found] == [
        ("DE", "a", 10, 10),
        ("DE", "b", 20, 20),
        ("US", "a", 30, 0),
    ]
