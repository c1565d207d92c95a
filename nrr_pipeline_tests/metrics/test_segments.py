from datetime import date

import pytest

from nrr_pipeline.metrics.interval_arrays import IntervalArrays
from nrr_pipeline.metrics.retention import crossed, measure_retention
from nrr_pipeline.metrics.segments import (
    OTHER_SEGMENT,
    UNKNOWN_SEGMENT,
    AttributeValues,
    SegmentRules,
)
from nrr_pipeline_tests.metrics.measuring import CLOSING, DOLLARS, OPENING, intervals, measure
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row

DOLLAR = 1_000_000


def segments(
    dimension: str, opening: list[Row], closing: list[Row], **countries: str
) -> dict[str, str]:
    """Each account's segment."""
    measured = measure(opening, closing, dimensions=[dimension], countries=countries)
    return dict(zip(measured.customers["account_id"], measured.customers[dimension], strict=True))


def test_a_customer_belongs_to_the_segment_that_it_had_at_opening() -> None:
    found = segments(
        "product",
        [row("cus_1", 10, product_id="prod_old")],
        [row("cus_1", 99, product_id="prod_new")],
    )
    assert found == {"cus_1": "prod_old"}


def test_a_customer_without_opening_mrr_belongs_to_its_segment_at_closing() -> None:
    assert segments("product", [], [row("cus_1", 9, product_id="prod_new")]) == {
        "cus_1": "prod_new"
    }


def test_the_item_with_the_largest_mrr_decides() -> None:
    items = [
        row("cus_1", 10, subscription_item_id="si_1", price_id="small"),
        row("cus_1", 90, subscription_item_id="si_2", price_id="large"),
        row("cus_1", 20, subscription_item_id="si_3", price_id="small"),
    ]
    assert segments("price", items, []) == {"cus_1": "large"}
    assert segments("price", [], items[::-1]) == {"cus_1": "large"}


def test_of_equal_items_the_smallest_id_decides() -> None:
    items = [
        row("cus_1", 10, subscription_item_id="si_2", price_id="two"),
        row("cus_1", 10, subscription_item_id="si_1", price_id="one"),
    ]
    assert segments("price", items, []) == segments("price", items[::-1], []) == {"cus_1": "one"}


def test_billing_intervals_are_named_with_their_count() -> None:
    found = segments(
        "billing_interval",
        [
            row("cus_1", 10, billing_interval="month", billing_interval_count=1),
            row("cus_2", 10, billing_interval="month", billing_interval_count=3),
            row("cus_3", 10, billing_interval="year", billing_interval_count=1),
        ],
        [],
    )
    assert found == {"cus_1": "month", "cus_2": "3 months", "cus_3": "year"}


def test_a_customer_whose_country_is_not_known_is_in_a_segment_too() -> None:
    found = segments("country", [row("cus_1", 10), row("cus_2", 10)], [], cus_1="DE")
    assert found == {"cus_1": "DE", "cus_2": UNKNOWN_SEGMENT}


def test_a_customers_size_is_the_band_of_its_mrr_at_opening() -> None:
    found = segments(
        "company_size",
        [row("small", 99 * DOLLAR), row("middle", 100 * DOLLAR), row("large", 1_000 * DOLLAR)],
        [row("small", 5_000 * DOLLAR), row("new", 999 * DOLLAR)],
    )
    assert found == {
        "small": "under 100",
        "middle": "100 to 999",
        "large": "1,000 and more",
        "new": "100 to 999",
    }


def test_a_cohort_is_the_month_of_the_first_mrr() -> None:
    rows = [
        row("back", 1, valid_from=date(2025, 3, 31), valid_to=date(2025, 4, 1)),
        row("back", 1, valid_from=date(2026, 2, 3), valid_to=date(2027, 1, 1)),
        row("stays", 1, valid_from=date(2025, 4, 1), valid_to=date(2027, 1, 1)),
    ]
    rules = SegmentRules(("signup_cohort",))
    measured = measure_retention(
        IntervalArrays.of(frame(rows)),
        OPENING,
        CLOSING,
        opening_rates=DOLLARS,
        closing_rates=DOLLARS,
        reporting_currency="usd",
        segments=rules,
    )
    assert measured.customers["signup_cohort"].tolist() == ["2025-03", "2025-04"]


def test_a_property_of_a_subscription_is_that_of_the_largest_item() -> None:
    rows = [
        row("cus_1", 10, subscription_item_id="si_1", subscription_id="sub_small"),
        row("cus_1", 90, subscription_item_id="si_2", subscription_id="sub_large"),
    ]
    sent = {"sub_large": "send_invoice", "sub_small": "charge_automatically"}
    rules = SegmentRules(
        ("collection_method",), {"collection_method": AttributeValues("subscription_id", sent, {})}
    )
    measured = measure_retention(
        IntervalArrays.of(frame(intervals(rows, []))),
        OPENING,
        CLOSING,
        opening_rates=DOLLARS,
        closing_rates=DOLLARS,
        reporting_currency="usd",
        segments=rules,
    )
    assert measured.customers["collection_method"].tolist() == ["send_invoice"]


def test_a_currency_is_that_of_the_largest_item_in_the_reporting_currency() -> None:
    rows = [
        row("cus_1", 100, subscription_item_id="si_1"),
        row("cus_1", 9_000, subscription_item_id="si_2", currency="jpy"),
    ]
    rates = {**DOLLARS, "jpy": DOLLARS["usd"] / 100}
    measured = measure(rows, [], rates, dimensions=["currency"])
    assert measured.customers["currency"].tolist() == ["usd"]


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
