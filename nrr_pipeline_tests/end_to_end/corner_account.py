"""The account of the corner cases: built like that of the rules, in Stripe's full form.

Cases name only the fields that matter; every other field that the schema requires is filled in
here. What the cases are, and what they must be worth, stands in the modules beside this one.
"""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline_tests.demo.schema import completed
from nrr_pipeline_tests.end_to_end.rules_account import (
    NOW,
    Object,
    RulesAccount,
    at,
)

LAST_DAY = date(2026, 10, 4)
CENT, DOLLAR = 10_000, 1_000_000


def monthly(micros: Fraction | int) -> int:
    """An exact amount as the integer that is published."""
    return round(Fraction(micros))


def tier(up_to: int | None, unit: str | None, flat: str | None = None) -> Object:
    """One tier; Stripe leaves the whole-number fields empty where an amount is a fraction."""
    return {
        "up_to": up_to,
        "unit_amount": int(unit) if unit and unit.isdigit() else None,
        "unit_amount_decimal": unit,
        "flat_amount": int(flat) if flat and flat.isdigit() else None,
        "flat_amount_decimal": flat,
    }


def tax_rate(rate_id: str, percentage: float, *, inclusive: bool = True) -> Object:
    return {
        "id": rate_id,
        "object": "tax_rate",
        "active": True,
        "created": at(2026, 1, 1),
        "display_name": "VAT",
        "inclusive": inclusive,
        "percentage": percentage,
        "effective_percentage": percentage,
        "rate_type": "percentage",
        "metadata": {},
    }


def tax_on_line(rate_id: str, amount: int, taxable: int, *, inclusive: bool = True) -> Object:
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate_id},
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


@dataclass
class CornerAccount(RulesAccount):
    """Collects cases with what each item is worth on the last day and on days before it.

    Attributes:
        past: By item and day, what it must be worth on days before the last.
        flagged: Items and days that must be marked approximate though they were billed.
        hidden: The prices that no list shows, by id: whole, or what is left of deleted ones.
    """

    past: dict[tuple[str, date], int] = field(default_factory=dict)
    flagged: set[tuple[str, date]] = field(default_factory=set)
    hidden: dict[str, Object] = field(default_factory=dict)

    def case(
        self,
        name: str,
        items: list[Object],
        expected: list[int],
        *,
        past: dict[date, list[int]] | None = None,
        **fields: Any,  # noqa: ANN401
    ) -> dict[str, str]:
        """A subscription without invoices unless they are added; returns its ids."""
        self.add(name, items, expected, charges=None, **fields)
        for day, values in (past or {}).items():
            self.past |= {
                (each["id"], day): value for each, value in zip(items, values, strict=True)
            }
        return {"subscription": f"sub_{name}", "customer": f"cus_{name}"}

    def account(self) -> StripeAccount:
        """The account, with every field that the schema requires."""
        for each in self.objects["subscriptions"]:
            each["billing_mode"] = {"type": "flexible", "flexible": None}
        objects = {
            kind: sorted(
                (completed(kind, each) for each in some if each["id"] not in self.hidden),
                key=lambda one: (-one["created"], one["id"]),
            )
            for kind, some in self.objects.items()
        }
        for some in objects.values():
            assert len({each["id"] for each in some}) == len(some)
        prices = {key: each for key, each in self.hidden.items() if "deleted" not in each}
        unlisted = {key: completed("prices", each) for key, each in prices.items()}
        gone = {key: each for key, each in self.hidden.items() if "deleted" in each}
        deleted = {kind: gone if kind == "prices" else {} for kind in objects}
        return StripeAccount(
            "acct_corners",
            NOW,
            livemode=False,
            objects=objects,
            deleted=deleted,
            unlisted={"prices": unlisted},
        )
