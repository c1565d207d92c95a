"""A hand-made account of a few objects, and clients that read it over HTTP.

Just enough of each object for the server's behavior to show; whether objects are complete is
tested on the simulated business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import requests
import stripe

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount
from nrr_pipeline.demo.server import API_VERSION, AccountHolder, ServerOptions, running_server

KEY = "rk_test_0123456789abcdef"
NOW = 1_791_180_000
NOW_AS_HTTP_DATE = "Mon, 05 Oct 2026 06:00:00 GMT"


def account(
    *,
    deleted: dict[str, dict[str, Any]] | None = None,
    livemode: bool = False,
    **objects: list[dict[str, Any]],
) -> StripeAccount:
    """Make an account of the given objects, sorted as an account must be."""
    listed = {
        kind: sorted(objects.get(kind, []), key=lambda each: -each["created"])
        for kind in OBJECT_KINDS
    }
    return StripeAccount(
        account_id="acct_small",
        now=NOW,
        livemode=livemode,
        objects=listed,
        deleted=deleted or {},
    )


def customer(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"cus_{number}",
        "object": "customer",
        "created": 1_000 + number,
        "discount": None,
        "email": f"someone{number}@example.com",
        "invoice_settings": {"default_payment_method": None},
        **fields,
    }


def product(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"prod_{number}",
        "object": "product",
        "created": 100 + number,
        "active": True,
        "default_price": None,
        **fields,
    }


def price(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"price_{number}",
        "object": "price",
        "created": 200 + number,
        "active": True,
        "currency": "usd",
        "currency_options": {"usd": {"unit_amount": 1_000}},
        "lookup_key": None,
        "product": "prod_1",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "tiers": [{"up_to": None, "unit_amount": 1_000}],
        "type": "recurring",
        **fields,
    }


def coupon(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"coupon_{number}",
        "object": "coupon",
        "created": 300 + number,
        "applies_to": {"products": ["prod_1"]},
        "percent_off": 10,
        **fields,
    }


def discount(number: int, coupon_id: str) -> dict[str, Any]:
    return {
        "id": f"di_{number}",
        "object": "discount",
        "customer": "cus_1",
        "source": {"type": "coupon", "coupon": coupon_id},
    }


def item(number: int, subscription_id: str, **fields: object) -> dict[str, Any]:
    return {
        "id": f"si_{number}",
        "object": "subscription_item",
        "created": 2_000 + number,
        "current_period_end": 5_000,
        "current_period_start": 4_000,
        "discounts": [],
        "price": price(1),
        "quantity": 1,
        "subscription": subscription_id,
        **fields,
    }


def nested(elements: list[dict[str, Any]], url: str) -> dict[str, Any]:
    return {"object": "list", "data": elements, "has_more": False, "url": url}


def subscription(number: int, *, items: int = 1, **fields: object) -> dict[str, Any]:
    own_id = f"sub_{number}"
    elements = [item(number * 100 + position, own_id) for position in range(items)]
    return {
        "id": own_id,
        "object": "subscription",
        "created": 2_000 + number,
        "automatic_tax": {"enabled": False},
        "collection_method": "charge_automatically",
        "customer": "cus_1",
        "discounts": [],
        "items": nested(elements, f"/v1/subscription_items?subscription={own_id}"),
        "latest_invoice": None,
        "schedule": None,
        "status": "active",
        **fields,
    }


def line(number: int, invoice_id: str, **fields: object) -> dict[str, Any]:
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "discount_amounts": [],
        "discounts": [],
        "invoice": invoice_id,
        "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}},
        "subscription": "sub_1",
        **fields,
    }


def invoice(number: int, *, lines: int = 1, **fields: object) -> dict[str, Any]:
    own_id = f"in_{number}"
    elements = [line(number * 100 + position, own_id) for position in range(lines)]
    return {
        "id": own_id,
        "object": "invoice",
        "created": 3_000 + number,
        "collection_method": "charge_automatically",
        "customer": "cus_1",
        "discounts": [],
        "due_date": None,
        "lines": nested(elements, f"/v1/invoices/{own_id}/lines"),
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "status": "paid",
        **fields,
    }


def schedule(number: int, **fields: object) -> dict[str, Any]:
    return {
        "id": f"sub_sched_{number}",
        "object": "subscription_schedule",
        "created": 6_000 + number,
        "canceled_at": None,
        "completed_at": None,
        "customer": "cus_1",
        "phases": [{"items": [{"price": "price_1", "discounts": []}], "discounts": []}],
        "released_at": None,
        "status": "active",
        "subscription": "sub_1",
        **fields,
    }


def event(
    number: int,
    event_type: str,
    about: dict[str, Any],
    *,
    before: dict[str, Any] | None = None,
    **fields: object,
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if before is not None:
        changes = {"previous_attributes": {"items": {"data": before["items"]["data"]}}}
    return {
        "id": f"evt_{number}",
        "object": "event",
        "created": 7_000 + number,
        "data": {"object": about, **changes},
        "pending_webhooks": 0,
        "type": event_type,
        **fields,
    }


@contextmanager
def client_of(
    served: StripeAccount | AccountHolder,
    options: ServerOptions | None = None,
    *,
    key: str | None = KEY,
) -> Iterator[httpx.Client]:
    """Serve an account and yield an HTTP client for it."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    with (
        running_server(served, options) as address,
        httpx.Client(base_url=address, headers=headers, trust_env=False) as client,
    ):
        yield client


@contextmanager
def sdk_at(address: str, *, key: str = KEY) -> Iterator[stripe.StripeClient]:
    """Yield Stripe's own client for a server."""
    with requests.Session() as session:
        session.trust_env = False
        yield stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": address},
            http_client=stripe.RequestsClient(session=session),
        )


def get(client: httpx.Client, path: str, status: int = 200) -> dict[str, Any]:
    """Return the body of an answer that has the expected status."""
    response = client.get(path)
    assert response.status_code == status, response.text
    return response.json()


def ids(client: httpx.Client, path: str) -> list[str]:
    """Return the ids on a page of a list."""
    return [each["id"] for each in get(client, path)["data"]]


def error(client: httpx.Client, path: str, status: int = 400) -> dict[str, Any]:
    """Return the error that a path is answered with."""
    return get(client, path, status)["error"]
