from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.stripe_source.redaction import (
    DEFAULT_PRIVACY,
    DROPPED,
    NOISE,
    REDUCED,
    PrivacyRules,
    redact,
)

SECRET = "planted-secret"

ADDRESS = {
    "line1": SECRET,
    "line2": SECRET,
    "city": SECRET,
    "postal_code": SECRET,
    "state": SECRET,
    "country": "SE",
}

CUSTOMER: dict[str, Any] = {
    "id": "cus_1",
    "object": "customer",
    "address": ADDRESS,
    "balance": 0,
    "business_name": "Example AB",
    "currency": "sek",
    "default_source": SECRET,
    "description": SECRET,
    "email": SECRET,
    "individual_name": SECRET,
    "invoice_settings": {
        "custom_fields": [{"name": SECRET, "value": SECRET}],
        "default_payment_method": SECRET,
        "footer": SECRET,
        "rendering_options": None,
    },
    "metadata": {"industry": "retail", "email_domain": "example.com"},
    "name": "Ann Example",
    "phone": SECRET,
    "shipping": {"address": ADDRESS, "name": SECRET, "phone": SECRET, "tracking_number": SECRET},
    "sources": {"object": "list", "data": [{"id": SECRET, "last4": SECRET}]},
    "tax": {"ip_address": SECRET, "automatic_tax": "supported"},
    "tax_ids": {"object": "list", "data": [{"value": SECRET}]},
}

KEPT_CUSTOMER: dict[str, Any] = {
    "id": "cus_1",
    "object": "customer",
    "address": {"country": "SE"},
    "balance": 0,
    "business_name": "Example AB",
    "currency": "sek",
    "invoice_settings": {"rendering_options": None},
    "metadata": {"industry": "retail", "email_domain": "example.com"},
    "name": "Ann Example",
    "shipping": {"address": {"country": "SE"}},
    "tax": {"automatic_tax": "supported"},
}

INVOICE: dict[str, Any] = {
    "id": "in_1",
    "object": "invoice",
    "confirmation_secret": {"client_secret": SECRET},
    "custom_fields": [{"name": "PO", "value": SECRET}],
    "customer": CUSTOMER,
    "customer_address": ADDRESS,
    "customer_email": SECRET,
    "customer_name": SECRET,
    "customer_phone": SECRET,
    "customer_shipping": {"address": ADDRESS, "name": SECRET, "phone": SECRET},
    "customer_tax_ids": [{"type": "eu_vat", "value": SECRET}],
    "default_payment_method": {"billing_details": {"email": SECRET}, "card": {"last4": SECRET}},
    "description": SECRET,
    "footer": SECRET,
    "hosted_invoice_url": f"https://invoice.stripe.com/i/{SECRET}",
    "invoice_pdf": f"https://pay.stripe.com/{SECRET}",
    "last_finalization_error": {"message": SECRET, "payment_method": {"id": SECRET}},
    "lines": {
        "object": "list",
        "data": [
            {"id": "il_2", "description": SECRET, "amount": 200, "quantity": 2},
            {"id": "il_1", "description": SECRET, "amount": 100, "quantity": 1},
        ],
    },
    "payment_settings": {"payment_method_options": {"card": SECRET}},
    "payments": {"object": "list", "data": [{"payment": {"charge": SECRET}}]},
    "shipping_details": {"address": ADDRESS, "name": SECRET},
    "status": "open",
}

SUBSCRIPTION: dict[str, Any] = {
    "id": "sub_1",
    "object": "subscription",
    "cancellation_details": {"comment": SECRET, "feedback": "too_complex", "reason": None},
    "customer": "cus_1",
    "default_payment_method": SECRET,
    "default_source": SECRET,
    "description": SECRET,
    "discounts": [{"source": {"coupon": {"id": "half", "times_redeemed": 7, "percent_off": 50}}}],
    "latest_invoice": INVOICE,
    "payment_settings": {"payment_method_types": [SECRET]},
    "pending_setup_intent": {"client_secret": SECRET},
}

EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "data": {
        "object": CUSTOMER,
        "previous_attributes": {
            "address": ADDRESS,
            "email": SECRET,
            "description": SECRET,
            "invoice_settings": {"default_payment_method": SECRET},
            "name": "Ann Before",
            "shipping": None,
        },
    },
    "request": {"id": "req_1", "idempotency_key": SECRET},
}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("customers", CUSTOMER),
        ("invoices", INVOICE),
        ("subscriptions", SUBSCRIPTION),
        ("events", EVENT),
        ("events", {**EVENT, "data": {"object": SUBSCRIPTION}}),
    ],
)
def test_no_planted_secret_is_left_anywhere(kind: str, payload: dict[str, Any]) -> None:
    assert SECRET not in json.dumps(redact(kind, payload, DEFAULT_PRIVACY))


def test_of_a_customer_name_country_and_metadata_are_kept() -> None:
    assert redact("customers", CUSTOMER, DEFAULT_PRIVACY) == KEPT_CUSTOMER


def test_an_event_keeps_what_changed_besides() -> None:
    kept = redact("events", EVENT, DEFAULT_PRIVACY)
    assert kept["data"] == {
        "object": KEPT_CUSTOMER,
        "previous_attributes": {
            "address": {"country": "SE"},
            "invoice_settings": {},
            "name": "Ann Before",
            "shipping": None,
        },
    }
    assert kept["request"] == {"id": "req_1"}


def test_what_figures_are_made_of_is_kept_in_its_order() -> None:
    lines = redact("invoices", INVOICE, DEFAULT_PRIVACY)["lines"]["data"]
    assert lines == [
        {"id": "il_2", "amount": 200, "quantity": 2},
        {"id": "il_1", "amount": 100, "quantity": 1},
    ]
    subscription = redact("subscriptions", SUBSCRIPTION, DEFAULT_PRIVACY)
    assert subscription["cancellation_details"] == {"feedback": "too_complex", "reason": None}
    assert subscription["discounts"] == [{"source": {"coupon": {"id": "half", "percent_off": 50}}}]


def test_the_object_itself_is_not_changed() -> None:
    before = copy.deepcopy(INVOICE)
    redact("invoices", INVOICE, DEFAULT_PRIVACY)
    assert before == INVOICE


def with_rules(drop: set[str] | None = None, keep: set[str] | None = None) -> PrivacyRules:
    return PrivacyRules(drop=frozenset(drop or ()), keep=frozenset(keep or ()))


@pytest.mark.parametrize(
    "path", ["name", "customer.name", "data.object.name", "event.data.object.name"]
)
def test_a_setting_drops_more_by_name_or_path(path: str) -> None:
    kept = redact("events", EVENT, with_rules(drop={path}))
    assert "name" not in kept["data"]["object"]
    assert kept["data"]["object"]["metadata"] == CUSTOMER["metadata"]


def test_a_path_drops_nothing_elsewhere() -> None:
    payload = {**CUSTOMER, "tax": {"name": "stays"}}
    kept = redact("customers", payload, with_rules(drop={"customer.name", "metadata.industry"}))
    assert "name" not in kept
    assert kept["tax"] == {"name": "stays"}
    assert kept["metadata"] == {"email_domain": "example.com"}


def test_a_customers_rule_holds_for_what_an_event_says_of_the_time_before() -> None:
    kept = redact("events", EVENT, with_rules(drop={"customer.name"}))
    assert "name" not in kept["data"]["previous_attributes"]


@pytest.mark.parametrize("path", ["email", "customer.email"])
def test_a_setting_keeps_what_is_dropped_otherwise(path: str) -> None:
    assert "email" in redact("customers", CUSTOMER, with_rules(keep={path}))
    assert "email" not in redact("customers", CUSTOMER, with_rules(keep={"invoice.email"}))


def test_more_of_an_address_can_be_kept() -> None:
    whole = redact("customers", CUSTOMER, with_rules(keep={"customer.address"}))
    assert whole["address"] == ADDRESS
    assert whole["shipping"] == {"address": {"country": "SE"}}
    city = redact("customers", CUSTOMER, with_rules(keep={"address.city"}))
    assert city["address"] == {"city": SECRET, "country": "SE"}


def test_the_longer_path_wins_and_between_equals_dropping_does() -> None:
    rules = with_rules(drop={"email"}, keep={"customer.email"})
    assert "email" in redact("customers", CUSTOMER, rules)
    rules = with_rules(drop={"customer.email"}, keep={"customer.email", "email"})
    assert "email" not in redact("customers", CUSTOMER, rules)


def test_metadata_is_only_subject_to_the_setting() -> None:
    payload = {"id": "cus_1", "metadata": {"description": "vip", "card": "yes"}}
    assert redact("customers", payload, DEFAULT_PRIVACY) == payload
    elsewhere = with_rules(drop={"customer.description"}, keep={"address.card"})
    assert redact("customers", payload, elsewhere) == payload
    kept = redact("customers", payload, with_rules(drop={"metadata"}))
    assert kept == {"id": "cus_1"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*sorted(DROPPED | REDUCED | NOISE), "id", "data", "object", "items"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def fields(value: object) -> set[str]:
    """Every field name at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(fields, value.values()))
    if isinstance(value, list):
        return {name for each in value for name in fields(each)}
    return set()


@given(st.dictionaries(st.sampled_from(["data", "object", "id", "email", "address"]), JSON))
def test_no_dropped_field_survives_at_any_depth_and_redacting_twice_changes_nothing(
    payload: dict[str, Any],
) -> None:
    once = redact("customers", payload, DEFAULT_PRIVACY)
    assert not fields(once) & (DROPPED | NOISE)
    assert redact("customers", once, DEFAULT_PRIVACY) == once
