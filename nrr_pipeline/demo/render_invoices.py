"""Invoices and their lines as API objects.

Here belongs how an invoice record looks in the API at a moment of its life. What stands on it
belongs to ``billing``, and the customer's balance to ``render_customers``.
"""

from __future__ import annotations

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import Invoice, InvoiceLine
from nrr_pipeline.demo.coupons import Grant
from nrr_pipeline.demo.cycles import DAY
from nrr_pipeline.demo.render_catalog import CatalogObjects
from nrr_pipeline.demo.render_customers import CustomerAccount
from nrr_pipeline.demo.render_discounts import DiscountPrinter
from nrr_pipeline.demo.render_lines import description, taxes

BUSINESS_NAME = "Waypost"
_NOTHING: list[StripeObject] = []
_NO_METADATA: StripeObject = {}

_SAME_FOR_ALL: StripeObject = {
    "object": "invoice",
    "account_country": "US",
    "account_name": BUSINESS_NAME,
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_shipping": 0,
    "application": None,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "custom_fields": None,
    "customer_account": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": _NOTHING,
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": _NOTHING,
    "description": None,
    "footer": None,
    "from_invoice": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": _NO_METADATA,
    "on_behalf_of": None,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "test_clock": None,
    "total_pretax_credit_amounts": _NOTHING,
}
"""Fields that are alike on all invoices; this business has no use for most of them."""


class InvoicePrinter:
    """Shows the invoices of one subscription."""

    def __init__(
        self,
        subscription_id: str,
        account: CustomerAccount,
        catalog: CatalogObjects,
        discounts: DiscountPrinter,
    ) -> None:
        self._discounts = discounts
        self._account = account
        self._catalog = catalog
        self._subscription_id = subscription_id
        self._item_parents: dict[str, StripeObject] = {}
        self._parent: StripeObject = {
            "quote_details": None,
            "subscription_details": {"metadata": _NO_METADATA, "subscription": subscription_id},
            "type": "subscription_details",
        }

    def lines(self, invoice: Invoice) -> StripeObject:
        """The complete list of an invoice's lines; it is the same all the invoice's life."""
        return {
            "object": "list",
            "data": [self._line_object(line, invoice) for line in invoice.lines],
            "has_more": False,
            "url": f"/v1/invoices/{invoice.id}/lines",
        }

    def show(self, invoice: Invoice, lines: StripeObject, at: int) -> StripeObject:
        """An invoice as it is at a moment between its creation and now."""
        account = self._account
        status = _status(invoice, at)
        is_draft = status == "draft"
        is_paid = status == "paid"
        attempts = [failure for failure in invoice.failures if failure[0] <= at]
        attempt_count = len(attempts) + (is_paid and invoice.amount_due > 0)
        amount_paid = invoice.amount_due if is_paid else 0
        number = None if is_draft else invoice.number
        finalized_at = None if is_draft else invoice.finalized_at
        customer = account.customer
        shown: StripeObject = {
            **_SAME_FOR_ALL,
            "id": invoice.id,
            "amount_due": invoice.amount_due,
            "amount_paid": amount_paid,
            "amount_remaining": invoice.amount_due - amount_paid,
            "attempt_count": attempt_count,
            "attempted": bool(attempts) or is_paid,
            "auto_advance": _is_going_on(invoice, status),
            "automatically_finalizes_at": invoice.finalized_at if is_draft else None,
            "billing_reason": invoice.reason,
            "collection_method": "charge_automatically"
            if invoice.due_at is None
            else "send_invoice",
            "created": invoice.created,
            "due_date": None if is_draft else invoice.due_at,
            "currency": invoice.lines[0].item.price.currency,
            "customer": customer.id,
            "customer_address": account.address,
            "customer_email": customer.email,
            "customer_name": customer.name,
            "customer_phone": customer.phone,
            "discounts": self._discounts_of(invoice),
            "effective_at": finalized_at,
            "ending_balance": None if is_draft else invoice.ending_balance,
            "hosted_invoice_url": None
            if is_draft
            else f"https://invoice.example.com/i/{invoice.id}",
            "invoice_pdf": None if is_draft else f"https://invoice.example.com/i/{invoice.id}/pdf",
            "lines": lines,
            "next_payment_attempt": _next_attempt(invoice, status, attempts),
            "number": number,
            "parent": self._parent,
            "period_end": invoice.period_end,
            "period_start": invoice.period_start,
            "starting_balance": invoice.starting_balance,
            "status": status,
            "status_transitions": {
                "finalized_at": finalized_at,
                "marked_uncollectible_at": (
                    invoice.uncollectible_at if status == "uncollectible" else None
                ),
                "paid_at": invoice.paid_at if is_paid else None,
                "voided_at": invoice.voided_at if status == "void" else None,
            },
            **self._totals(invoice),
            "webhooks_delivered_at": invoice.created,
        }
        if status == "uncollectible" and invoice.failures:
            shown["status_details"] = {"uncollectible": {"reason": "max_payment_attempts"}}
        return shown

    def _discounts_of(self, invoice: Invoice) -> list[StripeObject]:
        """The discounts on the invoice as a whole; those of items stand on their lines only."""
        return [self._show(each) for each in invoice.discounts if each.level != "item"]

    def _show(self, grant: Grant) -> StripeObject:
        return self._discounts.show(grant, self._account.customer.id, self._subscription_id)

    def _totals(self, invoice: Invoice) -> StripeObject:
        """What the lines come to: items' discounts are off the subtotal, all others follow."""
        taken: dict[str, int] = {}
        for line in invoice.lines:
            for grant, amount in line.discounts:
                taken[grant.id] = taken.get(grant.id, 0) + amount
        of_items = sum(taken[each.id] for each in invoice.discounts if each.level == "item")
        subtotal = sum(line.amount for line in invoice.lines) - of_items
        tax = sum(line.tax for line in invoice.lines)
        rate = invoice.tax_rate
        included = tax if rate is not None and rate.is_inclusive else 0
        return {
            "subtotal": subtotal,
            "subtotal_excluding_tax": subtotal - included,
            "total": invoice.total,
            "total_discount_amounts": [
                {"amount": taken[each.id], "discount": self._show(each)}
                for each in invoice.discounts
            ],
            "total_excluding_tax": invoice.total - tax,
            "total_taxes": taxes(rate, tax, sum(line.net for line in invoice.lines)),
        }

    def _line_object(self, line: InvoiceLine, invoice: Invoice) -> StripeObject:
        price, quantity = line.item.price, line.quantity or 0
        return {
            "id": line.id,
            "object": "line_item",
            "amount": line.amount,
            "currency": price.currency,
            "description": description(line.kind, price, quantity, line.start // DAY),
            "discount_amounts": [
                {"amount": amount, "discount": self._show(grant)}
                for grant, amount in line.discounts
            ],
            "discountable": not line.kind.is_proration,
            "discounts": [
                self._show(grant) for grant, _ in line.discounts if grant.level == "item"
            ],
            "invoice": invoice.id,
            "livemode": False,
            "metadata": _NO_METADATA,
            "parent": self._line_parent(line, invoice),
            "period": {"end": line.end, "start": line.start},
            "pretax_credit_amounts": _NOTHING,
            "pricing": self._catalog.pricings[price.id, price.currency],
            "quantity": quantity,
            "quantity_decimal": str(quantity),
            "subscription": invoice.subscription_id,
            "subtotal": line.amount,
            "taxes": taxes(invoice.tax_rate, line.tax, line.net),
        }

    def _line_parent(self, line: InvoiceLine, invoice: Invoice) -> StripeObject:
        """Where a line comes from; classic billing knows prorations only as invoice items."""
        if line.kind.is_proration:
            return self._proration_parent(line, invoice)
        item_id = line.item.id
        parent = self._item_parents.get(item_id)
        if parent is None:
            parent = self._item_parents[item_id] = self._item_parent(line, {"credited_items": None})
        return parent

    def _proration_parent(self, line: InvoiceLine, invoice: Invoice) -> StripeObject:
        credited = line.credited
        details: StripeObject = {
            "credited_items": credited
            and {"invoice": credited.invoice_id, "invoice_line_items": [credited.id]}
        }
        if invoice.billing_mode == "flexible":
            return self._item_parent(line, details)
        return {
            "invoice_item_details": {
                "invoice_item": line.invoice_item_id,
                "proration": True,
                "proration_details": details,
                "subscription": self._subscription_id,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }

    def _item_parent(self, line: InvoiceLine, proration_details: StripeObject) -> StripeObject:
        return {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": line.invoice_item_id,
                "proration": line.kind.is_proration,
                "proration_details": proration_details,
                "subscription": self._subscription_id,
                "subscription_item": line.item.id,
            },
            "type": "subscription_item_details",
        }


def _status(invoice: Invoice, at: int) -> str:
    if invoice.voided_at is not None and invoice.voided_at <= at:
        return "void"
    if invoice.finalized_at is None or invoice.finalized_at > at:
        return "draft"
    if invoice.paid_at is not None and invoice.paid_at <= at:
        return "paid"
    if invoice.uncollectible_at is not None and invoice.uncollectible_at <= at:
        return "uncollectible"
    return "open"


def _is_going_on(invoice: Invoice, status: str) -> bool:
    return status in {"draft", "open"} and invoice.finalized_at is not None


def _next_attempt(
    invoice: Invoice, status: str, failures: list[tuple[int, int | None]]
) -> int | None:
    """When Stripe will charge next; nothing while nobody waits for money, or for a transfer."""
    if not _is_going_on(invoice, status) or invoice.due_at is not None:
        return None
    return failures[-1][1] if failures else invoice.charge_at
