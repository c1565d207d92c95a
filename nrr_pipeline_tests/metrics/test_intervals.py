from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.evidence import (
    BillingState,
    EndReason,
    Finding,
    Source,
    Terms,
)
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import (
    FOREVER_DAY,
    CountingRules,
    DayClock,
    IntervalBuilder,
    MrrInterval,
)
from nrr_pipeline.metrics.pricing import Amounts, Normalization, Price
from nrr_pipeline_tests.golden import Case, cases

PRICES = {
    "monthly": Price("monthly", "prod_team", "usd", "month", 1, Amounts(Fraction(1_000))),
    "yearly": Price("yearly", "prod_team", "usd", "year", 1, Amounts(Fraction(12_000))),
    "weekly": Price("weekly", "prod_team", "usd", "week", 1, Amounts(Fraction(1_200))),
    "free": Price("free", "prod_free", "usd", "month", 1, Amounts(Fraction(0))),
    "calls": Price("calls", "prod_calls", "usd", "month", 1, Amounts(None), is_metered=True),
    "odd": Price("odd", "prod_team", "usd", "fortnight", 1, Amounts(Fraction(1_000))),
}
DOLLAR = 1_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def segment(
    start: str, end: str | None = None, quantity: int | None = 1, **fields: object
) -> HistorySegment:
    known: dict[str, object] = {
        "subscription_item_id": "si_1",
        "subscription_id": "sub_1",
        "customer_id": "cus_1",
        "currency": "usd",
        "valid_from": at(start),
        "valid_to": None if end is None else at(end),
        "terms": Terms(str(fields.pop("price", "monthly")), quantity),
        "state": BillingState.ACTIVE,
        "source": Source.INVOICE_LINE,
        "source_id": "il_1",
    }
    return HistorySegment(**{**known, **fields})  # pyright: ignore[reportArgumentType]


def build(
    *segments: HistorySegment, timezone: str = "UTC", **rules: object
) -> tuple[list[MrrInterval], list[Finding]]:
    counting = CountingRules(**rules)  # pyright: ignore[reportArgumentType]
    return IntervalBuilder(PRICES, counting, DayClock(timezone)).build(segments)


def intervals(*segments: HistorySegment, **rules: object) -> list[MrrInterval]:
    return build(*segments, **rules)[0]  # pyright: ignore[reportArgumentType]


@cases("mrr_intervals/days.csv")
def test_what_starts_and_ends_counts_on_the_days_worked_out_by_hand(case: Case) -> None:
    found, _ = build(segment(case["starts_at"], case["ends_at"] or None), timezone=case["timezone"])
    if not case["first_day"]:
        assert found == [], case["why"]
        return
    last = date.fromisoformat(case["last_day"]) + timedelta(days=1) if case["last_day"] else None
    days = [(each.valid_from, each.valid_to) for each in found]
    assert days == [(date.fromisoformat(case["first_day"]), last or FOREVER_DAY)], case["why"]


@cases("mrr_intervals/day_states.csv")
def test_a_day_holds_the_state_worked_out_by_hand(case: Case) -> None:
    changes = [change.split("=") for change in case["changes"].split(";")]
    ends = [start for start, _ in changes[1:]] + [None]
    found = intervals(
        *(
            segment(start, end, int(quantity))
            for (start, quantity), end in zip(changes, ends, strict=True)
            if int(quantity)
        )
    )
    day = date.fromisoformat(case["on"])
    holding = [each.quantity for each in found if each.valid_from <= day < each.valid_to]
    assert holding == [int(case["quantity"])] * bool(int(case["quantity"])), case["why"]


def test_an_interval_says_what_the_item_is() -> None:
    (found,) = intervals(segment("2026-01-01", None, 3, price="yearly", is_at_risk=True))
    assert found == MrrInterval(
        subscription_item_id="si_1",
        subscription_id="sub_1",
        customer_id="cus_1",
        account_id="cus_1",
        product_id="prod_team",
        price_id="yearly",
        billing_interval="year",
        billing_interval_count=1,
        quantity=3,
        currency="usd",
        mrr_micros=30 * DOLLAR,
        is_at_risk=True,
        is_scheduled_churn=False,
        is_approximate=False,
        approximation=None,
        max_error_micros=None,
        end_reason=None,
        held_out=None,
        valid_from=date(2026, 1, 1),
        valid_to=FOREVER_DAY,
    )


def test_neighbors_that_differ_in_nothing_that_counts_are_one_interval() -> None:
    found = intervals(
        segment("2026-01-01", "2026-02-01", source_id="il_1"),
        segment("2026-02-01", "2026-03-01", source_id="il_2", end_reason=EndReason.VOLUNTARY),
    )
    assert [(each.valid_from, each.valid_to, each.end_reason) for each in found] == [
        (date(2026, 1, 1), date(2026, 3, 1), "voluntary")
    ]


def test_a_pause_within_one_day_leaves_no_trace() -> None:
    found = intervals(
        segment("2026-01-01", "2026-02-01 09:00", end_reason=EndReason.PAUSED),
        segment("2026-02-01 09:00", "2026-02-01 17:00", state=BillingState.PAUSED),
        segment("2026-02-01 17:00"),
    )
    assert [(each.valid_from, each.valid_to, each.end_reason) for each in found] == [
        (date(2026, 1, 1), FOREVER_DAY, None)
    ]


def test_terms_that_change_and_end_within_one_day_still_say_why_it_ended() -> None:
    found = intervals(
        segment("2026-01-01", "2026-02-01 09:00", 3),
        segment("2026-02-01 09:00", "2026-02-01 17:00", 1, end_reason=EndReason.VOLUNTARY),
    )
    assert [(each.valid_to, each.end_reason) for each in found] == [(date(2026, 2, 1), "voluntary")]


def test_what_another_item_did_within_a_day_is_not_this_items_end() -> None:
    found = intervals(
        segment("2026-01-01", "2026-02-01"),
        segment(
            "2026-02-01 09:00",
            "2026-02-01 17:00",
            subscription_item_id="si_2",
            end_reason=EndReason.OTHER,
        ),
    )
    assert [(each.subscription_item_id, each.end_reason) for each in found] == [("si_1", None)]


@pytest.mark.parametrize("state", [state for state in BillingState if state != "active"])
def test_only_an_active_stretch_has_mrr(state: BillingState) -> None:
    assert intervals(segment("2026-01-01", state=state)) == []


def test_a_pause_of_collection_counts_where_the_policy_says_so() -> None:
    paused = segment("2026-01-01", state=BillingState.COLLECTION_PAUSED)
    assert intervals(paused) == []
    assert [each.mrr_micros for each in intervals(paused, paused_collection_counts=True)] == [
        10 * DOLLAR
    ]


def test_scheduled_churn_counts_until_its_end_or_not_from_the_request() -> None:
    leaving = (
        segment("2026-01-01", "2026-01-12"),
        segment("2026-01-12", "2026-02-01", is_scheduled_churn=True),
    )
    assert [each.valid_to for each in intervals(*leaving)] == [date(2026, 1, 12), date(2026, 2, 1)]
    assert [each.valid_to for each in intervals(*leaving, churn_at_request=True)] == [
        date(2026, 1, 12)
    ]


def test_churn_at_the_request_is_voluntary() -> None:
    leaving = (
        segment("2026-01-01", "2026-01-12"),
        segment("2026-01-12", "2026-02-01", is_scheduled_churn=True),
    )
    assert [each.end_reason for each in intervals(*leaving, churn_at_request=True)] == ["voluntary"]


@pytest.mark.parametrize(("price", "quantity"), [("free", 5), ("monthly", 0)])
def test_what_costs_nothing_a_month_has_no_interval(price: str, quantity: int) -> None:
    assert build(segment("2026-01-01", None, quantity, price=price)) == ([], [])


def test_metered_usage_has_no_interval_and_is_listed_once() -> None:
    calls = [
        segment("2026-03-01", "2026-04-01", None, price="calls", approximation="not proven"),
        segment("2026-04-01", None, None, price="calls"),
    ]
    found, findings = build(*calls)
    assert found == []
    assert [(each.check_name, each.severity, each.object_id) for each in findings] == [
        ("usage_not_in_mrr", "info", "si_1")
    ]


def test_normalization_comes_from_the_policy() -> None:
    weekly = segment("2026-01-01", price="weekly")
    custom = Normalization(weeks_per_year=Fraction(50))
    assert [each.mrr_micros for each in intervals(weekly, normalization=custom)] == [50 * DOLLAR]


@pytest.mark.parametrize(
    ("price", "quantity", "named"),
    [("monthly", None, "monthly"), ("price_gone", 1, "price_gone")],
)
def test_what_cannot_be_priced_is_held_out_and_named(
    price: str, quantity: int | None, named: str
) -> None:
    found, findings = build(
        segment("2026-01-01", "2026-02-01", quantity, price=price),
        segment("2026-02-01", None, 2),
    )
    assert [each.mrr_micros for each in found] == [None, 20 * DOLLAR]
    assert named in str(found[0].held_out)
    assert [(each.check_name, each.severity) for each in findings] == [
        ("unpriceable_item", "error")
    ]
    assert named in findings[0].detail
    assert findings[0].object_id == "si_1"


def test_a_stretch_that_history_holds_out_stays_out_whatever_its_price() -> None:
    found, findings = build(segment("2026-01-01", held_out="sub_1: it has a discount"))
    assert [(each.mrr_micros, each.held_out) for each in found] == [
        (None, "sub_1: it has a discount")
    ]
    assert [each.severity for each in findings] == ["error"]


def test_an_approximate_stretch_is_flagged_with_the_most_that_it_may_be_wrong_by() -> None:
    found, findings = build(
        segment("2026-01-01", "2026-02-01", 3, approximation="x", alternative=Terms("monthly", 8)),
        segment("2026-02-01", "2026-03-01", 3, approximation="y", alternative=None),
    )
    assert [(each.is_approximate, each.max_error_micros) for each in found] == [
        (True, 50 * DOLLAR),
        (True, 30 * DOLLAR),
    ]
    assert [(each.check_name, each.amount_micros, each.currency) for each in findings] == [
        ("approximate_history", 50 * DOLLAR, "usd"),
        ("approximate_history", 30 * DOLLAR, "usd"),
    ]


def test_a_free_stretch_that_may_have_cost_something_is_flagged_too() -> None:
    found, findings = build(
        segment(
            "2026-01-01",
            "2026-02-01",
            price="free",
            approximation="x",
            alternative=Terms("monthly", 8),
        )
    )
    assert found == []
    assert [each.amount_micros for each in findings] == [80 * DOLLAR]


def test_an_alternative_that_cannot_be_priced_does_not_hold_out_what_can() -> None:
    found, findings = build(
        segment("2026-01-01", None, 3, approximation="x", alternative=Terms("odd", 1))
    )
    assert [(each.mrr_micros, each.held_out, each.max_error_micros) for each in found] == [
        (30 * DOLLAR, None, None)
    ]
    assert [each.check_name for each in findings] == ["approximate_history"]


@given(
    day=st.dates(date(2013, 1, 1), date(2035, 12, 31)),
    timezone=st.sampled_from(
        ["UTC", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
)
def test_a_day_ends_where_the_next_one_begins_wherever_clocks_change(
    day: date, timezone: str
) -> None:
    clock = DayClock(timezone)
    assert clock.day(clock.last_second(day)) == day
    assert clock.day(clock.last_second(day) + 1) == day + timedelta(days=1)


def test_time_that_nothing_bills_has_no_mrr_and_says_how_much_it_may_have() -> None:
    unbilled = segment(
        "2026-01-01",
        "2026-02-01",
        3,
        state=BillingState.UNBILLED,
        approximation="no invoice bills that time",
        alternative=Terms("yearly", 1),
    )
    free = segment("2026-01-01", "2026-02-01", price="free", state=BillingState.UNBILLED)
    found, findings = build(unbilled, free, segment("2026-02-01", None, 3))
    assert [(each.valid_from, each.is_approximate) for each in found] == [(date(2026, 2, 1), False)]
    assert findings == [
        Finding(
            "approximate_history",
            "warning",
            "si_1",
            "no invoice bills that time (from 2026-01-01 until 2026-02-01)",
            30 * DOLLAR,
            "usd",
        )
    ]
