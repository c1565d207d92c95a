"""Price and quantity as pulls and events saw them."""

from nrr_pipeline_tests.stripe_source.payload_sets import (
    credit,
    debit,
    event,
    history,
    invoice,
    item,
    items_before,
    months,
    seen,
    subscription,
)


def test_the_last_line_holds_up_to_the_first_pull_that_sees_something_else() -> None:
    assert history(
        seen(subscription(item("monthly", 5)), "2026-03-10"),
        invoices=months("monthly", 3, "2026-01-01", 3),
    ) == [
        "si_1 2026-01-01..2026-03-01 3 x monthly",
        "si_1 2026-03-01..2026-03-10 3 x monthly or-5-x-monthly",
        "si_1 2026-03-10.. 5 x monthly",
    ]


def test_later_pulls_date_a_change_at_the_pull_that_first_saw_it() -> None:
    assert history(
        seen(subscription(item("monthly", 3)), "2026-01-05", "2026-01-20"),
        seen(subscription(item("monthly", 6)), "2026-01-21", "2026-01-25"),
        invoices=months("monthly", 3, "2026-01-01", 1),
    ) == [
        "si_1 2026-01-01..2026-01-20 3 x monthly",
        "si_1 2026-01-20..2026-01-21 3 x monthly or-6-x-monthly",
        "si_1 2026-01-21.. 6 x monthly",
    ]


def test_a_pending_proration_that_is_billed_later_replaces_the_pulls_date() -> None:
    pulls = (
        seen(subscription(item("monthly", 3)), "2026-01-05", "2026-01-20"),
        seen(subscription(item("monthly", 6)), "2026-01-21", "2026-02-02"),
    )
    billed = invoice(
        "2026-02-01",
        credit("monthly", 3, "2026-01-20 09:30", "2026-02-01"),
        debit("monthly", 6, "2026-01-20 09:30", "2026-02-01"),
    )
    assert history(*pulls, invoices=[*months("monthly", 3, "2026-01-01", 1), billed]) == [
        "si_1 2026-01-01..2026-01-20T09:30:00 3 x monthly",
        "si_1 2026-01-20T09:30:00.. 6 x monthly",
    ]


def test_an_event_gives_the_exact_second() -> None:
    after = subscription(item("monthly", 6))
    assert history(
        seen(subscription(item("monthly", 3)), "2026-01-05", "2026-01-20"),
        seen(after, "2026-01-21"),
        invoices=months("monthly", 3, "2026-01-01", 1),
        events=[event("2026-01-20 17:03", after, items=items_before(item("monthly", 3)))],
    ) == [
        "si_1 2026-01-01..2026-01-20T17:03:00 3 x monthly",
        "si_1 2026-01-20T17:03:00.. 6 x monthly",
    ]


def test_an_event_about_something_else_does_not_pretend_to_date_a_change() -> None:
    after = subscription(item("monthly", 6), metadata={"note": "new"})
    assert history(
        seen(after, "2026-03-10"),
        invoices=months("monthly", 3, "2026-01-01", 2),
        events=[event("2026-02-20", after, metadata={"note": "old"})],
    ) == [
        "si_1 2026-01-01..2026-02-01 3 x monthly",
        "si_1 2026-02-01..2026-02-20 3 x monthly or-6-x-monthly",
        "si_1 2026-02-20.. 6 x monthly",
    ]


def test_an_event_that_removes_an_item_ends_it_to_the_second() -> None:
    after = subscription(item("monthly", 1))
    removed = item("addon", 2, item_id="si_2")
    assert history(
        seen(subscription(item("monthly", 1), removed), "2026-01-05", "2026-01-20"),
        seen(after, "2026-01-21"),
        events=[
            event("2026-01-20 12:00", after, items=items_before(item("monthly", 1), removed)),
        ],
    )[1:] == [
        "si_1 2026-01-05.. 1 x monthly",
        "si_2 2026-01-01..2026-01-05 2 x addon or-nothing",
        "si_2 2026-01-05..2026-01-20T12:00:00 2 x addon ends:other",
    ]


def test_an_event_that_shows_only_the_first_items_removes_none() -> None:
    both = subscription(item("monthly", 1), item("addon", 2, item_id="si_2"))
    first_only = {
        **both,
        "items": {"object": "list", "data": [item("monthly", 1)], "has_more": True},
    }
    both_billed = months("monthly", 1, "2026-01-01", 1) + months(
        "addon", 2, "2026-01-01", 1, item_id="si_2"
    )
    assert history(
        seen(both, "2026-01-20"), invoices=both_billed, events=[event("2026-01-10", first_only)]
    ) == ["si_1 2026-01-01.. 1 x monthly", "si_2 2026-01-01.. 2 x addon"]


def test_a_pull_in_the_second_of_a_change_does_not_hide_it() -> None:
    before, after = subscription(item("monthly", 3)), subscription(item("monthly", 6))
    assert history(
        seen(before, "2026-01-05 10:00"),
        seen(after, "2026-01-06"),
        invoices=months("monthly", 3, "2026-01-01", 1),
        events=[event("2026-01-05 10:00", after, items=items_before(item("monthly", 3)))],
    ) == [
        "si_1 2026-01-01..2026-01-05T10:00:00 3 x monthly",
        "si_1 2026-01-05T10:00:00.. 6 x monthly",
    ]


def test_terms_before_the_first_evidence_are_assumed_and_flagged() -> None:
    assert history(seen(subscription(item("monthly", 3)), "2026-03-10")) == [
        "si_1 2026-01-01..2026-03-10 3 x monthly or-nothing",
        "si_1 2026-03-10.. 3 x monthly",
    ]
