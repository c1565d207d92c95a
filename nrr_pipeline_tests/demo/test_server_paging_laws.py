"""Laws of paging on the simulated server, whatever is in the account and however it is paged."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nrr_pipeline.demo.server import AccountHolder
from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, get

SECONDS = st.integers(1, 6)
STATUSES = ("active", "canceled", "past_due")
SUBSCRIPTIONS = st.lists(st.tuples(SECONDS, st.sampled_from(STATUSES)), max_size=25)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[AccountHolder, httpx.Client]]:
    holder = AccountHolder(small.account())
    with client_of(holder) as client:
        yield holder, client


def walk(client: httpx.Client, query: str, cursor: str, *, first: str | None = None) -> list[str]:
    """Follow a cursor from page to page until nothing is left; newest first."""
    pages: list[list[str]] = []
    path = f"/v1/subscriptions?{query}" + (f"&{cursor}={first}" if first else "")
    while True:
        page = get(client, path)
        pages.append([each["id"] for each in page["data"]])
        if not page["has_more"]:
            break
        edge = pages[-1][-1 if cursor == "starting_after" else 0]
        path = f"/v1/subscriptions?{query}&{cursor}={edge}"
    if cursor == "ending_before":
        pages.reverse()
    return [each for page in pages for each in page]


@settings(max_examples=40, deadline=None)
@given(
    made=SUBSCRIPTIONS,
    start=SECONDS,
    end=SECONDS,
    status=st.sampled_from([*STATUSES, "all"]),
    limit=st.integers(1, 9),
)
def test_pages_of_any_size_and_filter_show_each_selected_object_once_and_in_order(
    served: tuple[AccountHolder, httpx.Client],
    made: list[tuple[int, str]],
    start: int,
    end: int,
    status: str,
    limit: int,
) -> None:
    holder, client = served
    subscriptions = [
        small.subscription(number, created=second, status=own_status)
        for number, (second, own_status) in enumerate(made)
    ]
    account = small.account(subscriptions=subscriptions)
    holder.exchange(account)
    selected = [
        each["id"]
        for each in account.objects["subscriptions"]
        if start <= each["created"] <= end and status in {"all", each["status"]}
    ]
    query = f"status={status}&limit={limit}&created[gte]={start}&created[lte]={end}"

    assert walk(client, query, "starting_after") == selected


@settings(max_examples=20, deadline=None)
@given(made=SUBSCRIPTIONS.filter(bool), limit=st.integers(1, 9))
def test_going_back_from_the_oldest_object_shows_all_the_newer_ones(
    served: tuple[AccountHolder, httpx.Client], made: list[tuple[int, str]], limit: int
) -> None:
    holder, client = served
    account = small.account(
        subscriptions=[
            small.subscription(number, created=second) for number, (second, _) in enumerate(made)
        ]
    )
    holder.exchange(account)
    *newer, oldest = [each["id"] for each in account.objects["subscriptions"]]

    assert walk(client, f"limit={limit}", "ending_before", first=oldest) == newer
