"""What must hold for every business, whatever it did."""

from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.bridge import WHOLE
from nrr_pipeline.metrics.dimensions import DIMENSIONS
from nrr_pipeline.metrics.movements import classify
from nrr_pipeline.metrics.retention import crossed
from nrr_pipeline_tests.metrics.brute_force import Rates, mrr_by
from nrr_pipeline_tests.metrics.measuring import measure
from nrr_pipeline_tests.metrics.snapshots import Row
from nrr_pipeline_tests.metrics.strategies import ACCOUNTS, CURRENCIES, RATES, snapshots

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


business = {
    "opening": snapshots(CURRENCIES),
    "closing": snapshots(CURRENCIES),
    "opening_rates": RATES,
    "closing_rates": RATES,
    "paid_before": PAID_BEFORE,
}


@given(**business, is_constant_currency=st.booleans())
def test_the_bridge_balances_and_both_forms_of_nrr_agree(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates,
    closing_rates: Rates,
    paid_before: frozenset[str],
    *,
    is_constant_currency: bool,
) -> None:
    measured = measure(
        opening,
        closing,
        opening_rates,
        closing_rates,
        paid_before=paid_before,
        is_constant_currency=is_constant_currency,
    )
    assert is_constant_currency or measured.whole.fx_micros == 0
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
                before.get(account, 0),
                after.get(account, 0),
                paid_before=account in {*paid_before, *before},
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


@given(**business, pair=st.permutations(DIMENSIONS), most=st.integers(1, 4))
def test_crossed_segments_add_up_to_those_of_each_dimension(
    opening: list[Row],
    closing: list[Row],
    opening_rates: Rates,
    closing_rates: Rates,
    paid_before: frozenset[str],
    pair: list[str],
    most: int,
) -> None:
    measured = measure(
        opening,
        closing,
        opening_rates,
        closing_rates,
        paid_before=paid_before,
        dimensions=DIMENSIONS,
        max_segments=most,
    )
    first, second, *_ = pair
    pairs = crossed(measured, first, second)
    assert len({(left, right) for left, right, _ in pairs}) == len(pairs) <= most**2
    for row in measured.rows:
        for component in COMPONENTS:
            parts = sum(
                getattr(each, component)
                for left, right, each in pairs
                if row.segment == {first: left, second: right}.get(row.dimension, WHOLE)
            )
            if row.dimension in {WHOLE, first, second}:
                assert parts == getattr(row, component), (row.dimension, row.segment, component)


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


@given(snapshot=snapshots(CURRENCIES), opening_rates=RATES, closing_rates=RATES)
def test_at_daily_rates_all_of_it_is_expansion_and_contraction(
    snapshot: list[Row], opening_rates: Rates, closing_rates: Rates
) -> None:
    constant = measure(snapshot, snapshot, opening_rates, closing_rates).whole
    daily = measure(
        snapshot, snapshot, opening_rates, closing_rates, is_constant_currency=False
    ).whole
    moved = daily.expansion_micros + daily.new_business_micros + daily.reactivation_micros
    assert moved - daily.contraction_micros - daily.churned_mrr_micros == constant.fx_micros
    assert daily.ending_mrr_micros == constant.ending_mrr_micros
