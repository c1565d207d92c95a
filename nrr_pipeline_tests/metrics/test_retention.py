from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.conversion import MissingRateError
from nrr_pipeline.metrics.money import MicrosOverflowError, format_ratio
from nrr_pipeline.metrics.movements import classify
from nrr_pipeline.metrics.retention import WHOLE, Measurement, Retention, measure_retention
from nrr_pipeline.metrics.segments import DIMENSIONS, with_dimensions
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.brute_force import Rates, mrr_by
from nrr_pipeline_tests.metrics.snapshots import Row, frame, row
from nrr_pipeline_tests.metrics.strategies import ACCOUNTS, CURRENCIES, rates, snapshots

DOLLARS = {"usd": Fraction(1)}
COUNTRIES = {"cus_0": "DE", "cus_1": "DE", "cus_2": "US", "cus_3": "JP"}
RATES = st.fixed_dictionaries({"usd": st.just(Fraction(1)), "eur": rates, "jpy": rates})
PAID_BEFORE = st.sets(st.sampled_from(ACCOUNTS)).map(frozenset)

COMPONENTS = (
    "starting_mrr_micros",
    "expansion_micros",
    "contraction_micros",
    "churned_mrr_micros",
    "new_business_micros",
    "reactivation_micros",
    "fx_micros",
    "ending_mrr_micros",
    "nrr_numerator",
    "grr_numerator",
    "starting_customers",
    "churned_customers",
    "ending_customers",
)


def measure(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates | None = None,
    closing_rates: Rates | None = None,
    *,
    paid_before: frozenset[str] = frozenset(),
    dimensions: tuple[str, ...] = (),
) -> Measurement:
    before, after = frame(opening), frame(closing)
    return measure_retention(
        with_dimensions(before, COUNTRIES) if dimensions else before,
        with_dimensions(after, COUNTRIES) if dimensions else after,
        opening_rates=opening_rates or DOLLARS,
        closing_rates=closing_rates or opening_rates or DOLLARS,
        reporting_currency="usd",
        paid_before=paid_before,
        dimensions=dimensions,
    )


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


business = {
    "opening": snapshots(CURRENCIES),
    "closing": snapshots(CURRENCIES),
    "opening_rates": RATES,
    "closing_rates": RATES,
    "paid_before": PAID_BEFORE,
}


@given(**business)
def test_the_bridge_balances_and_both_forms_of_nrr_agree(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates,
    closing_rates: Rates,
    paid_before: frozenset[str],
) -> None:
    measured = measure(opening, closing, opening_rates, closing_rates, paid_before=paid_before)
    for found in measured.rows:
        assert (
            found.starting_mrr_micros
            + found.new_business_micros
            + found.reactivation_micros
            + found.expansion_micros
            - found.contraction_micros
            - found.churned_mrr_micros
            + found.fx_micros
            == found.ending_mrr_micros
        )
        assert (
            found.nrr_numerator
            == found.ending_mrr_micros
            - found.fx_micros
            - found.new_business_micros
            - found.reactivation_micros
            == found.starting_mrr_micros
            + found.expansion_micros
            - found.contraction_micros
            - found.churned_mrr_micros
        )
        if found.nrr is None or found.grr is None:
            assert found.starting_mrr_micros == 0
        else:
            assert 0 <= found.grr <= min(found.nrr, Fraction(1))


@given(**business)
def test_figures_are_those_of_plain_arithmetic_over_customers(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates,
    closing_rates: Rates,
    paid_before: frozenset[str],
) -> None:
    found = measure(opening, closing, opening_rates, closing_rates, paid_before=paid_before)
    before = mrr_by(opening, "account_id", opening_rates)
    after = mrr_by(closing, "account_id", opening_rates)
    reported = mrr_by(closing, "account_id", closing_rates)
    customers = found.customers.set_index("account_id").to_dict("index")
    assert customers == {
        account: {
            "opening_mrr_micros": before.get(account, 0),
            "closing_mrr_micros": after.get(account, 0),
            "fx_micros": reported.get(account, 0) - after.get(account, 0),
            "movement": classify(
                before.get(account, 0), after.get(account, 0), paid_before=account in paid_before
            ).value,
        }
        for account in sorted(before | after)
    }
    cohort = [account for account, amount in before.items() if amount > 0]
    whole = found.whole
    assert whole.starting_mrr_micros == sum(before.values())
    assert whole.ending_mrr_micros == sum(reported.values())
    assert whole.fx_micros == sum(reported.values()) - sum(after.values())
    assert whole.nrr_numerator == sum(after.get(account, 0) for account in cohort)
    assert whole.grr_numerator == sum(min(before[each], after.get(each, 0)) for each in cohort)
    assert whole.starting_customers == len(cohort)
    assert whole.churned_customers == sum(not after.get(account) for account in cohort)


@given(**business)
def test_segments_add_up_to_the_whole_in_every_component(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates,
    closing_rates: Rates,
    paid_before: frozenset[str],
) -> None:
    measured = measure(
        opening,
        closing,
        opening_rates,
        closing_rates,
        paid_before=paid_before,
        dimensions=DIMENSIONS,
    )
    whole, *segments = measured.rows
    assert (whole.dimension, whole.segment) == (WHOLE, WHOLE)
    for dimension in DIMENSIONS:
        rows = [each for each in segments if each.dimension == dimension]
        for component in COMPONENTS:
            parts = sum(getattr(each, component) for each in rows)
            assert parts == getattr(whole, component), (dimension, component)


@given(opening=snapshots(), closing=snapshots(), newcomers=snapshots())
def test_new_customers_never_move_nrr(
    opening: list[Row], closing: list[Row], newcomers: list[Row]
) -> None:
    entering = [{**each, "account_id": f"new_{each['account_id']}"} for each in newcomers]
    before, after = measure(opening, closing).whole, measure(opening, closing + entering).whole
    assert (before.nrr, before.grr, before.logo_churn) == (after.nrr, after.grr, after.logo_churn)


@given(opening=snapshots(), closing=snapshots(), data=st.data())
def test_splitting_a_customers_mrr_over_more_items_changes_nothing(
    opening: list[Row], closing: list[Row], data: st.DataObject
) -> None:
    def split(rows: list[Row]) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for each in rows:
            first = data.draw(st.integers(0, each["mrr_micros"]))
            amounts = [first, each["mrr_micros"] - first]
            parts.extend(
                {
                    **each,
                    "mrr_micros": amount,
                    "subscription_item_id": f"{each['subscription_item_id']}_{number}",
                    "subscription_id": f"{each['subscription_id']}_{number}",
                }
                for number, amount in enumerate(amounts)
                if amount
            )
        return parts

    whole = measure(opening, closing).whole
    assert measure(split(opening), split(closing)).whole == whole


@given(opening=snapshots(CURRENCIES), closing=snapshots(CURRENCIES), rate=RATES, data=st.data())
def test_the_order_of_rows_changes_nothing(
    opening: list[Row], closing: list[Row], rate: Rates, data: st.DataObject
) -> None:
    mixed = [data.draw(st.permutations(side)) for side in (opening, closing)]
    expected = measure(opening, closing, rate, dimensions=DIMENSIONS)
    found = measure(mixed[0], mixed[1], rate, dimensions=DIMENSIONS)
    assert found.rows == expected.rows
    assert found.customers.equals(expected.customers)


@given(snapshot=snapshots(CURRENCIES), opening_rates=RATES, closing_rates=RATES)
def test_an_exchange_rate_is_never_expansion_or_churn(
    snapshot: list[Row], opening_rates: Rates, closing_rates: Rates
) -> None:
    found = measure(snapshot, snapshot, opening_rates, closing_rates).whole
    assert set(measure(snapshot, snapshot, opening_rates).customers["movement"]) <= {"unchanged"}
    assert found.nrr in (None, 1)
    assert found.fx_micros == found.ending_mrr_micros - found.starting_mrr_micros


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
