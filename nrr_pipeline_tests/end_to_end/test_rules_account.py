"""An account that nothing else here knows, one subscription for each rule: the MRR it defines."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import sqlalchemy as sa

from nrr_pipeline.orchestration.stages.daily import publish_days
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.orchestration.stages.pulling import pull_raw
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.end_to_end.pipeline import connected, utc_now
from nrr_pipeline_tests.end_to_end.rules_account import (
    HELD_OUT,
    START,
    Object,
    RulesAccount,
    at,
    coupon,
    discount,
    item,
    micros,
    months_later,
    price,
)

TIERS = [
    {"up_to": 5, "unit_amount_decimal": "1000", "flat_amount_decimal": "500"},
    {"up_to": None, "unit_amount_decimal": "600", "flat_amount_decimal": "200"},
]
MONTHLY = price("price_monthly")
OTHER = price("price_other", "2000", product="prod_b")
YEARLY = price("price_yearly", "10000", recurring={"interval": "year"})
FIFTH, FIVE = coupon("FIFTH", percent_off=20.0), coupon("FIVE", amount_off=500)


def test_every_rule_gives_the_mrr_that_it_defines(tmp_path: Path) -> None:
    rules = RulesAccount()
    for product in ("prod_a", "prod_b"):
        rules.objects["products"].append(
            {"id": product, "object": "product", "created": START, "name": product, "active": True}
        )
    add_intervals(rules)
    add_forms(rules)
    add_discounts(rules)
    add_states(rules)
    day = date(2026, 10, 4)
    policy = MetricPolicy(reporting_currency="usd")
    with connected(rules.account(), tmp_path, policy) as pipeline:
        pull_raw(pipeline.warehouse, pipeline.source, policy, clock=utc_now, through=day)
        build_history(pipeline.warehouse, policy, clock=utc_now)
        build_intervals(pipeline.warehouse, policy, clock=utc_now)
        publish_days(pipeline.warehouse, policy, [day], clock=utc_now)
        with pipeline.warehouse.read() as connection:
            published = connection.execute(
                sa.text("SELECT subscription_item_id, mrr_micros FROM daily_mrr")
            ).all()
            held_out = connection.scalars(
                sa.text(
                    "SELECT subscription_item_id FROM mrr_intervals WHERE held_out IS NOT NULL "
                    "AND valid_from <= :day AND valid_to > :day"
                ),
                {"day": str(day)},
            ).all()
    found = dict.fromkeys(rules.expected, 0) | {row[0]: row[1] for row in published}
    assert found | dict.fromkeys(held_out, HELD_OUT) == rules.expected


def add_intervals(rules: RulesAccount) -> None:
    for name, amount, recurring, expected in (
        ("month", "1000", {}, micros(3_000)),
        ("year", "10000", {"interval": "year"}, 25_000_000),
        ("quarter", "2999", {"interval_count": 3}, micros(2_999)),
        (
            "two_years",
            "50000",
            {"interval": "year", "interval_count": 2},
            micros(Fraction(50_000 * 3, 24)),
        ),
        ("week", "700", {"interval": "week"}, micros(Fraction(700 * 3 * 52, 12))),
        (
            "two_weeks",
            "1400",
            {"interval": "week", "interval_count": 2},
            micros(Fraction(1_400 * 78, 12)),
        ),
        ("day", "100", {"interval": "day"}, micros(Fraction(100 * 3 * 365, 12))),
        ("fortnight", "1000", {"interval": "fortnight"}, HELD_OUT),
    ):
        of = price(f"price_{name}", amount, recurring=recurring)
        rules.add(name, [item(of, 3)], [expected])


def add_forms(rules: RulesAccount) -> None:
    packs = {"divide_by": 5, "round": "up"}
    tiered = {"billing_scheme": "tiered", "tiers": TIERS}
    inclusive = price("price_inclusive", "1190", tax_behavior="inclusive")
    rate = {"id": "txr_1", "object": "tax_rate", "inclusive": True, "percentage": 19.0}
    for name, of, quantity, expected in (
        ("fraction", price("price_fraction", "0.5"), 333, micros(Fraction(333, 2))),
        ("packs_up", price("price_up", "500", transform_quantity=packs), 11, micros(1_500)),
        (
            "packs_down",
            price("price_down", "500", transform_quantity=packs | {"round": "down"}),
            14,
            micros(1_000),
        ),
        (
            "graduated",
            price("price_grad", None, tiers_mode="graduated", **tiered),
            8,
            micros(7_500),
        ),
        (
            "at_the_edge",
            price("price_edge", None, tiers_mode="graduated", **tiered),
            5,
            micros(5_500),
        ),
        ("volume", price("price_volume", None, tiers_mode="volume", **tiered), 8, micros(5_000)),
        ("volume_of_0", price("price_zero", None, tiers_mode="volume", **tiered), 0, micros(500)),
        ("free", price("price_free", "0"), 4, 0),
        ("yen", price("price_yen", "5000", currency="jpy"), 1, 5_000_000_000),
        ("dinar", price("price_dinar", "12345", currency="kwd"), 1, 12_345_000),
        ("auction", price("price_auction", billing_scheme="auction"), 1, HELD_OUT),
    ):
        rules.add(name, [item(of, quantity)], [expected], charges=None)
    metered = price("price_metered", "5", recurring={"usage_type": "metered"})
    rules.add("metered", [item(metered, None)], [0])
    rules.add("taxed", [item(inclusive, 2, tax_rates=[rate])], [micros(2_000)], charges=None)
    euros = {"eur": {"unit_amount_decimal": "900", "tax_behavior": "unspecified"}}
    optional = price("price_optional", currency_options=euros)
    rules.add("euro", [item(optional)], [micros(900)], charges=None, currency="eur")


def add_discounts(rules: RulesAccount) -> None:
    half = coupon("HALF", percent_off=50.0, applies_to={"products": ["prod_b"]})
    quarter = coupon("QUARTER", percent_off=25.0, duration="repeating", duration_in_months=4)
    once = coupon("ONCE", percent_off=50.0, duration="once")
    gone = coupon("GONE", percent_off=30.0)
    rules.objects["coupons"] += [FIFTH, FIVE, half, quarter, once]
    ends = months_later(START, 4)
    for name, discounts, expected in (
        ("percent", [discount("di_1", FIFTH)], micros(2_400)),
        ("fixed", [discount("di_2", FIVE)], micros(2_500)),
        ("percent_first", [discount("di_3", FIFTH), discount("di_4", FIVE)], micros(1_900)),
        ("fixed_first", [discount("di_5", FIVE), discount("di_6", FIFTH)], micros(2_000)),
        ("capped", [discount("di_7", coupon("ALL", amount_off=99_999))], 0),
        ("all_off", [discount("di_8", coupon("FULL", percent_off=100.0))], 0),
        ("repeating", [discount("di_9", quarter, end=ends)], micros(2_250)),
        ("once", [discount("di_10", once)], micros(3_000)),
        ("deleted_coupon", [discount("di_11", gone)], micros(2_100)),
    ):
        rules.add(name, [item(MONTHLY, 3)], [expected], discounts=discounts, charges=None)
    two = [micros(1_000), micros(1_000)]
    rules.add("limited", [item(MONTHLY), item(OTHER)], two, discounts=[discount("di_12", half)])
    spread = [micros(1_000 - Fraction(500, 3)), micros(2_000 - Fraction(1_000, 3))]
    rules.add("spread", [item(MONTHLY), item(OTHER)], spread, discounts=[discount("di_13", FIVE)])
    mixed = [micros(500), micros(Fraction(9_500, 12))]
    rules.add("mixed", [item(MONTHLY), item(YEARLY)], mixed, discounts=[discount("di_14", FIVE)])
    own = [item(MONTHLY, discounts=[discount("di_15", FIFTH)]), item(OTHER)]
    rules.add("own", own, [micros(800), micros(2_000)])
    theirs = {"discount": discount("di_16", FIFTH)}
    rules.add("customers", [item(MONTHLY)], [micros(800)], customer=theirs)
    displaced = {"discount": discount("di_17", FIFTH)}
    rules.add(
        "displaced",
        [item(MONTHLY)],
        [micros(500)],
        customer=displaced,
        discounts=[discount("di_18", FIVE)],
    )
    beside = item(MONTHLY, discounts=[discount("di_19", FIVE)])
    rules.add("beside", [beside], [micros(400)], customer={"discount": discount("di_20", FIFTH)})


def add_states(rules: RulesAccount) -> None:
    requested = {"reason": "cancellation_requested"}
    ended = {"ended_at": at(2026, 9, 20), "canceled_at": at(2026, 9, 20)}
    pending = {"subscription_items": [{"id": "si_pending_0", "quantity": 9}], "expires_at": START}
    paused = {"paused": {"transitioned_at": at(2026, 9, 15), "type": "subscription"}}
    trial = {"trial_start": START, "trial_end": at(2026, 10, 12), "status": "trialing"}
    counts = micros(1_000)
    states: list[tuple[str, Object, int]] = [
        ("active", {}, counts),
        ("past_due", {"status": "past_due"}, counts),
        ("leaving", {"cancel_at_period_end": True, "canceled_at": at(2026, 9, 20)}, counts),
        ("left", {"status": "canceled", "cancellation_details": requested, **ended}, 0),
        ("incomplete", {"status": "incomplete"}, 0),
        ("expired", {"status": "incomplete_expired", "ended_at": START + 86_400}, 0),
        ("paused", {"status": "paused", "status_details": paused}, 0),
        ("drafts", {"pause_collection": {"behavior": "keep_as_draft"}}, counts),
        ("pending", {"pending_update": pending}, counts),
        ("on_trial", trial, 0),
    ]
    for name, fields, expected in states:
        rules.add(name, [item(MONTHLY)], [expected], **fields)
    uncollected: list[tuple[str, Object]] = [
        ("unpaid", {"status": "unpaid"}),
        ("collection_void", {"pause_collection": {"behavior": "void"}}),
    ]
    for name, fields in uncollected:
        rules.add(name, [item(MONTHLY)], [0], **fields)
        last = rules.objects["invoices"][-1]
        last |= {"status": "open" if name == "unpaid" else "void", "attempt_count": 4}
        last["status_transitions"]["paid_at"] = None
    trying = {"start_date": at(2026, 9, 30), "end_date": at(2026, 10, 30), "trial_offer": "to_1"}
    items = [item(MONTHLY), item(OTHER, current_trial=trying)]
    rules.add("items_own_trial", items, [counts, 0])
