"""What stands on an invoice line: its words, and the tax on it.

Here belong parts that need nothing but the line. The line as a whole belongs to
``render_invoices``.
"""

from __future__ import annotations

from functools import lru_cache

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.billing_records import LineKind
from nrr_pipeline.demo.catalog import Price, TaxRate
from nrr_pipeline.demo.currencies import money_text
from nrr_pipeline.demo.cycles import DAY, day_of

_TIMES = "\N{MULTIPLICATION SIGN}"


def taxes(rate: TaxRate | None, tax: int, net: int) -> list[StripeObject]:
    """The tax on a line, or on all of an invoice."""
    if rate is None:
        return []
    return [
        {
            "amount": tax,
            "tax_behavior": "inclusive" if rate.is_inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": rate.id},
            "taxability_reason": "standard_rated",
            "taxable_amount": net - tax if rate.is_inclusive else net,
            "type": "tax_rate_details",
        }
    ]


@lru_cache(maxsize=50_000)
def description(kind: LineKind, price: Price, quantity: int, day_number: int) -> str:
    """What a line is for, in words; the days are numbers, as one second is like another."""
    name = price.plan.value
    if kind is LineKind.TRIAL:
        return f"Trial period for {name}"
    if kind is LineKind.ORDINARY:
        return f"{quantity} {_TIMES} {name}{_each(price)}"
    if kind is LineKind.USAGE:
        return f"{quantity} {_TIMES} {name}"
    day = day_of(day_number * DAY)
    word = "Unused" if kind is LineKind.UNUSED else "Remaining"
    return f"{word} time on {quantity} {_TIMES} {name} after {day.day} {day:%b %Y}"


def _each(price: Price) -> str:
    if price.unit_amount is None:
        return ""
    interval, count = price.cadence
    every = interval if count == 1 else f"{count} {interval}s"
    return f" (at {money_text(price.unit_amount, price.currency)} / {every})"
