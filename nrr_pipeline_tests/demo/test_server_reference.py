"""The simulated server against Stripe's own reference: parameters of lists, and what expands."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import client_of, get

FOLDER = Path(__file__).parent / "stripe_schema"
PARAMETERS: dict[str, dict[str, Any]] = json.loads(
    (FOLDER / "list_parameters.2026-05-27.dahlia.json").read_text()
)
SCHEMA: dict[str, Any] = json.loads(
    gzip.decompress((FOLDER / "billing-types.2026-10-28.endive.schema.json.gz").read_bytes())
)
SAMPLES = {
    "integer": "=1",
    "boolean": "=true",
    "string": "=something",
    "range": "[gte]=1",
    "array": "[]=something",
}
IDS = {
    "customer": "cus_1",
    "price": "price_1",
    "product": "prod_1",
    "subscription": "sub_1",
}
CURSORS = {"starting_after", "ending_before"}
HELD = {
    "Coupon",
    "Customer",
    "Discount",
    "Invoice",
    "Price",
    "Product",
    "Subscription",
    "SubscriptionSchedule",
}
"""What the account holds and references can lead to, as the schema calls it."""
ROOTS = {
    "customers": "Customer",
    "coupons": "Coupon",
    "invoices": "Invoice",
    "prices": "Price",
    "products": "Product",
    "subscription_items": "SubscriptionItem",
    "subscription_schedules": "SubscriptionSchedule",
    "subscriptions": "Subscription",
}

PARTS = {*ROOTS.values(), "Discount", "InvoiceLineItem", "Plan"}
"""Objects that are shown within others, and lead on."""
FIRST_IDS = {
    "customers": "cus_1",
    "coupons": "coupon_1",
    "invoices": "in_1",
    "prices": "price_1",
    "products": "prod_1",
    "subscription_items": "si_100",
    "subscription_schedules": "sub_sched_1",
    "subscriptions": "sub_1",
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    subscription = small.subscription(1)
    served = small.account(
        customers=[small.customer(1)],
        products=[small.product(1)],
        prices=[small.price(1)],
        coupons=[small.coupon(1)],
        subscriptions=[subscription],
        subscription_items=subscription["items"]["data"],
        invoices=[small.invoice(1)],
        subscription_schedules=[small.schedule(1)],
    )
    with client_of(served) as connected:
        yield connected


def queries(name: str, kind: str | list[str] | dict[str, Any]) -> Iterator[str]:
    """Return a query for every form of a parameter's value."""
    if isinstance(kind, dict):
        for key, inner in kind.items():
            yield from queries(f"{name}[{key}]", inner)
    elif isinstance(kind, list):
        for choice in kind:
            yield f"{name}={choice}"
    elif name in IDS:
        yield f"{name}={IDS[name]}"
    elif name == "expand":
        yield "expand[]=data"
    else:
        yield name + SAMPLES[kind]


@pytest.mark.parametrize("path", PARAMETERS)
def test_a_list_takes_every_parameter_that_stripe_documents(
    client: httpx.Client, path: str
) -> None:
    own_path = path.replace("{invoice}", "in_1")
    required = "subscription=sub_1" if path == "/v1/subscription_items" else "limit=1"
    for name, kind in PARAMETERS[path].items():
        for query in queries(name, kind):
            answer = client.get(f"{own_path}?{required}&{query}")
            if name in CURSORS:
                assert answer.json()["error"]["code"] == "resource_missing"
            else:
                assert answer.status_code == 200, answer.text


def test_the_lists_of_the_reference_are_the_ones_that_are_served(client: httpx.Client) -> None:
    for path in PARAMETERS:
        answer = client.get(path.replace("{invoice}", "in_1"))

        assert answer.status_code == (400 if path == "/v1/subscription_items" else 200)


def alternatives(schema: dict[str, Any]) -> Iterator[str]:
    """Return the definitions that a value may follow, and ``id`` where it may be a string."""
    for each in schema.get("anyOf", [schema]):
        if each.get("type") == "array":
            yield from alternatives(each["items"])
        elif "$ref" in each:
            yield each["$ref"].removeprefix("#/$defs/")
        elif each.get("type") == "string":
            yield "id"


def expandable(definition: str, levels: int, prefix: tuple[str, ...] = ()) -> Iterator[str]:
    """Return the paths below an object that lead to a reference the account can follow."""
    for name, schema in SCHEMA["$defs"][definition].get("properties", {}).items():
        path = (*prefix, name)
        if len(path) > levels:
            continue
        found = set(alternatives(schema))
        if "id" in found:
            if found & HELD:
                yield ".".join(path)
            continue
        elements = schema.get("properties", {}).get("data", {}).get("items")
        if elements is not None:
            path, found = (*path, "data"), set(alternatives(elements))
        for inner in found:
            if inner.startswith(f"{definition}.") or inner in PARTS:
                yield from expandable(inner, levels, path)


def test_the_paths_that_the_schema_shows_are_found() -> None:
    paths = set(expandable("Subscription", 4))

    assert {"customer", "discounts", "items.data.discounts", "items.data.price.product"} <= paths
    assert "lines.data.pricing.price_details.price" in set(expandable("Invoice", 5))


@pytest.mark.parametrize("kind", ROOTS)
def test_every_reference_that_the_schema_shows_expands(client: httpx.Client, kind: str) -> None:
    for path in expandable(ROOTS[kind], 4):
        shown = get(client, f"/v1/{kind}/{FIRST_IDS[kind]}?expand[]={path}")

        assert shown["id"] == FIRST_IDS[kind]
