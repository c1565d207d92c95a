"""Proration lines of classic billing, which do not name their item."""

from nrr_pipeline_tests.stripe_source.payload_sets import (
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

CYCLE = ("2026-02-11", "2026-03-01")


def test_the_only_item_is_meant() -> None:
    pending = invoice(
        "2026-03-01",
        credit("monthly", 3, *CYCLE, item_id=None),
        debit("monthly", 5, *CYCLE, item_id=None),
    )
    assert history(
        seen(subscription(item("monthly", 5)), "2026-03-10"),
        invoices=[*months("monthly", 3, "2026-01-01", 2), pending],
    ) == ["si_1 2026-01-01..2026-02-11 3 x monthly", "si_1 2026-02-11.. 5 x monthly"]


def test_an_item_is_known_by_its_price() -> None:
    pending = invoice(
        "2026-03-01",
        credit("addon", 1, *CYCLE, item_id=None),
        debit("addon", 4, *CYCLE, item_id=None),
        line("monthly", 2, "2026-03-01", "2026-04-01"),
        line("addon", 4, "2026-03-01", "2026-04-01", item_id="si_2"),
    )
    both = subscription(item("monthly", 2), item("addon", 4, item_id="si_2"))
    invoices = [
        *months("monthly", 2, "2026-01-01", 2),
        *months("addon", 1, "2026-01-01", 2, item_id="si_2"),
        pending,
    ]
    assert history(seen(both, "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01.. 2 x monthly",
        "si_2 2026-01-01..2026-02-11 1 x addon",
        "si_2 2026-02-11.. 4 x addon",
    ]


def test_a_price_held_for_part_of_a_cycle_is_matched_by_its_partners() -> None:
    """From monthly to free to yearly within a cycle: the middle price is on prorations alone."""
    pending = invoice(
        "2026-03-01",
        credit("monthly", 2, "2026-02-05", "2026-03-01", item_id=None),
        debit("free", 2, "2026-02-05", "2026-03-01", item_id=None),
        credit("free", 2, "2026-02-20", "2026-03-01", item_id=None),
        debit("yearly", 2, "2026-02-20", "2027-02-20", item_id=None),
    )
    both = subscription(item("yearly", 2), item("addon", 1, item_id="si_2"))
    invoices = [
        *months("monthly", 2, "2026-01-01", 2),
        *months("addon", 1, "2026-01-01", 3, item_id="si_2"),
        pending,
    ]
    assert history(seen(both, "2026-03-10"), invoices=invoices)[:3] == [
        "si_1 2026-01-01..2026-02-05 2 x monthly",
        "si_1 2026-02-05..2026-02-20 2 x free",
        "si_1 2026-02-20.. 2 x yearly",
    ]


def test_a_proration_that_fits_several_items_is_listed_and_dates_nothing() -> None:
    pending = invoice("2026-03-01", debit("yearly", 5, *CYCLE, item_id=None))
    both = subscription(item("monthly", 2), item("addon", 1, item_id="si_2"))
    invoices = [
        *months("monthly", 2, "2026-01-01", 3),
        *months("addon", 1, "2026-01-01", 3, item_id="si_2"),
        pending,
    ]
    found = evidence(seen(both, "2026-03-10"), invoices=invoices)
    assert [(each.check_name, each.object_id) for each in found.problems] == [
        ("unmatched_proration", "il_debit_yearly_2026-02-11")
    ]
    assert history(seen(both, "2026-03-10"), invoices=invoices) == [
        "si_1 2026-01-01.. 2 x monthly",
        "si_2 2026-01-01.. 1 x addon",
    ]


def test_a_proration_of_nothing_beside_a_charge_gives_back_a_free_plan() -> None:
    """Leaving a free plan credits 0; the sign does not tell that line from a charge."""
    upgrade = invoice(
        "2026-02-11",
        {**debit("free", 2, *CYCLE), "id": "il_z", "amount": 0, "subtotal": 0},
        {**debit("monthly", 2, *CYCLE), "id": "il_a"},
    )
    assert history(
        seen(subscription(item("monthly", 2)), "2026-02-12"),
        invoices=[*months("free", 2, "2026-01-01", 2, amount=0), upgrade],
    ) == ["si_1 2026-01-01..2026-02-11 2 x free", "si_1 2026-02-11.. 2 x monthly"]


def test_a_charge_of_nothing_beside_a_credit_is_a_move_to_a_free_plan() -> None:
    downgrade = invoice(
        "2026-02-11",
        credit("monthly", 2, *CYCLE),
        {**debit("free", 2, *CYCLE), "amount": 0, "subtotal": 0},
    )
    assert history(
        seen(subscription(item("free", 2)), "2026-02-12"),
        invoices=[*months("monthly", 2, "2026-01-01", 2), downgrade],
    ) == ["si_1 2026-01-01..2026-02-11 2 x monthly", "si_1 2026-02-11.. 2 x free"]
