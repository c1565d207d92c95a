"""An observer who sees one account at one moment can find out the whole truth.

The observer here knows nothing of the log or of the pipeline. It shows that the simulated business
never holds a fact that its account does not tell; how to tell it well is the pipeline's task.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from nrr_pipeline.demo.account import StripeAccount, StripeObject
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.cycles import DAY, day_of
from nrr_pipeline.demo.log import BusinessLog, CollectionPaused, CollectionResumed, Paused, Resumed
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.truth import item_intervals
from nrr_pipeline.demo.unknowable import Unknowable, unknowable_days

Terms = tuple[str, int]
"""Price and quantity."""


class Line(NamedTuple):
    id: str
    at: int
    item_id: str | None
    terms: Terms
    is_proration: bool
    is_credit: bool
    credited_line: str | None


class Observer:
    """Rebuilds when each item had which terms, from the objects of an account."""

    def __init__(self, account: StripeAccount) -> None:
        self.states: dict[str, dict[int, Terms | None]] = defaultdict(dict)
        self.subscription_of: dict[str, str] = {}
        self._lines: dict[str, list[Line]] = defaultdict(list)
        self._events: dict[str, list[StripeObject]] = defaultdict(list)
        inline = account.unlisted["prices"].values()
        self._prices = {each["id"]: each for each in (*account.objects["prices"], *inline)}
        for invoice in account.objects["invoices"]:
            if is_of_a_change_never_made(invoice):
                continue
            for line in invoice["lines"]["data"]:
                if not self._is_usage(line):
                    self._lines[line["subscription"]].append(read(line))
        for event in reversed(account.objects["events"]):
            self._events[event["data"]["object"]["id"]].append(event)
        for subscription in account.objects["subscriptions"]:
            self._rebuild(subscription)

    def snapshot(self, day: date) -> dict[str, Terms]:
        """What counts on a day."""
        end = (day - date(1970, 1, 1)).days * DAY + DAY
        found: dict[str, Terms] = {}
        for item_id, states in self.states.items():
            at = max((at for at in states if at < end), default=None)
            terms = None if at is None else states[at]
            if terms is not None and not self._is_free(terms):
                found[item_id] = terms
        return found

    def _is_usage(self, line: StripeObject) -> bool:
        price = self._prices[line["pricing"]["price_details"]["price"]]
        return price["recurring"]["usage_type"] == "metered"

    def _is_free(self, terms: Terms) -> bool:
        """Whether a price costs nothing, or nothing for less than a whole pack."""
        price = self._prices[terms[0]]
        packs = price["transform_quantity"]
        if packs is not None and packs["round"] == "down" and terms[1] < packs["divide_by"]:
            return True
        return price["unit_amount"] == 0 or price["recurring"]["usage_type"] == "metered"

    def _rebuild(self, subscription: StripeObject) -> None:
        lines = self._lines[subscription["id"]]
        present: dict[str, Any] = {item["id"]: item for item in subscription["items"]["data"]}
        item_of = name_items(lines, present)
        items: dict[str, dict[int, Terms | None]] = defaultdict(dict)
        for line in sorted(lines, key=lambda line: (line.at, not line.is_credit)):
            items[item_of[line.id]][line.at] = None if line.is_credit else line.terms
        for event in self._events[subscription["id"]]:
            if "items" in event["data"].get("previous_attributes", {}):
                shown = {i["id"]: i for i in event["data"]["object"]["items"]["data"]}
                for item_id in items.keys() | shown.keys():
                    items[item_id][event["created"]] = terms_of(shown.get(item_id))
        first = subscription["trial_end"] or subscription["start_date"]
        ended = end_of(subscription, self._events[subscription["id"]])
        if subscription["status"] == "incomplete_expired":
            return
        for item_id, states in items.items():
            within = {max(first, at): terms for at, terms in sorted(states.items())}
            if ended is not None:
                within = {at: terms for at, terms in within.items() if at < ended} | {ended: None}
            self.states[item_id] = within
            self.subscription_of[item_id] = subscription["id"]


def read(line: StripeObject) -> Line:
    parent = line["parent"]
    details = parent["subscription_item_details"] or parent["invoice_item_details"]
    credited = details["proration_details"]["credited_items"]
    return Line(
        id=line["id"],
        at=line["period"]["start"],
        item_id=details.get("subscription_item"),
        terms=(line["pricing"]["price_details"]["price"], line["quantity"]),
        is_proration=details["proration"],
        is_credit=credited is not None,
        credited_line=credited and credited["invoice_line_items"][0],
    )


def name_items(lines: list[Line], present: dict[str, Any]) -> dict[str, str]:
    """Find the item of every line, also of classic prorations, which do not name it."""
    named = sorted((line for line in lines if line.item_id), key=lambda line: line.at)
    item_of = {line.id: line.item_id or "" for line in named}
    last_named = {line.item_id: line.at for line in named}
    gone: dict[str, Line] = {}
    for line in named:
        if line.item_id and line.item_id not in present:
            gone.setdefault(line.item_id, line)
    nameless = [line for line in lines if not line.item_id]
    for at in sorted({line.at for line in nameless}):
        then = [line for line in nameless if line.at == at]
        credited: dict[str, str] = {}
        for line in then:
            if line.is_credit:
                item_of[line.id] = credited[line.terms[0]] = item_of[line.credited_line or ""]
        going_on = [
            each for each in credited.values() if each in present or last_named.get(each, 0) > at
        ]
        for line in then:
            if not line.is_credit:
                begun = [each for each, item in present.items() if item["created"] == at]
                begun += [
                    each
                    for each, first in gone.items()
                    if first.at > at and first.terms[0] == line.terms[0]
                ]
                same_price = credited.get(line.terms[0])
                item_of[line.id] = same_price or [*going_on, *begun][0]
    return item_of


def terms_of(item: StripeObject | None) -> Terms | None:
    """Price and quantity of an item, unless it is on trial."""
    if item is None or item["current_trial"]:
        return None
    return item["price"]["id"], item.get("quantity", 0)


def is_of_a_change_never_made(invoice: StripeObject) -> bool:
    """Whether an invoice was for an update that waits for its payment, or waited in vain."""
    is_charged = invoice["collection_method"] == "charge_automatically"
    is_of_update = is_charged and invoice["billing_reason"] == "subscription_update"
    return is_of_update and invoice["status"] in {"open", "void"}


def end_of(subscription: StripeObject, events: list[StripeObject]) -> int | None:
    if subscription["status"] == "paused":
        return subscription["status_details"]["paused"]["transitioned_at"]
    if subscription["status"] != "unpaid":
        return subscription["ended_at"]
    return next(
        event["created"]
        for event in events
        if "status" in event["data"].get("previous_attributes", {})
        and event["data"]["object"]["status"] == "unpaid"
    )


def pauses_of(log: BusinessLog) -> list[Unknowable]:
    """Pauses, of collection or as a whole; this observer does not look for them."""
    found: list[Unknowable] = []
    for begun in log.happenings:
        is_uncollected = isinstance(begun, CollectionPaused) and begun.behavior != "keep_as_draft"
        if is_uncollected or isinstance(begun, Paused):
            ends = [
                each.at
                for each in log.happenings
                if isinstance(each, CollectionResumed | Resumed)
                and each.subscription_id == begun.subscription_id
                and each.at > begun.at
            ]
            until = day_of(ends[0]) if ends else log.last_day + timedelta(days=9)
            found.append(Unknowable(begun.subscription_id, day_of(begun.at), until, "paused"))
    return found


def discounted(log: BusinessLog) -> set[str]:
    """Subscriptions that had a discount, by which nothing may have been left to pay."""
    return {each.subscription_id for each in log.happenings if getattr(each, "grants", ())}


@pytest.mark.parametrize("seed", [None, *range(1, 8)])
def test_the_truth_of_every_day_can_be_rebuilt_from_the_account_alone(seed: int | None) -> None:
    log: BusinessLog = simulate() if seed is None else simulate(seed=seed)
    observer = Observer(render(log))
    changes = {each.valid_from for each in item_intervals(log)}
    changes |= {datetime.fromtimestamp(each.at, UTC).date() for each in log.happenings}
    unknown, paused = unknowable_days(log), pauses_of(log)
    for day in sorted(day for day in changes if day <= log.last_day):
        left_out = {each.subscription_id for each in (*unknown, *paused) if each.holds_on(day)}
        true = {
            each.subscription_item_id: (each.price_id, each.quantity)
            for each in item_intervals(log)
            if each.holds_on(day) and each.subscription_id not in left_out
        }
        seen = {
            item_id: terms
            for item_id, terms in observer.snapshot(day).items()
            if observer.subscription_of[item_id] not in left_out
        }
        assert true.items() <= seen.items(), day
        extra = {observer.subscription_of[item_id] for item_id in seen.keys() - true.keys()}
        assert extra <= discounted(log), day
