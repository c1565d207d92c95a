"""When a subscription starts and ends, and why it ended."""

import pytest

from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline_tests.stripe_source.payload_sets import (
    PRICES,
    Payload,
    at,
    event,
    evidence,
    history,
    item,
    months,
    record,
    seen,
    subscription,
)

SEATS = item("monthly", 3)
BILLED = months("monthly", 3, "2026-01-01", 3)
PULL = "2026-03-10"


def ended(reason: str | None, **moments: int | None) -> Payload:
    why = {"reason": reason}
    return {**subscription(SEATS), "status": "canceled", "cancellation_details": why, **moments}


def test_canceled_at_once_ends_at_that_second() -> None:
    gone = ended(
        "cancellation_requested",
        canceled_at=at("2026-02-10 15:00"),
        ended_at=at("2026-02-10 15:00"),
    )
    assert history(seen(gone, PULL), invoices=BILLED[:2]) == [
        "si_1 2026-01-01..2026-02-10T15:00:00 3 x monthly ends:voluntary"
    ]


def test_canceled_at_period_end_counts_until_then_and_is_scheduled_churn_before() -> None:
    gone = ended("cancellation_requested", canceled_at=at("2026-02-10"), ended_at=at("2026-03-01"))
    assert history(seen(gone, PULL), invoices=BILLED[:2]) == [
        "si_1 2026-01-01..2026-02-10 3 x monthly",
        "si_1 2026-02-10..2026-03-01 3 x monthly leaving ends:voluntary",
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("cancellation_requested", "voluntary"),
        ("payment_failed", "involuntary"),
        ("payment_disputed", "involuntary"),
        ("canceled_by_retention_policy", "other"),
        ("a reason of next year", "other"),
        (None, "other"),
    ],
)
def test_the_end_carries_its_reason(reason: str | None, expected: str) -> None:
    gone = ended(reason, ended_at=at("2026-02-10"))
    assert history(seen(gone, PULL), invoices=BILLED[:2]) == [
        f"si_1 2026-01-01..2026-02-10 3 x monthly ends:{expected}"
    ]


def test_canceled_without_a_real_end_counts_until_the_request_and_says_so() -> None:
    gone = ended(None, canceled_at=at("2026-02-10"), ended_at=None)
    found = evidence(seen(gone, PULL), invoices=BILLED[:2])
    assert found.ends_at == at("2026-02-10")
    assert [each.check_name for each in found.problems] == ["end_assumed"]


def test_backdated_and_billed_counts_from_the_start_date() -> None:
    backdated = subscription(SEATS, created=at("2026-02-20"))
    assert history(seen(backdated, PULL), invoices=BILLED) == ["si_1 2026-01-01.. 3 x monthly"]
    assert evidence(seen(backdated, PULL), invoices=BILLED).problems == ()


def test_backdated_and_not_billed_counts_from_its_creation_and_is_flagged() -> None:
    migrated = subscription(
        item("monthly", 3, created="2026-02-01"),
        start="2024-05-01",
        created=at("2026-02-01"),
    )
    assert history(seen(migrated, PULL), invoices=BILLED[1:]) == [
        "si_1 2024-05-01..2026-02-01 3 x monthly unbilled or-nothing",
        "si_1 2026-02-01.. 3 x monthly",
    ]
    problem = evidence(seen(migrated, PULL), invoices=BILLED[1:]).problems[0]
    assert problem.check_name == "backdated_without_invoice"
    assert "641 days" in problem.detail


def test_a_subscription_that_vanished_counts_until_the_pull_that_missed_it() -> None:
    gone = seen({"id": "sub_1", "deleted": True}, "2026-02-20", gone=True)
    alive = seen(subscription(SEATS), "2026-01-10", "2026-02-19")
    assert history(alive, gone, invoices=BILLED[:2]) == [
        "si_1 2026-01-01..2026-02-20 3 x monthly ends:other"
    ]
    assert [each.check_name for each in evidence(alive, gone).problems] == ["vanished_subscription"]


def test_a_subscription_that_vanished_ends_when_its_last_event_says() -> None:
    alive = seen(subscription(SEATS), "2026-01-10", "2026-02-19")
    gone = seen({"id": "sub_1", "deleted": True}, "2026-02-20", gone=True)
    last = event("2026-02-19 20:00", ended("payment_failed", ended_at=at("2026-02-19 20:00")))
    found = evidence(alive, gone, invoices=BILLED[:2], events=[last])
    assert found.problems == ()
    assert history(alive, gone, invoices=BILLED[:2], events=[last]) == [
        "si_1 2026-01-01..2026-02-19T20:00:00 3 x monthly ends:involuntary"
    ]


def test_what_was_never_seen_alive_proves_nothing() -> None:
    gone = seen({"id": "sub_1", "deleted": True}, "2026-02-20", gone=True)
    assert subscription_evidence(record(gone), PRICES) is None
    assert subscription_evidence(record(), PRICES) is None


def test_one_of_two_items_removed_on_the_day_of_the_end_ends_with_it() -> None:
    gone = ended("cancellation_requested", ended_at=at("2026-02-10"))
    both = months("addon", 1, "2026-01-01", 2, item_id="si_2")
    assert history(seen(gone, PULL), invoices=[*BILLED[:2], *both]) == [
        "si_1 2026-01-01..2026-02-10 3 x monthly ends:voluntary",
        "si_2 2026-01-01..2026-02-01 1 x addon",
        "si_2 2026-02-01..2026-02-10 1 x addon or-nothing ends:voluntary",
    ]
