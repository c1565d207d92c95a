"""Invoices of the corner cases: months, years, and changes in the middle of them."""

from typing import Any

from nrr_pipeline_tests.end_to_end.corner_account import CornerAccount
from nrr_pipeline_tests.end_to_end.rules_account import START, Object, at

Off = list[tuple[Object, int]]
"""Discounts, and the cents that each took off."""

Period = tuple[int, int]

LATE_AUGUST = at(2026, 8, 25)
AUGUST, SEPTEMBER, OCTOBER = at(2026, 8, 10), at(2026, 9, 10), at(2026, 10, 10)
MONTHS = ((START, AUGUST), (AUGUST, SEPTEMBER), (SEPTEMBER, OCTOBER))
YEAR = (START, at(2027, 7, 10))
REST_OF_AUGUST = (LATE_AUGUST, SEPTEMBER)


def bill(
    account: CornerAccount,
    ids: dict[str, str],
    billed: Object,
    period: Period,
    amount: int,
    off: Off | None = None,
    **fields: Any,  # noqa: ANN401
) -> None:
    """A paid invoice of one line, with what each discount took off it."""
    taken = [{"amount": cents, "discount": each} for each, cents in off or []]
    account.invoice(ids, billed, *period, amount, discount_amounts=taken, **fields)
    account.objects["invoices"][-1]["total_discount_amounts"] = taken


def bill_months(
    account: CornerAccount,
    ids: dict[str, str],
    billed: Object,
    *bills: tuple[int, Off],
    since: int = 0,
) -> None:
    """One invoice a month, each of an amount and what was taken off it."""
    for period, (amount, off) in zip(MONTHS[since:], bills, strict=False):
        bill(account, ids, billed, period, amount, off)


def bill_together(
    account: CornerAccount, ids: dict[str, str], period: Period, *bills: tuple[Object, int, Off]
) -> None:
    """One invoice of several lines."""
    for billed, amount, off in bills:
        bill(account, ids, billed, period, amount, off)
    first, *others = account.objects["invoices"][-len(bills) :]
    del account.objects["invoices"][-len(others) :]
    total: dict[str, Object] = {}
    for each in (first, *others):
        for line in each["lines"]["data"]:
            line["invoice"] = first["id"]
            for taken in line["discount_amounts"]:
                known = total.get(taken["discount"]["id"], {"amount": 0})
                total[taken["discount"]["id"]] = {
                    "amount": known["amount"] + taken["amount"],
                    "discount": taken["discount"],
                }
    first["lines"]["data"] += [line for each in others for line in each["lines"]["data"]]
    first["total_discount_amounts"] = list(total.values())


def prorate(
    account: CornerAccount, ids: dict[str, str], billed: Object, period: Period, amount: int
) -> None:
    """One line of a change in the middle of a period: a credit where the amount is negative."""
    details = {
        "subscription": ids["subscription"],
        "subscription_item": billed["id"],
        "proration": True,
        "proration_details": {"credited_items": None},
        "invoice_item": f"ii_{billed['id']}_{amount}",
    }
    parent = {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": details,
    }
    account.invoice(ids, billed, *period, amount, parent=parent, discountable=False)
    made = account.objects["invoices"][-1]
    made["id"] = f"{made['id']}_{'credit' if amount < 0 else 'debit'}"
    for each in made["lines"]["data"]:
        each |= {"id": f"il_{made['id']}", "invoice": made["id"]}


def before(billed: Object, of: Object, quantity: int = 1) -> Object:
    """An item as it was, under another price or quantity."""
    return billed | {"price": of, "quantity": quantity}
