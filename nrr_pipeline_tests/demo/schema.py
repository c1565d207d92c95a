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
    "discounts": "Discount",
    "events": "event",
}
"""The schema's definition for every kind of object, and for the lines of an invoice."""

_KIND_OF_OBJECT = {
    "customer": "customers",
    "discount": "discounts",
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


def completed(kind: str, stripe_object: dict[str, Any]) -> dict[str, Any]:
    """An object with every field that the schema requires: null where it may be, else empty."""
    return _completed(_definitions()[_ROOTS[kind]], stripe_object)


def _completed(schema: dict[str, Any], value: Any) -> Any:  # noqa: ANN401
    schema = _form_of(schema, value)
    if isinstance(value, list):
        return [_completed(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    empty = {name: _empty(known[name]) for name in schema.get("required", ()) if name not in value}
    other = schema.get("additionalProperties") or {}
    return empty | {name: _completed(known.get(name, other), each) for name, each in value.items()}


def _form_of(schema: dict[str, Any], value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Of several forms that a value may have, the one that it has."""
    if "$ref" in schema:
        return _definitions()[schema["$ref"].rpartition("/")[2]]
    if not isinstance(value, dict):
        lists = (each for each in schema.get("anyOf", ()) if each.get("type") == "array")
        return next(lists, schema) if isinstance(value, list) else schema
    forms = [_form_of(each, value) for each in schema.get("anyOf", ())]
    return next(
        (each for each in forms if value.keys() <= each.get("properties", {}).keys()), schema
    )


def _empty(schema: dict[str, Any]) -> Any:  # noqa: ANN401
    form = _form_of(schema, None)
    forms = [_form_of(each, None) for each in form.get("anyOf", [form])]
    types = [str(each.get("type")) for each in forms]
    if "null" in types:
        return None
    if "enum" in forms[0]:
        return forms[0]["enum"][0]
    empty = {"array": [], "boolean": False, "number": 0, "string": ""}
    return _completed(forms[0], {}) if types[0] == "object" else empty[types[0]]
