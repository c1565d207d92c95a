"""Lists of the simulated server: order, pages, cursors, and lists within objects."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, error, get, ids

MANY_ITEMS, MANY_LINES = 12, 23


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    many_items = small.subscription(2, items=MANY_ITEMS)
    served = small.account(
        customers=[small.customer(number) for number in range(1, 26)],
        subscriptions=[small.subscription(1), many_items],
        subscription_items=many_items["items"]["data"],
        invoices=[small.invoice(1), small.invoice(2, lines=MANY_LINES)],
        events=[small.event(1, "customer.subscription.updated", many_items, before=many_items)],
        deleted={
            "customers": {"cus_gone": {"id": "cus_gone", "object": "customer", "deleted": True}}
        },
    )
    with client_of(served) as connected:
        yield connected


def test_a_list_says_where_it_is_and_whether_more_follows(client: httpx.Client) -> None:
    page = get(client, "/v1/customers")

    assert page["object"] == "list"
    assert page["url"] == "/v1/customers"
    assert page["has_more"] is True
    assert len(page["data"]) == 10


def test_a_list_starts_with_the_newest_object(client: httpx.Client) -> None:
    assert ids(client, "/v1/customers?limit=3") == ["cus_25", "cus_24", "cus_23"]


def test_the_page_after_a_cursor_holds_the_older_objects(client: httpx.Client) -> None:
    assert ids(client, "/v1/customers?limit=2&starting_after=cus_23") == ["cus_22", "cus_21"]


def test_the_page_before_a_cursor_holds_the_newer_objects_next_to_it(client: httpx.Client) -> None:
    page = get(client, "/v1/customers?limit=2&ending_before=cus_20")

    assert [each["id"] for each in page["data"]] == ["cus_22", "cus_21"]
    assert page["has_more"] is True


def test_nothing_is_newer_than_the_newest(client: httpx.Client) -> None:
    page = get(client, "/v1/customers?ending_before=cus_25")

    assert (page["data"], page["has_more"]) == ([], False)


def test_a_page_that_ends_with_the_last_object_says_that_nothing_follows(
    client: httpx.Client,
) -> None:
    page = get(client, "/v1/customers?limit=5&starting_after=cus_6")

    assert [each["id"] for each in page["data"]] == ["cus_5", "cus_4", "cus_3", "cus_2", "cus_1"]
    assert page["has_more"] is False


def test_walking_the_cursors_shows_every_object_once(client: httpx.Client) -> None:
    seen: list[str] = []
    path = "/v1/customers?limit=4"
    while True:
        page = get(client, path)
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        path = f"/v1/customers?limit=4&starting_after={seen[-1]}"

    assert seen == [f"cus_{number}" for number in range(25, 0, -1)]


def test_objects_of_one_second_are_paged_through_one_by_one() -> None:
    served = small.account(customers=[small.customer(each, created=7) for each in range(5)])
    with client_of(served) as client:
        assert ids(client, "/v1/customers?created=7&limit=2&starting_after=cus_1") == [
            "cus_2",
            "cus_3",
        ]


@pytest.mark.parametrize("param", ["starting_after", "ending_before"])
def test_a_cursor_that_names_nothing_is_refused(client: httpx.Client, param: str) -> None:
    refused = error(client, f"/v1/customers?{param}=cus_none")

    assert refused["code"] == "resource_missing"
    assert refused["param"] == param
    assert refused["message"] == "No such customer: 'cus_none'"


def test_a_cursor_outside_the_filter_is_refused(client: httpx.Client) -> None:
    refused = error(client, "/v1/customers?created[lt]=1020&starting_after=cus_25")

    assert refused["param"] == "starting_after"


def test_two_cursors_at_once_are_refused(client: httpx.Client) -> None:
    path = "/v1/customers?starting_after=cus_3&ending_before=cus_3"

    assert "not with both" in error(client, path)["message"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "greater than or equal to 1"),
        ("101", "less than or equal to 100"),
        ("x", "Invalid integer: x"),
    ],
)
def test_a_page_has_1_to_100_objects(client: httpx.Client, limit: str, message: str) -> None:
    refused = error(client, f"/v1/customers?limit={limit}")

    assert refused["param"] == "limit"
    assert message in refused["message"]


def test_an_object_is_retrieved_by_its_id(client: httpx.Client) -> None:
    assert get(client, "/v1/customers/cus_3")["email"] == "someone3@example.com"


def test_a_deleted_object_can_be_retrieved_but_is_not_listed(client: httpx.Client) -> None:
    assert get(client, "/v1/customers/cus_gone") == {
        "id": "cus_gone",
        "object": "customer",
        "deleted": True,
    }
    assert "cus_gone" not in ids(client, "/v1/customers?limit=100")


def test_a_subscription_shows_its_first_ten_items(client: httpx.Client) -> None:
    items = get(client, "/v1/subscriptions/sub_2")["items"]

    assert len(items["data"]) == 10
    assert items["has_more"] is True
    assert items["url"] == "/v1/subscription_items?subscription=sub_2"


def test_the_items_list_goes_on_where_the_subscription_stops(client: httpx.Client) -> None:
    shown = get(client, "/v1/subscriptions/sub_2")["items"]["data"]
    path = f"/v1/subscription_items?subscription=sub_2&starting_after={shown[-1]['id']}"
    rest = get(client, path)

    assert [each["id"] for each in rest["data"]] == ["si_210", "si_211"]
    assert rest["has_more"] is False


def test_an_item_is_retrieved_by_its_id(client: httpx.Client) -> None:
    assert get(client, "/v1/subscription_items/si_211")["subscription"] == "sub_2"


def test_items_are_listed_for_one_subscription_only(client: httpx.Client) -> None:
    refused = error(client, "/v1/subscription_items")

    assert (refused["code"], refused["param"]) == ("parameter_missing", "subscription")


def test_items_of_a_subscription_that_does_not_exist_are_refused(client: httpx.Client) -> None:
    refused = error(client, "/v1/subscription_items?subscription=sub_none")

    assert (refused["code"], refused["param"]) == ("resource_missing", "subscription")


def test_lists_and_single_invoices_show_ten_lines_and_the_lines_list_shows_all(
    client: httpx.Client,
) -> None:
    listed = get(client, "/v1/invoices")["data"][0]["lines"]
    single = get(client, "/v1/invoices/in_2")["lines"]
    whole = get(client, "/v1/invoices/in_2/lines?limit=100")

    assert listed == single
    assert (len(listed["data"]), listed["has_more"]) == (10, True)
    assert listed["url"] == "/v1/invoices/in_2/lines"
    assert (len(whole["data"]), whole["has_more"]) == (MANY_LINES, False)
    assert whole["data"][:10] == listed["data"]


def test_lines_are_paged_by_cursor(client: httpx.Client) -> None:
    assert ids(client, "/v1/invoices/in_2/lines?limit=2&starting_after=il_220") == [
        "il_221",
        "il_222",
    ]


def test_lines_of_an_invoice_that_does_not_exist_are_not_found(client: httpx.Client) -> None:
    assert error(client, "/v1/invoices/in_none/lines", 404)["code"] == "resource_missing"


@pytest.mark.parametrize("part", ["object", "previous_attributes"])
def test_what_an_event_carries_is_cut_and_hidden_as_well(client: httpx.Client, part: str) -> None:
    items = get(client, "/v1/events")["data"][0]["data"][part]["items"]

    assert len(items["data"]) == 10
    assert "tiers" not in items["data"][0]["price"]


def test_a_list_without_objects_is_empty(client: httpx.Client) -> None:
    page = get(client, "/v1/coupons")

    assert (page["data"], page["has_more"]) == ([], False)
