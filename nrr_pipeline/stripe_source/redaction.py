"""What is left out of an object before anything is stored.

The figures need neither e-mail nor phone, street, payment details or free text about a person, so
those never reach the database. The rules go by field name and hold at any depth: in lists, in
expanded objects, in an event's ``data.object`` and ``previous_attributes``. A customer's name and
country stay, since reports show them; ``metadata`` stays, since segments come from it.

===============  ==============================================================================
rule             fields
===============  ==============================================================================
dropped          ``DROPPED``: how to reach a person, how they pay, and free text
country only     ``REDUCED``: addresses; of a shipping field its address's country
noise            ``NOISE``: counters that move by themselves and would make every object that
                 carries them look changed
===============  ==============================================================================

Of a customer's e-mail address the domain is kept, as ``EMAIL_DOMAIN``, where a rule of the policy
names it: that is how internal customers are told. The address itself is not.

A setting widens or narrows this by field name (``email``) or by a dotted path that ends in it
(``customer.email``, ``metadata.vat_number``), whose earlier words are the fields around it or the
type of the object it stands in. The longer path wins; between equals, dropping does. What a field
means is not known here, and nothing is reordered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nrr_pipeline.stripe_source.catalog import TYPE_OF_KIND

DROPPED = frozenset(
    {
        # how to reach a person, and who they are
        *("email", "customer_email", "receipt_email", "phone", "customer_phone"),
        *("individual_name", "customer_name", "ip", "ip_address"),
        *("tax_ids", "customer_tax_ids", "account_tax_ids"),
        # how they pay
        *("default_payment_method", "default_source", "sources", "payment_settings"),
        *("payment_method", "payment_method_details", "payment_method_options"),
        *("payment_intent", "pending_setup_intent", "charge", "latest_charge", "payments"),
        *("card", "cards", "active_card", "default_card"),
        *("bank_account", "bank_accounts", "billing_details", "owner"),
        *("last_finalization_error", "last_payment_error", "last_setup_error"),
        *("confirmation_secret", "client_secret", "hosted_invoice_url", "invoice_pdf"),
        *("idempotency_key",),
        # free text that can name a person
        *("description", "footer", "custom_fields", "comment", "memo"),
    }
)
"""Field names that are left out."""

REDUCED = frozenset(
    {"address", "customer_address", "shipping", "customer_shipping", "shipping_details"}
)
"""Field names of which only the country is kept."""

NOISE = frozenset({"times_redeemed"})
"""Field names that are left out because they move by themselves."""

EMAIL_DOMAIN = "nrr_email_domain"
"""Our own field of a customer; Stripe has none of this name."""

_DEFAULT = DROPPED | REDUCED | NOISE
_NOTHING: frozenset[str] = frozenset()


class _Place(NamedTuple):
    """A container of fields: its own name, what tells its object's type, and what it stands in."""

    name: str
    typed: object
    around: _Place | None

    def goes_by(self, word: str) -> bool:
        """Whether a rule's word means this container."""
        if word == self.name:
            return True
        return isinstance(self.typed, Mapping) and self.typed.get("object") == word


@dataclass(frozen=True)
class PrivacyRules:
    """What a policy leaves out beyond the default, and what it keeps against it.

    >>> rules = PrivacyRules(drop=frozenset({"metadata.vat_number"}), keep=frozenset())
    >>> redact("customers", {"id": "cus_1", "metadata": {"vat_number": "1", "size": "9"}}, rules)
    {'id': 'cus_1', 'metadata': {'size': '9'}}
    """

    drop: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()
    email_domains: frozenset[str] = frozenset()
    _paths: Mapping[str, tuple[tuple[tuple[str, ...], bool], ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        paths: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
        for rules, keeps in ((self.drop, False), (self.keep, True)):
            for rule in rules:
                *around, name = rule.split(".")
                paths.setdefault(name, []).append((tuple(reversed(around)), keeps))
        for found in paths.values():
            found.sort(key=lambda path: (-len(path[0]), path[1]))
        object.__setattr__(self, "_paths", {name: tuple(p) for name, p in paths.items()})

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields that any rule is about."""
        return frozenset(self._paths)

    def keeps(self, name: str, place: _Place) -> bool | None:
        """What the setting says of a field: keep, drop, or nothing."""
        for around, keeps in self._paths.get(name, ()):
            if _stands_in(place, around):
                return keeps
        return None


def _stands_in(place: _Place | None, around: Sequence[str]) -> bool:
    """Whether the words of a rule, innermost first, mean a place and those around it."""
    for word in around:
        if place is None or not place.goes_by(word):
            return False
        place = place.around
    return True


DEFAULT_PRIVACY = PrivacyRules()


def redact(kind: str, payload: Mapping[str, Any], privacy: PrivacyRules) -> dict[str, Any]:
    """Leave out of an object what is not needed and names a person.

    >>> redact("customers", {"id": "cus_1", "name": "Ann", "email": "a@b.c"}, DEFAULT_PRIVACY)
    {'id': 'cus_1', 'name': 'Ann'}
    >>> redact("customers", {"email": "ann@b.c"}, PrivacyRules(email_domains=frozenset({"b.c"})))
    {'nrr_email_domain': 'b.c'}
    """
    kept = _Redaction(privacy).of_object(
        payload, _Place(TYPE_OF_KIND.get(kind, kind), payload, None)
    )
    kept.pop(EMAIL_DOMAIN, None)
    address = payload.get("email") if kind == "customers" else None
    if isinstance(address, str):
        domain = address.rpartition("@")[2].strip().lower()
        if domain in privacy.email_domains:
            kept[EMAIL_DOMAIN] = domain
    return kept


class _Redaction:
    def __init__(self, privacy: PrivacyRules) -> None:
        self._privacy = privacy
        self._ruled = privacy.names

    def of_object(self, payload: Mapping[str, Any], place: _Place) -> dict[str, Any]:
        """The object without what is left out."""
        defaults = _NOTHING if place.name == "metadata" else _DEFAULT
        kept: dict[str, Any] = {}
        for name, value in payload.items():
            setting = self._privacy.keeps(name, place) if name in self._ruled else None
            if setting is None and name in defaults:
                if name in REDUCED:
                    kept[name] = self._country_of(name, value, place)
            elif setting is not False:
                typed = payload.get("object") if name == "previous_attributes" else value
                is_nested = isinstance(value, dict | list)
                kept[name] = self._deeper(value, _Place(name, typed, place)) if is_nested else value
        return kept

    def _deeper(self, value: object, place: _Place) -> object:
        """A list's elements go by the list's name, and stand where it stands."""
        if isinstance(value, dict):
            return self.of_object(value, place)
        if isinstance(value, list):
            return [self._deeper(each, place._replace(typed=each)) for each in value]
        return value

    def _country_of(self, name: str, value: object, place: _Place) -> object:
        if not isinstance(value, dict):
            return None
        inner = _Place(name, value, place)
        kept: dict[str, Any] = {}
        for part, content in value.items():
            setting = self._privacy.keeps(part, inner)
            if part == "address" and setting is None:
                kept[part] = self._country_of(part, content, inner)
            elif setting or (setting is None and part == "country"):
                kept[part] = content
        return kept
