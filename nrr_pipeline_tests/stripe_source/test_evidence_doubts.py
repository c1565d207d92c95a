"""Pauses that are over: what they leave in the invoices is flagged, and counts."""

import pytest

from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    at,
    credit,
    debit,
    event,
    history,
    invoice,
    item,
    items_before,
    line,
    months,
    seen,
    subscription,
)

SEATS = item("monthly", 3)


def given_up(status: str, **fields: object) -> Payload:
    """The invoice of February, which nobody tried to collect."""
    return invoice(
        "2026-02-01",
        line("monthly", 3, "2026-02-01", "2026-03-01"),
        status=status,
        **{"attempt_count": 0, "collection_method": "charge_automatically", **fields},
    )


def around(february: Payload) -> list[Payload]:
    return [
        *months("monthly", 3, "2026-01-01", 1),
        february,
        *months("monthly", 3, "2026-03-01", 1),
    ]


@pytest.mark.parametrize("status", ["void", "uncollectible"])
def test_an_invoice_given_up_unasked_may_be_that_of_a_pause(status: str) -> None:
    invoices = around(given_up(status))
    assert history(seen(subscription(SEATS), "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-03-01 3 x monthly or-nothing",
        "si_1 2026-03-01.. 3 x monthly",
    ]


@pytest.mark.parametrize(
    "fields", [{"attempt_count": 4}, {"collection_method": "send_invoice"}], ids=str
)
@pytest.mark.parametrize("status", ["void", "uncollectible"])
def test_an_invoice_that_somebody_tried_to_collect_is_no_pause(
    status: str, fields: Payload
) -> None:
    (only,) = history(
        seen(subscription(SEATS), "2026-03-10"), invoices=around(given_up(status, **fields))
    )[-1:]
    assert only.endswith("3 x monthly")
    assert "nothing" not in only


def test_a_pause_was_over_by_the_next_invoice_that_somebody_tried_to_collect() -> None:
    failed = months("monthly", 3, "2026-03-01", 1)[0] | {"status": "uncollectible"}
    gone = subscription(
        SEATS, status="canceled", canceled_at=at("2026-03-20"), ended_at=at("2026-03-20")
    )
    invoices = [*months("monthly", 3, "2026-01-01", 1), given_up("void"), failed]
    assert history(seen(gone, "2026-05-10"), invoices=invoices)[0] == (
        "si_1 2026-01-01..2026-03-01 3 x monthly or-nothing"
    )


def test_a_pause_was_over_when_it_was_first_seen_without_one() -> None:
    invoices = [*months("monthly", 3, "2026-01-01", 1), given_up("void")]
    assert history(seen(subscription(SEATS), "2026-02-20", "2026-02-25"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-20 3 x monthly or-nothing",
        "si_1 2026-02-20.. 3 x monthly",
    ]


def test_a_pause_that_the_end_cut_off_is_told_as_well() -> None:
    gone = subscription(
        SEATS, status="canceled", canceled_at=at("2026-02-20"), ended_at=at("2026-02-20")
    )
    invoices = [*months("monthly", 3, "2026-01-01", 1), given_up("void")]
    assert history(seen(gone, "2026-05-10"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-20 3 x monthly or-nothing ends:other"
    ]


def test_a_pause_that_no_event_dates_may_have_begun_after_the_last_payment() -> None:
    paused = subscription(SEATS, pause_collection={"behavior": "void"})
    told = event("2026-03-05", paused, metadata={"note": "old"})
    invoices = [*months("monthly", 3, "2026-01-01", 1), given_up("void")]
    for events in ([], [told]):
        assert history(seen(paused, "2026-03-10"), invoices=invoices, events=events) == [
            "si_1 2026-01-01..2026-02-01 3 x monthly or-nothing ends:paused",
            "si_1 2026-02-01.. 3 x monthly collection_paused",
        ]


def test_a_billing_that_stops_and_goes_on_later_may_have_been_paused() -> None:
    invoices = [
        *months("monthly", 3, "2026-01-01", 1),
        *months("monthly", 3, "2026-02-20", 1),
    ]
    assert history(seen(subscription(SEATS), "2026-03-01"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-20 3 x monthly or-nothing",
        "si_1 2026-02-20.. 3 x monthly",
    ]


def test_the_time_between_two_billing_anchors_that_nothing_bills_was_a_pause() -> None:
    resumed = line("monthly", 3, "2026-02-20 10:00", "2026-03-20 10:00")
    invoices = [*months("monthly", 3, "2026-01-01", 1), invoice("2026-02-20 10:00", resumed)]
    assert history(seen(subscription(SEATS), "2026-03-01"), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly or-nothing ends:paused",
        "si_1 2026-02-01..2026-02-20T10:00:00 3 x monthly unbilled or-nothing",
        "si_1 2026-02-20T10:00:00.. 3 x monthly",
    ]


def test_an_item_that_is_first_charged_within_a_period_was_on_a_trial_before() -> None:
    added = item("addon", 1, item_id="si_2", created="2026-01-10")
    charged = invoice("2026-02-01", debit("addon", 1, "2026-01-24", "2026-02-01", item_id="si_2"))
    invoices = [
        *months("monthly", 3, "2026-01-01", 2),
        charged,
        *months("addon", 1, "2026-02-01", 1, item_id="si_2"),
    ]
    pull = seen(subscription(SEATS, added), "2026-03-20")
    assert history(pull, invoices=invoices)[1:] == [
        "si_2 2026-01-10..2026-01-24 1 x addon unbilled or-nothing",
        "si_2 2026-01-24.. 1 x addon",
    ]


def test_an_item_that_an_event_shows_before_its_first_charge_was_there_before() -> None:
    added = item("addon", 2, item_id="si_2", created="2026-01-10")
    before = item("addon", 1, item_id="si_2", created="2026-01-10")
    now = subscription(SEATS, added)
    charged = invoice("2026-02-01", debit("addon", 2, "2026-01-24", "2026-02-01", item_id="si_2"))
    grown = event("2026-01-24", now, items=items_before(SEATS, before))
    invoices = [*months("monthly", 3, "2026-01-01", 2), charged]
    assert history(seen(now, "2026-02-10"), invoices=invoices, events=[grown])[1:] == [
        "si_2 2026-01-10..2026-01-24 1 x addon",
        "si_2 2026-01-24.. 2 x addon",
    ]


def test_a_billing_that_begins_anew_without_a_credit_may_have_been_paused() -> None:
    year = invoice("2026-01-01", line("yearly", 3, "2026-01-01", "2027-01-01"))
    anew = invoice("2026-05-01", line("yearly", 3, "2026-05-01", "2027-05-01"))
    back = invoice("2026-05-01", credit("yearly", 3, "2026-05-01", "2027-01-01"), id="in_back")
    seats = seen(subscription(item("yearly", 3)), "2026-06-01")
    assert history(seats, invoices=[year, anew])[0] == (
        "si_1 2026-01-01..2026-05-01 3 x yearly or-nothing"
    )
    assert history(seats, invoices=[year, anew, back]) == ["si_1 2026-01-01.. 3 x yearly"]


def test_the_first_bill_after_a_trial_is_no_new_beginning() -> None:
    invoices = [
        invoice("2026-01-01", line("monthly", 3, "2026-01-01", "2026-01-20", 0)),
        *months("monthly", 3, "2026-01-10", 2),
    ]
    assert history(seen(subscription(SEATS), "2026-03-01"), invoices=invoices) == [
        "si_1 2026-01-01.. 3 x monthly"
    ]
