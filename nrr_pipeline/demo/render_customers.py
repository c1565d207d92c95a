"""Customers as API objects, and the customer's account with the business.

Here belong what a customer looks like in the API, and the settlement of invoices over all of a
customer's subscriptions: their numbers and the balance that credits leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import Invoice
from nrr_pipeline.demo.log import Customer


@dataclass(frozen=True, slots=True)
class CustomerAccount:
    """A customer's standing with the business at one moment."""

    customer: Customer
    address: StripeObject
    payment_method_id: str
    balance: int
    next_sequence: int
    is_delinquent: bool
    currency: str | None = None
    discount: StripeObject | None = None

    @property
    def invoice_prefix(self) -> str:
        """What the customer's invoice numbers begin with."""
        return invoice_prefix(self.customer)


def invoice_prefix(customer: Customer) -> str:
    """What the invoice numbers of a customer begin with."""
    return customer.id[-8:].upper()


def settle(
    customer: Customer,
    payment_method_id: str,
    invoices: Sequence[Invoice],
    now: int,
    currency: str | None = None,
    discount: StripeObject | None = None,
) -> CustomerAccount:
    """Number a customer's finalized invoices and carry the balance from each to the next."""
    finalized: list[Invoice] = []
    drafts: list[Invoice] = []
    for invoice in invoices:
        is_final = invoice.finalized_at is not None and invoice.finalized_at <= now
        (finalized if is_final else drafts).append(invoice)
    finalized.sort(key=lambda invoice: (invoice.finalized_at, invoice.created, invoice.id))
    balance = 0
    prefix = invoice_prefix(customer)
    for sequence, invoice in enumerate(finalized, start=1):
        invoice.number = f"{prefix}-{sequence:04}"
        invoice.starting_balance = balance
        balance = invoice.ending_balance
    for invoice in drafts:
        invoice.starting_balance = balance
    return CustomerAccount(
        customer=customer,
        address={
            "city": customer.city,
            "country": customer.country,
            "line1": customer.line1,
            "line2": None,
            "postal_code": customer.postal_code,
            "state": customer.state,
        },
        payment_method_id=payment_method_id,
        balance=balance,
        next_sequence=len(finalized) + 1,
        is_delinquent=any(
            invoice.failures
            and invoice.paid_at is invoice.uncollectible_at is invoice.voided_at is None
            for invoice in finalized
        ),
        currency=currency,
        discount=discount,
    )


def customer_object(account: CustomerAccount, *, has_bought: bool = True) -> StripeObject:
    """A customer, as shown now or, before anything was bought, as first created."""
    customer = account.customer
    return {
        "id": customer.id,
        "object": "customer",
        "address": account.address,
        "balance": account.balance if has_bought else 0,
        "created": customer.created,
        "currency": account.currency if has_bought else None,
        "customer_account": None,
        "default_source": None,
        "delinquent": account.is_delinquent and has_bought,
        "description": None,
        "discount": account.discount if has_bought else None,
        "email": customer.email,
        "invoice_prefix": account.invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": account.payment_method_id if has_bought else None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": _metadata(customer),
        "name": customer.name,
        "next_invoice_sequence": account.next_sequence if has_bought else 1,
        "phone": customer.phone,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _metadata(customer: Customer) -> StripeObject:
    if customer.is_internal:
        return {"internal": "yes"}
    return {"industry": customer.industry} if customer.industry else {}
