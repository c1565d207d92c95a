"""What exchange rates do to a period: the FX row, and what is retention all the same."""

import re
from fractions import Fraction

from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.measuring import measure
from nrr_pipeline_tests.metrics.snapshots import Row, row


def items(text: str) -> list[Row]:
    """Items of ``a=usd100+eur50 b=eur20``: what each account pays in which currency."""
    return [
        row(
            account, micros(amount), currency=currency, subscription_item_id=f"si_{account}{number}"
        )
        for account, paid in (each.split("=") for each in text.split())
        for number, (currency, amount) in enumerate(re.findall(r"([a-z]{3})([0-9.]+)", paid))
    ]


@cases("monthly_nrr/exchange_rates.csv")
def test_the_fx_row_is_what_was_worked_out_by_hand(case: Case) -> None:
    found = measure(
        items(case["opening"]),
        items(case["closing"]),
        {"usd": Fraction(1), "eur": Fraction(case["opening_rate"])},
        {"usd": Fraction(1), "eur": Fraction(case["closing_rate"])},
        is_constant_currency=case["setting"] == "constant",
    ).whole
    parts = {
        "starting": found.starting_mrr_micros,
        "expansion": found.expansion_micros,
        "contraction": found.contraction_micros,
        "churned": found.churned_mrr_micros,
        "new_business": found.new_business_micros,
        "fx": found.fx_micros,
        "ending": found.ending_mrr_micros,
    }
    assert parts == {name: micros(case[name]) for name in parts}, case["why"]
    assert found.nrr == Fraction(case["nrr"]), case["why"]
