"""The tax that prices contain: as objects give it, and as invoice lines show it."""

from fractions import Fraction

import pytest

from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline_tests.stripe_source.payload_sets import (
    Payload,
    event,
    evidence,
    invoice,
    item,
    line,
    seen,
    shown,
    subscription,
)

ONE = item("monthly", 1)


def rate(percentage: object, *, inclusive: bool = True) -> Payload:
    return {"id": f"txr_{percentage}", "percentage": percentage, "inclusive": inclusive}


def taxed(start: str, end: str, *taxes: tuple[int, int], behavior: str = "inclusive") -> Payload:
    """The invoice of a month whose line shows these taxes, each as amount and taxable amount."""
    shown_taxes = [
        {"amount": amount, "taxable_amount": taxable, "tax_behavior": behavior}
        for amount, taxable in taxes
    ]
    return invoice(start, {**line("monthly", 1, start, end), "taxes": shown_taxes})


def rates(*versions: object, **more: object) -> list[str]:
    """Each stretch of history and the tax in it."""
    found = evidence(*versions, **more)  # type: ignore[arg-type]
    return [
        f"{shown(segment).split()[1]} {segment.tax_rate}" for segment in fold_subscription(found)
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tax_rates": [rate(19.0)]}, "19/100"),
        ({"tax_rates": [rate(7.7)]}, "77/1000"),
        ({"tax_rates": [rate("8.875")]}, "71/800"),
        ({"tax_rates": [rate(5), rate(9.975)]}, "599/4000"),
        ({"tax_rates": [rate(0)]}, "0"),
        ({"tax_rates": [rate(19, inclusive=False)]}, "None"),
        ({"tax_rates": [rate(19), rate(5, inclusive=False)]}, "19/100"),
        ({"tax_rates": [rate(None)]}, "None"),
        ({"tax_rates": [rate(-3)]}, "None"),
        ({"tax_rates": [rate([])]}, "None"),
        ({"tax_rates": []}, "None"),
        ({}, "None"),
    ],
)
def test_an_items_own_rates_are_read_to_all_their_digits(fields: Payload, expected: str) -> None:
    assert rates(seen(subscription({**ONE, **fields}), "2026-01-01")) == [
        f"2026-01-01.. {expected}"
    ]


def test_the_subscriptions_rates_hold_where_the_item_has_none() -> None:
    common = [rate(20)]
    both = subscription(
        {**ONE, "tax_rates": [rate(10)]},
        {**item("addon", 1, item_id="si_2"), "tax_rates": []},
        default_tax_rates=common,
    )
    assert rates(seen(both, "2026-01-01")) == ["2026-01-01.. 1/10", "2026-01-01.. 1/5"]


def test_the_last_full_line_tells_where_nothing_else_does() -> None:
    invoices = [
        taxed("2026-01-01", "2026-02-01", (160, 840)),
        taxed("2026-02-01", "2026-03-01"),
        taxed("2026-03-01", "2026-04-01", (50, 900), (50, 900)),
    ]
    assert rates(seen(subscription(ONE), "2026-03-10"), invoices=invoices) == [
        f"2026-01-01..2026-03-01 {Fraction(160, 840)}",
        "2026-03-01.. 1/9",
    ]


def test_a_line_that_shows_a_tax_of_nothing_tells_a_rate_of_nothing() -> None:
    invoices = [
        taxed("2026-01-01", "2026-02-01", (200, 1_000)),
        taxed("2026-02-01", "2026-03-01", (0, 1_200)),
    ]
    assert rates(seen(subscription(ONE), "2026-02-10"), invoices=invoices) == [
        "2026-01-01..2026-02-01 1/5",
        "2026-02-01.. 0",
    ]


def test_tax_on_top_is_not_contained() -> None:
    invoices = [taxed("2026-01-01", "2026-02-01", (190, 1_000), behavior="exclusive")]
    assert rates(seen(subscription(ONE), "2026-01-10"), invoices=invoices) == ["2026-01-01.. None"]


def test_a_line_that_charges_for_a_part_tells_no_rate() -> None:
    invoices = [taxed("2026-01-01", "2026-01-15", (160, 840))]
    assert rates(seen(subscription(ONE), "2026-01-01"), invoices=invoices) == ["2026-01-01.. None"]


def test_a_line_that_charges_for_a_part_tells_the_rate_that_it_names_and_that_was_seen() -> None:
    stub = taxed("2026-01-01", "2026-01-15", (160, 840))
    stub["lines"]["data"][0]["taxes"][0]["tax_rate_details"] = {"tax_rate": "txr_19"}
    other = {**item("addon", 1, item_id="si_2", created="2026-01-15"), "tax_rates": [rate(19)]}
    found = rates(seen(subscription(other), "2026-01-20"), invoices=[stub])
    assert found[0] == "2026-01-01..2026-01-15 19/100"


def test_a_rate_that_was_seen_is_exact_where_lines_round_it() -> None:
    given = subscription(ONE, default_tax_rates=[rate(19)])
    invoices = [taxed("2026-01-01", "2026-02-01", (160, 840))]  # 19 % of 840.34
    assert rates(seen(given, "2026-01-10"), invoices=invoices) == ["2026-01-01.. 19/100"]


def test_lines_tell_the_rate_before_it_was_changed() -> None:
    given = subscription(ONE, default_tax_rates=[rate(20)])
    invoices = [
        taxed("2026-01-01", "2026-02-01", (91, 909)),
        taxed("2026-02-01", "2026-03-01", (167, 833)),
    ]
    assert rates(seen(given, "2026-02-10"), invoices=invoices) == [
        f"2026-01-01..2026-02-01 {Fraction(91, 909)}",
        "2026-02-01.. 1/5",
    ]


def test_an_event_dates_a_new_rate() -> None:
    before = subscription(ONE, default_tax_rates=[rate(10)])
    after = subscription(ONE, default_tax_rates=[rate(20)])
    changed = event("2026-01-15", after, default_tax_rates=[rate(10)])
    assert rates(
        seen(before, "2026-01-01", "2026-01-10"), seen(after, "2026-01-20"), events=[changed]
    ) == ["2026-01-01..2026-01-15 1/10", "2026-01-15.. 1/5"]


def test_a_malformed_tax_of_a_line_tells_nothing() -> None:
    for wrong in ({"amount": None}, {"taxable_amount": 0}, {"taxable_amount": "x"}):
        bill = taxed("2026-01-01", "2026-02-01", (160, 840))
        bill["lines"]["data"][0]["taxes"][0] |= wrong
        assert rates(seen(subscription(ONE), "2026-01-10"), invoices=[bill]) == [
            "2026-01-01.. None"
        ]


def test_a_line_that_names_a_rate_means_it_exactly_also_for_an_item_that_is_gone() -> None:
    bill = taxed("2026-01-01", "2026-02-01", (160, 840))
    bill["lines"]["data"][0]["taxes"][0]["tax_rate_details"] = {"tax_rate": "txr_19"}
    other = {**item("addon", 1, item_id="si_2", created="2026-02-01"), "tax_rates": [rate(19)]}
    found = rates(seen(subscription(other), "2026-02-10"), invoices=[bill])
    assert found[0].endswith(" 19/100")
    unknown = {**other, "tax_rates": []}
    found = rates(seen(subscription(unknown), "2026-02-10"), invoices=[bill])
    assert found[0].endswith(f" {Fraction(160, 840)}")
