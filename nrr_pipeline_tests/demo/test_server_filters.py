"""Filters of the simulated server's lists, path by path."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, error, ids

STATUSES = ("active", "past_due", "canceled", "incomplete_expired", "trialing", "unpaid", "paused")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    subscriptions = [
        small.subscription(number, status=status) for number, status in enumerate(STATUSES, 1)
    ]
    other_price = small.item(900, "sub_9", price=small.price(2), current_period_end=9_000)
    other_items = small.nested([other_price], "/v1/subscription_items?subscription=sub_9")
    subscriptions += [
        small.subscription(8, customer="cus_2", collection_method="send_invoice"),
        small.subscription(9, customer="cus_2", automatic_tax={"enabled": True}, items=0)
        | {"items": other_items},
        small.subscription(10, customer="cus_3", test_clock="clock_1"),
    ]
    served = small.account(
        customers=[small.customer(1), small.customer(2), small.customer(3, test_clock="clock_1")],
        products=[small.product(1), small.product(2, active=False)],
        prices=[
            small.price(1),
            small.price(2, product="prod_2", lookup_key="team"),
            small.price(3, active=False),
            small.price(4, currency="eur", type="one_time", recurring=None),
            small.price(5, recurring={"interval": "year", "usage_type": "metered"}),
        ],
        subscriptions=subscriptions,
        invoices=[
            small.invoice(1),
            small.invoice(2, status="open", customer="cus_2"),
            small.invoice(3, parent=None, due_date=3_500),
        ],
        subscription_schedules=[
            small.schedule(1),
            small.schedule(2, status="not_started", customer="cus_2"),
            small.schedule(3, status="canceled", canceled_at=6_500),
        ],
        events=[
            small.event(1, "customer.created", small.customer(1)),
            small.event(2, "customer.subscription.updated", subscriptions[0]),
            small.event(3, "invoice.paid", small.invoice(1), pending_webhooks=1),
        ],
        deleted={
            "customers": {"cus_gone": {"id": "cus_gone", "object": "customer", "deleted": True}}
        },
    )
    with client_of(served) as connected:
        yield connected


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("created=2003", "3"),
        ("created[gte]=2003&created[lt]=2005", "43"),
        ("created[gt]=2003&created[lte]=2005", "54"),
        ("created[gt]=2008", "9"),
        ("created[lt]=2002", "1"),
        ("created[gt]=2003&created[lt]=2004", ""),
        ("created[gte]=2005&created[lt]=2003", ""),
        ("created[gte]=2003&created[gt]=2003&created[lt]=2005", "4"),
    ],
)
def test_created_bounds_select_a_half_open_window(
    client: httpx.Client, window: str, expected: str
) -> None:
    wanted = [f"sub_{number}" for number in expected]

    assert ids(client, f"/v1/subscriptions?status=all&{window}") == wanted


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", "98765421"),
        ("status=active", "981"),
        ("status=past_due", "2"),
        ("status=canceled", "3"),
        ("status=ended", "43"),
        ("status=trialing", "5"),
        ("status=all", "987654321"),
    ],
)
def test_subscriptions_are_listed_by_status_and_leave_out_canceled_ones_by_default(
    client: httpx.Client, status: str, expected: str
) -> None:
    wanted = [f"sub_{number}" for number in expected]

    assert ids(client, f"/v1/subscriptions?{status}") == wanted


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("customer=cus_2", ["sub_9", "sub_8"]),
        ("customer=cus_gone", []),
        ("price=price_2", ["sub_9"]),
        ("collection_method=send_invoice", ["sub_8"]),
        ("automatic_tax[enabled]=true", ["sub_9"]),
        ("current_period_end[gt]=5000", ["sub_9"]),
        ("customer=cus_2&price=price_2", ["sub_9"]),
        ("customer=cus_2&created[lt]=2009", ["sub_8"]),
    ],
)
def test_subscriptions_are_filtered(client: httpx.Client, query: str, expected: list[str]) -> None:
    assert ids(client, f"/v1/subscriptions?{query}") == expected


def test_objects_on_a_test_clock_show_only_to_who_names_the_clock_or_the_customer(
    client: httpx.Client,
) -> None:
    assert "sub_10" not in ids(client, "/v1/subscriptions?status=all&limit=100")
    assert ids(client, "/v1/subscriptions?test_clock=clock_1") == ["sub_10"]
    assert ids(client, "/v1/subscriptions?customer=cus_3") == ["sub_10"]
    assert ids(client, "/v1/customers") == ["cus_2", "cus_1"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("customers?email=someone2@example.com", ["cus_2"]),
        ("products?active=false", ["prod_2"]),
        ("products?ids[]=prod_1&ids[]=prod_9", ["prod_1"]),
        ("prices", ["price_5", "price_4", "price_2", "price_1"]),
        ("prices?active=false", ["price_3"]),
        ("prices?product=prod_2", ["price_2"]),
        ("prices?currency=eur", ["price_4"]),
        ("prices?type=one_time", ["price_4"]),
        ("prices?lookup_keys[]=team", ["price_2"]),
        ("prices?recurring[interval]=year&recurring[usage_type]=metered", ["price_5"]),
        ("invoices?status=open", ["in_2"]),
        ("invoices?customer=cus_2", ["in_2"]),
        ("invoices?subscription=sub_1", ["in_2", "in_1"]),
        ("invoices?subscription=sub_2", []),
        ("invoices?due_date[lte]=3500", ["in_3"]),
        ("subscription_schedules?customer=cus_2", ["sub_sched_2"]),
        ("subscription_schedules?scheduled=true", ["sub_sched_2"]),
        ("subscription_schedules?canceled_at[gte]=6000", ["sub_sched_3"]),
        ("events?type=invoice.paid", ["evt_3"]),
        ("events?type=customer.*", ["evt_2", "evt_1"]),
        ("events?types[0]=customer.created&types[1]=invoice.paid", ["evt_3", "evt_1"]),
        ("events?delivery_success=false", ["evt_3"]),
    ],
)
def test_each_list_has_its_own_filters(
    client: httpx.Client, path: str, expected: list[str]
) -> None:
    assert ids(client, f"/v1/{path}") == expected


def test_a_cursor_whose_object_left_the_filter_is_refused(client: httpx.Client) -> None:
    refused = error(client, "/v1/subscriptions?starting_after=sub_3")

    assert (refused["code"], refused["param"]) == ("resource_missing", "starting_after")
    assert ids(client, "/v1/subscriptions?status=all&starting_after=sub_3") == ["sub_2", "sub_1"]


def test_pages_of_a_filtered_list_skip_what_the_filter_leaves_out(client: httpx.Client) -> None:
    assert ids(client, "/v1/subscriptions?status=active&limit=1&starting_after=sub_8") == ["sub_1"]
    assert ids(client, "/v1/subscriptions?status=active&limit=1&ending_before=sub_1") == ["sub_8"]


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("subscriptions?customer=cus_none", "customer"),
        ("subscriptions?price=price_none", "price"),
        ("invoices?subscription=sub_none", "subscription"),
        ("prices?product=prod_none", "product"),
    ],
)
def test_a_filter_by_something_that_does_not_exist_is_refused(
    client: httpx.Client, path: str, param: str
) -> None:
    refused = error(client, f"/v1/{path}")

    assert (refused["code"], refused["param"]) == ("resource_missing", param)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("subscriptions?plan=x", "plan"),
        ("subscriptions?updated[gte]=1", "updated[gte]"),
        ("subscriptions?created[ge]=1", "created[ge]"),
        ("subscriptions?created[gte][x]=1", "created[gte][x]"),
        ("coupons?active=true", "active"),
        ("prices?recurring[count]=1", "recurring[count]"),
        ("customers/cus_1?limit=3", "limit"),
        ("invoices/in_1/lines?created=1", "created"),
    ],
)
def test_a_parameter_that_the_path_does_not_have_is_refused(
    client: httpx.Client, path: str, param: str
) -> None:
    refused = error(client, f"/v1/{path}")

    assert (refused["code"], refused["param"]) == ("parameter_unknown", param)
    assert refused["message"] == f"Received unknown parameter: {param}"


@pytest.mark.parametrize(
    ("path", "param", "message"),
    [
        ("subscriptions?status=dead", "status", "must be one of active, all"),
        ("subscriptions?created=soon", "created", "Invalid integer: soon"),
        ("subscriptions?created[gte]=1.5", "created[gte]", "Invalid integer: 1.5"),
        ("prices?active=yes", "active", "Invalid boolean: yes"),
        ("subscriptions?customer=", "customer", "empty string"),
        ("subscriptions?customer[]=cus_1", "customer", "Invalid string"),
        ("events?types=invoice.paid", "types", "Invalid array"),
        ("prices?recurring=month", "recurring", "Invalid object"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(
    client: httpx.Client, path: str, param: str, message: str
) -> None:
    refused = error(client, f"/v1/{path}")

    assert refused["param"] == param
    assert message in refused["message"]
