"""Laws of folding; what each kind of evidence proves is tested on Stripe's objects."""

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.evidence import (
    BillingState,
    DiscountSpan,
    ItemEvidence,
    Source,
    StateSpan,
    SubscriptionEvidence,
    TaxSpan,
    Terms,
    TermsFact,
)
from nrr_pipeline.metrics.history import HistorySegment, fold_subscription
from nrr_pipeline.metrics.intervals import CountingRules, DayClock, IntervalBuilder
from nrr_pipeline.metrics.pricing import Amounts, Price

DAY = 86_400
PRICES = {
    name: Price(name, "prod", "usd", "month", 1, Amounts(Fraction(amount)))
    for name, amount in (("a", 1_000), ("b", 500), ("free", 0))
}
seconds = st.one_of(st.integers(0, 40).map(lambda day: day * DAY), st.integers(0, 40 * DAY))
terms = st.one_of(
    st.none(), st.builds(Terms, st.sampled_from(["a", "b", "free"]), st.integers(0, 3))
)


@st.composite
def facts(draw: st.DrawFn) -> TermsFact:
    what = draw(terms)
    is_until = what is not None and draw(st.booleans())
    sources = [Source.PRORATION_LINE, Source.EVENT] if is_until else list(Source)
    source = draw(st.sampled_from(sources))
    at = draw(seconds)
    covers = at + 30 * DAY if source is Source.INVOICE_LINE else None
    return TermsFact(at, what, source, draw(st.sampled_from("xyz")), is_until, covers)


@st.composite
def spans(draw: st.DrawFn) -> StateSpan:
    start = draw(seconds)
    length = draw(st.one_of(st.none(), st.integers(1, 20 * DAY)))
    return StateSpan(
        start,
        None if length is None else start + length,
        draw(st.sampled_from(list(BillingState))),
        Source.OBSERVATION,
        "sub_1",
        held_out=draw(st.sampled_from([None, "cannot be priced"])),
    )


@st.composite
def evidences(draw: st.DrawFn) -> SubscriptionEvidence:
    start = draw(seconds)
    length = draw(st.one_of(st.none(), st.integers(0, 40 * DAY)))
    flags = st.lists(
        st.tuples(seconds, st.integers(1, 9 * DAY)).map(lambda each: (each[0], sum(each))),
        max_size=2,
    ).map(tuple)
    return SubscriptionEvidence(
        subscription_id="sub_1",
        customer_id="cus_1",
        currency="usd",
        starts_at=start,
        ends_at=None if length is None else start + length,
        end_reason=None,
        items=tuple(
            ItemEvidence(
                f"si_{number}",
                draw(st.one_of(st.none(), seconds)),
                tuple(draw(st.lists(facts(), max_size=7))),
                tuple(draw(st.lists(spans(), max_size=1))),
            )
            for number in range(2)
        ),
        spans=tuple(draw(st.lists(spans(), max_size=3))),
        at_risk=draw(flags),
        scheduled_churn=draw(flags),
    )


def by_item(segments: list[HistorySegment]) -> dict[str, list[HistorySegment]]:
    return {
        item_id: list(mine)
        for item_id, mine in itertools.groupby(segments, lambda each: each.subscription_item_id)
    }


@given(evidences())
def test_the_segments_of_an_item_follow_each_other_within_the_subscriptions_life(
    evidence: SubscriptionEvidence,
) -> None:
    for segments in by_item(fold_subscription(evidence)).values():
        assert segments[0].valid_from >= evidence.starts_at
        for segment in segments:
            assert segment.valid_to is None or segment.valid_from < segment.valid_to
        for earlier, later in itertools.pairwise(segments):
            assert earlier.valid_to is not None
            assert earlier.valid_to <= later.valid_from
        last = segments[-1].valid_to
        if evidence.ends_at is not None:
            assert last is not None
            assert last <= evidence.ends_at


@given(evidences(), st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]))
def test_intervals_of_an_item_never_overlap(evidence: SubscriptionEvidence, timezone: str) -> None:
    builder = IntervalBuilder(PRICES, CountingRules(), DayClock(timezone))
    intervals, findings = builder.build(fold_subscription(evidence))
    ordered = sorted(intervals, key=lambda each: (each.subscription_item_id, each.valid_from))
    for interval in ordered:
        assert interval.valid_from < interval.valid_to
        assert interval.mrr_micros is None or interval.mrr_micros > 0
        assert (interval.mrr_micros is None) == (interval.held_out is not None)
    for earlier, later in itertools.pairwise(ordered):
        if earlier.subscription_item_id == later.subscription_item_id:
            assert earlier.valid_to <= later.valid_from
    held_out = {each.subscription_item_id for each in ordered if each.held_out}
    named = {each.object_id for each in findings if each.severity == "error"}
    assert held_out == named


@given(evidences(), st.integers(0, 2**32))
def test_the_order_of_facts_does_not_matter(evidence: SubscriptionEvidence, seed: int) -> None:
    distinct = [replace(item, facts=tuple(one_by_place(item))) for item in evidence.items]
    shuffled = [replace(item, facts=tuple(mixed(item.facts, seed))) for item in distinct]
    expected = fold_subscription(replace(evidence, items=tuple(distinct)))
    assert fold_subscription(replace(evidence, items=tuple(shuffled))) == expected


def one_by_place(item: ItemEvidence) -> Iterable[TermsFact]:
    """The facts without those that one document would say of one second twice."""
    return {
        (fact.at, fact.strength, fact.source_id, fact.is_until): fact for fact in item.facts
    }.values()


def mixed(facts: Sequence[TermsFact], seed: int) -> list[TermsFact]:
    return random.Random(seed).sample(facts, len(facts))


@given(evidences())
def test_a_segment_holds_what_its_instants_spans_say(evidence: SubscriptionEvidence) -> None:
    for segment in fold_subscription(evidence):
        at_risk = any(start <= segment.valid_from < (end or 0) for start, end in evidence.at_risk)
        assert segment.is_at_risk is at_risk
        item = next(
            each
            for each in evidence.items
            if each.subscription_item_id == segment.subscription_item_id
        )
        holding = [
            span
            for span in (*item.spans, *evidence.spans)
            if span.starts_at <= segment.valid_from
            and (span.ends_at is None or segment.valid_from < span.ends_at)
        ]
        assert segment.state is (holding[0].state if holding else BillingState.ACTIVE)


def discount(
    name: str, level: DiscountLevel = DiscountLevel.SUBSCRIPTION, position: int = 0
) -> Discount:
    return Discount(name, name, level, position, Duration.FOREVER, Fraction(10))


def span(start: int, end: int | None, what: Discount, item_id: str | None = None) -> DiscountSpan:
    ends_at = None if end is None else end * DAY
    return DiscountSpan(start * DAY, ends_at, what, item_id, Source.SUBSCRIPTION, "sub_1")


def tax(start: int, rate: str, item_id: str | None = None, why: str | None = None) -> TaxSpan:
    return TaxSpan(start * DAY, None, Fraction(rate), item_id, Source.SUBSCRIPTION, "sub_1", why)


def life(**fields: object) -> list[HistorySegment]:
    """The history of a subscription of 30 days with the items si_0 and si_1."""
    started = TermsFact(0, Terms("a", 1), Source.INVOICE_LINE, "il_1")
    known: dict[str, object] = {
        "subscription_id": "sub_1",
        "customer_id": "cus_1",
        "currency": "usd",
        "starts_at": 0,
        "ends_at": 30 * DAY,
        "end_reason": None,
        "items": tuple(ItemEvidence(f"si_{number}", None, (started,)) for number in range(2)),
        **fields,
    }
    return fold_subscription(SubscriptionEvidence(**known))  # pyright: ignore[reportArgumentType]


def in_force(segments: list[HistorySegment], item_id: str = "si_0") -> list[tuple[int, list[str]]]:
    return [
        (each.valid_from // DAY, [one.discount_id for one in each.discounts])
        for each in segments
        if each.subscription_item_id == item_id
    ]


CUSTOMER, ITEM = DiscountLevel.CUSTOMER, DiscountLevel.ITEM


def test_a_stretch_is_cut_where_a_discount_comes_and_goes() -> None:
    found = life(discounts=(span(5, 15, discount("x")),))
    assert in_force(found) == [(0, []), (5, ["x"]), (15, [])]


def test_discounts_stand_in_the_order_in_which_they_apply() -> None:
    found = life(
        discounts=(
            span(0, None, discount("second", position=1)),
            span(0, None, discount("first", position=0)),
            span(0, None, discount("own", ITEM, 7), "si_0"),
        )
    )
    assert in_force(found) == [(0, ["own", "first", "second"])]
    assert in_force(found, "si_1") == [(0, ["first", "second"])]


def test_the_customers_discount_counts_only_where_the_subscription_has_none() -> None:
    found = life(
        discounts=(
            span(0, None, discount("customers", CUSTOMER)),
            span(10, 20, discount("own")),
            span(0, None, discount("items", ITEM), "si_1"),
        )
    )
    assert in_force(found) == [(0, ["customers"]), (10, ["own"]), (20, ["customers"])]
    assert in_force(found, "si_1") == [
        (0, ["items", "customers"]),
        (10, ["items", "own"]),
        (20, ["items", "customers"]),
    ]


def test_a_discount_that_several_documents_show_counts_once() -> None:
    shown = (span(0, 12, discount("x", position=3)), span(8, 20, discount("x")))
    found = life(discounts=shown)
    assert in_force(found) == [(0, ["x"]), (12, ["x"]), (20, [])]
    assert [each.discounts[0].position for each in found[:2]] == [3, 0]


def test_a_subscriptions_discount_on_one_line_is_that_items() -> None:
    found = life(discounts=(span(0, None, discount("x"), "si_1"),))
    assert in_force(found) == [(0, [])]
    assert in_force(found, "si_1") == [(0, ["x"])]


def test_an_items_own_tax_rate_goes_before_the_subscriptions() -> None:
    found = life(taxes=(tax(0, "1/5"), tax(10, "1/10", "si_0"), tax(20, "1/4")))
    assert [
        (each.subscription_item_id, each.valid_from // DAY, each.tax_rate) for each in found
    ] == [
        ("si_0", 0, Fraction(1, 5)),
        ("si_0", 10, Fraction(1, 10)),
        ("si_1", 0, Fraction(1, 5)),
    ]


def test_what_was_assumed_about_a_tax_rate_is_said() -> None:
    found = life(taxes=(tax(10, "1/5", why="from a rounded line"),))
    assert [each.approximation for each in found[:2]] == [None, "from a rounded line"]


def test_a_stretch_at_risk_says_since_when() -> None:
    found = life(
        at_risk=((5 * DAY, 12 * DAY), (20 * DAY, None)), discounts=(span(8, None, discount("x")),)
    )
    mine = [each for each in found if each.subscription_item_id == "si_0"]
    since = [
        (each.valid_from // DAY, each.at_risk_since and each.at_risk_since // DAY) for each in mine
    ]
    assert since == [(0, None), (5, 5), (8, 5), (12, None), (20, 20)]
    assert all(each.is_at_risk == (each.at_risk_since is not None) for each in found)
