"""Judges objects of the simulated account by Stripe's own schema.

Here belongs the strict reading of the schema in ``stripe_schema/``. What the account should contain
beyond valid objects belongs to the tests themselves.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_FOLDER = Path(__file__).parent / "stripe_schema"
_ROOTS = {
    "customers": "Customer",
    "products": "Product",
    "prices": "Price",
    "coupons": "Coupon",
    "subscriptions": "Subscription",
    "subscription_items": "SubscriptionItem",
    "invoices": "Invoice",
    "lines": "InvoiceLineItem",
    "subscription_schedules": "SubscriptionSchedule",
    "events": "event",
}
"""The schema's definition for every kind of object, and for the lines of an invoice."""

_KIND_OF_OBJECT = {
    "customer": "customers",
    "invoice": "invoices",
    "subscription": "subscriptions",
}


def errors_of(kind: str, stripe_object: dict[str, Any]) -> list[str]:
    """What is wrong with an object of a kind such as ``invoices``; empty when nothing is.

    Expandable fields may hold an id or the object. Fields that the schema does not know are
    errors. An event is judged together with the object it carries.
    """
    errors = [
        f"{stripe_object.get('id')}: {error.json_path}: {error.message[:300]}"
        for error in _validator(kind).iter_errors(stripe_object)
    ]
    if kind == "events" and not errors:
        errors = _errors_of_event_data(stripe_object["data"])
    return errors


def _errors_of_event_data(data: dict[str, Any]) -> list[str]:
    kind = _KIND_OF_OBJECT[data["object"]["object"]]
    known = _definitions()[_ROOTS[kind]]["properties"]
    unknown = data.get("previous_attributes", {}).keys() - known.keys()
    return errors_of(kind, data["object"]) + [
        f"unknown previous attribute {name}" for name in unknown
    ]


@lru_cache
def _validator(kind: str) -> Draft202012Validator:
    definitions = _definitions()
    return Draft202012Validator({**definitions[_ROOTS[kind]], "$defs": definitions})


@lru_cache
def _definitions() -> dict[str, Any]:
    billing = json.loads(
        gzip.decompress((_FOLDER / "billing-types.2026-10-28.endive.schema.json.gz").read_bytes())
    )
    event = json.loads((_FOLDER / "event.2026-05-27.dahlia.schema.json").read_text())
    return {
        name: _strict(definition)
        for name, definition in {**billing["$defs"], **event["$defs"]}.items()
    }


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, closed to unknown fields and to unknown values of open enums."""
    strict = dict(schema)
    if "properties" in schema:
        strict["properties"] = {k: _strict(each) for k, each in schema["properties"].items()}
        strict.setdefault("additionalProperties", False)
    if "anyOf" in schema:
        strict["anyOf"] = [_strict(each) for each in schema["anyOf"]]
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            strict[inner] = _strict(schema[inner])
    if "x-openEnum" in schema:
        strict["enum"] = strict.pop("x-openEnum")
    return strict
