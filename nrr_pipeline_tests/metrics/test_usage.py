"""An average month of metered usage: which billing intervals it is taken from, and what is left."""

import re
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.money import MicrosOverflowError
from nrr_pipeline.metrics.pricing import Amounts, Price
from nrr_pipeline.metrics.usage import AverageUsage, UsageLine, average_usage
from nrr_pipeline_tests.golden import Case, cases, micros

_LINE = re.compile(r"(.*?)\.\.(.*?)=(\d+)(?:-(\d+)([a-z]+))?(?:\+(.*))?")


def seconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def usage_lines(text: str) -> list[UsageLine]:
    """Lines such as ``01-01..02-01=3000-600forever+19/100``, all of 2026 or begun before it."""
    lines: list[UsageLine] = []
    for number, written in enumerate(text.split()):
        found = _LINE.fullmatch(written)
        assert found is not None, written
        start, end, subtotal, off, duration, tax = found.groups()
        discount = Discount(
            f"di_{number}", "off", DiscountLevel.ITEM, 0, Duration(duration or "forever")
        )
        lines.append(
            UsageLine(
                line_id=f"il_{number}",
                price_id="price_calls",
                starts_at=seconds(f"{2026 if start < end else 2025}-{start}"),
                ends_at=seconds(f"2026-{end}"),
                subtotal_minor=int(subtotal),
                discounts=((discount, int(off)),) if off else (),
                tax_rate=Fraction(tax) if tax else None,
            )
        )
    return lines


def average(
    lines: list[UsageLine], at: int, interval: str = "month", setting: str = "recurring"
) -> AverageUsage | None:
    amounts = Amounts(Fraction(1))
    price = Price("price_calls", "prod_api", "usd", interval, 1, amounts, is_metered=True)
    return average_usage(
        lines,
        at=at,
        currency="usd",
        prices={"price_calls": price},
        rules=CountingRules(discounts=setting),
    )


@cases("mrr_intervals/usage.csv")
def test_an_average_month_of_usage_is_what_was_worked_out_by_hand(case: Case) -> None:
    lines = usage_lines(case["lines"])
    found = average(lines, seconds(case["at"]), case["interval"], case["setting"])
    assert found == average(lines[::-1], seconds(case["at"]), case["interval"], case["setting"])
    if not case["average"]:
        assert found is None, case["why"]
        return
    assert found is not None, case["why"]
    assert found.micros == micros(case["average"]), case["why"]
    assert found.months == int(case["months"]), case["why"]


def test_the_time_that_an_average_is_taken_from_is_told() -> None:
    lines = usage_lines("01-01..02-01=1 02-01..03-01=1 03-01..04-01=1 04-01..05-01=1")
    found = average(lines, seconds("2026-05-01"))
    assert found is not None
    assert (found.starts_at, found.ends_at) == (seconds("2026-02-01"), seconds("2026-05-01"))


def test_thirteen_weeks_are_three_months() -> None:
    week = 7 * 86_400
    lines = [
        UsageLine(f"il_{n}", "price_calls", n * week, (n + 1) * week, 1_300) for n in range(20)
    ]
    found = average(lines, 20 * week, "week")
    assert found is not None
    assert found.months == 3
    assert found.micros == 56_333_333  # thirteen weeks at 13 dollars are 169, and a third of that


def test_an_amount_beyond_64_bits_is_an_error_and_wraps_nowhere() -> None:
    with pytest.raises(MicrosOverflowError):
        average([UsageLine("il", "price_calls", 0, 1, 10**17)], 1)
