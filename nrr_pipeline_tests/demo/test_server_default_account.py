"""The default account over HTTP: every object valid by Stripe's schema, however it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stripe

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.demo.schema import errors_of
from nrr_pipeline_tests.demo.small_account import client_of, get, sdk_at

LISTED_KINDS = [kind for kind in OBJECT_KINDS if kind != "subscription_items"]
EXPANSIONS = {
    "customers": ("data.discount.source.coupon",),
    "products": ("data.default_price.product",),
    "prices": ("data.product", "data.tiers", "data.currency_options"),
    "coupons": ("data.applies_to",),
    "subscriptions": (
        "data.customer",
        "data.discounts.source.coupon",
        "data.items.data.discounts",
        "data.latest_invoice.customer",
        "data.schedule",
    ),
    "invoices": (
        "data.customer",
        "data.discounts",
        "data.lines.data.discounts",
        "data.parent.subscription_details.subscription",
    ),
    "subscription_schedules": ("data.customer", "data.subscription", "data.phases.items.price"),
    "events": (),
}
SAMPLE_EVERY = 7
"""Objects of the big kinds that are judged by the schema: every seventh."""


@pytest.fixture(scope="module")
def account() -> StripeAccount:
    return render(simulate())


@pytest.fixture(scope="module")
def client(account: StripeAccount) -> Iterator[httpx.Client]:
    with client_of(account) as connected:
        yield connected


def listed(client: httpx.Client, kind: str, query: str = "") -> list[dict[str, Any]]:
    """Return everything in a list, page by page."""
    status = "&status=all" if kind == "subscriptions" else ""
    seen: list[dict[str, Any]] = []
    path = f"/v1/{kind}?limit=100{status}{query}"
    page = get(client, path)
    seen += page["data"]
    while page["has_more"]:
        page = get(client, f"{path}&starting_after={seen[-1]['id']}")
        seen += page["data"]
    return seen


@pytest.mark.parametrize("kind", LISTED_KINDS)
def test_a_list_shows_every_object_of_the_account_in_its_order(
    client: httpx.Client, account: StripeAccount, kind: str
) -> None:
    shown = listed(client, kind)
    if kind == "prices":
        shown += listed(client, kind, "&active=false")
        shown.sort(key=lambda each: (-each["created"], each["id"]))

    assert [each["id"] for each in shown] == [each["id"] for each in account.objects[kind]]


@pytest.mark.parametrize("kind", LISTED_KINDS)
def test_every_object_is_valid_unexpanded_and_expanded(client: httpx.Client, kind: str) -> None:
    expand = "".join(f"&expand[]={path}" for path in EXPANSIONS[kind])
    for query in ("", expand):
        objects = listed(client, kind, query)
        sample = objects[::SAMPLE_EVERY] if len(objects) > 100 else objects
        errors = [each for shown in sample for each in errors_of(kind, shown)]

        assert errors[:5] == []


def test_items_and_lines_are_valid(client: httpx.Client, account: StripeAccount) -> None:
    for subscription in account.objects["subscriptions"][::SAMPLE_EVERY]:
        path = f"/v1/subscription_items?subscription={subscription['id']}&expand[]=data.price.tiers"
        for item in get(client, path)["data"]:
            assert errors_of("subscription_items", item) == []
    for invoice in account.objects["invoices"][::100]:
        for line in get(client, f"/v1/invoices/{invoice['id']}/lines?limit=100")["data"]:
            assert errors_of("lines", line) == []


@pytest.mark.parametrize("kind", LISTED_KINDS)
def test_an_object_looks_the_same_in_a_list_and_alone(client: httpx.Client, kind: str) -> None:
    for shown in listed(client, kind)[:3]:
        assert get(client, f"/v1/{kind}/{shown['id']}") == shown


def test_the_sdk_parses_every_list(client: httpx.Client, account: StripeAccount) -> None:
    subscription, invoice = account.objects["subscriptions"][0], account.objects["invoices"][0]
    with sdk_at(str(client.base_url).rstrip("/")) as connected:
        v1 = connected.v1
        counts = {
            "customers": len(list(v1.customers.list({"limit": 100}).auto_paging_iter())),
            "products": len(v1.products.list({"limit": 100}).data),
            "subscriptions": len(
                list(v1.subscriptions.list({"limit": 100, "status": "all"}).auto_paging_iter())
            ),
            "coupons": len(v1.coupons.list({"limit": 100, "expand": ["data.applies_to"]}).data),
            "subscription_schedules": len(v1.subscription_schedules.list({"limit": 100}).data),
            "events": len(list(v1.events.list({"limit": 100}).auto_paging_iter())),
        }
        items = v1.subscription_items.list({"subscription": subscription["id"]})
        lines = v1.invoices.line_items.list(invoice["id"], {"limit": 100})
        newest = v1.invoices.list({"limit": 1, "expand": ["data.customer"]}).data[0]
        prices = v1.prices.list({"expand": ["data.tiers"]}).data

    assert counts == {kind: len(account.objects[kind]) for kind in counts}
    assert [each.id for each in items.data] == [i["id"] for i in subscription["items"]["data"]]
    assert [each.id for each in lines.data] == [each["id"] for each in invoice["lines"]["data"]]
    assert newest.id == invoice["id"]
    assert isinstance(newest.customer, stripe.Customer)
    assert all(isinstance(each, stripe.Price) for each in prices)
