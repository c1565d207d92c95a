"""The simulated server as Stripe's own SDK sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import stripe

from nrr_pipeline.demo.server import API_VERSION, Fault, ServerOptions, running_server
from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import KEY, sdk_at

CUT = Fault(drops_connection=True)
ACCOUNT = small.account(
    customers=[small.customer(number) for number in range(1, 31)],
    products=[small.product(1)],
    prices=[small.price(1)],
    coupons=[small.coupon(1)],
    subscriptions=[small.subscription(1, discounts=[small.discount(1, "coupon_1")], items=12)],
    subscription_items=small.subscription(1, items=12)["items"]["data"],
    invoices=[small.invoice(1, lines=12)],
    subscription_schedules=[small.schedule(1)],
    events=[small.event(1, "customer.created", small.customer(1))],
)


@contextmanager
def sdk(options: ServerOptions | None = None) -> Iterator[stripe.StripeClient]:
    with running_server(ACCOUNT, options) as address, sdk_at(address) as connected:
        yield connected


@pytest.fixture(scope="module")
def client() -> Iterator[stripe.StripeClient]:
    with sdk() as connected:
        yield connected


def test_the_version_served_is_the_one_that_the_sdk_pins(client: stripe.StripeClient) -> None:
    assert stripe.api_version == API_VERSION
    assert client.v1.customers.list().data


def test_typed_lists_page_through_everything(client: stripe.StripeClient) -> None:
    pages = client.v1.customers.list({"limit": 7}).auto_paging_iter()

    assert [each.id for each in pages] == [f"cus_{number}" for number in range(30, 0, -1)]


def test_every_typed_list_parses(client: stripe.StripeClient) -> None:
    v1 = client.v1
    lists = [
        v1.customers.list(),
        v1.products.list(),
        v1.prices.list({"expand": ["data.tiers", "data.currency_options"]}),
        v1.coupons.list({"expand": ["data.applies_to"]}),
        v1.subscriptions.list({"status": "all", "expand": ["data.discounts.source.coupon"]}),
        v1.subscription_items.list({"subscription": "sub_1"}),
        v1.invoices.list({"subscription": "sub_1", "created": {"gte": 1}}),
        v1.invoices.line_items.list("in_1"),
        v1.subscription_schedules.list(),
        v1.events.list({"types": ["customer.created"]}),
    ]

    assert [each.data[0].object for each in lists] == [
        "customer",
        "product",
        "price",
        "coupon",
        "subscription",
        "subscription_item",
        "invoice",
        "line_item",
        "subscription_schedule",
        "event",
    ]


def test_nested_lists_go_on_through_the_sdk(client: stripe.StripeClient) -> None:
    subscription = client.v1.subscriptions.retrieve("sub_1")
    invoice = client.v1.invoices.retrieve("in_1")

    assert len(subscription["items"].data) == 10
    items = client.v1.subscription_items.list(
        {"subscription": "sub_1", "starting_after": subscription["items"].data[-1].id}
    )
    lines = client.v1.invoices.line_items.list(
        "in_1", {"starting_after": invoice.lines.data[-1].id}
    )
    assert (len(items.data), len(lines.data)) == (2, 2)


def test_raw_requests_work(client: stripe.StripeClient) -> None:
    answer = client.raw_request(
        "get", "/v1/subscriptions", status="all", expand=["data.customer"], created={"gte": 1}
    )

    assert json.loads(answer.body)["data"][0]["customer"]["id"] == "cus_1"
    assert answer.headers["Date"] == small.NOW_AS_HTTP_DATE


def test_refusals_become_the_sdks_own_errors(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.customers.retrieve("cus_none")
    with pytest.raises(stripe.InvalidRequestError) as cursor:
        client.v1.customers.list({"starting_after": "cus_none"})

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert (cursor.value.code, cursor.value.param) == ("resource_missing", "starting_after")
    assert missing.value.request_id


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ServerOptions(keys={"sk_test_other": None}), stripe.AuthenticationError),
        (ServerOptions(keys={KEY: {"prices"}}), stripe.PermissionError),
        (ServerOptions(fault=lambda _n, _path: Fault()), stripe.APIError),
        (ServerOptions(fault=lambda _n, _path: CUT), stripe.APIConnectionError),
    ],
)
def test_keys_and_faults_become_the_sdks_own_errors(
    options: ServerOptions, expected: type[stripe.StripeError]
) -> None:
    with sdk(options) as client, pytest.raises(expected):
        client.v1.customers.list()


def test_a_rate_limit_becomes_the_sdks_own_error() -> None:
    with sdk(ServerOptions(requests_per_second=1, timer=lambda: 0.0)) as client:
        client.v1.customers.list()
        with pytest.raises(stripe.RateLimitError):
            client.v1.customers.list()
