"""Laws of items that share an invoice's discounts: from day to day, and under doubt."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline_tests.metrics.subscriptions import (
    at,
    build,
    discounts,
    items,
    segment,
    segments,
)

lives = st.lists(
    st.tuples(
        st.sampled_from(["a=team/month/3000", "b=addon/month/1000x2", "c=team/year/7000"]),
        st.integers(1, 25),
        st.integers(1, 12),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda life: life[0],
)
offs = st.lists(
    st.sampled_from(["sub 500", "sub 20%", "sub 700@addon", "sub 90%@team", "sub 9000"]),
    max_size=3,
)


@given(lives, offs)
def test_every_day_is_worth_what_its_items_are_worth_alone_on_that_day(
    drawn: list[tuple[str, int, int]], off: list[str]
) -> None:
    prices, terms = items(" ".join(words for words, _, _ in drawn))
    given_off = discounts("; ".join(off))
    stretches: list[HistorySegment] = []
    for words, first, length in drawn:
        name = words.partition("=")[0]
        start, end = f"2026-01-{first:02}", f"2026-02-{length:02}"
        stretches.append(
            segment(name, terms[name], start, end, discounts=tuple(given_off.values()))
        )
    found, findings = build(stretches, prices)
    assert findings == []
    for day in (date(2026, 1, 5), date(2026, 1, 24), date(2026, 2, 3), date(2026, 2, 11)):
        holding = {
            each.subscription_item_id: terms[each.subscription_item_id]
            for each in stretches
            if each.valid_from <= at(str(day)) < (each.valid_to or 0)
        }
        alone, _ = build(segments(holding, given_off), prices)
        assert sorted(
            (each.subscription_item_id, each.mrr_micros)
            for each in found
            if each.valid_from <= day < each.valid_to
        ) == sorted((each.subscription_item_id, each.mrr_micros) for each in alone)


choices = st.sampled_from(
    ["team/month/3000", "addon/month/1000x2", "team/year/7000", "seats/month/50"]
)
flags = st.sampled_from(["exact", "approximate", "may be absent", "no price"])


@given(st.lists(st.tuples(choices, choices, flags), min_size=1, max_size=4), offs)
def test_whatever_the_truth_is_it_lies_within_the_stated_error(
    drawn: list[tuple[str, str, str]], off: list[str]
) -> None:
    given_off = discounts("; ".join(off))
    names = [f"i{number}" for number in range(len(drawn))]
    prices, terms = items(
        " ".join(f"{n}={own}" for n, (own, _, _) in zip(names, drawn, strict=True))
    )
    others = items(" ".join(f"{n}o={alt}" for n, (_, alt, _) in zip(names, drawn, strict=True)))
    known, truth, seen = dict(prices), dict(terms), list[HistorySegment]()
    for stretch, (_, _, flag) in zip(segments(terms, given_off), drawn, strict=True):
        name = stretch.subscription_item_id
        if flag == "exact":
            seen.append(stretch)
        elif flag == "no price":
            del known[f"price_{name}"]
            seen.append(stretch)
        elif flag == "may be absent":
            del truth[name]
            seen.append(replace(stretch, approximation="perhaps"))
        else:
            truth[name] = others[1][f"{name}o"]
            seen.append(replace(stretch, approximation="perhaps", alternative=truth[name]))
    every = {**prices, **others[0]}
    real = {
        each.subscription_item_id: each.mrr_micros or 0
        for each in build(segments(truth, given_off), every)[0]
    }
    for each in build(seen, {**others[0], **known})[0]:
        if each.mrr_micros is not None:
            difference = abs(each.mrr_micros - real.get(each.subscription_item_id, 0))
            assert difference <= (each.max_error_micros or 0)
            assert each.is_approximate or difference == 0
