"""How the change of NRR between two periods splits over segments, exactly."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.attribution import most_telling, rate_and_mix
from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline_tests.metrics.measuring import measure
from nrr_pipeline_tests.metrics.snapshots import Row
from nrr_pipeline_tests.metrics.strategies import CURRENCIES, RATES, snapshots

DIMENSIONS = ("product", "price", "billing_interval", "country", "currency", "company_size")


def figures(dimension: str, segment: str, starting: int, kept: int) -> Retention:
    """Figures of which only the cohort's two sides matter."""
    return Retention(
        dimension=dimension,
        segment=segment,
        currency="usd",
        starting_mrr_micros=starting,
        expansion_micros=max(kept - starting, 0),
        contraction_micros=max(starting - kept, 0),
        churned_mrr_micros=0,
        new_business_micros=0,
        reactivation_micros=0,
        fx_micros=0,
        ending_mrr_micros=kept,
        nrr_numerator=kept,
        grr_numerator=min(starting, kept),
        starting_customers=1,
        churned_customers=0,
        ending_customers=1,
    )


def period(**segments: tuple[int, int]) -> list[Retention]:
    """A period's rows: the whole, and the segments of one dimension."""
    starting, kept = (sum(sides) for sides in zip(*segments.values(), strict=True))
    by_product = [figures("product", name, *sides) for name, sides in segments.items()]
    return [figures(WHOLE, WHOLE, starting, kept), *by_product]


def test_a_change_splits_as_worked_out_by_hand() -> None:
    # team 60 % of MRR at 110 %, pro 40 % at 90 %: 102 %.
    # then team 50 % at 100 %, pro 50 % at 90 %: 95 %.
    before = period(team=(600, 660), pro=(400, 360))
    after = period(team=(500, 500), pro=(500, 450))
    pro, team = sorted(rate_and_mix(before, after)["product"], key=lambda each: each.segment)
    # team: rate (0.6 + 0.5) / 2 x -10 = -5.5; mix -0.1 x (105 - 98.5) = -0.65
    assert (team.rate_points, team.mix_points) == (Fraction("-5.5"), Fraction("-0.65"))
    # pro: its rate is the same; mix 0.1 x (90 - 98.5) = -0.85
    assert (pro.rate_points, pro.mix_points) == (0, Fraction("-0.85"))
    assert sum((Fraction("-5.5"), Fraction("-0.65"), Fraction("-0.85"))) == -7


def test_a_segment_that_came_or_went_only_shifts_the_mix() -> None:
    before = period(team=(500, 500), gone=(500, 250))
    after = period(team=(750, 750), came=(250, 300))
    effects = {each.segment: each for each in rate_and_mix(before, after)["product"]}
    assert {name: each.rate_points for name, each in effects.items()} == {
        "team": 0,
        "gone": 0,
        "came": 0,
    }
    assert effects["gone"].after is None
    assert effects["came"].before is None
    # R0 = 75 %, R1 = 105 %, their mean 90 %
    assert effects["gone"].mix_points == Fraction(-1, 2) * (50 - 90)
    assert effects["came"].mix_points == Fraction(1, 4) * (120 - 90)


def test_the_most_harmful_segment_stands_first() -> None:
    before = period(a=(100, 100), b=(100, 100), c=(100, 100))
    after = period(a=(100, 99), b=(100, 50), c=(100, 120))
    assert [each.segment for each in rate_and_mix(before, after)["product"]] == ["b", "a", "c"]


def by(dimension: str, rows: list[Retention]) -> list[Retention]:
    """The same segments, of another dimension."""
    return [replace(row, dimension=dimension) for row in rows[1:]]


def test_the_dimension_whose_segments_went_apart_tells_more_than_one_that_went_along() -> None:
    before = period(all_of_it=(1_000, 1_000))
    after = period(all_of_it=(1_000, 900))
    before += by("size", period(large=(600, 600), small=(400, 400)))
    after += by("size", period(large=(600, 500), small=(400, 400)))
    before += by("country", period(de=(600, 600), us=(400, 400)))
    after += by("country", period(de=(600, 540), us=(400, 360)))
    effects = rate_and_mix(before, after)
    # by size the large lost 10 points where their weight gives 6; by country all lost alike
    assert most_telling(effects, before[0], after[0]) == ["size", "product", "country"]


def test_a_dimension_that_only_one_period_has_is_left_out() -> None:
    before = [*period(team=(1, 1)), figures("old", "x", 1, 1)]
    after = [*period(team=(1, 1)), figures("new", "x", 1, 1)]
    assert list(rate_and_mix(before, after)) == ["product"]


@pytest.mark.parametrize("empty", [[], period(team=(0, 0))], ids=["no period", "nobody"])
def test_nothing_to_retain_explains_no_change(empty: list[Retention]) -> None:
    there = period(team=(1, 1))
    assert rate_and_mix(empty, there) == {}
    assert rate_and_mix(there, empty) == {}


@given(
    days=st.lists(snapshots(CURRENCIES), min_size=4, max_size=4),
    rates=st.tuples(RATES, RATES),
)
def test_rate_and_mix_sum_to_the_change_in_every_dimension(
    days: list[list[Row]], rates: tuple[dict[str, Fraction], dict[str, Fraction]]
) -> None:
    before = measure(days[0], days[1], rates[0], dimensions=DIMENSIONS)
    after = measure(days[2], days[3], rates[1], dimensions=DIMENSIONS)
    effects = rate_and_mix(before.rows, after.rows)
    if before.whole.nrr is None or after.whole.nrr is None:
        assert effects == {}
        return
    assert set(effects) == set(DIMENSIONS)
    change = 100 * (after.whole.nrr - before.whole.nrr)
    for listed in effects.values():
        assert sum(each.rate_points + each.mix_points for each in listed) == change


@given(
    sides=st.lists(
        st.tuples(*[st.one_of(st.just(0), st.integers(1, 2**58))] * 4), min_size=1, max_size=6
    )
)
def test_they_do_for_segments_that_appear_and_disappear_and_for_huge_amounts(
    sides: list[tuple[int, int, int, int]],
) -> None:
    def of(first: int) -> list[Retention]:
        cut = {f"s{n}": (side[first], side[first + 1]) for n, side in enumerate(sides)}
        # what is not in the cohort keeps nothing of it
        return period(
            **{name: (start, kept if start else 0) for name, (start, kept) in cut.items()}
        )

    before, after = of(0), of(2)
    effects = rate_and_mix(before, after)
    old, new = before[0].nrr, after[0].nrr
    if old is None or new is None:
        assert effects == {}
        return
    total = sum(each.rate_points + each.mix_points for each in effects["product"])
    assert total == 100 * (new - old)
