from fractions import Fraction

import pytest

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.conversion import MissingRateError
from nrr_pipeline.metrics.dimensions import DIMENSIONS
from nrr_pipeline.metrics.money import MicrosOverflowError, format_ratio
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.measuring import DOLLARS, measure
from nrr_pipeline_tests.metrics.snapshots import row


def worked_example(case: Case) -> Retention:
    """A business whose parts are those of the case: one customer moves for each of them."""
    part = {
        name: micros(case[name])
        for name in ("starting", "expansion", "contraction", "churned", "new_business")
    }
    has_cohort = part["starting"] > 0
    stays = part["starting"] - part["churned"] - part["contraction"] - 2
    opening = {"leaves": part["churned"], "shrinks": part["contraction"] + 1, "grows": 1}
    closing = {"shrinks": 1, "grows": 1 + part["expansion"], "stays": stays}
    opening["stays"] = stays
    if not has_cohort:
        opening, closing = {}, {}
    closing |= {"new": part["new_business"], "returns": micros(case["reactivation"])}
    return measure(
        [row(account, amount) for account, amount in opening.items() if amount],
        [row(account, amount) for account, amount in closing.items() if amount],
        paid_before=frozenset({"returns", "leaves", "shrinks", "grows", "stays"}),
    ).whole


@cases("monthly_nrr/worked_examples.csv")
def test_retention_is_what_was_worked_out_by_hand(case: Case) -> None:
    found = worked_example(case)
    parts = {
        "starting": found.starting_mrr_micros,
        "expansion": found.expansion_micros,
        "contraction": found.contraction_micros,
        "churned": found.churned_mrr_micros,
        "new_business": found.new_business_micros,
        "reactivation": found.reactivation_micros,
    }
    assert parts == {name: micros(case[name]) for name in parts}, case["why"]
    assert found.nrr == (Fraction(case["nrr"]) if case["nrr"] else None), case["why"]
    assert found.grr == (Fraction(case["grr"]) if case["grr"] else None), case["why"]
    shown = [
        format_ratio(numerator, found.starting_mrr_micros, currency="usd")
        for numerator in (found.nrr_numerator, found.grr_numerator)
    ]
    assert shown == [case["shown_nrr"], case["shown_grr"]], case["why"]


@cases("monthly_nrr/cohort.csv")
def test_the_cohort_holds_whom_it_should(case: Case) -> None:
    opening, closing = micros(case["opening"]), micros(case["closing"])
    found = measure(
        [row("cus_1", opening)] if opening else [],
        [row("cus_1", closing)] if closing else [],
        paid_before=frozenset({"cus_1"}) if case["paid_before"] == "yes" else frozenset(),
    ).whole
    amounts = (
        found.starting_mrr_micros,
        found.ending_mrr_micros,
        found.nrr_numerator,
        found.grr_numerator,
    )
    names = ("starting", "ending", "nrr_numerator", "grr_numerator")
    assert amounts == tuple(micros(case[name]) for name in names), case["why"]
    counted = ("starting_customers", "churned_customers", "ending_customers")
    assert [str(getattr(found, name)) for name in counted] == [case[name] for name in counted], (
        case["why"]
    )


@cases("mrr_movements/classification.csv")
def test_a_periods_movements_are_called_like_a_days(case: Case) -> None:
    opening, closing = micros(case["opening"]), micros(case["closing"])
    measured = measure(
        [row("cus_1", opening)] if opening else [],
        [row("cus_1", closing)] if closing else [],
        paid_before=frozenset({"cus_1"}) if case["paid_before"] == "yes" else frozenset(),
    )
    expected = [case["movement"]] if opening or closing else []
    assert measured.customers["movement"].tolist() == expected, case["why"]


def test_nobody_at_all_has_nothing_to_retain() -> None:
    found = measure([], [], dimensions=DIMENSIONS)
    assert found.customers.empty
    assert len(found.rows) == 1
    assert (found.whole.nrr, found.whole.grr, found.whole.logo_churn) == (None, None, None)


def test_a_currency_without_a_rate_is_named_on_either_side() -> None:
    yen = [row("cus_1", 5, currency="jpy")]
    with pytest.raises(MissingRateError, match="JPY"):
        measure(yen, [])
    with pytest.raises(MissingRateError, match="JPY"):
        measure([], yen)
    with pytest.raises(MissingRateError, match="JPY"):
        measure([], yen, {**DOLLARS, "jpy": Fraction(1, 150)}, DOLLARS)


def test_an_opening_only_currency_needs_no_rate_at_closing() -> None:
    yen = [row("cus_1", 150, currency="jpy")]
    found = measure(yen, [], {**DOLLARS, "jpy": Fraction(1, 150)}, DOLLARS).whole
    assert (found.starting_mrr_micros, found.churned_mrr_micros) == (1, 1)


def test_sums_that_would_wrap_raise() -> None:
    huge = [row("cus_1", 2**62), row("cus_2", 2**62)]
    with pytest.raises(MicrosOverflowError):
        measure(huge, [])


def test_one_who_left_and_came_back_within_the_period_counts_at_its_closing_value() -> None:
    found = measure([row("cus_1", 100)], [row("cus_1", 130, subscription_id="sub_new")]).whole
    assert (found.expansion_micros, found.churned_mrr_micros) == (30, 0)
    assert found.nrr == Fraction(130, 100)


def test_moving_to_another_currency_is_measured_at_the_opening_rates() -> None:
    opening_rates = {**DOLLARS, "eur": Fraction(11, 10)}
    closing_rates = {**DOLLARS, "eur": Fraction(12, 10)}
    found = measure(
        [row("cus_1", 110_000)],
        [row("cus_1", 100_000, currency="eur")],
        opening_rates,
        closing_rates,
    ).whole
    assert found.nrr == 1
    assert (found.fx_micros, found.ending_mrr_micros) == (10_000, 120_000)
