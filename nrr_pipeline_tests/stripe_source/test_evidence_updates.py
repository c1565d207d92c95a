"""Updates that wait for their payment, expire unpaid, or were applied whoever paid."""

import pytest

from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    at,
    credit,
    debit,
    event,
    evidence,
    history,
    invoice,
    item,
    months,
    seen,
    subscription,
)

SEATS = item("monthly", 3)
UNPAID = ["void", "open", "uncollectible"]


def update_invoice(status: str) -> Payload:
    return invoice(
        "2026-02-11",
        credit("monthly", 3, "2026-02-11", "2026-03-01"),
        debit("monthly", 9, "2026-02-11", "2026-03-01"),
        status=status,
        billing_reason="subscription_update",
        id="in_update",
    )


def test_an_update_that_waits_for_its_payment_does_not_count_and_is_listed() -> None:
    waiting = subscription(
        SEATS, pending_update={"expires_at": at("2026-02-12")}, latest_invoice="in_update"
    )
    invoices = [*months("monthly", 3, "2026-01-01", 2), update_invoice("open")]
    assert history(seen(waiting, "2026-02-11 12:00"), invoices=invoices) == [
        "si_1 2026-01-01.. 3 x monthly"
    ]
    found = evidence(seen(waiting, "2026-02-11 12:00"), invoices=invoices)
    assert [(each.check_name, each.severity) for each in found.problems] == [
        ("scheduled_change", "info")
    ]


@pytest.mark.parametrize("status", UNPAID)
def test_an_update_that_was_never_applied_never_was(status: str) -> None:
    invoices = [*months("monthly", 3, "2026-01-01", 3), update_invoice(status)]
    assert history(seen(subscription(SEATS), "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01.. 3 x monthly"
    ]


@pytest.mark.parametrize("status", [*UNPAID, "paid"])
def test_an_update_that_was_seen_later_was_applied_whoever_paid(status: str) -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 2),
        update_invoice(status),
        *months("monthly", 9, "2026-03-01", 1),
    ]
    assert history(seen(subscription(item("monthly", 9)), "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-11 3 x monthly",
        "si_1 2026-02-11.. 9 x monthly",
    ]


@pytest.mark.parametrize(
    ("voided_at", "quantity"), [("2026-02-11 23:00", 3), ("2026-02-20", 9)], ids=["at once", "late"]
)
def test_where_nothing_shows_either_state_later_a_void_within_a_day_is_an_expired_update(
    voided_at: str, quantity: int
) -> None:
    voided = {**update_invoice("void"), "status_transitions": {"voided_at": at(voided_at)}}
    invoices = [
        *months("monthly", 3, "2026-01-01", 2),
        voided,
        *months("monthly", 5, "2026-03-01", 1),
    ]
    found = history(seen(subscription(item("monthly", 5)), "2026-03-10"), invoices=invoices)
    assert found[-2].endswith(f"..2026-03-01 {quantity} x monthly or-5-x-monthly")


@pytest.mark.parametrize("status", UNPAID)
def test_an_event_tells_whether_an_update_was_applied(status: str) -> None:
    invoices = [*months("monthly", 3, "2026-01-01", 2), update_invoice(status)]
    applied = event("2026-02-11", subscription(item("monthly", 9)))
    assert (
        history(
            seen(subscription(item("monthly", 12)), "2026-03-10"),
            invoices=invoices,
            events=[applied],
        )[1]
        == "si_1 2026-02-11..2026-03-10 9 x monthly or-12-x-monthly"
    )
    before = event("2026-02-11", subscription(SEATS, pending_update={"expires_at": 1}))
    assert not any(
        "9 x" in stretch
        for stretch in history(
            seen(subscription(SEATS), "2026-03-10"), invoices=invoices, events=[before]
        )
    )


def test_what_a_later_update_gives_back_tells_although_it_asks_for_the_same() -> None:
    later = {**update_invoice("paid"), "id": "in_later"}
    expired = update_invoice("void")
    for each in (expired, *expired["lines"]["data"]):
        each["created"] = at("2026-02-05")
        each["period"] = {"start": at("2026-02-05"), "end": at("2026-03-01")}
    applied = event("2026-02-11", subscription(item("monthly", 9)))
    invoices = [*months("monthly", 3, "2026-01-01", 2), expired, later]
    found = history(
        seen(subscription(item("monthly", 9)), "2026-02-12"), invoices=invoices, events=[applied]
    )
    assert found == ["si_1 2026-01-01..2026-02-11 3 x monthly", "si_1 2026-02-11.. 9 x monthly"]
