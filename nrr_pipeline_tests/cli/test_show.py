"""``nrr show``: what is shown is what is published, and it says how fresh it is."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.cli.show import DIMENSIONS, parse_time
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows

TABLES = {
    "2026-03": "monthly_nrr",
    "2026-Q3": "quarterly_nrr",
    "ttm-2026-09": "trailing_12_month_nrr",
}
AMOUNTS = (
    "starting_mrr_micros",
    "expansion_micros",
    "contraction_micros",
    "churned_mrr_micros",
    "new_business_micros",
    "reactivation_micros",
    "ending_mrr_micros",
)


def document(nrr: Nrr, *arguments: str) -> dict[str, Any]:
    result = nrr("show", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_without_a_period_the_last_twelve_months_are_shown(nrr: Nrr, published: Path) -> None:
    result = nrr("show")
    assert result.exit_code == 0
    months = rows(
        published,
        "SELECT * FROM monthly_nrr WHERE dimension = 'all' ORDER BY period_start DESC LIMIT 12",
    )
    for month in months:
        line = next(
            line
            for line in result.stdout.splitlines()
            if line.startswith(month["period_start"][:7])
        )
        nrr_shown = format_ratio(month["nrr_numerator"], month["nrr_denominator"], currency="usd")
        assert nrr_shown in line
        assert "historical" in line


def test_every_output_says_how_fresh_it_is_and_under_which_policy(
    nrr: Nrr, published: Path
) -> None:
    del published
    for arguments in ([], ["2026-03"], ["2026-Q3", "--by", "product"]):
        text = nrr("show", *arguments).stdout
        assert "data as of 2026-10-05 06:00 UTC" in text
        assert "days published through 4 October 2026" in text
        assert "policy 3-default" in text


def test_no_line_is_wider_than_a_hundred_columns(nrr: Nrr, published: Path) -> None:
    del published
    for arguments in ([], ["2026-03"], *(["2026-Q3", "--by", name] for name in DIMENSIONS)):
        assert max(map(len, nrr("show", *arguments).stdout.splitlines())) <= 100


@pytest.mark.parametrize("period", TABLES)
def test_a_period_is_shown_as_the_bridge_that_was_published(
    nrr: Nrr, published: Path, period: str
) -> None:
    start = {"2026-Q3": "2026-07-01"}.get(period, f"{period[-7:]}-01")
    [row] = rows(
        published,
        f"SELECT * FROM {TABLES[period]} WHERE period_start = ? AND dimension = 'all'",  # noqa: S608
        start,
    )
    text = nrr("show", period).stdout
    for name in AMOUNTS:
        assert format_money(row[name], "usd") in text
    assert f"{row['nrr_numerator']:,} / {row['nrr_denominator']:,} micros" in text
    assert f"{row['churned_customers']} / {row['starting_customers']}" in text


def test_the_json_of_a_period_is_exact(nrr: Nrr, published: Path) -> None:
    [row] = rows(
        published,
        "SELECT * FROM quarterly_nrr WHERE period_start = '2026-07-01' AND dimension = 'all'",
    )
    shown = document(nrr, "2026-Q3")
    for name in (*AMOUNTS, "fx_micros", "currency", "starting_customers", "edition"):
        assert shown[name] == row[name]
    exact = Fraction(row["nrr_numerator"], row["nrr_denominator"])
    assert shown["nrr"] == {
        "numerator": row["nrr_numerator"],
        "denominator": row["nrr_denominator"],
        "value": float(exact),
    }
    assert shown["data_as_of"]["last_complete_pull"] == "2026-10-05T06:00:00Z"
    assert shown["policy"] == {"version": "3-default", "choices": {}}


def test_the_json_of_the_months_is_one_document(nrr: Nrr, published: Path) -> None:
    del published
    shown = document(nrr)
    assert [month["period"] for month in shown["months"]][-1] == "2026-09"
    assert len(shown["months"]) == 12


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_segments_add_up_to_the_whole(nrr: Nrr, published: Path, dimension: str) -> None:
    del published
    shown = document(nrr, "2026-Q3", "--by", dimension)
    for name in AMOUNTS:
        assert sum(segment[name] for segment in shown["segments"]) == shown[name]
    text = nrr("show", "2026-Q3", "--by", dimension).stdout
    assert "All customers" in text


def test_products_are_called_by_their_names(nrr: Nrr, published: Path) -> None:
    del published
    names = {each["name"] for each in document(nrr, "2026-Q3", "--by", "product")["segments"]}
    assert names <= {"Starter", "Team", "Business", "Insights", "Scale", "Studio"}


def test_an_alert_is_shown_with_its_period(nrr: Nrr, published: Path) -> None:
    raised = rows(published, "SELECT text FROM alerts WHERE period = 'quarter'")
    text = " ".join(nrr("show", "2026-Q3").stdout.split())
    assert all(" ".join(alert["text"].split()) in text for alert in raised)
    assert [alert["text"] for alert in document(nrr, "2026-Q3")["alerts"]] == [
        alert["text"] for alert in raised
    ]


def test_months_whose_nrr_hides_churn_are_marked_and_such_a_period_says_so(
    nrr: Nrr, published: Path
) -> None:
    Path("policy.toml").write_text('[alerts.hidden_churn_above]\nmonth = "1/50"\nquarter = 1\n')
    hiding = rows(
        published,
        "SELECT substr(period_start, 1, 7) AS month FROM monthly_nrr WHERE dimension = 'all' "
        "AND period_start >= '2025-10-01' AND nrr >= 1 "
        "AND 50 * churned_customers > starting_customers",
    )
    marked = [row["month"] for row in hiding]
    lines = nrr("show").stdout.splitlines()
    assert marked
    assert [line[:7] for line in lines if " ! " in line] == marked
    legend = "! hidden churn: more than 2 % of customers left although NRR is 100 % or more"
    assert legend in lines
    for month in (line[:7] for line in lines if line[:2] == "20"):
        said = re.search(
            r"^Hidden churn: [\d.]+ % of customers left although NRR is [\d.]+ %$",
            nrr("show", month).stdout,
            re.MULTILINE,
        )
        assert (said is not None) == (month in marked)


def test_what_was_known_earlier_can_be_asked_for(nrr: Nrr, published: Path) -> None:
    [row] = rows(
        published,
        "SELECT known_at FROM monthly_nrr WHERE period_start = '2026-03-01' AND dimension = 'all'",
    )
    published_at = row["known_at"].replace(" ", "T") + "+00:00"
    assert document(nrr, "2026-03", "--known-at", published_at)["edition"] == 1
    early = nrr("show", "2026-03", "--known-at", "2026-05-01")
    assert early.exit_code == 1
    assert "nrr show 2026-03" in early.stderr


def test_a_later_edition_is_shown_beside_what_it_restates(nrr: Nrr, published: Path) -> None:
    later = "2099-01-01 00:00:00.000000"
    for row in rows(published, "SELECT * FROM monthly_nrr WHERE period_start = '2026-03-01'"):
        values = {**row, "edition": 2, "known_at": later}
        marks = ", ".join("?" * len(values))
        change(published, f"INSERT INTO monthly_nrr VALUES ({marks})", *values.values())  # noqa: S608
    change(
        published,
        "INSERT INTO restatements (period, period_start, dimension, segment, from_edition, "
        "to_edition, cause, detail, known_at) VALUES ('month', '2026-03-01', 'all', 'all', 1, 2, "
        "'late_data', 'expansion_micros 1 -> 2', ?)",
        later,
    )
    assert "Edition 2 restates edition 1 (late data)" in nrr("show", "2026-03").stdout
    assert document(nrr, "2026-03")["edition"] == 2
    assert document(nrr, "2026-03", "--known-at", "2098-12-31")["edition"] == 1
    march = next(line for line in nrr("show").stdout.splitlines() if line.startswith("2026-03"))
    assert march.endswith("final, ed. 2")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["2026-13"], "is not a period"),
        (["--by", "product"], "PERIOD"),
        (["2026-03", "--by", "weather"], "billing_interval"),
        (["2026-03", "--known-at", "yesterday"], "neither a day nor a time"),
        (["2026-03", "--customers", "missing/folder/file.csv"], "cannot be written"),
    ],
)
def test_wrong_use_is_explained(nrr: Nrr, published: Path, arguments: list[str], says: str) -> None:
    del published
    result = nrr("show", *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("period", "says"),
    [("2027-01", "nrr run --date 2027-01-31"), ("2020-01", "the first day that is")],
)
def test_a_period_that_is_not_published_says_what_to_do(
    nrr: Nrr, published: Path, period: str, says: str
) -> None:
    del published
    result = nrr("show", period)
    assert result.exit_code == 1
    assert says in result.stderr


def test_figures_of_another_policy_are_marked(nrr: Nrr, published: Path) -> None:
    Path("policy.toml").write_text('churn_at = "request"\n')
    del published
    text = nrr("show", "2026-03").stdout
    assert "churn_at = request" in text
    assert "published under 3-default" in text


def test_a_day_means_its_end_in_the_reporting_time_zone() -> None:
    policy = MetricPolicy(timezone="America/New_York")
    assert parse_time("2026-03-31", policy).isoformat() == "2026-04-01T03:59:59.999999+00:00"
    assert parse_time("2026-03-31T09:30", policy).isoformat() == "2026-03-31T13:30:00+00:00"
    assert parse_time("2026-03-31T09:30Z", policy).isoformat() == "2026-03-31T09:30:00+00:00"
