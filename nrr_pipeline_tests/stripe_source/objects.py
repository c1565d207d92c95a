"""Small Stripe objects for these tests, with what the pull looks at and little else."""

from __future__ import annotations

from typing import Any

from nrr_pipeline_tests.stripe_source.fake_stripe import NOW, page

Payload = dict[str, Any]


def customer(object_id: str, created: int = NOW - 1000, **more: object) -> Payload:
    return {
        "id": object_id,
        "object": "customer",
        "created": created,
        "livemode": False,
        "name": "Ann Example",
        "metadata": {},
        **more,
    }


def customers(count: int, *, newest: int = NOW - 1000, apart: int = 60) -> list[Payload]:
    return [customer(f"cus_{n:05}", newest - n * apart) for n in range(count)]


def price(object_id: str, created: int = NOW - 9000, **more: object) -> Payload:
    return {
        "id": object_id,
        "object": "price",
        "active": True,
        "created": created,
        "livemode": False,
        "product": "prod_1",
        **more,
    }


def product(object_id: str, created: int = NOW - 9000, **more: object) -> Payload:
    return {
        "id": object_id,
        "object": "product",
        "active": True,
        "created": created,
        "livemode": False,
        "name": "Team",
        **more,
    }


def coupon(object_id: str, created: int = NOW - 9000, **more: object) -> Payload:
    return {"id": object_id, "object": "coupon", "created": created, "livemode": False, **more}


def item(object_id: str, price_id: str = "price_1", **more: object) -> Payload:
    return {
        "id": object_id,
        "object": "subscription_item",
        "price": price(price_id),
        "quantity": 3,
        "created": NOW - 900,
        **more,
    }


def subscription(
    object_id: str, created: int = NOW - 900, items: list[Payload] | None = None, **more: object
) -> Payload:
    return {
        "id": object_id,
        "object": "subscription",
        "created": created,
        "livemode": False,
        "customer": "cus_1",
        "status": "active",
        "discounts": [],
        "items": page([item(f"si_{object_id}")] if items is None else items),
        **more,
    }


def line(object_id: str, price_id: str = "price_1") -> Payload:
    return {
        "id": object_id,
        "object": "line_item",
        "amount": 1000,
        "pricing": {"price_details": {"price": price_id, "product": "prod_1"}},
    }


def invoice(object_id: str, created: int = NOW - 800, **more: object) -> Payload:
    return {
        "id": object_id,
        "object": "invoice",
        "created": created,
        "livemode": False,
        "customer": "cus_1",
        "lines": page([line(f"il_{object_id}")]),
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        **more,
    }


def event(
    object_id: str, concerned: Payload, created: int = NOW - 50, kind: str = "updated"
) -> Payload:
    return {
        "id": object_id,
        "object": "event",
        "type": f"{concerned['object']}.{kind}",
        "created": created,
        "livemode": False,
        "data": {"object": concerned},
    }
