from __future__ import annotations

import itertools
import random
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import PagingError
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline_tests.stripe_source.fake_stripe import (
    KEY,
    NOW,
    FakeStripe,
    Hook,
    Reply,
    Request,
    page,
    serving,
    slowly,
)
from nrr_pipeline_tests.stripe_source.objects import customer, customers
from nrr_pipeline_tests.stripe_source.sinks import MemorySink

LIST = "/v1/customers"
YEAR = 365 * 86_400


def ids(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(each["id"] for each in objects)


def test_many_objects_of_one_second_come_exactly_once(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    migrated = customers(750, newest=NOW - YEAR, apart=0)
    later = customers(250, newest=NOW - 10, apart=3600)
    for each in later:
        each["id"] += "_later"
    stripe_account.add("customers", *migrated, *later)
    pull(source, sink)
    assert sorted(sink.landed("customers")) == ids(migrated + later)


def test_windows_in_flight_give_every_object_exactly_once_in_full_pages(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    all_customers = customers(3000, apart=5 * 3600)
    stripe_account.add("customers", *all_customers)
    stripe_account.hook = slowly(0.01)
    pull(source, sink)
    assert sorted(sink.landed("customers")) == ids(all_customers)
    asked = stripe_account.asked(LIST)
    assert len({each.params.get("created[lte]") for each in asked}) >= 4
    assert len(asked) < 60


def test_several_requests_are_in_flight_at_once(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    under_way, most = [0], [0]
    lock = threading.Lock()

    def count(request: Request) -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        slowly(0.02)(request)
        with lock:
            under_way[0] -= 1

    stripe_account.add("customers", *customers(2000, apart=5 * 3600))
    stripe_account.hook = count
    pull(source, sink, workers=5)
    assert most[0] == 5


def test_objects_older_than_stripe_itself_are_found(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    ancient = customers(400, newest=NOW, apart=YEAR // 8)
    assert ancient[-1]["created"] < 1_000_000_000
    stripe_account.add("customers", *ancient)
    pull(source, sink)
    assert sorted(sink.landed("customers")) == ids(ancient)


@settings(max_examples=12, deadline=None)
@given(
    seconds=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    crowd=st.integers(1, 130),
    workers=st.integers(1, 6),
    seed=st.integers(0, 999),
)
def test_however_objects_lie_in_time_each_comes_once(
    seconds: list[int], crowd: int, workers: int, seed: int
) -> None:
    chance = random.Random(seed)
    moments = [NOW - second * chance.choice([1, 3600, YEAR // 4]) for second in seconds]
    all_customers = [
        customer(f"cus_{n}_{m}", moment) for n, moment in enumerate(moments) for m in range(crowd)
    ]
    sink = MemorySink()
    with serving(FakeStripe()) as fake, StripeSource(KEY, fake.address) as source:
        fake.add("customers", *all_customers)
        pull(source, sink, workers=workers)
    assert sorted(sink.landed("customers")) == ids(all_customers)


def empty_but_more(times: int, when: str = "starting_after") -> Hook:
    """A hook: so many pages of the list come empty, although the list goes on."""
    left = [times]

    def hook(request: Request) -> Reply | None:
        is_it = request.path == LIST and request.params.get("limit") == "100"
        if not is_it or when not in request.params or left[0] == 0:
            return None
        left[0] -= 1
        return Reply(page([], has_more=True))

    return hook


@pytest.mark.parametrize("when", ["starting_after", "created[lte]", "limit"])
@pytest.mark.parametrize("times", [1, 3])
def test_an_empty_page_with_more_to_come_is_never_the_end(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink, when: str, times: int
) -> None:
    all_customers = customers(1000, apart=3600)
    stripe_account.add("customers", *all_customers)
    stripe_account.hook = empty_but_more(times, when)
    pull(source, sink)
    assert sorted(sink.landed("customers")) == ids(all_customers)


def test_a_list_that_never_comes_to_its_end_is_an_error_that_names_it(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(1000, apart=3600))
    stripe_account.hook = empty_but_more(10**6, "limit")
    with pytest.raises(PagingError, match=r"/v1/customers .*page without new objects"):
        pull(source, sink)
    assert len(stripe_account.requests) < 400


def test_a_cursor_that_never_works_is_done_without(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    all_customers = customers(1000, apart=3600)
    stripe_account.add("customers", *all_customers)
    stripe_account.hook = empty_but_more(10**6)
    pull(source, sink)
    assert sorted(sink.landed("customers")) == ids(all_customers)


def test_a_list_that_ignores_the_cursor_is_an_error(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    same = Reply(page(customers(100), has_more=True))
    stripe_account.hook = lambda request: same if request.path == LIST else None
    with pytest.raises(PagingError):
        pull(source, sink)


def delete_cursors(fake: FakeStripe, deleted: list[str], every: int) -> Hook:
    """A hook: every so many-th cursor is deleted just when it is needed."""
    count = itertools.count(1)

    def hook(request: Request) -> None:
        cursor = request.params.get("starting_after")
        if request.path == LIST and cursor is not None and next(count) % every == 0:
            fake.remove("customers", cursor)
            deleted.append(cursor)

    return hook


@pytest.mark.parametrize("apart", [0, 1, 3600])
@pytest.mark.parametrize("every", [2, 3])
def test_objects_deleted_between_pages_cost_no_other_object(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink, apart: int, every: int
) -> None:
    all_customers = customers(850, apart=apart)
    deleted: list[str] = []
    stripe_account.add("customers", *all_customers)
    stripe_account.hook = delete_cursors(stripe_account, deleted, every)
    pull(source, sink, workers=2)
    assert deleted
    assert sorted(sink.landed("customers")) == ids(all_customers)


def test_objects_created_meanwhile_do_not_come_twice(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    all_customers = customers(600)

    def grow(request: Request) -> None:
        if request.path == LIST:
            stripe_account.add("customers", customer(f"cus_new_{request.number}", NOW))

    stripe_account.add("customers", *all_customers)
    stripe_account.hook = grow
    pull(source, sink)
    landed = sink.landed("customers")
    assert len(landed) == len(set(landed))
    assert set(ids(all_customers)) <= set(landed)
