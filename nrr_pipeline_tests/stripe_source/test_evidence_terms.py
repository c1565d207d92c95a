"""Price and quantity over time: what lines, events and pulls prove, and what they cannot."""

import pytest

from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline_tests.stripe_source.payload_sets import (
    at,
    credit,
    debit,
    evidence,
    history,
    invoice,
    item,
    line,
    months,
    seen,
    subscription,
)

PULL = "2026-04-10"


def test_a_subscription_counts_from_its_start_as_its_lines_say() -> None:
    assert history(
        seen(subscription(item("monthly", 3)), PULL), invoices=months("monthly", 3, "2026-01-01", 4)
    ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_a_seat_change_is_dated_by_its_prorations_on_the_next_invoice() -> None:
    pending = invoice(
        "2026-03-01",
        credit("monthly", 3, "2026-02-11", "2026-03-01"),
        debit("monthly", 5, "2026-02-11", "2026-03-01"),
        line("monthly", 5, "2026-03-01", "2026-04-01"),
    )
    assert history(
        seen(subscription(item("monthly", 5)), "2026-03-10"),
        invoices=[*months("monthly", 3, "2026-01-01", 2), pending],
    ) == ["si_1 2026-01-01..2026-02-11 3 x monthly", "si_1 2026-02-11.. 5 x monthly"]


def test_a_credit_alone_dates_the_change_that_a_later_line_shows() -> None:
    pending = invoice(
        "2026-03-01",
        credit("monthly", 3, "2026-02-11", "2026-03-01"),
        line("monthly", 5, "2026-03-01", "2026-04-01"),
    )
    assert history(
        seen(subscription(item("monthly", 5)), "2026-03-10"),
        invoices=[*months("monthly", 3, "2026-01-01", 2), pending],
    ) == ["si_1 2026-01-01..2026-02-11 3 x monthly", "si_1 2026-02-11.. 5 x monthly"]


def test_two_changes_in_one_cycle_are_both_dated() -> None:
    pending = invoice(
        "2026-02-01",
        credit("monthly", 3, "2026-01-11", "2026-02-01"),
        debit("monthly", 5, "2026-01-11", "2026-02-01"),
        credit("monthly", 5, "2026-01-21", "2026-02-01"),
        debit("monthly", 4, "2026-01-21", "2026-02-01"),
        line("monthly", 4, "2026-02-01", "2026-03-01"),
    )
    assert history(
        seen(subscription(item("monthly", 4)), "2026-02-10"),
        invoices=[*months("monthly", 3, "2026-01-01", 1), pending],
    ) == [
        "si_1 2026-01-01..2026-01-11 3 x monthly",
        "si_1 2026-01-11..2026-01-21 5 x monthly",
        "si_1 2026-01-21.. 4 x monthly",
    ]


def test_of_two_changes_in_one_second_the_first_old_and_the_last_new_terms_hold() -> None:
    pending = invoice(
        "2026-02-01",
        credit("monthly", 3, "2026-01-11", "2026-02-01"),
        debit("monthly", 9, "2026-01-11", "2026-02-01"),
        {**credit("monthly", 9, "2026-01-11", "2026-02-01"), "id": "il_credit_2"},
        {**debit("monthly", 4, "2026-01-11", "2026-02-01"), "id": "il_a"},
    )
    assert history(
        seen(subscription(item("monthly", 4)), "2026-02-10"),
        invoices=[*months("monthly", 3, "2026-01-01", 1), pending],
    ) == ["si_1 2026-01-01..2026-01-11 3 x monthly", "si_1 2026-01-11.. 4 x monthly"]


def test_a_plan_switch_that_starts_a_new_year_is_one_change_of_the_same_item() -> None:
    switch = invoice(
        "2026-02-15",
        credit("monthly", 2, "2026-02-15", "2026-03-01"),
        line("yearly", 2, "2026-02-15", "2027-02-15", 20_000),
    )
    assert history(
        seen(subscription(item("yearly", 2)), "2026-03-10"),
        invoices=[*months("monthly", 2, "2026-01-01", 2), switch],
    ) == ["si_1 2026-01-01..2026-02-15 2 x monthly", "si_1 2026-02-15.. 2 x yearly"]


def test_an_item_replaced_by_another_ends_as_the_other_begins() -> None:
    swap = invoice(
        "2026-02-15",
        credit("monthly", 2, "2026-02-15", "2026-03-01", item_id="si_1"),
        debit("addon", 2, "2026-02-15", "2026-03-01", item_id="si_2"),
    )
    assert history(
        seen(subscription(item("addon", 2, item_id="si_2", created="2026-02-15")), "2026-03-10"),
        invoices=[*months("monthly", 2, "2026-01-01", 2), swap],
    ) == ["si_1 2026-01-01..2026-02-15 2 x monthly ends:other", "si_2 2026-02-15.. 2 x addon"]


def test_an_item_added_within_a_cycle_counts_from_its_creation() -> None:
    added = item("addon", 1, item_id="si_2", created="2026-02-15")
    pending = invoice(
        "2026-03-01",
        debit("addon", 1, "2026-02-15", "2026-03-01", item_id="si_2"),
        line("monthly", 1, "2026-03-01", "2026-04-01"),
        line("addon", 1, "2026-03-01", "2026-04-01", item_id="si_2"),
    )
    assert history(
        seen(subscription(item("monthly", 1), added), "2026-03-10"),
        invoices=[*months("monthly", 1, "2026-01-01", 2), pending],
    ) == ["si_1 2026-01-01.. 1 x monthly", "si_2 2026-02-15.. 1 x addon"]


def test_a_removed_item_known_only_from_its_lines_ends_with_what_they_charged_for() -> None:
    both = months("monthly", 1, "2026-01-01", 4) + months(
        "addon", 2, "2026-01-01", 2, item_id="si_2"
    )
    assert history(seen(subscription(item("monthly", 1)), PULL), invoices=both) == [
        "si_1 2026-01-01.. 1 x monthly",
        "si_2 2026-01-01..2026-02-01 2 x addon",
        "si_2 2026-02-01..2026-03-01 2 x addon or-nothing ends:other",
    ]


def test_a_change_without_proration_is_dated_by_the_next_line_and_flagged_since_the_last() -> None:
    invoices = months("monthly", 3, "2026-01-01", 2) + months("monthly", 5, "2026-03-01", 1)
    assert history(seen(subscription(item("monthly", 5)), "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01..2026-03-01 3 x monthly or-5-x-monthly",
        "si_1 2026-03-01.. 5 x monthly",
    ]


def test_a_metered_item_has_no_quantity_and_one_history() -> None:
    usage = [
        invoice(f"2026-0{month}-01", line("calls", 7 * month, f"2026-0{month}-01", end))
        for month, end in ((1, "2026-02-01"), (2, "2026-03-01"))
    ]
    assert history(seen(subscription(item("calls", None)), PULL), invoices=usage) == [
        "si_1 2026-01-01.. calls"
    ]


@pytest.mark.parametrize("status", ["void", "uncollectible", "open", "draft"])
def test_an_invoice_that_is_not_paid_still_tells_the_terms_and_ends_nothing(status: str) -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        invoice("2026-02-01", line("monthly", 3, "2026-02-01", "2026-03-01"), status=status),
        *months("monthly", 3, "2026-03-01", 1),
    ]
    assert history(
        seen(subscription(item("monthly", 3)), "2026-03-10"),
        invoices=[{**each, "attempt_count": 0} for each in invoices],
    ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_lines_of_manual_invoice_items_and_other_subscriptions_prove_nothing() -> None:
    manual = line("monthly", 9, "2026-01-15", "2026-01-15", 99_000)
    manual["parent"] = {
        "type": "invoice_item_details",
        "invoice_item_details": {"subscription": "sub_1", "proration": False},
    }
    other = line("monthly", 8, "2026-01-15", "2026-02-15")
    other["parent"]["subscription_item_details"]["subscription"] = "sub_2"
    assert history(
        seen(subscription(item("monthly", 3)), "2026-01-20"),
        invoices=[*months("monthly", 3, "2026-01-01", 1), invoice("2026-01-15", manual, other)],
    ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_an_update_that_waits_for_its_payment_is_not_applied() -> None:
    waiting = invoice(
        "2026-01-15",
        credit("monthly", 3, "2026-01-15", "2026-02-01"),
        debit("monthly", 9, "2026-01-15", "2026-02-01"),
        status="open",
        id="in_waiting",
        attempt_count=0,
    )
    pending = subscription(
        item("monthly", 3),
        pending_update={"expires_at": at("2026-01-16")},
        latest_invoice="in_waiting",
    )
    assert history(
        seen(pending, "2026-01-15 12:00"),
        invoices=[*months("monthly", 3, "2026-01-01", 1), waiting],
    ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_segments_keep_the_document_that_proves_them() -> None:
    found = evidence(
        seen(subscription(item("monthly", 5)), "2026-03-10"),
        invoices=months("monthly", 3, "2026-01-01", 3),
    )
    assert [(each.source.value, each.source_id) for each in fold_subscription(found)] == [
        ("invoice_line", "il_monthly_3_2026-01-01"),
        ("invoice_line", "il_monthly_3_2026-01-01"),
        ("observation", "sub_1"),
    ]


def test_only_paid_lines_of_a_whole_interval_are_held_against_the_price() -> None:
    found = evidence(
        seen(
            subscription(
                item("monthly", 1), trial_start=at("2026-01-01"), trial_end=at("2026-02-01")
            ),
            PULL,
        ),
        invoices=[
            invoice("2026-01-01", line("monthly", 1, "2026-01-01", "2026-02-01", 0)),
            invoice("2026-02-01", line("monthly", 1, "2026-02-01", "2026-02-10", 320)),
            invoice("2026-02-10", line("monthly", 1, "2026-02-10", "2026-03-10", 1_000)),
            invoice("2026-03-10", line("monthly", 1, "2026-03-10", "2026-04-10"), status="open"),
            invoice("2026-03-10", debit("monthly", 1, "2026-03-10", "2026-04-10")),
        ],
    )
    assert [amount.line_id for amount in found.line_amounts] == ["il_monthly_1_2026-02-10"]
