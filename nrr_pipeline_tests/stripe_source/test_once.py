"""One-time discounts: subtracted under one setting only, and until the invoice that uses them."""

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.stripe_source.discount_sets import discount, evidence_of, month
from nrr_pipeline_tests.stripe_source.payload_sets import (
    PRICES,
    invoice,
    item,
    record,
    seen,
    subscription,
)

ONE = item("monthly", 1)


@cases("mrr_intervals/once.csv")
def test_a_one_time_discount_is_subtracted_in_the_time_worked_out_by_hand(case: Case) -> None:
    once = discount("di_1", "first", f"2026-{case['given']}")
    looks = [seen(subscription(ONE, discounts=[once]), f"2026-{case['given']} 12:00")]
    if case["used"]:
        looks.append(seen(subscription(ONE), "2026-05-10"))
    invoices = [
        invoice(
            f"2026-{start:02}-01",
            month(f"2026-{start:02}-01", f"2026-{start + 1:02}-01", *(["di_1"] * is_used)),
            discounts=[once] if is_used else [],
        )
        for start in range(1, 5)
        if (is_used := f"{start:02}-01" == case["used"]) or case["used"] or start < 4
    ]
    evidence = evidence_of(record(*looks, invoices=invoices))
    rules = CountingRules(discounts=case["setting"])
    found, _ = IntervalBuilder(PRICES, rules, DayClock("UTC")).build(fold_subscription(evidence))
    steps = [step.split("=") for step in case["mrr"].split()]
    assert [(f"{each.valid_from:%m-%d}", each.mrr_micros) for each in found] == [
        (start, micros(amount)) for start, amount in steps
    ], case["why"]
