"""Where an object has references, parts, nested lists and fields that only show when expanded.

Here belongs knowledge about the form of the API's objects, as tables. What is done with it, that
is how a path is expanded and an object shown, is in ``expansion``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

OBJECT_NAMES = {
    "customers": "customer",
    "products": "product",
    "prices": "price",
    "coupons": "coupon",
    "subscriptions": "subscription",
    "subscription_items": "subscription_item",
    "invoices": "invoice",
    "subscription_schedules": "subscription_schedule",
    "events": "event",
    "discounts": "discount",
}
"""What an object of each kind calls itself in its field ``object``; discounts are never listed."""


EVENT_DATA = "event_data"
"""The shape of what an event carries: an object of any kind, from which nothing can be expanded."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an object, or of a part of it, that are not plain values.

    Attributes:
        references: Fields that hold an id, or the object itself when expanded, with the kind
            they refer to; ``None`` for a kind of object that the account does not have.
        embedded: Fields that are always shown and have a shape themselves, with its name.
        lists: Fields that hold a list with pages, with the shape of its elements.
        hidden: Fields that show only when they are expanded.
        values: Of a map with keys of its own, such as currencies: the shape of each value.
    """

    references: dict[str, str | None] = field(default_factory=dict)
    embedded: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    values: str | None = None

    def __contains__(self, name: str) -> bool:
        if self.values is not None:
            return True
        known = (self.references, self.embedded, self.lists, self.hidden)
        return any(name in names for names in known)


_PAYMENT: dict[str, str | None] = {
    "application": None,
    "default_payment_method": None,
    "default_source": None,
    "on_behalf_of": None,
    "test_clock": None,
}

SHAPES: dict[str, Shape] = {
    "customer": Shape(
        references={"default_source": None, "test_clock": None},
        embedded={"discount": "discount", "invoice_settings": "payment_default"},
        lists={"subscriptions": "subscription"},
        hidden=frozenset({"sources", "subscriptions", "tax", "tax_ids", "cash_balance"}),
    ),
    "payment_default": Shape(references={"default_payment_method": None}),
    "product": Shape(references={"default_price": "prices", "tax_code": None}),
    "price": Shape(
        references={"product": "products"},
        embedded={"currency_options": "currency_options"},
        hidden=frozenset({"tiers", "currency_options"}),
    ),
    "currency_options": Shape(values="currency_option"),
    "currency_option": Shape(hidden=frozenset({"tiers"})),
    "coupon": Shape(hidden=frozenset({"applies_to", "currency_options"})),
    "discount": Shape(
        references={"customer": "customers", "promotion_code": None},
        embedded={"source": "discount_source"},
    ),
    "discount_source": Shape(references={"coupon": "coupons"}),
    "subscription": Shape(
        references={
            **_PAYMENT,
            "customer": "customers",
            "discounts": "discounts",
            "latest_invoice": "invoices",
            "pending_setup_intent": None,
            "schedule": "subscription_schedules",
        },
        embedded={"billing_schedules": "billing_schedule", "pending_update": "pending_update"},
        lists={"items": "subscription_item"},
    ),
    "billing_schedule": Shape(embedded={"applies_to": "billing_schedule_target"}),
    "billing_schedule_target": Shape(references={"price": "prices"}),
    "pending_update": Shape(
        references={"discounts": "discounts"},
        embedded={"discount": "discount", "subscription_items": "subscription_item"},
    ),
    "subscription_item": Shape(
        references={"discounts": "discounts"}, embedded={"plan": "plan", "price": "price"}
    ),
    "plan": Shape(references={"product": "products"}, hidden=frozenset({"tiers"})),
    "invoice": Shape(
        references={
            **_PAYMENT,
            "account_tax_ids": None,
            "customer": "customers",
            "discounts": "discounts",
            "latest_revision": "invoices",
        },
        embedded={
            "from_invoice": "from_invoice",
            "parent": "invoice_parent",
            "total_discount_amounts": "discount_amount",
            "total_pretax_credit_amounts": "discount_amount",
        },
        lists={"lines": "line_item"},
        hidden=frozenset({"confirmation_secret", "payments"}),
    ),
    "from_invoice": Shape(references={"invoice": "invoices"}),
    "invoice_parent": Shape(embedded={"subscription_details": "invoice_subscription"}),
    "invoice_subscription": Shape(references={"subscription": "subscriptions"}),
    "discount_amount": Shape(references={"discount": "discounts"}),
    "line_item": Shape(
        references={"discounts": "discounts", "subscription": "subscriptions"},
        embedded={
            "discount_amounts": "discount_amount",
            "pretax_credit_amounts": "discount_amount",
            "pricing": "line_pricing",
        },
    ),
    "line_pricing": Shape(embedded={"price_details": "line_price_details"}),
    "line_price_details": Shape(references={"price": "prices"}),
    "subscription_schedule": Shape(
        references={
            "application": None,
            "customer": "customers",
            "subscription": "subscriptions",
            "test_clock": None,
        },
        embedded={"default_settings": "schedule_settings", "phases": "schedule_phase"},
    ),
    "schedule_settings": Shape(references={"default_payment_method": None, "on_behalf_of": None}),
    "schedule_phase": Shape(
        references={"default_payment_method": None, "on_behalf_of": None},
        embedded={
            "add_invoice_items": "schedule_item",
            "discounts": "schedule_discount",
            "items": "schedule_item",
        },
    ),
    "schedule_item": Shape(
        references={"plan": None, "price": "prices"}, embedded={"discounts": "schedule_discount"}
    ),
    "schedule_discount": Shape(
        references={"coupon": "coupons", "discount": "discounts", "promotion_code": None}
    ),
    "event": Shape(embedded={"data": EVENT_DATA}),
    EVENT_DATA: Shape(),
}
"""Every shape by name; for whole objects that is what they call themselves."""
