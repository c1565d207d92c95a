"""Statuses that nobody has heard of: held out, except for the time that paid invoices prove."""

from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
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


def test_an_unknown_status_is_held_out_except_for_the_time_that_paid_lines_prove() -> None:
    odd = subscription(SEATS, status="hibernating")
    invoices = [
        *months("monthly", 3, "2026-01-01", 2),
        failed("2026-03-01", "2026-04-01", attempts=0),
    ]
    assert history(seen(odd, PULL), invoices=invoices) == [
        "si_1 2026-01-01..2026-03-01 3 x monthly",
        "si_1 2026-03-01.. 3 x monthly unknown held-out",
    ]


def test_an_unknown_status_is_held_out_between_paid_lines_too() -> None:
    odd = subscription(SEATS, status="hibernating")
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        failed("2026-02-01", "2026-03-01", status="void"),
        *months("monthly", 3, "2026-03-01", 1),
    ]
    assert history(seen(odd, PULL), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01..2026-03-01 3 x monthly unknown held-out",
        "si_1 2026-03-01..2026-04-01 3 x monthly",
        "si_1 2026-04-01.. 3 x monthly unknown held-out",
    ]


def test_a_missing_status_is_held_out_like_an_unknown_one() -> None:
    bare = {name: value for name, value in subscription(SEATS).items() if name != "status"}
    assert history(seen(bare, PULL), invoices=months("monthly", 3, "2026-01-01", 1)) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01.. 3 x monthly unknown held-out",
    ]


def test_an_unknown_status_that_begins_within_paid_time_is_held_out_after_it() -> None:
    odd = subscription(SEATS, status="hibernating")
    assert history(
        seen(subscription(SEATS), "2026-01-10"),
        seen(odd, "2026-01-11", PULL),
        invoices=months("monthly", 3, "2026-01-01", 1),
    ) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01.. 3 x monthly unknown held-out",
    ]


def test_an_unknown_status_without_paid_lines_is_held_out_from_the_start() -> None:
    odd = subscription(SEATS, status="hibernating")
    draft = failed("2026-01-01", "2026-02-01", status="draft", attempts=0)
    assert history(seen(odd, "2026-01-10"), invoices=[draft]) == [
        "si_1 2026-01-01.. 3 x monthly unknown held-out"
    ]
