"""A deleted coupon of which nothing shows the products that it is limited to."""

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.orchestration.stages.discount_text import discounts_of, discounts_text
from nrr_pipeline_tests.stripe_source.discount_sets import coupon, discount, evidence_of, month
from nrr_pipeline_tests.stripe_source.payload_sets import (
    PRICES,
    Payload,
    invoice,
    item,
    record,
    seen,
    subscription,
)

DOLLAR = 1_000_000
GONE = coupon("gone", limits_unknown=True)
WHOLE = coupon("gone")


def intervals(known: Payload, *later: Payload, discounts: str = "recurring") -> list[MrrInterval]:
    """An item with 20 % off that is shown for January, and whatever was billed later."""
    off = discount("di_1", "gone", subscription_item="si_1", subscription=None)
    last = "addon" if later else "monthly"
    now = seen(subscription(item(last, 1) | {"discounts": [off]}), "2026-03-10")
    first = invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"))
    evidence = evidence_of(record(now, invoices=[first, *later]), {"gone": known})
    segments = fold_subscription(evidence)
    for segment in segments:
        assert discounts_of(discounts_text(segment.discounts)) == segment.discounts
    builder = IntervalBuilder(PRICES, CountingRules(discounts=discounts), DayClock("UTC"))
    return builder.build(segments)[0]


def is_doubted(each: MrrInterval) -> bool:
    """Whether it is approximate because of the coupon; a change without proration is too."""
    return "limited to some products" in (each.approximation or "")


def changed(*discounts: str) -> Payload:
    """The item becomes the add-on on 1 February; that line may show the discount too."""
    return invoice("2026-02-01", month("2026-02-01", "2026-03-01", *discounts, price="addon"))


def test_what_a_line_shows_to_be_discounted_is_exact() -> None:
    [found] = intervals(GONE)
    assert (found.mrr_micros, is_doubted(found)) == (8 * DOLLAR, False)


def test_another_product_of_the_item_is_approximate_by_what_the_coupon_takes_off() -> None:
    first, second = intervals(GONE, changed())
    assert (first.price_id, first.mrr_micros, is_doubted(first)) == (
        *("monthly", 8 * DOLLAR),
        False,
    )
    assert (second.price_id, second.mrr_micros) == ("addon", 4 * DOLLAR)
    assert second.max_error_micros == 1 * DOLLAR
    assert second.approximation == (
        "gone was deleted, and nothing tells whether it is limited to some products"
    )


def test_a_line_of_the_other_product_proves_that_too() -> None:
    found = intervals(GONE, changed("di_1"))
    assert [(each.mrr_micros, is_doubted(each)) for each in found] == [
        (8 * DOLLAR, False),
        (4 * DOLLAR, False),
    ]


def test_where_the_limits_are_known_nothing_is_in_doubt() -> None:
    found = intervals(WHOLE, changed())
    assert [is_doubted(each) for each in found] == [False, False]


def test_where_no_discount_is_subtracted_nothing_is_in_doubt() -> None:
    found = intervals(GONE, changed(), discounts="none")
    assert [(each.mrr_micros, is_doubted(each)) for each in found] == [
        (10 * DOLLAR, False),
        (5 * DOLLAR, False),
    ]
