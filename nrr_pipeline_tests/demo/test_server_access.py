"""Refusals of the simulated server: keys, permissions, versions, paths and methods."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from nrr_pipeline.demo.server import API_VERSION, ServerOptions
from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import KEY, client_of, error, get

ACCOUNT = small.account(
    customers=[small.customer(1)],
    subscriptions=[small.subscription(1, discounts=[small.discount(1, "coupon_1")])],
    coupons=[small.coupon(1)],
)
NARROW_KEY = "rk_test_subscriptions_only"
KEYS = ServerOptions(keys={NARROW_KEY: {"subscriptions", "prices"}, "sk_test_everything": None})


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with client_of(ACCOUNT) as connected:
        yield connected


def test_any_key_of_the_right_mode_will_do_by_default(client: httpx.Client) -> None:
    answer = client.get("/v1/customers", headers={"Authorization": "Bearer sk_test_whatever"})

    assert answer.status_code == 200


def test_a_key_may_come_as_the_user_name_of_basic_authentication(client: httpx.Client) -> None:
    assert client.get("/v1/customers", auth=httpx.BasicAuth(KEY, "")).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Basic ???", "Basic /////w==", "Digest x"])
def test_a_request_without_a_key_is_refused(client: httpx.Client, header: str) -> None:
    answer = client.get("/v1/customers", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "did not provide an API key" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("sk_live_0123456789abcdef", "sk_live_************cdef"),
        ("pk_test_0123456789abcdef", "pk_test_************cdef"),
        ("nonsense", "********"),
    ],
)
def test_a_wrong_key_is_refused_and_named_only_in_part(
    client: httpx.Client, key: str, shown: str
) -> None:
    answer = client.get("/v1/customers", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == f"Invalid API Key provided: {shown}"
    assert key not in answer.text


def test_a_live_account_takes_live_keys_only() -> None:
    live = small.account(livemode=True, customers=[small.customer(1)])
    with client_of(live, key="rk_live_0123456789") as client:
        assert client.get("/v1/customers").status_code == 200
    with client_of(live, key=KEY) as client:
        assert client.get("/v1/customers").status_code == 401


def test_with_a_table_of_keys_only_those_are_known() -> None:
    with client_of(ACCOUNT, KEYS) as client:
        error(client, "/v1/customers", 401)
    with client_of(ACCOUNT, KEYS, key="sk_test_everything") as client:
        get(client, "/v1/customers")


def test_a_restricted_key_reads_what_it_may_and_is_told_what_it_lacks() -> None:
    with client_of(ACCOUNT, KEYS, key=NARROW_KEY) as client:
        get(client, "/v1/subscriptions")
        get(client, "/v1/subscription_items?subscription=sub_1")
        refused = error(client, "/v1/customers", 403)

    assert refused["type"] == "invalid_request_error"
    assert "'rak_customer_read'" in refused["message"]
    assert "'acct_small'" in refused["message"]
    assert NARROW_KEY not in refused["message"]


def test_expanding_needs_the_permission_for_what_it_leads_to() -> None:
    with client_of(ACCOUNT, KEYS, key=NARROW_KEY) as client:
        get(client, "/v1/subscriptions?expand[]=data.discounts")
        listed = error(client, "/v1/subscriptions?expand[]=data.discounts.source.coupon", 403)
        single = error(client, "/v1/subscriptions/sub_1?expand[]=customer", 403)

    assert "'rak_coupon_read'" in listed["message"]
    assert "'rak_customer_read'" in single["message"]


def test_another_api_version_is_refused(client: httpx.Client) -> None:
    answer = client.get("/v1/customers", headers={"Stripe-Version": "2024-06-20"})

    assert answer.status_code == 400
    assert "2024-06-20" in answer.json()["error"]["message"]
    assert API_VERSION in answer.json()["error"]["message"]


def test_an_answer_carries_its_id_the_version_and_the_accounts_clock(client: httpx.Client) -> None:
    first = client.get("/v1/customers", headers={"Stripe-Version": API_VERSION})
    second = client.get("/v1/customers/cus_none")

    for answer in (first, second):
        assert answer.headers["stripe-version"] == API_VERSION
        assert answer.headers["date"] == small.NOW_AS_HTTP_DATE
        assert answer.headers["content-type"] == "application/json"
    assert first.headers["request-id"] != second.headers["request-id"]
    assert second.headers["request-id"] in second.json()["error"]["request_log_url"]


def test_what_is_not_there_is_not_found(client: httpx.Client) -> None:
    refused = error(client, "/v1/subscriptions/sub_none", 404)

    assert refused["message"] == "No such subscription: 'sub_none'"
    assert refused["code"] == "resource_missing"
    assert refused["doc_url"].endswith("resource-missing")
    assert refused["param"] == "id"


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/customers", "/", "/v1/customers/cus_1/x"])
def test_an_unknown_path_is_not_found(client: httpx.Client, path: str) -> None:
    refused = error(client, path, 404)

    assert refused["message"].startswith(f"Unrecognized request URL (GET: {path})")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_nothing_can_be_changed(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/v1/customers")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["error"]["type"] == "invalid_request_error"
