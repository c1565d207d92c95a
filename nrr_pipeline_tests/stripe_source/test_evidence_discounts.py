"""When discounts are in force: as objects, events and invoice lines tell."""

import pytest

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.stripe_source.records import ObservedVersion
from nrr_pipeline_tests.stripe_source.discount_sets import (
    coupon,
    discount,
    evidence_of,
    in_force,
    month,
)
from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    at,
    event,
    invoice,
    item,
    record,
    seen,
    subscription,
)

ONE = item("monthly", 1)
PLAIN = [
    invoice("2026-01-01", month("2026-01-01", "2026-02-01")),
    invoice("2026-02-01", month("2026-02-01", "2026-03-01")),
]


def only(objects: object) -> Discount:
    found = evidence_of(objects)  # type: ignore[arg-type]
    return found.discounts[0].discount


def test_what_the_subscription_has_counts_from_its_start_on() -> None:
    with_discount = subscription(ONE, discounts=[discount("di_1", "always", "2026-01-20")])
    assert in_force(record(seen(with_discount, "2026-02-10"), invoices=PLAIN)) == [
        "si_1 2026-01-01..2026-01-20",
        "si_1 2026-01-20.. always",
    ]


def test_a_repeating_one_counts_until_its_end() -> None:
    repeating = discount("di_1", "three", "2026-01-01", "2026-04-01")
    invoices = [invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"))]
    assert in_force(
        record(seen(subscription(ONE, discounts=[repeating]), "2026-01-10"), invoices=invoices)
    ) == ["si_1 2026-01-01..2026-04-01 three", "si_1 2026-04-01.."]


def test_one_that_was_applied_to_a_yearly_line_counts_for_the_year() -> None:
    repeating = discount("di_1", "three", "2026-01-01", "2026-04-01")
    year = month("2026-01-01", "2027-01-01", "di_1", price="yearly")
    items = item("yearly", 1), item("monthly", 1, item_id="si_2")
    both = [
        invoice("2026-01-01", year, _of_second(month("2026-01-01", "2026-02-01", "di_1"))),
        invoice("2026-04-01", _of_second(month("2026-04-01", "2026-05-01"))),
    ]
    gone = seen(subscription(*items), "2026-04-10")
    still = seen(subscription(*items, discounts=[repeating]), "2026-02-10")
    for versions in ((still,), (still, gone)):
        assert in_force(record(*versions, invoices=both)) == [
            "si_1 2026-01-01..2027-01-01 three",
            "si_1 2027-01-01..",
            "si_2 2026-01-01..2026-04-01 three",
            "si_2 2026-04-01..",
        ]


def _of_second(charge: Payload) -> Payload:
    details = charge["parent"]["subscription_item_details"]
    parent = {
        **charge["parent"],
        "subscription_item_details": {**details, "subscription_item": "si_2"},
    }
    return {**charge, "id": f"{charge['id']}_2", "parent": parent}


def test_one_that_only_old_invoices_show_counts_until_the_last_line_that_does() -> None:
    invoices = [
        invoice(
            "2026-01-01",
            month("2026-01-01", "2026-02-01", "di_1"),
            discounts=[discount("di_1", "always")],
        ),
        invoice("2026-02-01", month("2026-02-01", "2026-03-01", "di_1"), discounts=["di_1"]),
        invoice("2026-03-01", month("2026-03-01", "2026-04-01")),
    ]
    assert in_force(record(seen(subscription(ONE), "2026-03-10"), invoices=invoices)) == [
        "si_1 2026-01-01..2026-03-01 always",
        "si_1 2026-03-01..",
    ]


def test_a_repeating_one_that_ended_long_ago_counts_until_its_end() -> None:
    """Its end lies within the period of a line that no longer had it to give."""
    repeating = discount("di_1", "three", "2026-01-01", "2026-02-15")
    invoices = [
        invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"), discounts=[repeating]),
    ]
    assert in_force(record(seen(subscription(ONE), "2026-03-10"), invoices=invoices)) == [
        "si_1 2026-01-01..2026-02-15 three",
        "si_1 2026-02-15..",
    ]


def test_once_counts_until_the_invoice_that_used_it() -> None:
    once = discount("di_1", "first", "2026-01-10")
    waiting = seen(subscription(ONE, discounts=[once]), "2026-01-20")
    used = invoice("2026-02-01", month("2026-02-01", "2026-03-01", "di_1"), discounts=[once])
    assert in_force(record(waiting, invoices=PLAIN[:1])) == [
        "si_1 2026-01-01..2026-01-10",
        "si_1 2026-01-10.. first",
    ]
    assert in_force(
        record(waiting, seen(subscription(ONE), "2026-02-05"), invoices=[PLAIN[0], used])
    ) == [
        "si_1 2026-01-01..2026-01-10",
        "si_1 2026-01-10..2026-02-01 first",
        "si_1 2026-02-01..",
    ]


def test_an_event_dates_the_removal_to_the_second() -> None:
    held = discount("di_1", "always")
    removed = event("2026-01-15", subscription(ONE), discounts=["di_1"])
    assert in_force(
        record(
            seen(subscription(ONE, discounts=[held]), "2026-01-10"),
            seen(subscription(ONE), "2026-01-20"),
            invoices=PLAIN,
            events=[removed],
        )
    ) == ["si_1 2026-01-01..2026-01-15 always", "si_1 2026-01-15.."]


def test_an_event_about_the_discount_dates_its_removal_too() -> None:
    held = discount("di_1", "always")
    removed = {
        **event("2026-01-15", held),
        "type": "customer.discount.deleted",
    }
    objects = record(
        seen(subscription(ONE), "2026-01-20"), invoices=PLAIN, discount_events=[removed]
    )
    assert in_force(objects) == ["si_1 2026-01-01..2026-01-15 always", "si_1 2026-01-15.."]
    assert not evidence_of(objects).problems


def test_a_removal_that_only_a_pull_shows_is_dated_there_and_flagged() -> None:
    held = discount("di_1", "always")
    objects = record(
        seen(subscription(ONE, discounts=[held]), "2026-01-10"),
        seen(subscription(ONE), "2026-01-20"),
        invoices=PLAIN,
    )
    assert in_force(objects) == [
        "si_1 2026-01-01..2026-01-10 always",
        "si_1 2026-01-10..2026-01-20 always",  # approximate
        "si_1 2026-01-20..",
    ]
    approximate = [each for each in fold_subscription(evidence_of(objects)) if each.approximation]
    assert [each.valid_from for each in approximate] == [at("2026-01-10")]
    assert [each.check_name for each in evidence_of(objects).problems] == ["discount_end_assumed"]


def test_the_customers_counts_only_where_the_subscription_has_none() -> None:
    own = discount("di_own", "five", "2026-02-01", "2026-03-01")
    item_own = discount("di_item", "first", subscription_item="si_1")
    customers = discount("di_customer", "always", subscription=None)
    coupons = {
        "five": coupon("five", "repeating"),
        "always": coupon("always"),
        "first": coupon("first"),
    }
    objects = record(
        seen(subscription({**ONE, "discounts": [item_own]}, discounts=[own]), "2026-02-10"),
        invoices=PLAIN,
        customers=[seen({"id": "cus_1", "discount": customers}, "2026-02-10")],
    )
    assert in_force(objects, coupons) == [
        "si_1 2026-01-01..2026-02-01 first always",
        "si_1 2026-02-01..2026-03-01 first five",
        "si_1 2026-03-01.. first always",
    ]


def test_a_discount_given_to_one_invoice_is_none_of_the_subscriptions() -> None:
    given = discount("di_1", "always", subscription=None, invoice="in_1")
    charge = month("2026-01-01", "2026-02-01", "di_1")
    invoices = [invoice("2026-01-01", charge, discounts=[given])]
    objects = record(seen(subscription(ONE), "2026-01-10"), invoices=invoices)
    assert in_force(objects) == ["si_1 2026-01-01.."]


def test_a_coupon_that_is_in_no_list_is_taken_from_the_discount() -> None:
    deleted = coupon("gone", amount_off=300, currency="usd")
    objects = record(
        seen(subscription(ONE, discounts=[discount("di_1", deleted)]), "2026-01-10"),
        invoices=PLAIN,
    )
    assert only(objects).amounts_off == (("usd", 300),)


def test_a_coupon_within_an_old_invoice_is_known_where_the_discount_names_it_alone() -> None:
    deleted = coupon("gone", percent_off=33.33)
    charge = month("2026-01-01", "2026-02-01", "di_1")
    old = invoice("2026-01-01", charge, discounts=[discount("di_1", deleted)])
    objects = record(
        seen(subscription(ONE, discounts=[discount("di_1", "gone")]), "2026-01-10"), invoices=[old]
    )
    assert str(only(objects).percent_off) == "3333/100"


UNKNOWN_DISCOUNTS: list[object] = [
    ["di_unknown"],
    [discount("di_1", "nowhere")],
    [{"id": "di_1"}],
    [{}],
    [None],
    [7],
    "di_1",
    [discount("di_1", coupon("odd", "for a while"))],
    [discount("di_1", coupon("odd", percent_off=120))],
    [discount("di_1", coupon("odd", percent_off=-1))],
    [discount("di_1", coupon("odd", percent_off=None))],
    [discount("di_1", coupon("odd", percent_off=[]))],
    [discount("di_1", coupon("odd", amount_off=500))],
    [discount("di_1", coupon("odd", amount_off=-5, currency="usd"))],
    [discount("di_1", coupon("odd", amount_off=1.5, currency="usd"))],
    [discount("di_1", coupon("odd", applies_to={}))],
    [discount("di_1", coupon("odd", applies_to={"products": [3]}))],
    [discount("di_1", coupon("odd", amount_off=5, currency="usd", percent_off=5))],
]


@pytest.mark.parametrize("discounts", UNKNOWN_DISCOUNTS)
@pytest.mark.parametrize("on_item", [True, False])
def test_what_is_not_known_of_a_discount_is_never_taken_for_nothing(
    discounts: object, *, on_item: bool
) -> None:
    holder = (
        subscription({**ONE, "discounts": discounts})
        if on_item
        else subscription(ONE, discounts=discounts)
    )
    found = only(record(seen(holder, "2026-01-10"), invoices=PLAIN))
    assert found.duration is Duration.UNKNOWN
    assert found.level is (DiscountLevel.ITEM if on_item else DiscountLevel.SUBSCRIPTION)


def test_a_line_shows_a_discount_that_nothing_else_tells_of() -> None:
    invoices = [invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"))]
    objects = record(seen(subscription(ONE), "2026-02-10"), invoices=invoices)
    (span,) = evidence_of(objects).discounts[:1]
    assert span.discount.duration is Duration.UNKNOWN
    assert (span.starts_at, span.ends_at) == (at("2026-01-01"), at("2026-02-01"))
    assert "di_1" in span.discount.coupon_id


def test_products_and_currencies_of_a_coupon_are_read() -> None:
    options = {"eur": {"amount_off": 450}, "jpy": {"amount_off": 600}}
    limited = coupon(
        "limited",
        amount_off=500,
        currency="usd",
        currency_options=options,
        applies_to={"products": ["prod_team"]},
    )
    found = only(
        record(
            seen(subscription(ONE, discounts=[discount("di_1", limited)]), "2026-01-10"),
            invoices=PLAIN,
        )
    )
    assert found.amounts_off == (("eur", 450), ("jpy", 600), ("usd", 500))
    assert found.product_ids == frozenset({"prod_team"})


def test_a_repeating_one_without_an_end_ends_by_its_coupons_months() -> None:
    repeating = discount("di_1", "three", "2026-01-31")
    objects = record(seen(subscription(ONE, discounts=[repeating]), "2026-02-10"), invoices=PLAIN)
    assert in_force(objects) == [
        "si_1 2026-01-01..2026-01-31",
        "si_1 2026-01-31..2026-04-30 three",
        "si_1 2026-04-30..",
    ]


def test_a_new_bill_for_the_item_takes_the_place_of_the_discounted_one() -> None:
    yearly = month("2026-01-01", "2027-01-01", "di_1", price="yearly")
    repeating = discount("di_1", "three", "2026-01-01", "2026-03-01")
    invoices = [
        invoice("2026-01-01", yearly, discounts=[repeating]),
        invoice("2026-05-01", month("2026-05-01", "2026-06-01")),
    ]
    assert in_force(record(seen(subscription(ONE), "2026-05-10"), invoices=invoices)) == [
        "si_1 2026-01-01..2026-05-01 three",
        "si_1 2026-05-01..",
    ]


def test_a_paid_line_is_told_with_what_its_discounts_took_off() -> None:
    held = discount("di_1", "always")
    invoices = [invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"), discounts=[held])]
    objects = record(seen(subscription(ONE, discounts=[held]), "2026-01-10"), invoices=invoices)
    (amount,) = evidence_of(objects).line_amounts
    assert (amount.subtotal_minor, amount.net_minor) == (1_000, 800)
    assert [each.discount_id for each in amount.discounts] == ["di_1"]
    assert amount.invoice_id == "in_2026-01-01"


def test_versions_without_the_field_say_nothing_about_discounts() -> None:
    held = subscription(ONE, discounts=[discount("di_1", "always")])
    silent = {name: value for name, value in held.items() if name != "discounts"}
    objects = record(
        seen(held, "2026-01-10"), ObservedVersion(silent, at("2026-01-20"), at("2026-01-20"))
    )
    assert in_force(objects)[-1].endswith("always")
