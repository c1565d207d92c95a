"""An account of many small subscriptions, each built by hand around one rule.

Nothing of the simulated business is in it but the server: only the fields that matter, three
monthly invoices, and beside each subscription the MRR that the rule gives on the last day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount

Object = dict[str, Any]
Amounts = Callable[[Object, int], int]

HELD_OUT = -1
"""Instead of an MRR: the item must be held out and named."""


def at(year: int, month: int, day: int, hour: int = 12) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


NOW, START = at(2026, 10, 5, 6), at(2026, 7, 10)


def micros(minor_units: Fraction | int) -> int:
    """Micros of an amount in cents a month."""
    return round(Fraction(minor_units) * 10_000)


def months_later(second: int, months: int) -> int:
    day = datetime.fromtimestamp(second, UTC)
    index = day.year * 12 + day.month - 1 + months
    return at(index // 12, index % 12 + 1, day.day, day.hour)


def price(price_id: str, amount: str | None = "1000", **fields: Any) -> Object:  # noqa: ANN401
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed", "meter": None}
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": at(2026, 1, 1),
        "currency": "usd",
        "livemode": False,
        "metadata": {},
        "product": "prod_a",
        "recurring": recurring | fields.pop("recurring", {}),
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount_decimal": amount,
        **fields,
    }


def coupon(coupon_id: str, **fields: Any) -> Object:  # noqa: ANN401
    return {
        "id": coupon_id,
        "object": "coupon",
        "created": at(2026, 1, 1),
        "percent_off": None,
        "amount_off": None,
        "currency": "usd" if "amount_off" in fields else None,
        "duration": "forever",
        "livemode": False,
        "metadata": {},
        "valid": True,
        **fields,
    }


def discount(discount_id: str, of: Object, **fields: Any) -> Object:  # noqa: ANN401
    return {
        "id": discount_id,
        "object": "discount",
        "source": {"type": "coupon", "coupon": of},
        "start": START,
        "end": None,
        "customer": None,
        "subscription": None,
        "subscription_item": None,
        **fields,
    }


def item(of: Object, quantity: int | None = 1, **fields: Any) -> Object:  # noqa: ANN401
    counted = {} if quantity is None else {"quantity": quantity}
    return {
        "object": "subscription_item",
        "price": of,
        "discounts": [],
        "tax_rates": [],
        "metadata": {},
        "current_trial": None,
        **counted,
        **fields,
    }


def unit_amount(item: Object, _: int) -> int:
    """What an ordinary line of an item charges when no rule makes it more than a product."""
    return int(Fraction(item["price"]["unit_amount_decimal"] or 0) * item.get("quantity", 0))


@dataclass
class RulesAccount:
    """Collects the objects, and what each item must be worth."""

    objects: dict[str, list[Object]] = field(
        default_factory=lambda: {kind: [] for kind in OBJECT_KINDS}
    )
    expected: dict[str, int] = field(default_factory=dict)

    def account(self) -> StripeAccount:
        for kind, each in self.objects.items():
            each.sort(key=lambda one: (-one["created"], one["id"]))
            assert len({one["id"] for one in each}) == len(each), kind
        return StripeAccount("acct_rules", NOW, False, self.objects, {k: {} for k in OBJECT_KINDS})  # noqa: FBT003

    def add(
        self,
        name: str,
        items: list[Object],
        expected: list[int],
        *,
        start: int = START,
        charges: Amounts | None = unit_amount,
        customer: Object | None = None,
        of_customer: str | None = None,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        """A subscription with a paid invoice for every month and item since its start.

        Its customer is ``of_customer``, who must be there, else one of its own.
        """
        ids = {"subscription": f"sub_{name}", "customer": of_customer or f"cus_{name}"}
        for place, each in enumerate(items):
            each |= {"id": f"si_{name}_{place}", "created": start, **ids}
            del each["customer"]
            each |= {"current_period_start": START, "current_period_end": NOW}
            self.expected[each["id"]] = expected[place]
            self._remember("prices", each["price"])
        if of_customer is None:
            self.customer(ids["customer"], start, **{"name": name, **(customer or {})})
        self.objects["subscription_items"] += items
        self.objects["subscriptions"].append(
            {
                "id": ids["subscription"],
                "object": "subscription",
                "status": "active",
                "customer": ids["customer"],
                "currency": items[0]["price"]["currency"],
                "created": start,
                "start_date": start,
                "ended_at": None,
                "canceled_at": None,
                "cancel_at": None,
                "cancel_at_period_end": False,
                "cancellation_details": {"reason": None},
                "discounts": [],
                "trial_start": None,
                "trial_end": None,
                "pause_collection": None,
                "pending_update": None,
                "schedule": None,
                "default_tax_rates": [],
                "livemode": False,
                "metadata": {},
                "items": {"object": "list", "data": items, "has_more": False, "url": "/v1/x"},
                **fields,
            }
        )
        if charges is not None:
            self._bill(ids, items, start, fields.get("ended_at") or NOW, charges)

    def customer(self, customer_id: str, created: int, **fields: Any) -> None:  # noqa: ANN401
        self.objects["customers"].append(
            {
                "id": customer_id,
                "object": "customer",
                "created": created,
                "livemode": False,
                "address": {"country": "DE"},
                "metadata": {},
                "discount": None,
                **fields,
            }
        )

    def _bill(
        self, ids: dict[str, str], items: list[Object], start: int, end: int, charges: Amounts
    ) -> None:
        for each in items:
            recurring = each["price"]["recurring"]
            if recurring["usage_type"] == "metered":
                continue
            months = {"month": 1, "year": 12}.get(recurring["interval"], 1)
            step, since, number = months * recurring["interval_count"], start, 0
            while since < end:
                until = months_later(since, step)
                self.invoice(ids, each, since, until, charges(each, number))
                since, number = until, number + 1

    def invoice(
        self,
        ids: dict[str, str],
        item: Object,
        since: int,
        until: int,
        amount: int,
        **line: Any,  # noqa: ANN401
    ) -> None:
        """A paid invoice with one ordinary line."""
        invoice_id = f"in_{item['id']}_{since}"
        details = {
            "subscription": ids["subscription"],
            "subscription_item": item["id"],
            "proration": False,
            "proration_details": None,
            "invoice_item": None,
        }
        of_line = {
            "id": f"il_{invoice_id}",
            "object": "line_item",
            "amount": amount,
            "subtotal": amount,
            "currency": item["price"]["currency"],
            "quantity": item.get("quantity"),
            "discount_amounts": [],
            "discounts": [],
            "taxes": [],
            "invoice": invoice_id,
            "livemode": False,
            "period": {"start": since, "end": until},
            "pricing": {
                "type": "price_details",
                "price_details": {
                    "price": item["price"]["id"],
                    "product": item["price"]["product"],
                },
            },
            "parent": {
                "type": "subscription_item_details",
                "invoice_item_details": None,
                "subscription_item_details": details,
            },
            **line,
        }
        self.objects["invoices"].append(
            {
                "id": invoice_id,
                "object": "invoice",
                "status": "paid",
                "created": since,
                "customer": ids["customer"],
                "currency": item["price"]["currency"],
                "livemode": False,
                "attempt_count": 1,
                "attempted": True,
                "discounts": [each["discount"] for each in of_line["discount_amounts"]],
                "total_discount_amounts": [],
                "lines": {"object": "list", "data": [of_line], "has_more": False, "url": "/v1/x"},
                "parent": {
                    "type": "subscription_details",
                    "subscription_details": {"subscription": ids["subscription"]},
                },
                "status_transitions": {"finalized_at": since, "paid_at": since},
                "metadata": {},
            }
        )

    def _remember(self, kind: str, each: Object) -> None:
        if each not in self.objects[kind]:
            self.objects[kind].append(each)
