"""The MRR of every day, discounts and taxes included, can be found out from the account alone.

The observer of terms is that of ``test_truth_is_knowable``; this one adds what was off the price.
The arithmetic is the truth's own: what is shown here is that the account tells which discounts
were in force, when, and in which order.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import NamedTuple

import pytest

from nrr_pipeline.demo.account import StripeAccount, StripeObject
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.coupons import Coupon
from nrr_pipeline.demo.cycles import DAY
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.truth import item_intervals
from nrr_pipeline.demo.truth_pricing import Held, Shared, mrr_micros
from nrr_pipeline.demo.unknowable import unknowable_days
from nrr_pipeline_tests.demo.test_truth_is_knowable import Observer, pauses_of


class Seen(NamedTuple):
    """A discount on an object or on a line of an item, and until when it counts by that."""

    discount: StripeObject
    item_id: str | None
    until: int | None


class Rebates:
    """Which discounts an account shows to have been in force for an item."""

    def __init__(self, account: StripeAccount) -> None:
        self._coupons = {each["id"]: each for each in account.objects["coupons"]}
        self._seen: dict[str, list[Seen]] = defaultdict(list)
        self._customers = {each["id"]: each for each in account.objects["customers"]}
        for subscription in account.objects["subscriptions"]:
            self._look_at(subscription)
        self._order: dict[str, tuple[int, int]] = {}
        for invoice in account.objects["invoices"]:
            for place, each in enumerate(invoice["total_discount_amounts"]):
                self._order[each["discount"]["id"]] = (each["discount"]["start"], place)
            subscription_id = invoice["parent"]["subscription_details"]["subscription"]
            for line in invoice["lines"]["data"]:
                details = line["parent"]["subscription_item_details"] or {}
                for each in line["discount_amounts"]:
                    until = max(line["period"]["end"], each["discount"]["end"] or 0)
                    seen = Seen(each["discount"], details["subscription_item"], until)
                    self._seen[subscription_id].append(seen)

    def coupons(
        self, subscription_id: str, item_id: str, at: int
    ) -> list[tuple[str, Coupon, bool]]:
        """The recurring discounts in force for an item, in order: level, coupon, still running.

        One that no longer runs holds by the item's own line alone.
        """
        found: dict[str, StripeObject] = {}
        for seen in self._seen[subscription_id]:
            is_meant = seen.item_id in {None, item_id}
            is_on = seen.discount["start"] <= at and (seen.until is None or at < seen.until)
            if is_meant and is_on:
                found[seen.discount["id"]] = seen.discount
        ordered = sorted(found.values(), key=self._place)
        return [
            (level(each), self._coupon(each), each["end"] is None or at < each["end"])
            for each in ordered
            if self._recurs(each)
        ]

    def _place(self, discount: StripeObject) -> tuple[int, int]:
        """Older ones come first, then as an invoice lists them."""
        return self._order.get(discount["id"], (discount["start"], 0))

    def _look_at(self, subscription: StripeObject) -> None:
        mine = self._seen[subscription["id"]]
        for each in subscription["discounts"]:
            mine.append(Seen(each, None, each["end"]))
        for item in subscription["items"]["data"]:
            for each in item["discounts"]:
                mine.append(Seen(each, item["id"], each["end"]))
        customer = self._customers.get(subscription["customer"])
        if customer is not None and customer["discount"] and not subscription["discounts"]:
            mine.append(Seen(customer["discount"], None, customer["discount"]["end"]))

    def _recurs(self, discount: StripeObject) -> bool:
        return self._coupon(discount).duration != "once"

    def _coupon(self, discount: StripeObject) -> Coupon:
        coupon = discount["source"]["coupon"]
        shown = coupon if isinstance(coupon, dict) else self._coupons[coupon]
        limits = shown.get("applies_to")
        percent = shown["percent_off"]
        return Coupon(
            id=shown["id"],
            name=shown["name"],
            created=shown["created"],
            duration=shown["duration"],
            percent_off=None if percent is None else Fraction(str(percent)),
            amount_off=shown["amount_off"],
            options={
                currency: option["amount_off"]
                for currency, option in shown.get("currency_options", {}).items()
            },
            product_ids=None if limits is None else frozenset(limits["products"]),
        )


def level(discount: StripeObject) -> str:
    if discount["subscription_item"] is not None:
        return "item"
    return "customer" if discount["subscription"] is None else "subscription"


def tax_of(subscription: StripeObject) -> Fraction:
    rates = list(subscription["default_tax_rates"])
    for item in subscription["items"]["data"]:
        rates += item["tax_rates"]
    included = [Fraction(str(rate["percentage"])) for rate in rates if rate["inclusive"]]
    return included[0] if included else Fraction(0)


def observed(
    log: BusinessLog, account: StripeAccount, observer: Observer, rebates: Rebates, day: date
) -> dict[str, int]:
    """The MRR of every item on a day, as the account tells it."""
    end = (day - date(1970, 1, 1)).days * DAY + DAY - 1
    held: dict[str, list[Held]] = defaultdict(list)
    items_of: dict[str, set[str]] = defaultdict(set)
    currencies = {each["id"]: each["currency"] for each in account.objects["subscriptions"]}
    for item_id, subscription_id in observer.subscription_of.items():
        items_of[subscription_id].add(item_id)
    shared: dict[str, dict[str, dict[Coupon, set[str]]]] = defaultdict(lambda: defaultdict(dict))
    for item_id, (price_id, quantity) in observer.snapshot(day).items():
        subscription_id = observer.subscription_of[item_id]
        found = rebates.coupons(subscription_id, item_id, end)
        own = tuple(coupon for kind, coupon, _ in found if kind == "item")
        for kind, coupon, runs in found:
            on_items = shared[subscription_id][kind].setdefault(coupon, set())
            on_items |= items_of[subscription_id] if runs else {item_id}
        price = log.catalog.price_of[price_id].in_currency(currencies[subscription_id])
        held[subscription_id].append(Held(item_id, price, quantity, own))
    taxes = {each["id"]: tax_of(each) for each in account.objects["subscriptions"]}
    micros: dict[str, int] = {}
    for subscription_id, items in held.items():
        levels = shared[subscription_id]
        on_items = levels["subscription"] or levels["customer"]
        of_all = [Shared(coupon, frozenset(ids)) for coupon, ids in on_items.items()]
        micros |= mrr_micros(items, of_all, taxes[subscription_id])
    return {item_id: amount for item_id, amount in micros.items() if amount}


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_the_mrr_of_every_day_can_be_found_out_from_the_account_alone(seed: int | None) -> None:
    log = simulate() if seed is None else simulate(seed=seed)
    account = render(log)
    observer, rebates = Observer(account), Rebates(account)
    days = {each.valid_from for each in item_intervals(log)}
    days |= {datetime.fromtimestamp(each.at, UTC).date() for each in log.happenings}
    hidden = (*unknowable_days(log), *pauses_of(log))
    for day in sorted(day for day in days if day <= log.last_day)[::2]:
        left_out = {each.subscription_id for each in hidden if each.holds_on(day)}
        true = {
            each.subscription_item_id: each.mrr_micros
            for each in item_intervals(log)
            if each.holds_on(day) and each.subscription_id not in left_out
        }
        seen = {
            item_id: amount
            for item_id, amount in observed(log, account, observer, rebates, day).items()
            if observer.subscription_of[item_id] not in left_out
        }
        assert seen == true, day
