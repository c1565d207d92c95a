"""Payments that failed: at risk while they may recover, unpaid when they have not."""

import pytest

from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    at,
    event,
    evidence,
    history,
    invoice,
    item,
    line,
    months,
    seen,
    subscription,
)

SEATS = item("monthly", 3)
PULL = "2026-04-10"


def failed(
    created: str, end: str, *, status: str = "open", attempts: int = 3, **moments: int
) -> Payload:
    return invoice(
        created,
        line("monthly", 3, created, end),
        status=status,
        attempt_count=attempts,
        status_transitions=moments,
    )


def test_a_late_payment_that_recovers_is_at_risk_from_its_invoice_until_it_is_paid() -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        failed("2026-02-01", "2026-03-01", status="paid", paid_at=at("2026-02-09")),
    ]
    assert history(seen(subscription(SEATS), "2026-02-20"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01..2026-02-09 3 x monthly at-risk",
        "si_1 2026-02-09.. 3 x monthly",
    ]


def test_a_failed_payment_that_the_customer_made_good_by_hand_was_at_risk_too() -> None:
    """A payment by hand leaves one attempt on the invoice; the events saw it past due."""
    late, paid = subscription(SEATS, status="past_due"), subscription(SEATS)
    assert history(
        seen(paid, "2026-02-20"),
        invoices=months("monthly", 3, "2026-01-01", 2),
        events=[
            event("2026-02-01 01:00", late, "evt_1", status="active"),
            event("2026-02-05 01:00", paid, "evt_2", status="past_due"),
        ],
    ) == [
        "si_1 2026-01-01..2026-02-01T01:00:00 3 x monthly",
        "si_1 2026-02-01T01:00:00..2026-02-05T01:00:00 3 x monthly at-risk",
        "si_1 2026-02-05T01:00:00.. 3 x monthly",
    ]


def test_past_due_is_at_risk_from_the_oldest_open_invoice_whose_payment_failed() -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        failed("2026-02-01", "2026-03-01"),
        failed("2026-03-01", "2026-04-01"),
    ]
    late = subscription(SEATS, status="past_due")
    assert history(seen(late, "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01.. 3 x monthly at-risk",
    ]


@pytest.mark.parametrize(
    ("status", "attempts"),
    [("paid", 1), ("draft", 0), ("open", 0), ("void", 0), ("uncollectible", 0)],
)
def test_without_a_failed_payment_nothing_is_at_risk(status: str, attempts: int) -> None:
    invoices = [failed("2026-01-01", "2026-02-01", status=status, attempts=attempts)]
    found = evidence(seen(subscription(SEATS), "2026-01-10"), invoices=invoices)
    assert found.at_risk == ()


def test_an_old_unpaid_invoice_of_an_active_subscription_is_not_at_risk_for_ever() -> None:
    invoices = [failed("2026-01-01", "2026-02-01"), *months("monthly", 3, "2026-02-01", 2)]
    assert evidence(seen(subscription(SEATS), PULL), invoices=invoices).at_risk == ()


def test_unpaid_without_an_event_begins_with_the_closing_run_of_uncollected_invoices() -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        failed("2026-02-01", "2026-03-01", status="void", attempts=0),
        failed("2026-03-01", "2026-04-01", status="uncollectible", attempts=0),
        failed("2026-04-01", "2026-05-01", status="draft", attempts=0),
    ]
    unpaid = seen(subscription(SEATS, status="unpaid"), PULL)
    assert history(unpaid, invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly ends:involuntary",
        "si_1 2026-02-01.. 3 x monthly unpaid",
    ]
    assert [each.check_name for each in evidence(unpaid, invoices=invoices).problems] == [
        "state_onset_assumed"
    ]


def test_a_paid_invoice_breaks_the_closing_run() -> None:
    invoices = [
        failed("2026-01-01", "2026-02-01", status="void", attempts=0),
        *months("monthly", 3, "2026-02-01", 1),
        failed("2026-03-01", "2026-04-01", attempts=0),
    ]
    assert history(seen(subscription(SEATS, status="unpaid"), "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-03-01 3 x monthly ends:involuntary",
        "si_1 2026-03-01.. 3 x monthly unpaid",
    ]


def test_an_event_dates_unpaid_to_the_second_and_leaves_nothing_assumed() -> None:
    unpaid = subscription(SEATS, status="unpaid")
    records = {
        "invoices": [
            *months("monthly", 3, "2026-01-01", 1),
            failed("2026-02-01", "2026-03-01", attempts=0),
        ],
        "events": [event("2026-02-15 08:00", unpaid, status="past_due")],
    }
    assert history(seen(unpaid, "2026-02-20"), **records) == [
        "si_1 2026-01-01..2026-02-15T08:00:00 3 x monthly ends:involuntary",
        "si_1 2026-02-15T08:00:00.. 3 x monthly unpaid",
    ]
    assert evidence(seen(unpaid, "2026-02-20"), **records).problems == ()


def test_unpaid_that_was_made_good_counts_again_from_the_event() -> None:
    paid = subscription(SEATS)
    late = failed("2026-02-01", "2026-03-01", status="paid", paid_at=at("2026-02-20"), attempts=1)
    assert history(
        seen(paid, "2026-02-25"),
        invoices=[*months("monthly", 3, "2026-01-01", 1), late],
        events=[event("2026-02-20", paid, status="unpaid")],
    ) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly ends:involuntary",
        "si_1 2026-02-01..2026-02-20 3 x monthly unpaid",
        "si_1 2026-02-20.. 3 x monthly",
    ]
