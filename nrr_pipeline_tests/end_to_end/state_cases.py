"""Subscriptions of one item around one rule each of when it counts: trials, payments, ends, pauses.

They came on 10 August 2026 at noon where nothing else is said, pay 10 dollars a month on the 10th,
and are first connected on 5 November. Events begin on 6 October.
"""

from nrr_pipeline_tests.demo.schema import completed
from nrr_pipeline_tests.end_to_end.forms import DAY, MONTHS, NOW, START, TEN, Object, at, line
from nrr_pipeline_tests.end_to_end.states_account import HandMadeAccount, Steps

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER = MONTHS
ALWAYS: dict[str, int | None] = {"2026-08-10": 10}
VOID = {"behavior": "void", "resumes_at": None}
DRAFTS = {"behavior": "keep_as_draft", "resumes_at": None}
NOT_ENDED = {"canceled_at": None, "ended_at": None}


def ended(when: str, reason: str = "cancellation_requested", *, asked: str | None = None) -> Object:
    """The fields of a subscription that is over."""
    unsaid = dict.fromkeys(("comment", "feedback", "feedback_option"))
    return {
        "status": "canceled",
        "canceled_at": at(asked or when),
        "ended_at": at(when),
        "cancellation_details": unsaid | {"reason": reason},
    }


def paused(since: str, why: str = "pause_requested") -> Object:
    """The fields of a subscription that is paused as a whole."""
    details = {"subscription": {"type": why}, "transitioned_at": at(since), "type": "subscription"}
    return {"status": "paused", "status_details": {"paused": details}}


def add_trials(account: HandMadeAccount) -> None:
    """Whatever a trial's invoice says, nothing counts before the trial is over."""
    first, later = "2026-08-10", "2026-10-20"
    cases: list[tuple[str, str, str, Object, Steps]] = [
        ("to_midnight", first, "2026-08-24 00:00:00", {}, {"2026-08-24": 10}),
        ("to_last_second", first, "2026-08-23 23:59:59", {}, {"2026-08-23": 10}),
        ("until_last_day", later, "2026-11-04 23:59:59", {}, {"2026-11-04": 10}),
        ("through_last_day", later, "2026-11-05 00:00:00", {}, {"2026-11-05": 10}),
        ("goes_on", later, "2026-11-20", {"status": "trialing"}, {}),
        ("not_converted", first, "2026-08-24", ended("2026-08-24", asked="2026-08-20"), {}),
        ("cut_short", first, "2026-08-24", ended("2026-08-15"), {}),
        ("no_card", first, "2026-08-24", {"status": "paused"}, {}),
        (
            "no_card_dated",
            first,
            "2026-08-24",
            paused("2026-08-24", "trial_end_without_payment_method"),
            {},
        ),
    ]
    for name, begins, ends, fields, expected in cases:
        start, end = at(begins), at(ends)
        of = account.subscription(
            f"trial_{name}",
            [(TEN, 1)],
            start=start,
            bills=None,
            trial_start=start,
            trial_end=end,
            **fields,
        )
        item = of["items"]["data"][0]
        account.invoice(of, start, [line(item, start, end, amount=0)])
        for since in range(end, NOW, 31 * DAY) if not fields else ():
            account.invoice(of, since, [line(item, since, since + 31 * DAY)])
        account.expected[item["id"]] = expected


def add_longer_trials(account: HandMadeAccount) -> None:
    begin, changed, end = at("2026-10-15"), at("2026-10-25"), at("2026-11-20")
    fields: Object = {"status": "trialing", "trial_start": begin, "trial_end": end}
    of = account.subscription("trial_extended", [(TEN, 1)], start=begin, bills=None, **fields)
    item = of["items"]["data"][0]
    account.invoice(of, begin, [line(item, begin, at("2026-10-29"), amount=0)])
    account.invoice(of, changed, [line(item, changed, end, amount=0)])
    account.changed(of, changed, {"trial_end": at("2026-10-29")})
    account.expected[item["id"]] = {}

    converted: Steps = {"2026-09-10": 10}
    of = account.billed(
        "trial_extended_long_ago", converted, "", trial_start=START, trial_end=SEPTEMBER
    )
    item, changed = of["items"]["data"][0], at("2026-08-20")
    account.invoice(of, START, [line(item, START, at("2026-08-24"), amount=0)])
    account.invoice(of, changed, [line(item, changed, SEPTEMBER, amount=0)])
    account.invoice(of, SEPTEMBER, [line(item, SEPTEMBER, OCTOBER)])
    account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])

    a_month_free: Steps = {"2026-08-10": 10, "2026-09-10": 0, "2026-10-10": 10}
    of = account.billed(
        "trial_later", a_month_free, "paid", trial_start=SEPTEMBER, trial_end=OCTOBER
    )
    item = of["items"]["data"][0]
    account.invoice(of, SEPTEMBER, [line(item, SEPTEMBER, OCTOBER, amount=0)])
    account.invoice(of, OCTOBER, [line(item, OCTOBER, NOVEMBER)])


def add_first_payments(account: HandMadeAccount) -> None:
    """A subscription whose first payment is not made never counted; one made later counts then."""
    begin = at("2026-11-04 09:00:00")
    of = account.billed("incomplete", {}, "", start=begin, status="incomplete")
    item = of["items"]["data"][0]
    account.invoice(of, begin, [line(item, begin, begin + 30 * DAY)], "open", attempt_count=1)
    account.billed("expired", {}, "void", status="incomplete_expired", ended_at=START + 82_800)
    begin = at("2026-10-19 22:00:00")
    of = account.billed("paid_a_day_later", {"2026-10-20": 10}, "", start=begin)
    item = of["items"]["data"][0]
    account.invoice(of, begin, [line(item, begin, begin + 31 * DAY)], attempt_count=2)
    account.changed(of, at("2026-10-20 20:00:00"), {"status": "incomplete"})


def add_late_payments(account: HandMadeAccount) -> None:
    """Void and written-off invoices end nothing; being unpaid does, from the closing run on."""
    until_september: Steps = {"2026-08-10": 10, "2026-09-10": 0}
    until_october: Steps = {"2026-08-10": 10, "2026-10-10": 0}
    unpaid: Object = {"status": "unpaid"}
    cases: list[tuple[str, str, Object, Steps]] = [
        ("past_due", "paid paid open", {"status": "past_due"}, ALWAYS),
        ("past_due_twice", "untried open open", {"status": "past_due"}, ALWAYS),
        ("unpaid_long_ago", "paid open draft", unpaid, until_september),
        ("unpaid_after_void", "void paid uncollectible", unpaid, until_october),
        ("unpaid_from_start", "open draft draft", unpaid, {}),
        ("void_before", "paid void paid", {}, ALWAYS),
        ("void_now", "paid paid void", {}, ALWAYS),
        ("written_off_before", "paid uncollectible paid", {}, ALWAYS),
        ("written_off_now", "paid paid uncollectible", {}, ALWAYS),
        (
            "given_up",
            "paid uncollectible",
            ended("2026-10-02", "payment_failed"),
            {"2026-08-10": 10, "2026-10-02": 0},
        ),
    ]
    for name, invoices, fields, expected in cases:
        account.billed(name, expected, invoices, **fields)
    of = account.billed("unpaid", {"2026-08-10": 10, "2026-10-24": 0}, "paid paid open", **unpaid)
    account.changed(of, at("2026-10-24"), {"status": "past_due"})
    steps: Steps = {"2026-08-10": 10, "2026-10-20": 0}
    over = ended("2026-11-01", "payment_failed")
    of = account.billed("unpaid_then_over", steps, "paid paid open", **over)
    account.changed(of, at("2026-10-20"), {"status": "past_due"}, status="unpaid", **NOT_ENDED)
    account.changed(of, at("2026-11-01"), {"status": "unpaid", **NOT_ENDED})
    of = account.billed("recovered", ALWAYS)
    account.objects["invoices"][-1]["attempt_count"] = 3
    account.objects["invoices"][-1]["status_transitions"]["paid_at"] = at("2026-10-20")
    account.changed(of, at("2026-10-11"), {"status": "active"}, status="past_due")
    account.changed(of, at("2026-10-20"), {"status": "past_due"})


def add_ends(account: HandMadeAccount) -> None:
    """It counts until it ends, to the day, and shows from the request on that it will."""
    for name, invoices, when, asked, day in (
        ("at_once", "paid paid paid", "2026-10-20", None, "2026-10-20"),
        ("with_period", "paid paid", "2026-10-10", "2026-09-20", "2026-10-10"),
        ("at_midnight", "paid paid paid", "2026-10-20 00:00:00", None, "2026-10-20"),
        ("at_last_second", "paid paid paid", "2026-10-19 23:59:59", None, "2026-10-19"),
        ("on_a_set_day", "paid paid", "2026-09-25", "2026-09-12", "2026-09-25"),
    ):
        account.billed(f"left_{name}", ALWAYS | {day: 0}, invoices, **ended(when, asked=asked))
    for name, start, end, expected in (
        ("one_day", "2026-10-03 09:00:00", "2026-10-03 18:00:00", {}),
        (
            "one_second",
            "2026-10-03 23:59:59",
            "2026-10-04 00:00:00",
            {"2026-10-03": 10, "2026-10-04": 0},
        ),
    ):
        of = account.billed(name, expected, "", start=at(start), **ended(end))
        paid = [line(of["items"]["data"][0], at(start), at(start) + 31 * DAY)]
        account.invoice(of, at(start), paid, post_payment_credit_notes_amount=1_000)
    account.billed("will_end", ALWAYS, canceled_at=at("2026-10-01"), cancel_at=at("2026-12-24"))
    asked = {"cancel_at_period_end": True, "cancel_at": NOVEMBER, "canceled_at": at("2026-10-15")}
    not_asked = {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
    of = account.billed("taken_back", ALWAYS)
    account.changed(of, at("2026-10-15"), not_asked, **asked)
    account.changed(of, at("2026-10-25"), asked)
    account.billed("deleted", ALWAYS | {"2026-10-18": 0}, **ended("2026-10-18"))
    account.objects["customers"].pop()
    gone = {"id": "cus_deleted", "object": "customer", "deleted": True}
    account.deleted["customers"]["cus_deleted"] = gone


def add_pauses(account: HandMadeAccount) -> None:
    """A pause that voids invoices ends MRR while it lasts; one that keeps drafts does not."""
    written_off = {"behavior": "mark_uncollectible", "resumes_at": None}
    september = ALWAYS | {"2026-09-10": 0}
    cases: list[tuple[str, str, Object | None, Steps]] = [
        ("void_long_ago", "paid void void", VOID, september),
        ("written_off_long_ago", "paid uncollectible uncollectible", written_off, september),
        ("void_from_start", "void void void", VOID, {}),
        ("drafts", "paid draft draft", DRAFTS, ALWAYS),
    ]
    for name, invoices, pause, expected in cases:
        account.billed(f"pause_{name}", expected, invoices, pause_collection=pause)
    first, second = at("2026-10-12"), at("2026-10-22")
    back: Steps = ALWAYS | {"2026-10-12": 0, "2026-10-22": 10}
    of = account.billed("pause_over", back)
    account.changed(of, first, {"pause_collection": None}, pause_collection=VOID)
    account.changed(of, second, {"pause_collection": VOID})
    of = account.billed("pause_ends_in_sight", september | {"2026-10-22": 10}, "paid void void")
    account.changed(of, second, {"pause_collection": VOID})
    of = account.billed("pause_turns", ALWAYS | {"2026-10-22": 0}, pause_collection=VOID)
    account.changed(of, first, {"pause_collection": None}, pause_collection=DRAFTS)
    account.changed(of, second, {"pause_collection": {"behavior": "keep_as_draft"}})
    account.billed("paused", ALWAYS | {"2026-10-01": 0}, "paid paid", **paused("2026-10-01"))
    of = account.billed("paused_for_days", back)
    account.changed(of, first, {"status": "active"}, **paused("2026-10-12"))
    account.changed(of, second, paused("2026-10-12"))


def add_scheduled_pauses(account: HandMadeAccount) -> None:
    """A schedule tells of pauses that events have forgotten, and of those that are to come."""
    for name, expected, paused_at, outcome, resumed_at in (
        (
            "done",
            ALWAYS | {"2026-09-20": 0, "2026-10-01": 10},
            "2026-09-20",
            "succeeded",
            "2026-10-01",
        ),
        ("failed", ALWAYS, "2026-09-20", "error", None),
        ("planned", ALWAYS, "2026-12-01", "scheduled", None),
    ):
        of = account.billed(f"pause_{name}", expected)
        settings = {"type": "subscription", "invoicing_behavior": "invoice"}
        settings |= {
            "bill_for": {
                "outstanding_usage_through": {"type": "none"},
                "unused_time_from": {"type": "none"},
            }
        }
        resumption = {
            "billing_cycle_anchor": "unchanged",
            "payment_behavior": "resume_on_payment_attempt",
            "proration_behavior": "none",
        }
        pause = {
            "pause_at": at(paused_at),
            "settings": settings,
            "status": {"type": outcome}
            | ({"error": {"message": "no"}} if outcome == "error" else {}),
        }
        resume = resumed_at and {
            "resume_at": at(resumed_at),
            "settings": resumption,
            "status": {"type": "succeeded"},
        }
        of["schedule"] = f"sub_sched_{name}"
        shown = {
            "id": of["schedule"],
            "object": "subscription_schedule",
            "created": START,
            "customer": of["customer"],
            "pause_schedules": [{"key": "p", "pause": pause, "resume": resume}],
            "status": "active",
            "subscription": of["id"],
        }
        account.objects["subscription_schedules"].append(completed("subscription_schedules", shown))


def add_unknown(account: HandMadeAccount) -> None:
    """What is paid is proven; the rest of what nobody has heard of is held out."""
    held_out = ALWAYS | {"2026-10-10": None}
    account.billed("unknown_status", held_out, "paid paid open", status="hibernating")
    account.billed("unknown_but_paid", ALWAYS, status="hibernating")
    pause = {"behavior": "hibernate", "resumes_at": None}
    account.billed("unknown_pause", held_out, "paid paid open", pause_collection=pause)
