"""Subscriptions around one rule each of what its items were: starts, changes, odd objects.

The times are those of ``state_cases``.
"""

from nrr_pipeline_tests.end_to_end.forms import (
    START,
    TEN,
    TWENTY,
    Object,
    at,
    line,
    price,
    proration,
)
from nrr_pipeline_tests.end_to_end.state_cases import ALWAYS, AUGUST, NOVEMBER, OCTOBER, SEPTEMBER
from nrr_pipeline_tests.end_to_end.states_account import HandMadeAccount, Steps

CLASSIC = {"type": "classic", "flexible": None}
FLEXIBLE = {"type": "flexible", "flexible": {"proration_discounts": "included"}}
MIDDLE = at("2026-08-25")


def add_starts(account: HandMadeAccount) -> None:
    """Backdated and billed counts from its start, not billed from its creation."""
    for name, start, created, billed_from, expected in (
        ("backdated_billed", "2026-07-15", "2026-09-10", "2026-07-15", {"2026-07-15": 10}),
        ("backdated_cycle", "2026-09-10", "2026-09-28", None, {"2026-09-10": 10}),
        ("backdated_unbilled", "2026-01-10", "2026-09-10", None, {"2026-09-10": 10}),
        ("migrated_1", "2026-02-10", "2026-09-10", None, {"2026-09-10": 10}),
        ("migrated_2", "2026-03-10", "2026-09-10", None, {"2026-09-10": 10}),
    ):
        of = account.billed(name, expected, "", start=at(start), created=at(created))
        item = of["items"]["data"][0]
        item["created"] = at(created)
        first = [line(item, SEPTEMBER, OCTOBER)]
        if billed_from is not None:
            first.append(proration(item, at(billed_from), SEPTEMBER, 1, 1_871))
        account.invoice(of, at(created), first)
        account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])


def add_removed_items(account: HandMadeAccount) -> None:
    """An item that is gone lives in old lines; a credit or an event tells until when."""
    credited: Steps = {"2026-08-10": 20, "2026-08-25": 0}
    dropped: Steps = {"2026-08-10": 20, "2026-09-10": 0}
    by_event: Steps = {"2026-08-10": 20, "2026-10-25": 0}
    for name, expected, last in (
        ("credited", credited, AUGUST),
        ("dropped", dropped, AUGUST),
        ("by_event", by_event, OCTOBER),
    ):
        of = account.billed(f"removed_{name}", ALWAYS, "")
        kept = of["items"]["data"][0]
        gone = account.item(f"si_gone_{name}", of["id"], TWENTY, 1)
        for since, until in ((AUGUST, SEPTEMBER), (SEPTEMBER, OCTOBER), (OCTOBER, NOVEMBER)):
            lines = [line(kept, since, until)]
            if since <= last:
                lines.append(line(gone, since, until))
            elif name == "credited" and since == SEPTEMBER:
                lines.append(proration(gone, MIDDLE, SEPTEMBER, 1, -1_032))
            account.invoice(of, since, lines)
        if name == "by_event":
            account.changed(of, at("2026-10-25"), {"items": {"data": [kept, gone]}})
        account.expected[gone["id"]] = expected


def add_seats(account: HandMadeAccount) -> None:
    """Seats change with the proration that says so, else with the line that shows it."""
    first, second = at("2026-08-20"), at("2026-08-30")
    for name, mode in (("seats_classic", CLASSIC), ("seats_flexible", FLEXIBLE)):
        of = account.subscription(name, [(TEN, 2)], bills=None, billing_mode=mode)
        item, classic = of["items"]["data"][0], mode is CLASSIC
        account.invoice(of, AUGUST, [line(item, AUGUST, SEPTEMBER, 1)])
        changes = [(first, 1, -677), (first, 3, 2_032), (second, 3, -1_065), (second, 2, 710)]
        prorations = [
            proration(item, since, SEPTEMBER, quantity, amount, classic=classic)
            for since, quantity, amount in changes
        ]
        account.invoice(of, SEPTEMBER, [*prorations, line(item, SEPTEMBER, OCTOBER)])
        account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])
        account.expected[item["id"]] = {"2026-08-10": 10, "2026-08-20": 30, "2026-08-30": 20}
    of = account.subscription("seats_unprorated", [(TEN, 4)], bills=None)
    item = of["items"]["data"][0]
    account.invoice(of, AUGUST, [line(item, AUGUST, SEPTEMBER, 1)])
    account.invoice(of, SEPTEMBER, [line(item, SEPTEMBER, OCTOBER)])
    account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])
    account.expected[item["id"]] = {"2026-08-10": 10, "2026-09-10": 40}


def add_switches(account: HandMadeAccount) -> None:
    """A plan is switched in the middle of a period: on its item, or by another item."""
    credit = (MIDDLE, SEPTEMBER, 1, -516)
    yearly = price("price_year", 24_000, recurring={"interval": "year"})
    to_yearly: Steps = {"2026-08-10": 10, "2026-08-25": 20}
    of = account.billed("switched", to_yearly, "", yearly)
    item = of["items"]["data"][0]
    old = account.item(item["id"], of["id"], TEN, 1)
    account.invoice(of, AUGUST, [line(old, AUGUST, SEPTEMBER)])
    account.invoice(of, MIDDLE, [proration(old, *credit), line(item, MIDDLE, at("2027-08-25"))])

    of = account.billed("replaced", {"2026-08-25": 20}, "", TWENTY)
    item = of["items"]["data"][0]
    item["created"] = MIDDLE
    old = account.item("si_replaced_old", of["id"], TEN, 1)
    debit = proration(item, MIDDLE, SEPTEMBER, 1, 1_032)
    account.invoice(of, AUGUST, [line(old, AUGUST, SEPTEMBER)])
    account.invoice(of, SEPTEMBER, [proration(old, *credit), debit, line(item, SEPTEMBER, OCTOBER)])
    account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])
    account.expected[old["id"]] = {"2026-08-10": 10, "2026-08-25": 0}


def add_events(account: HandMadeAccount) -> None:
    """Events date what no invoice shows: two in one second, one undone, one of an old version."""
    day = "2026-10-20"

    def of_one(name: str, now: int, billed: int, expected: Steps) -> tuple[Object, Object]:
        of = account.subscription(name, [(TEN, now)], bills=None)
        item = of["items"]["data"][0]
        for since, until in ((AUGUST, SEPTEMBER), (SEPTEMBER, OCTOBER), (OCTOBER, NOVEMBER)):
            account.invoice(of, since, [line(item, since, until, billed)])
        account.expected[item["id"]] = expected
        return of, item

    def seats(item: Object, quantity: int) -> Object:
        return {"items": {"data": [item | {"quantity": quantity}]}}

    of, item = of_one("same_second", 5, 1, ALWAYS | {day: 50})
    two_seats = {"items": of["items"] | seats(item, 2)["items"]}
    account.changed(of, at(day), seats(item, 1), **two_seats)
    account.objects["events"][-1]["id"] = "evt_same_second_z"
    account.changed(of, at(day), seats(item, 2))

    of, item = of_one("mistake", 1, 1, ALWAYS)
    hundred_seats = {"items": of["items"] | seats(item, 100)["items"]}
    account.changed(of, at(f"{day} 09:00:00"), seats(item, 1), **hundred_seats)
    account.changed(of, at(f"{day} 10:00:00"), seats(item, 100))

    of, item = of_one("no_seats_before", 3, 0, {day: 30})
    account.changed(of, at(day), seats(item, 0))

    of, item = of_one("old_version", 5, 2, {"2026-08-10": 20, day: 50})
    account.changed(of, at(day), {**seats(item, 2), "quantity": 2})
    event = account.objects["events"][-1]
    known = ("id", "object", "status", "customer", "created", "start_date", "items", "livemode")
    shown = {name: of[name] for name in known} | {"current_period_end": NOVEMBER, "quantity": 5}
    event |= {"api_version": "2020-08-27", "data": event["data"] | {"object": shown}}


def add_undated(account: HandMadeAccount) -> None:
    """What the object alone shows is dated at the pull; an update that waits is not shown."""
    quarterly = price("price_quarter", 3_000, recurring={"interval_count": 3})
    of = account.subscription("differs", [(quarterly, 3)], bills=None)
    item = of["items"]["data"][0]
    account.invoice(of, AUGUST, [line(item, AUGUST, NOVEMBER, 1)])
    account.expected[item["id"]] = {"2026-08-10": 10, "2026-11-05": 30}

    of = account.billed("waiting", ALWAYS)
    item, asked_at = of["items"]["data"][0], at("2026-11-04")
    more = account.item(item["id"], of["id"], TWENTY, 6)
    fields = ("billing_cycle_anchor", "cancel_at_period_end", "discount", "discounts", "metadata")
    of["pending_update"] = dict.fromkeys((*fields, "trial_end", "trial_from_plan")) | {
        "expires_at": at("2026-11-05 12:00:00"),
        "subscription_items": [more],
    }
    lines = [
        proration(item, asked_at, NOVEMBER, 1, -200),
        proration(more, asked_at, NOVEMBER, 6, 2_400),
    ]
    asked = account.invoice(of, asked_at, lines, "open", billing_reason="subscription_update")
    of["latest_invoice"] = asked["id"]


def add_item_trials(account: HandMadeAccount) -> None:
    """An item with a trial of its own counts after it; the others count all the time."""
    for name, joined, until, expected in (
        ("over", "2026-08-20", "2026-09-03", {"2026-09-03": 20}),
        ("goes_on", "2026-10-25", "2026-11-25", {}),
    ):
        of = account.subscription(f"item_trial_{name}", [(TEN, 1), (TWENTY, 1)], bills=None)
        main, added = of["items"]["data"]
        trial = {"start_date": at(joined), "end_date": at(until), "trial_offer": "trialoffer_1"}
        added |= {"created": at(joined), "current_trial": trial}
        for since, end in ((AUGUST, SEPTEMBER), (SEPTEMBER, OCTOBER), (OCTOBER, NOVEMBER)):
            lines = [line(main, since, end)]
            if since > at(until):
                lines.append(line(added, since, end))
            if name == "over" and since == SEPTEMBER:
                lines.append(proration(added, at(until), SEPTEMBER, 1, 467))
            account.invoice(of, since, lines)
        account.expected |= {main["id"]: ALWAYS, added["id"]: expected}


def add_odd_objects(account: HandMadeAccount) -> None:
    """One-off lines, invoices without lines, more items than a page, test clocks."""
    of = account.billed("one_off", ALWAYS)
    item = of["items"]["data"][0]
    manual = proration(item, OCTOBER, OCTOBER, 7, 7_000, classic=True)
    manual["parent"]["invoice_item_details"]["proration"] = False
    account.invoice(of, OCTOBER + 1, [manual])
    account.invoice(account.billed("lineless", ALWAYS), at("2026-10-30"), [])
    account.billed("one_of_two", ALWAYS, customer="cus_two")
    account.billed("two_of_two", {"2026-08-10": 20}, of=TWENTY, customer="cus_two")
    prices = [price(f"price_many_{number}", 100 * (number + 1)) for number in range(23)]
    account.subscription("many", [(each, 1) for each in prices])
    account.expected |= {f"si_many_{each}": {"2026-08-10": each + 1} for each in range(23)}
    of = account.billed("on_test_clock", {}, test_clock="clock_1")
    for each in (*account.objects["customers"], *account.objects["invoices"]):
        if "cus_on_test_clock" in (each["id"], each.get("customer")):
            each["test_clock"] = "clock_1"
    account.changed(of, START + 70 * 86_400, {"metadata": {"a": "b"}})
