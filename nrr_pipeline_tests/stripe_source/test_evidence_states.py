"""Trials, late payments, pauses, requests to cancel: when a subscription is not simply active."""

import pytest

from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline_tests.stripe_source.payload_sets import (
    PRICES,
    Payload,
    at,
    debit,
    event,
    evidence,
    history,
    invoice,
    item,
    items_before,
    line,
    months,
    record,
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


def test_a_trial_does_not_count_until_it_ends() -> None:
    on_trial = subscription(SEATS, trial_start=at("2026-01-01"), trial_end=at("2026-01-15"))
    invoices = [
        invoice("2026-01-01", line("monthly", 3, "2026-01-01", "2026-01-15", 0)),
        invoice("2026-01-15", line("monthly", 3, "2026-01-15", "2026-02-15", 3_000)),
    ]
    assert history(seen(on_trial, "2026-02-01"), invoices=invoices) == [
        "si_1 2026-01-01..2026-01-15 3 x monthly trialing",
        "si_1 2026-01-15.. 3 x monthly",
    ]


def test_a_trial_that_was_cut_short_ends_when_the_object_says_so() -> None:
    long = subscription(SEATS, trial_start=at("2026-01-01"), trial_end=at("2026-02-01"))
    short = subscription(SEATS, trial_start=at("2026-01-01"), trial_end=at("2026-01-10"))
    found = history(
        seen(long, "2026-01-02", "2026-01-09"),
        seen(short, "2026-01-11"),
        invoices=[invoice("2026-01-01", line("monthly", 3, "2026-01-01", "2026-02-01", 0))],
    )
    assert found == [
        "si_1 2026-01-01..2026-01-10 3 x monthly trialing",
        "si_1 2026-01-10.. 3 x monthly",
    ]


def test_an_item_on_its_own_trial_does_not_count_while_the_others_do() -> None:
    trial = {"start_date": at("2026-02-01"), "end_date": at("2026-03-01")}
    added = item("addon", 1, item_id="si_2", created="2026-02-01")
    invoices = months("monthly", 3, "2026-01-01", 4) + months(
        "addon", 1, "2026-02-01", 3, item_id="si_2"
    )
    assert history(
        seen(subscription(SEATS, {**added, "current_trial": trial}), "2026-02-10"),
        seen(subscription(SEATS, {**added, "current_trial": None}), "2026-03-02"),
        invoices=invoices,
    ) == [
        "si_1 2026-01-01.. 3 x monthly",
        "si_2 2026-02-01..2026-03-01 1 x addon trialing",
        "si_2 2026-03-01.. 1 x addon",
    ]


def test_a_paused_subscription_stopped_when_it_says_it_did() -> None:
    details = {"paused": {"transitioned_at": at("2026-02-10 06:00"), "type": "subscription"}}
    paused = subscription(SEATS, status="paused", status_details=details)
    invoices = months("monthly", 3, "2026-01-01", 2)
    assert history(seen(paused, PULL), invoices=invoices) == [
        "si_1 2026-01-01..2026-02-10T06:00:00 3 x monthly ends:paused",
        "si_1 2026-02-10T06:00:00.. 3 x monthly paused",
    ]
    assert evidence(seen(paused, PULL), invoices=invoices).problems == ()


def test_a_pause_that_is_over_counts_again_from_the_pull_that_saw_it() -> None:
    details = {"paused": {"transitioned_at": at("2026-02-10"), "type": "subscription"}}
    assert history(
        seen(subscription(SEATS, status="paused", status_details=details), "2026-02-12"),
        seen(subscription(SEATS), "2026-02-20"),
        invoices=months("monthly", 3, "2026-01-01", 2),
    ) == [
        "si_1 2026-01-01..2026-02-10 3 x monthly ends:paused",
        "si_1 2026-02-10..2026-02-20 3 x monthly paused",
        "si_1 2026-02-20.. 3 x monthly",
    ]


@pytest.mark.parametrize("behavior", ["void", "mark_uncollectible"])
def test_a_pause_of_collection_is_a_state_of_its_own(behavior: str) -> None:
    pausing = subscription(SEATS, pause_collection={"behavior": behavior, "resumes_at": None})
    assert history(
        seen(subscription(SEATS), "2026-01-10", "2026-01-19"),
        seen(pausing, "2026-01-20"),
        invoices=months("monthly", 3, "2026-01-01", 1),
        events=[event("2026-01-19 12:00", pausing, pause_collection=None)],
    ) == [
        "si_1 2026-01-01..2026-01-19T12:00:00 3 x monthly ends:paused",
        "si_1 2026-01-19T12:00:00.. 3 x monthly collection_paused",
    ]


@pytest.mark.parametrize("pause", [{"behavior": "keep_as_draft"}, {"behavior": None}, {}, None])
def test_a_pause_that_keeps_its_invoices_counts(pause: object) -> None:
    assert history(
        seen(subscription(SEATS, pause_collection=pause), "2026-01-10"),
        invoices=months("monthly", 3, "2026-01-01", 1),
    ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_what_never_became_active_never_counts() -> None:
    expired = subscription(SEATS, status="incomplete_expired", ended_at=at("2026-01-02"))
    unpaid_first = failed("2026-01-01", "2026-02-01", status="void", attempts=1)
    assert history(seen(expired, "2026-01-10"), invoices=[unpaid_first]) == [
        "si_1 2026-01-01..2026-01-02 3 x monthly incomplete"
    ]


def test_created_and_activated_in_one_second_is_active_whatever_the_order_of_events() -> None:
    before, after = subscription(SEATS, status="incomplete"), subscription(SEATS)
    for created, activated in (("evt_a", "evt_b"), ("evt_b", "evt_a")):
        events = [
            event("2026-01-01", before, created),
            event("2026-01-01", after, activated, status="incomplete"),
        ]
        for order in (events, events[::-1]):
            assert history(
                seen(after, "2026-01-10"),
                invoices=months("monthly", 3, "2026-01-01", 1),
                events=order,
            ) == ["si_1 2026-01-01.. 3 x monthly"]


def test_a_request_to_cancel_later_is_scheduled_churn_from_the_request() -> None:
    asked = subscription(
        SEATS, cancel_at_period_end=True, canceled_at=at("2026-01-12"), cancel_at=at("2026-02-01")
    )
    assert history(seen(asked, "2026-01-20"), invoices=months("monthly", 3, "2026-01-01", 1)) == [
        "si_1 2026-01-01..2026-01-12 3 x monthly",
        "si_1 2026-01-12.. 3 x monthly leaving",
    ]


def test_a_request_to_cancel_that_is_taken_back_ends_at_the_event() -> None:
    asked = subscription(SEATS, cancel_at_period_end=True, canceled_at=at("2026-01-12"))
    stays = subscription(SEATS, cancel_at_period_end=False, canceled_at=None)
    taken_back = event("2026-01-18", stays, cancel_at_period_end=True, canceled_at=at("2026-01-12"))
    expected = [
        "si_1 2026-01-01..2026-01-12 3 x monthly",
        "si_1 2026-01-12..2026-01-18 3 x monthly leaving",
        "si_1 2026-01-18.. 3 x monthly",
    ]
    invoices = months("monthly", 3, "2026-01-01", 1)
    both = (seen(asked, "2026-01-15"), seen(stays, "2026-01-20"))
    assert history(*both, invoices=invoices, events=[taken_back]) == expected
    assert history(both[1], invoices=invoices, events=[taken_back]) == expected


def test_a_pause_of_a_kind_that_is_not_known_is_held_out_by_name() -> None:
    pausing = subscription(SEATS, pause_collection={"behavior": "hibernate", "resumes_at": None})
    found = evidence(
        seen(subscription(SEATS), "2026-01-10"),
        seen(pausing, "2026-01-20"),
        invoices=months("monthly", 3, "2026-01-01", 1),
    )
    (span,) = found.spans
    assert span.starts_at == at("2026-02-01")  # the paid line proves January
    assert "pause_collection 'hibernate'" in str(span.held_out)


def test_a_trial_without_dates_does_not_count() -> None:
    on_trial = subscription(SEATS, status="trialing", trial_start=None, trial_end=None)
    assert history(seen(on_trial, "2026-01-01 10:00")) == [
        "si_1 2026-01-01.. 3 x monthly trialing",
    ]


def test_a_trial_that_does_not_say_when_it_began_has_lasted_from_the_start() -> None:
    on_trial = subscription(SEATS, status="trialing", trial_end=at("2026-01-15"))
    assert history(
        seen(on_trial, "2026-01-10"),
        invoices=[invoice("2026-01-01", line("monthly", 3, "2026-01-01", "2026-01-15", 0))],
    ) == [
        "si_1 2026-01-01..2026-01-15 3 x monthly trialing",
        "si_1 2026-01-15.. 3 x monthly",
    ]


def test_later_phases_of_a_schedule_are_listed_and_do_not_count() -> None:
    phases = [
        {"start_date": at("2026-01-01"), "items": [{"price": "monthly", "quantity": 3}]},
        {"start_date": at("2026-06-01"), "items": [{"price": "yearly", "quantity": 4}]},
    ]
    schedule = {"id": "sub_sched_1", "status": "active", "phases": phases}
    objects = record(
        seen(subscription(SEATS), "2026-01-10"),
        invoices=months("monthly", 3, "2026-01-01", 1),
        schedules=[schedule, {**schedule, "id": "sub_sched_2", "status": "released"}],
    )
    found = subscription_evidence(objects, PRICES)
    assert found is not None
    (planned,) = found.problems
    assert (planned.check_name, planned.severity) == ("scheduled_change", "info")
    assert "sub_sched_1" in planned.detail
    assert "2026-06-01 to 4 x yearly" in planned.detail
    assert len(found.items) == 1


def test_an_items_trial_that_only_an_event_still_shows_does_not_count() -> None:
    trial = {"start_date": at("2026-02-01"), "end_date": at("2026-02-15")}
    added = item("addon", 1, item_id="si_2", created="2026-02-01")
    on_trial = subscription(SEATS, {**added, "current_trial": trial})
    assert history(
        seen(subscription(SEATS, {**added, "current_trial": None}), "2026-03-02"),
        invoices=months("monthly", 3, "2026-01-01", 2),
        events=[event("2026-02-01", on_trial)],
    )[1:] == [
        "si_2 2026-02-01..2026-02-15 1 x addon trialing",
        "si_2 2026-02-15.. 1 x addon",
    ]


@pytest.mark.parametrize("ended_on", ["2026-02-15", "2026-02-10"], ids=["in time", "early"])
def test_an_items_trial_ends_when_an_event_says_that_it_was_there_until_then(ended_on: str) -> None:
    trial = {"start_date": at("2026-02-01"), "end_date": at("2026-02-15")}
    added = item("addon", 1, item_id="si_2", created="2026-02-01")
    after = subscription(SEATS, {**added, "current_trial": None})
    before = items_before(SEATS, {**added, "current_trial": trial})
    charged = invoice("2026-03-01", debit("addon", 1, ended_on, "2026-03-01", item_id="si_2"))
    assert history(
        seen(after, "2026-03-02"),
        invoices=[*months("monthly", 3, "2026-01-01", 2), charged],
        events=[event(ended_on, after, items=before)],
    )[1:] == [
        f"si_2 2026-02-01..{ended_on} 1 x addon trialing",
        f"si_2 {ended_on}.. 1 x addon",
    ]


def test_metered_usage_is_listed_while_it_lasts() -> None:
    metered = item("calls", None, item_id="si_2")
    found = evidence(seen(subscription(SEATS, metered), "2026-01-01 10:00"))
    assert [(each.check_name, each.severity, each.object_id) for each in found.problems] == [
        ("usage_not_in_mrr", "info", "si_2")
    ]
    ended = subscription(metered, status="canceled", ended_at=at("2026-01-05"))
    assert evidence(seen(ended, "2026-01-10")).problems == ()
