"""Whatever moved: points and amounts add up as they are shown."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.parts import most_costly, mrr_facts, nrr_facts
from nrr_pipeline.reporting.points import apportioned
from nrr_pipeline_tests.reporting.example_report import example_report

MONTH = example_report().month
MICROS = st.integers(1, 10**13)


@st.composite
def periods(draw: st.DrawFn) -> PeriodExplanation:
    """A period whose cohort moved in any way."""
    sides = draw(st.lists(st.tuples(MICROS, st.integers(0, 10**13)), min_size=1, max_size=12))
    moves = [
        CustomerMove(
            account_id=f"cus_{number}",
            name=f"cus_{number}",
            movement=_movement(opening, closing),
            opening_mrr_micros=opening,
            closing_mrr_micros=closing,
            fx_micros=0,
            cause="seats",
            reason="seats",
        )
        for number, (opening, closing) in enumerate(sides)
        if opening != closing
    ]
    grown = sum(closing - opening for opening, closing in sides if closing > opening)
    left = sum(opening for opening, closing in sides if closing == 0)
    cut = sum(opening - closing for opening, closing in sides if 0 < closing < opening)
    starting, new = sum(opening for opening, _ in sides), draw(st.integers(0, 10**13))
    kept = starting + grown - cut - left
    fx = draw(st.integers(-min(10**9, kept + new), 10**9))
    row = replace(
        MONTH.whole,
        starting_mrr_micros=starting,
        expansion_micros=grown,
        contraction_micros=cut,
        churned_mrr_micros=left,
        new_business_micros=new,
        reactivation_micros=0,
        fx_micros=fx,
        ending_mrr_micros=kept + new + fx,
        nrr_numerator=kept,
        grr_numerator=kept - grown,
        starting_customers=len(sides),
        churned_customers=sum(closing == 0 for _, closing in sides),
    )
    ordered = sorted(moves, key=lambda each: (each.change_micros, each.account_id))
    return replace(MONTH, rows=(row,), moves=tuple(ordered))


def _movement(opening: int, closing: int) -> Movement:
    if closing == 0:
        return Movement.CHURN
    return Movement.EXPANSION if closing > opening else Movement.CONTRACTION


@given(periods(), st.integers(1, 5))
def test_the_points_shown_add_up_to_the_nrr_shown(explained: PeriodExplanation, most: int) -> None:
    rows = most_costly(explained, most).rows
    *parts, total = (round(float(figure) * 10) for figure, _ in rows)
    assert sum(parts) == total
    shown_nrr = round(float(rows[-1][1].removeprefix("together: NRR ").removesuffix(" %")) * 10)
    assert shown_nrr == 1_000 + total

    sentence = nrr_facts(explained.whole).sentence
    added, cut, taken = (
        round(float(each) * 10) for each in re.findall(r"\(([+-]?[\d.]+)", sentence)
    )
    assert added >= 0 >= max(cut, taken)
    assert added + cut + taken == total


@given(periods())
def test_the_amounts_shown_add_up_to_the_amount_shown(explained: PeriodExplanation) -> None:
    names, figures = zip(*mrr_facts(explained.whole).pairs, strict=True)
    assert (names[0], names[-1]) == ("Starting MRR", "Ending MRR")
    cents = [round(float(re.sub(r"[^\d.-]", "", figure)) * 100) for figure in figures]
    assert sum(cents[:-1]) == cents[-1]


@given(st.lists(st.fractions(-100, 100), min_size=1, max_size=8))
def test_apportioned_parts_add_up_and_keep_their_sign_and_their_size(parts: list[Fraction]) -> None:
    total = int(sum(parts))
    figures = apportioned(parts, total)
    assert sum(figures) == total
    for figure, part in zip(figures, parts, strict=True):
        assert abs(figure - part) < 2
        assert figure * part >= 0
