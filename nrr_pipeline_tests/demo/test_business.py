from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date

import pytest

from nrr_pipeline.demo import log as log_module
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.cycles import DAY, BillingCycles, day_of, midnight
from nrr_pipeline.demo.log import (
    BusinessLog,
    CanceledAtOnce,
    CancellationTookEffect,
    Change,
    CustomerDeleted,
    CustomerDiscounted,
    EndedByFailedPayment,
    Happening,
    ItemsChanged,
    Occasion,
    Paused,
    Resumed,
    Subscribed,
)
from nrr_pipeline.demo.unknowable import unknowable_days


@pytest.fixture(scope="module")
def log() -> BusinessLog:
    return simulate()


def by_subscription(log: BusinessLog) -> dict[str, list[Happening]]:
    histories: dict[str, list[Happening]] = defaultdict(list)
    for happening in log.happenings:
        histories[happening.subscription_id].append(happening)
    return histories


def test_the_same_arguments_give_the_same_log(log: BusinessLog) -> None:
    again = simulate()
    assert again.happenings == log.happenings
    assert again.customers == log.customers


def test_another_seed_gives_another_business_without_one_common_id(log: BusinessLog) -> None:
    other = simulate(seed=log.seed + 1)

    def ids(each: BusinessLog) -> set[str]:
        items = {i.id for h in each.happenings if isinstance(h, Subscribed) for i in h.items}
        prices = {price.id for price in each.catalog.prices}
        customers = {customer.id for customer in each.customers}
        return items | prices | customers | {h.subscription_id for h in each.happenings}

    assert not ids(log) & ids(other)


def test_by_default_three_hundred_customers_come_in_thirty_months(log: BusinessLog) -> None:
    first_starts: dict[str, int] = {}
    for happening in log.happenings:
        if isinstance(happening, Subscribed):
            first_starts.setdefault(happening.customer_id, happening.at)
    assert len(log.customers) == len(first_starts) == 300
    assert {customer.id for customer in log.customers} == first_starts.keys()
    assert (log.first_day, log.last_day) == (date(2024, 4, 1), date(2026, 10, 4))
    assert all(customer.created < first_starts[customer.id] for customer in log.customers)


def test_nothing_happens_outside_the_simulated_time(log: BusinessLog) -> None:
    assert day_of(log.happenings[0].at) >= log.first_day
    assert log.happenings[-1].at <= log.ends_at == midnight(date(2026, 10, 5)) + DAY // 4


def test_every_kind_of_happening_occurs_by_default(log: BusinessLog) -> None:
    kinds = Counter(type(happening) for happening in log.happenings)
    known = {each for each in vars(log_module).values() if isinstance(each, type)}
    assert kinds.keys() == {each for each in known if issubclass(each, Happening)} - {Happening}
    assert {type(each) for each in log.customer_happenings} == {CustomerDeleted, CustomerDiscounted}
    starts = [each for each in log.happenings if isinstance(each, Subscribed)]
    changes = [each for each in log.happenings if isinstance(each, ItemsChanged)]
    ends = [each for each in log.happenings if isinstance(each, EndedByFailedPayment)]
    assert {start.occasion for start in starts} == set(Occasion)
    assert {start.billing_mode for start in starts} == {"classic", "flexible"}
    assert {start.trial_end is None for start in starts} == {True, False}
    assert {len(start.items) for start in starts} >= {1, 2, 3}
    assert {change.change for change in changes} == set(Change)
    assert {end.outcome for end in ends} == {"canceled", "unpaid"}


def test_customers_hold_several_subscriptions_and_some_return_after_months(
    log: BusinessLog,
) -> None:
    held = Counter(each.customer_id for each in log.happenings if isinstance(each, Subscribed))
    assert max(held.values()) > 1
    returns = [h for h in log.happenings if isinstance(h, Subscribed)]
    ended = {
        history[0].customer_id: history[-1].at
        for history in by_subscription(log).values()
        if isinstance(history[0], Subscribed)
        and isinstance(history[-1], CanceledAtOnce | CancellationTookEffect)
    }
    gaps = [
        each.at - ended[each.customer_id]
        for each in returns
        if each.occasion is Occasion.RETURN and ended.get(each.customer_id, each.at) < each.at
    ]
    assert max(gaps) > 60 * DAY


def test_times_are_spread_over_the_day_to_the_second(log: BusinessLog) -> None:
    seconds = [happening.at % DAY for happening in log.happenings]
    assert {second // 3_600 for second in seconds} == set(range(24))
    assert len({second % 60 for second in seconds}) == 60


def test_one_subscription_never_lives_through_two_things_in_one_second(log: BusinessLog) -> None:
    times = Counter((each.subscription_id, each.at) for each in log.happenings)
    assert max(times.values()) == 1


def test_a_mistake_is_sometimes_put_right_on_the_same_day(log: BusinessLog) -> None:
    days = Counter(
        (each.subscription_id, day_of(each.at))
        for each in log.happenings
        if isinstance(each, ItemsChanged)
    )
    assert max(days.values()) > 1


def test_nothing_happens_to_a_subscription_after_its_end(log: BusinessLog) -> None:
    ends = (CancellationTookEffect, CanceledAtOnce, EndedByFailedPayment)
    for history in by_subscription(log).values():
        assert isinstance(history[0], Subscribed)
        assert not any(isinstance(happening, ends) for happening in history[:-1])


def test_only_items_billed_for_the_cycle_at_their_price_are_removed_or_repriced(
    log: BusinessLog,
) -> None:
    price_of = log.catalog.price_of
    for started, *later in by_subscription(log).values():
        assert isinstance(started, Subscribed)
        since = {(item.id, item.price_id): started.at for item in started.items}
        cadence = price_of[started.items[0].price_id].cadence
        cycles = BillingCycles(started.trial_end or started.at, cadence)
        for change in later:
            if not isinstance(change, ItemsChanged):
                continue
            now = {(item.id, item.price_id) for item in change.items}
            for gone in since.keys() - now:
                assert since.pop(gone) <= cycles.containing(change.at)[0]
            for each in now - since.keys():
                since[each] = change.at
            cadence = price_of[change.items[0].price_id].cadence
            if cadence != cycles.cadence:
                cycles = BillingCycles(change.at, cadence)


def test_subscriptions_are_left_unpaid_only_while_events_still_tell_since_when(
    log: BusinessLog,
) -> None:
    unpaid = [
        each.at
        for each in log.happenings
        if isinstance(each, EndedByFailedPayment) and each.outcome == "unpaid"
    ]
    assert unpaid
    assert min(unpaid) > log.ends_at - 28 * DAY


def test_names_are_invented_and_mail_goes_nowhere(log: BusinessLog) -> None:
    assert len({customer.name for customer in log.customers}) == 300
    assert all(customer.email.endswith(".example.com") for customer in log.customers)
    assert len({customer.country for customer in log.customers}) > 6


def test_a_knowable_business_leaves_out_what_no_account_tells_and_nothing_else(
    log: BusinessLog,
) -> None:
    knowable = simulate(is_knowable=True)
    assert unknowable_days(log)
    for days_before in (0, 10, 45, 200):
        assert unknowable_days(knowable, knowable.ends_at - days_before * DAY) == ()
    kinds, all_kinds = ({type(each) for each in one.happenings} for one in (knowable, log))
    assert all_kinds - kinds <= {Paused, Resumed}
    assert any(isinstance(each, Subscribed) and each.is_past_billed for each in knowable.happenings)
    assert simulate(is_knowable=True).happenings == knowable.happenings


def test_a_short_business_of_a_few_customers_lives_too() -> None:
    log = simulate(seed=1, customers=8, first_day=date(2026, 3, 20), last_day=date(2026, 5, 2))
    assert len(log.customers) == 8
    assert log.happenings[0].at >= midnight(date(2026, 3, 20))


def test_a_business_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-01-01, lies before the first, 2026-02-01"):
        simulate(first_day=date(2026, 2, 1), last_day=date(2026, 1, 1))
