"""Privacy rules that would take away what the figures or the policy need."""

from __future__ import annotations

import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.stripe_source.needed import refuse_blinding
from nrr_pipeline.stripe_source.redaction import EMAIL_DOMAIN, PrivacyRules, redact

INTERNAL = ("exclude.metadata.internal", "customer.metadata.internal")


def rules(drop: list[str] | None = None, keep: list[str] | None = None) -> PrivacyRules:
    return PrivacyRules(frozenset(drop or ()), frozenset(keep or ()))


@pytest.mark.parametrize(
    "rule", ["items", "subscription.items", "price.unit_amount_decimal", "status", "discounts"]
)
def test_a_field_that_prices_need_cannot_be_dropped(rule: str) -> None:
    with pytest.raises(SettingsError, match=f"privacy.drop names {rule}"):
        refuse_blinding(rules(drop=[rule]), [])


@pytest.mark.parametrize(
    "rule", ["name", "customer.name", "metadata.status", "address", "metadata"]
)
def test_other_fields_and_metadata_of_the_same_name_can_be_dropped(rule: str) -> None:
    refuse_blinding(rules(drop=[rule]), [])


@pytest.mark.parametrize(
    "rule", ["metadata", "customer.metadata", "metadata.internal", "customer.metadata.internal"]
)
def test_metadata_that_a_setting_reads_cannot_be_dropped(rule: str) -> None:
    with pytest.raises(SettingsError, match=r"exclude\.metadata\.internal reads .*privacy\.drop"):
        refuse_blinding(rules(drop=[rule]), [INTERNAL])
    refuse_blinding(rules(drop=["metadata.other", "subscription.metadata"]), [INTERNAL])


def test_a_longer_rule_that_keeps_it_is_enough() -> None:
    refuse_blinding(rules(["metadata"], ["customer.metadata.internal", "metadata"]), [])
    refuse_blinding(rules(["metadata"], ["customer.metadata"]), [INTERNAL])


def test_a_segment_of_a_field_that_is_never_stored_is_refused_until_it_is_kept() -> None:
    source = ("segments.phone", "customer.phone")
    with pytest.raises(
        SettingsError, match=r"segments\.phone reads customer\.phone.*privacy\.keep"
    ):
        refuse_blinding(rules(), [source])
    refuse_blinding(rules(keep=["customer.phone"]), [source])
    refuse_blinding(rules(), [("segments.plan", "subscription.metadata.a.b")])
    refuse_blinding(rules(), [("segments.sector", "attributes.sector")])


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("ann@example.com", "example.com"),
        ("Ann@EXAMPLE.com ", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("ann@mail.example.com", None),
        ("ann@example.com.evil.test", None),
        ("ann@other.test", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_of_an_address_only_a_domain_that_a_rule_names_is_kept(
    address: object, kept: str | None
) -> None:
    privacy = PrivacyRules(email_domains=frozenset({"example.com"}))
    stored = redact("customers", {"id": "cus_1", "email": address}, privacy)
    assert stored == {"id": "cus_1"} | ({} if kept is None else {EMAIL_DOMAIN: kept})
    assert redact("customers", {"email": address, EMAIL_DOMAIN: "x"}, rules()) == {}
    assert redact("invoices", {"id": "in_1", "customer_email": address}, privacy) == {"id": "in_1"}
