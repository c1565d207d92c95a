"""An unknown billing interval or scheme holds out the whole item, and nothing else."""

import pytest

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.explanation import explain_stretch
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import FOREVER_DAY, MrrInterval
from nrr_pipeline.metrics.pricing import UnpriceableError
from nrr_pipeline_tests.golden import Case, cases
from nrr_pipeline_tests.metrics.subscriptions import at, build, price_of, segment

PRICES = {
    "monthly": price_of(1_000, price_id="monthly"),
    "yearly": price_of(12_000, "year", price_id="yearly"),
    "odd": price_of(1_000, "fortnight", price_id="odd"),
    "staircase": price_of(None, price_id="staircase", unsupported="billing scheme has no rule"),
    "euros": price_of(1_000, price_id="euros", currency="eur"),
    "calls": price_of(None, price_id="calls", is_metered=True),
}


def stretches(item_id: str, text: str) -> list[HistorySegment]:
    """An item's prices from days of 2026 on, such as ``01-01=monthly 03-01=odd``."""
    changes = [change.split("=") for change in text.split()]
    ends = [f"2026-{start}" for start, _ in changes] + [None]
    return [
        segment(item_id, Terms(price, None if price == "calls" else 1), f"2026-{start}", end)
        for (start, price), end in zip(changes, ends[1:], strict=True)
    ]


def days(each: MrrInterval) -> str:
    end = "" if each.valid_to == FOREVER_DAY else f"{each.valid_to:%m-%d}"
    return f"{each.subscription_item_id} {each.valid_from:%m-%d}..{end}"


@cases("mrr_intervals/unknown_form.csv")
def test_the_time_that_was_worked_out_by_hand_is_held_out(case: Case) -> None:
    whole = stretches("first", case["first"]) + stretches("second", case["second"])
    found, findings = build(whole, PRICES)
    held_out = [days(each) for each in found if each.held_out is not None]
    counted = [days(each) for each in found if each.held_out is None]
    assert " ".join(held_out) == case["held_out"], case["why"]
    assert " ".join(counted) == case["counted"], case["why"]
    named = {each.object_id for each in findings if each.check_name == "unpriceable_item"}
    assert named == ({"first"} if held_out else set()), case["why"]


def test_one_finding_names_the_price_and_all_the_days() -> None:
    _, [finding] = build(stretches("first", "01-01=monthly 03-01=odd 04-01=monthly"), PRICES)
    assert finding.severity == "error"
    assert "odd: billing interval 'fortnight'" in finding.detail
    assert "held out of every figure from 2026-01-01 on" in finding.detail


def test_the_arithmetic_of_a_known_stretch_says_why_it_is_held_out() -> None:
    whole = stretches("first", "01-01=monthly 03-01=odd")
    with pytest.raises(UnpriceableError, match="fortnight"):
        explain_stretch(whole, "first", at("2026-02-01"), prices=PRICES, rules=CountingRules())
