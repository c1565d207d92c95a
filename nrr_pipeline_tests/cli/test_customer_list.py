"""``nrr show --customers``: the customers behind a figure add up to it."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import pytest

from nrr_pipeline.cli.customer_list import columns
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change

FILE = "customers.csv"


def listed(period: str, nrr: Nrr) -> tuple[dict, list[dict[str, str]]]:
    result = nrr("show", period, "--customers", FILE, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    with Path(FILE).open(encoding="utf-8", newline="") as file:
        return json.loads(result.stdout), list(csv.DictReader(file))


@pytest.mark.parametrize("period", ["2026-03", "2026-Q3", "ttm-2026-09"])
def test_the_customers_add_up_to_the_figure(nrr: Nrr, published: Path, period: str) -> None:
    del published
    shown, customers = listed(period, nrr)
    assert tuple(customers[0]) == columns(MetricPolicy())

    def total(movement: str) -> int:
        return sum(
            abs(int(each["change_micros"])) for each in customers if each["movement"] == movement
        )

    opening = sum(int(each["opening_mrr_micros"]) for each in customers)
    cohort = [each for each in customers if int(each["opening_mrr_micros"]) > 0]
    assert opening == shown["starting_mrr_micros"]
    assert total("expansion") == shown["expansion_micros"]
    assert total("contraction") == shown["contraction_micros"]
    assert total("churn") == shown["churned_mrr_micros"]
    assert total("new_business") == shown["new_business_micros"]
    assert total("reactivation") == shown["reactivation_micros"]
    assert len(cohort) == shown["starting_customers"]
    assert sum(int(each["closing_mrr_micros"]) for each in cohort) == shown["nrr"]["numerator"]


def test_amounts_stand_as_exact_decimals_too_and_the_largest_loss_first(
    nrr: Nrr, published: Path
) -> None:
    del published
    _, customers = listed("2026-Q3", nrr)
    for each in customers:
        for name in ("opening_mrr", "closing_mrr", "change"):
            assert Fraction(each[name]) * 1_000_000 == int(each[f"{name}_micros"])
    changes = [int(each["change_micros"]) for each in customers]
    assert changes == sorted(changes)


def test_a_name_is_never_a_formula(nrr: Nrr, published: Path) -> None:
    change(
        published,
        "UPDATE stripe_customers SET payload = json_set(payload, '$.name', '=HYPERLINK(\"x\")')",
    )
    _, customers = listed("2026-03", nrr)
    assert {each["name"] for each in customers} == {'\'=HYPERLINK("x")'}


def test_customers_under_another_policy_are_not_passed_off_as_the_published_ones(
    nrr: Nrr, published: Path
) -> None:
    change(published, "UPDATE monthly_nrr SET nrr_numerator = nrr_numerator + 1")
    result = nrr("show", "2026-03", "--customers", FILE)
    assert result.exit_code == 0
    assert "do not add up" in result.stderr
