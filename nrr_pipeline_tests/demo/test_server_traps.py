"""What makes real accounts hard to read: the server plays each of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import AccountHolder, ServerOptions
from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, error, get, ids

CUSTOMERS = small.account(customers=[small.customer(number) for number in range(1, 6)])


def test_every_third_page_comes_empty_though_more_follows() -> None:
    with client_of(CUSTOMERS, ServerOptions(empty_pages_every=3)) as client:
        pages = [get(client, "/v1/customers?limit=2") for _ in range(6)]
        alone = get(client, "/v1/customers/cus_1")
    assert [len(page["data"]) for page in pages] == [2, 2, 0, 2, 2, 0]
    assert all(page["has_more"] for page in pages)
    assert alone["id"] == "cus_1"


def test_a_page_that_holds_nothing_is_never_said_to_go_on() -> None:
    with client_of(small.account(), ServerOptions(empty_pages_every=1)) as client:
        assert get(client, "/v1/customers")["has_more"] is False


def test_every_second_request_meets_a_lock_and_the_refusal_gives_no_reason() -> None:
    with client_of(CUSTOMERS, ServerOptions(lock_timeouts_every=2)) as client:
        answers = [client.get("/v1/customers") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 200, 429]
    assert answers[1].json()["error"]["code"] == "lock_timeout"
    assert "stripe-rate-limited-reason" not in answers[1].headers


def test_a_cursor_that_was_deleted_between_two_pages_is_refused() -> None:
    holder = AccountHolder(CUSTOMERS)
    with client_of(holder) as client:
        first = ids(client, "/v1/customers?limit=2")
        stub = {"id": first[-1], "object": "customer", "deleted": True}
        without = [each for each in CUSTOMERS.objects["customers"] if each["id"] != first[-1]]
        objects = {**CUSTOMERS.objects, "customers": without}
        deleted = {"customers": {first[-1]: stub}}
        holder.exchange(replace(CUSTOMERS, objects=objects, deleted=deleted))
        refused = error(client, f"/v1/customers?limit=2&starting_after={first[-1]}")
        left = get(client, f"/v1/customers/{first[-1]}")
    assert (refused["code"], refused["param"]) == ("resource_missing", "starting_after")
    assert left == stub


@pytest.fixture(scope="module")
def account() -> StripeAccount:
    return render(simulate())


@pytest.fixture(scope="module")
def client(account: StripeAccount) -> Iterator[httpx.Client]:
    with client_of(account, ServerOptions(nested_page_size=2)) as connected:
        yield connected


def test_prices_made_for_one_subscription_are_on_no_list_but_can_be_had(
    account: StripeAccount, client: httpx.Client
) -> None:
    inline = account.unlisted["prices"]
    listed = {
        each
        for active in ("true", "false")
        for each in ids(client, f"/v1/prices?limit=100&active={active}")
    }
    assert len(inline) > 1
    assert not inline.keys() & listed
    for price_id in inline:
        shown = get(client, f"/v1/prices/{price_id}?expand[]=currency_options")
        assert shown["active"] is False
        assert shown["currency_options"][shown["currency"]]["unit_amount_decimal"]
    used = {each["price"]["id"] for each in account.objects["subscription_items"]}
    assert used & inline.keys()


def test_tiers_show_only_when_they_are_asked_for(client: httpx.Client) -> None:
    plain = get(client, "/v1/prices?limit=100")["data"]
    full = get(client, "/v1/prices?limit=100&expand[]=data.tiers")["data"]
    assert not any("tiers" in each for each in plain)
    assert {each["tiers_mode"] for each in full if "tiers" in each} == {"graduated", "volume"}


def test_items_of_a_subscription_come_in_pages(
    account: StripeAccount, client: httpx.Client
) -> None:
    large = next(
        each for each in account.objects["subscriptions"] if len(each["items"]["data"]) > 2
    )
    shown = get(client, f"/v1/subscriptions/{large['id']}")["items"]
    rest = get(client, f"/v1/subscription_items?subscription={large['id']}&limit=100")["data"]
    assert (len(shown["data"]), shown["has_more"]) == (2, True)
    assert [each["id"] for each in rest] == [each["id"] for each in large["items"]["data"]]


def test_a_deleted_customer_is_off_the_list_and_its_subscription_stays(
    account: StripeAccount, client: httpx.Client
) -> None:
    customer_id = next(iter(account.deleted["customers"]))
    assert get(client, f"/v1/customers/{customer_id}")["deleted"] is True
    kept = get(client, f"/v1/subscriptions?customer={customer_id}&status=all")["data"]
    assert {each["status"] for each in kept} <= {"canceled", "incomplete_expired"}
    assert kept


def test_a_deleted_coupon_is_gone_but_comes_with_the_discounts_that_have_it(
    account: StripeAccount, client: httpx.Client
) -> None:
    listed = set(ids(client, "/v1/coupons?limit=100"))
    keeps = [
        each["id"]
        for each in account.objects["subscriptions"]
        if any(isinstance(own["source"]["coupon"], dict) for own in each["discounts"])
    ]
    for subscription_id in keeps:
        path = f"/v1/subscriptions/{subscription_id}"
        shown = get(client, f"{path}?expand[]=discounts.source.coupon")["discounts"]
        coupons = [each["source"]["coupon"] for each in shown]
        gone = next(each for each in coupons if each["id"] not in listed)
        assert gone["percent_off"] or gone["amount_off"]
        assert client.get(f"/v1/coupons/{gone['id']}").status_code == 404
        assert all(isinstance(each, str) for each in get(client, path)["discounts"])
    assert keeps


def test_objects_on_a_test_clock_are_hidden_unless_clock_or_customer_is_named() -> None:
    clocked = small.account(
        customers=[small.customer(1), small.customer(2, test_clock="clock_1")],
        subscriptions=[small.subscription(1, customer="cus_2", test_clock="clock_1")],
        invoices=[small.invoice(1, customer="cus_2", test_clock="clock_1")],
    )
    with client_of(clocked) as connected:
        assert ids(connected, "/v1/customers") == ["cus_1"]
        assert ids(connected, "/v1/customers?test_clock=clock_1") == ["cus_2"]
        assert ids(connected, "/v1/subscriptions") == ids(connected, "/v1/invoices") == []
        assert ids(connected, "/v1/subscriptions?customer=cus_2") == ["sub_1"]
        assert ids(connected, "/v1/invoices?customer=cus_2") == ["in_1"]
