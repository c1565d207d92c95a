"""Builds an account by hand, object by object, whose objects all satisfy Stripe's schema.

Here belongs how objects are put together: what is not said about one is filled in from the schema,
with null where it may be null. What the account contains, and what that must come to, belongs to
the cases.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from nrr_pipeline.demo.account import OBJECT_KINDS, StripeAccount
from nrr_pipeline_tests.demo.schema import completed, errors_of
from nrr_pipeline_tests.end_to_end.forms import MONTHS, NOW, START, TEN, Object, line

Steps = Mapping[str, int | None]
"""An item's MRR in dollars from each of some days on; ``None`` where it is held out."""


class HandMadeAccount:
    """Collects objects; ``expected`` holds the MRR that each item must come to."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Object]] = {kind: [] for kind in OBJECT_KINDS}
        self.deleted: dict[str, dict[str, Object]] = {kind: {} for kind in OBJECT_KINDS}
        self.expected: dict[str, Steps] = {}
        product = {"id": "prod_a", "object": "product", "created": START, "name": "A"}
        self.objects["products"].append(completed("products", product | {"active": True}))

    def account(self) -> StripeAccount:
        """The account as it is served; an object that Stripe could not show is an error."""
        for kind, each in self.objects.items():
            each.sort(key=lambda one: (-one["created"], one["id"]))
            assert len({one["id"] for one in each}) == len(each), kind
        return StripeAccount("acct_hand", NOW, False, self.objects, self.deleted)  # noqa: FBT003

    def errors(self) -> Iterator[str]:
        """What in the account does not satisfy the schema."""
        for kind, each in self.objects.items():
            for one in each:
                yield from errors_of(kind, one)

    def customer(self, customer_id: str, **fields: Any) -> None:  # noqa: ANN401
        shown = {"id": customer_id, "object": "customer", "created": START, **fields}
        self.objects["customers"].append(completed("customers", shown))

    def subscription(
        self,
        name: str,
        items: Iterable[tuple[Object, int]],
        *,
        start: int = START,
        bills: int | None = 3,
        **fields: Any,  # noqa: ANN401
    ) -> Object:
        """A subscription with a paid monthly invoice for each of ``bills`` months."""
        customer = fields.setdefault("customer", f"cus_{name}")
        if customer not in {each["id"] for each in self.objects["customers"]}:
            self.customer(customer, created=fields.get("created", start))
        subscription_id = f"sub_{name}"
        own = [
            self.item(f"si_{name}_{number}", subscription_id, of, quantity, created=start)
            for number, (of, quantity) in enumerate(items)
        ]
        url = f"/v1/subscription_items?subscription={subscription_id}"
        shown = completed(
            "subscriptions",
            {
                "id": subscription_id,
                "object": "subscription",
                "billing_mode": {"type": "flexible", "flexible": None},
                "created": start,
                "currency": "usd",
                "items": {"object": "list", "data": own, "has_more": False, "url": url},
                "start_date": start,
                "status": "active",
                **fields,
            },
        )
        self.objects["subscriptions"].append(shown)
        for since, until in list(pairwise(MONTHS))[: bills or 0]:
            self.invoice(shown, since, [line(each, since, until) for each in own])
        return shown

    def item(
        self,
        item_id: str,
        subscription_id: str,
        of: Object,
        quantity: int,
        **fields: Any,  # noqa: ANN401
    ) -> Object:
        """An item as it stands on its subscription; one that is gone is only a help for lines."""
        if of not in self.objects["prices"]:
            self.objects["prices"].append(of)
        return completed(
            "subscription_items",
            {
                "id": item_id,
                "object": "subscription_item",
                "price": of,
                "plan": {"id": of["id"], "object": "plan", "product": of["product"]},
                "quantity": quantity,
                "subscription": subscription_id,
                "current_period_start": MONTHS[2],
                "current_period_end": MONTHS[3],
                **fields,
            },
        )

    def invoice(
        self,
        of: Object,
        created: int,
        lines: list[Object],
        status: str = "paid",
        **fields: Any,  # noqa: ANN401
    ) -> Object:
        """An invoice of a subscription; what is not paid was tried ``attempt_count`` times."""
        invoice_id = f"in_{of['id'][4:]}_{created}"
        for number, each in enumerate(lines):
            each |= {"id": f"il_{of['id'][4:]}_{created}_{number}", "invoice": invoice_id}
        total = sum(each["amount"] for each in lines)
        paid = total if status == "paid" else 0
        ended = {
            "paid": "paid_at",
            "void": "voided_at",
            "uncollectible": "marked_uncollectible_at",
        }
        times: dict[str, int | None] = dict.fromkeys(
            ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
        )
        if status != "draft":
            times["finalized_at"] = created
        if status in ended:
            times[ended[status]] = created
        shown = completed(
            "invoices",
            {
                "id": invoice_id,
                "object": "invoice",
                "amount_due": total,
                "amount_paid": paid,
                "amount_remaining": total - paid,
                "attempted": status != "draft",
                "attempt_count": int(status == "paid"),
                "billing_reason": "subscription_cycle",
                "created": created,
                "currency": "usd",
                "customer": of["customer"],
                "lines": {
                    "object": "list",
                    "data": lines,
                    "has_more": False,
                    "url": f"/v1/invoices/{invoice_id}/lines",
                },
                "parent": {
                    "type": "subscription_details",
                    "quote_details": None,
                    "subscription_details": {"metadata": None, "subscription": of["id"]},
                },
                "status": status,
                "status_transitions": times,
                "subtotal": total,
                "total": total,
                **fields,
            },
        )
        self.objects["invoices"].append(shown)
        return shown

    def billed(
        self,
        name: str,
        expected: Steps,
        invoices: str = "paid paid paid",
        of: Object = TEN,
        **fields: Any,  # noqa: ANN401
    ) -> Object:
        """A subscription of one item with an invoice of each month, by their statuses.

        ``open`` was tried four times in vain, ``untried`` is an open one that nobody tried.
        """
        shown = self.subscription(name, [(of, 1)], bills=None, **fields)
        item = shown["items"]["data"][0]
        for since, until, status in zip(MONTHS, MONTHS[1:], invoices.split(), strict=False):
            invoice = self.invoice(
                shown, since, [line(item, since, until)], status.replace("untried", "open")
            )
            invoice["attempt_count"] = {"paid": 1, "open": 4, "uncollectible": 4}.get(status, 0)
        self.expected[item["id"]] = expected
        return shown

    def changed(self, of: Object, when: int, before: Object, **fields: Any) -> None:  # noqa: ANN401
        """An event: from then on the subscription is as it is now, or with other ``fields``."""
        self.objects["events"].append(
            {
                "id": f"evt_{of['id']}_{when}",
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": when,
                "data": {"object": of | fields, "previous_attributes": before},
                "livemode": False,
                "pending_webhooks": 0,
                "request": {"id": None, "idempotency_key": None},
                "type": "customer.subscription.updated",
            }
        )
