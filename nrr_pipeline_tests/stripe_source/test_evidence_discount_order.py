"""In which order discounts apply, and what is in doubt where nothing shows them any more."""

import pytest

from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline_tests.stripe_source.discount_sets import discount, evidence_of, in_force, month
from nrr_pipeline_tests.stripe_source.payload_sets import (
    at,
    debit,
    invoice,
    item,
    months,
    record,
    seen,
    subscription,
)

ONE = item("monthly", 1)
PLAIN = [
    invoice("2026-01-01", month("2026-01-01", "2026-02-01")),
    invoice("2026-02-01", month("2026-02-01", "2026-03-01")),
]


def test_the_order_is_that_of_the_arrays_the_items_own_first() -> None:
    mine = [discount("di_z", "five", subscription_item="si_1")]
    ours = [discount("di_b", "always"), discount("di_a", "three", end="2026-12-01")]
    objects = record(
        seen(subscription({**ONE, "discounts": mine}, discounts=ours), "2026-01-10"),
        invoices=PLAIN,
    )
    assert in_force(objects)[0] == "si_1 2026-01-01..2026-12-01 five always three"


def test_the_order_of_what_is_gone_is_that_of_its_invoice() -> None:
    gone = [discount("di_b", "always"), discount("di_a", "five")]
    charge = month("2026-01-01", "2026-02-01", "di_a", "di_b")
    invoices = [invoice("2026-01-01", charge, discounts=gone), PLAIN[1]]
    assert in_force(record(seen(subscription(ONE), "2026-02-10"), invoices=invoices)) == [
        "si_1 2026-01-01..2026-02-01 always five",
        "si_1 2026-02-01..",
    ]


@pytest.mark.parametrize("where", ["the invoice", "the line"])
def test_the_order_of_what_no_array_shows_is_that_in_which_it_was_taken_off(where: str) -> None:
    gone = [discount("di_b", "always"), discount("di_a", "five")]
    amounts = [{"amount": 200, "discount": each} for each in gone]
    charge = month("2026-01-01", "2026-02-01", "di_a", "di_b")
    if where == "the line":
        charge["discount_amounts"] = amounts
    totals = amounts if where == "the invoice" else []
    invoices = [invoice("2026-01-01", charge, total_discount_amounts=totals), PLAIN[1]]
    assert in_force(record(seen(subscription(ONE), "2026-02-10"), invoices=invoices)) == [
        "si_1 2026-01-01..2026-02-01 always five",
        "si_1 2026-02-01..",
    ]


def test_an_item_that_joined_while_a_discount_was_removed_unseen_may_have_had_it() -> None:
    added = item("addon", 1, item_id="si_2", created="2026-01-10")
    shown = discount("di_1", "always")
    prorated = debit("addon", 1, "2026-01-10", "2026-02-01", item_id="si_2")
    invoices = [
        invoice("2026-01-01", month("2026-01-01", "2026-02-01", "di_1"), discounts=[shown]),
        invoice("2026-02-01", prorated, *(each["lines"]["data"][0] for each in PLAIN[1:])),
        *months("addon", 1, "2026-02-01", 1, item_id="si_2"),
    ]
    objects = record(seen(subscription(ONE, added), "2026-02-10"), invoices=invoices)
    doubted = [
        (each.subscription_item_id, each.valid_from, each.valid_to, each.approximation)
        for each in fold_subscription(evidence_of(objects))
        if each.approximation
    ]
    assert [(name, start, end) for name, start, end, _ in doubted] == [
        ("si_2", at("2026-01-10"), at("2026-02-01"))
    ]
    assert "di_1 may still have been in force" in str(doubted[0][3])
