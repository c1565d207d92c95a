"""Expanding on the simulated server: what shows only on request, and what cannot be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, error, get

GONE = {"id": "cus_gone", "object": "customer", "deleted": True}
OPTIONS = {
    currency: {"unit_amount": None, "tiers": [{"up_to": None, "unit_amount": 900}]}
    for currency in ("eur", "gbp")
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    first = small.discount(1, "coupon_1")
    discounted_item = small.item(100, "sub_1", discounts=[small.discount(2, "coupon_2")])
    items = small.nested([discounted_item], "/v1/subscription_items?subscription=sub_1")
    subscription = small.subscription(1, discounts=[first], latest_invoice="in_1") | {
        "items": items,
        "schedule": "sub_sched_1",
        "default_payment_method": "pm_1",
    }
    served = small.account(
        customers=[small.customer(1, discount=first)],
        products=[small.product(1, default_price="price_1")],
        prices=[small.price(1), small.price(2, currency_options=OPTIONS)],
        coupons=[small.coupon(1), small.coupon(2)],
        subscriptions=[subscription, small.subscription(2, customer="cus_gone")],
        subscription_items=[discounted_item],
        invoices=[small.invoice(1, discounts=[first], lines=12)],
        subscription_schedules=[small.schedule(1)],
        deleted={"customers": {"cus_gone": GONE}},
    )
    with client_of(served) as connected:
        yield connected


def subscription_with(client: httpx.Client, *paths: str) -> dict[str, Any]:
    query = "&".join(f"expand[]={path}" for path in paths)
    return get(client, f"/v1/subscriptions/sub_1?{query}")


def test_references_are_ids_unless_they_are_expanded(client: httpx.Client) -> None:
    shown = get(client, "/v1/subscriptions/sub_1")

    assert shown["customer"] == "cus_1"
    assert shown["latest_invoice"] == "in_1"
    assert shown["discounts"] == ["di_1"]
    assert shown["items"]["data"][0]["discounts"] == ["di_2"]


def test_a_reference_becomes_the_object(client: httpx.Client) -> None:
    shown = subscription_with(client, "customer", "schedule")

    assert shown["customer"]["email"] == "someone1@example.com"
    assert shown["schedule"]["object"] == "subscription_schedule"


def test_a_list_expands_below_data(client: httpx.Client) -> None:
    page = get(client, "/v1/subscriptions?expand[]=data.customer&expand[]=data.latest_invoice")
    deleted, shown = page["data"]

    assert shown["customer"]["id"] == "cus_1"
    assert shown["latest_invoice"]["object"] == "invoice"
    assert deleted["customer"] == GONE


def test_an_expanded_object_shows_no_more_than_it_would_alone(client: httpx.Client) -> None:
    shown = subscription_with(client, "latest_invoice")

    assert shown["latest_invoice"] == get(client, "/v1/invoices/in_1")
    assert len(shown["latest_invoice"]["lines"]["data"]) == 10


def test_four_levels_reach_the_coupons_of_a_listed_subscription(client: httpx.Client) -> None:
    path = "/v1/subscriptions?expand[]=data.discounts.source.coupon"
    shown = get(client, path)["data"][1]

    assert shown["discounts"][0]["source"]["coupon"]["id"] == "coupon_1"
    assert "applies_to" not in shown["discounts"][0]["source"]["coupon"]
    assert shown["items"]["data"][0]["discounts"] == ["di_2"]


def test_four_levels_reach_the_discounts_of_a_listed_subscriptions_items(
    client: httpx.Client,
) -> None:
    path = "/v1/subscriptions?expand[]=data.items.data.discounts"
    shown = get(client, path)["data"][1]

    assert shown["items"]["data"][0]["discounts"][0]["source"]["coupon"] == "coupon_2"
    assert shown["discounts"] == ["di_1"]


def test_the_items_list_reaches_the_coupons_of_items(client: httpx.Client) -> None:
    path = (
        "/v1/subscription_items?subscription=sub_1&expand[]=data.discounts.source.coupon"
        "&expand[]=data.price.tiers"
    )
    shown = get(client, path)["data"][0]

    assert shown["discounts"][0]["source"]["coupon"]["percent_off"] == 10
    assert shown["price"]["tiers"]


def test_expansions_along_one_path_add_up(client: httpx.Client) -> None:
    shown = subscription_with(
        client, "discounts", "discounts.source.coupon.applies_to", "discounts.customer"
    )

    assert shown["discounts"][0]["customer"]["id"] == "cus_1"
    assert shown["discounts"][0]["source"]["coupon"]["applies_to"] == {"products": ["prod_1"]}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("prices", "tiers"),
        ("prices", "currency_options"),
        ("coupons", "applies_to"),
    ],
)
def test_some_fields_show_only_when_expanded(client: httpx.Client, path: str, field: str) -> None:
    plain = get(client, f"/v1/{path}")["data"][0]
    expanded = get(client, f"/v1/{path}?expand[]=data.{field}")["data"][0]

    assert field not in plain
    assert expanded.pop(field)
    assert expanded == plain


def test_prices_within_items_hide_their_tiers(client: httpx.Client) -> None:
    hidden = subscription_with(client, "customer")["items"]["data"][0]["price"]
    shown = subscription_with(client, "items.data.price.tiers")["items"]["data"][0]["price"]

    assert "tiers" not in hidden
    assert shown["tiers"]
    assert "currency_options" not in shown


def test_parts_that_are_always_shown_lead_on(client: httpx.Client) -> None:
    lines = get(client, "/v1/invoices/in_1/lines?expand[]=data.pricing.price_details.price")
    invoice = get(client, "/v1/invoices?expand[]=data.parent.subscription_details.subscription")
    schedule = get(client, "/v1/subscription_schedules?expand[]=data.phases.items.price")
    customer = get(client, "/v1/customers/cus_1?expand[]=discount.source.coupon")

    assert lines["data"][0]["pricing"]["price_details"]["price"]["object"] == "price"
    details = invoice["data"][0]["parent"]["subscription_details"]
    assert details["subscription"]["object"] == "subscription"
    assert schedule["data"][0]["phases"][0]["items"][0]["price"]["object"] == "price"
    assert customer["discount"]["source"]["coupon"]["object"] == "coupon"


def test_products_and_prices_expand_into_each_other(client: httpx.Client) -> None:
    shown = get(client, "/v1/products/prod_1?expand[]=default_price.product")

    assert shown["default_price"]["product"]["default_price"] == "price_1"


def test_a_reference_to_what_the_account_does_not_hold_stays_an_id(client: httpx.Client) -> None:
    assert subscription_with(client, "default_payment_method")["default_payment_method"] == "pm_1"


def test_indexed_paths_are_read_like_unindexed_ones(client: httpx.Client) -> None:
    shown = get(client, "/v1/subscriptions/sub_1?expand[0]=customer&expand[1]=latest_invoice")

    assert shown["customer"]["object"] == "customer"
    assert shown["latest_invoice"]["object"] == "invoice"


def test_a_fifth_level_is_refused(client: httpx.Client) -> None:
    refused = error(client, "/v1/subscriptions?expand[]=data.items.data.price.tiers")

    assert refused["type"] == "invalid_request_error"
    assert "more than 4 levels" in refused["message"]
    assert "data.items.data.price.tiers" in refused["message"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("subscriptions/sub_1?expand[]=metadata", "cannot be expanded (metadata)"),
        ("subscriptions/sub_1?expand[]=customer.name", "cannot be expanded (customer.name)"),
        ("subscriptions/sub_1?expand[]=items.price", "cannot be expanded (items.price)"),
        ("subscriptions/sub_1?expand[]=data.customer", "cannot be expanded (data.customer)"),
        ("subscriptions/sub_1?expand[]=schedule.test_clock.x", "cannot be expanded"),
        ("coupons?expand[]=data.tiers", "cannot be expanded (data.tiers)"),
        ("subscriptions?expand[]=customer", "try expanding 'data.customer' instead"),
        ("events?expand[]=data.data.object.customer", "cannot be expanded"),
    ],
)
def test_a_property_that_does_not_expand_is_refused(
    client: httpx.Client, path: str, message: str
) -> None:
    refused = error(client, f"/v1/{path}")

    assert message in refused["message"]
    assert refused["param"] == "expand[0]"


def test_an_unindexed_path_is_refused(client: httpx.Client) -> None:
    assert error(client, "/v1/subscriptions?expand=data.customer")["message"] == "Invalid array"


def test_tiers_in_another_currency_show_where_that_currency_is_named(
    client: httpx.Client,
) -> None:
    bare = get(client, "/v1/prices/price_2?expand[]=currency_options")
    whole = get(
        client,
        "/v1/prices?expand[]=data.currency_options&expand[]=data.currency_options.eur.tiers",
    )

    assert bare["currency_options"] == {"eur": {"unit_amount": None}, "gbp": {"unit_amount": None}}
    options = whole["data"][0]["currency_options"]
    assert options["eur"]["tiers"] == [{"up_to": None, "unit_amount": 900}]
    assert "tiers" not in options["gbp"]


def test_tiers_in_other_currencies_without_a_name_are_accepted_and_stay_hidden(
    client: httpx.Client,
) -> None:
    shown = get(client, "/v1/prices/price_2?expand[]=currency_options.tiers")

    assert "tiers" not in shown["currency_options"]["eur"]
