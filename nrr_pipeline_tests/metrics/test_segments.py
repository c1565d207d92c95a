from nrr_pipeline.metrics.retention import measure_retention
from nrr_pipeline.metrics.segments import UNKNOWN_SEGMENT, with_dimensions
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row


def segments(
    dimension: str, opening: list[Row], closing: list[Row], **countries: str
) -> dict[str, str]:
    """Each account's segment."""
    measured = measure_retention(
        with_dimensions(frame(opening), countries),
        with_dimensions(frame(closing), countries),
        opening_rates={"usd": 1},  # pyright: ignore[reportArgumentType]
        closing_rates={"usd": 1},  # pyright: ignore[reportArgumentType]
        reporting_currency="usd",
        paid_before=frozenset(),
        dimensions=[dimension],
    )
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
