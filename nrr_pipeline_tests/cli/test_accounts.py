"""Joined and excluded customers on the command line, over an account run through Dagster."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import rows
from nrr_pipeline_tests.end_to_end.pipeline import connected

DASHBOARD = "https://dashboard.stripe.com/test/customers"
DAY = "2026-09-30"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quarter of a business is published; nobody writes here."""
    home = tmp_path_factory.mktemp("quarter")
    log = simulate(customers=30, first_day=date(2026, 7, 1), in_one_currency=True)
    with connected(render(log), home) as pipeline:
        pipeline.advance(log.last_day)
    return home


@pytest.fixture
def published(home: Path, quarter: Path) -> Path:
    """The same in a home of one's own, of which Dagster knows nothing yet."""
    home.mkdir()
    shutil.copy(quarter / "nrr.db", home / "nrr.db")
    return home


@pytest.fixture
def paying(published: Path) -> list[Row]:
    """The customers that pay at the end of September, the largest first."""
    return rows(
        published,
        "SELECT customer_id, SUM(mrr_micros) AS mrr_micros, COUNT(*) AS items FROM daily_mrr "
        "WHERE as_of_date = ? GROUP BY 1 ORDER BY 2 DESC, 1",
        DAY,
    )


def run(nrr: Nrr, policy: str, *joined: str) -> str:
    Path("policy.toml").write_text(policy, encoding="utf-8")
    lines = "\n".join(["customer_id,account_id", *joined])
    Path("map.csv").write_text(f"{lines}\n", encoding="utf-8")
    result = nrr("run", "--no-pull", "--date", "2026-10-04")
    assert result.exit_code == 0, result.output
    return result.stdout


def document(nrr: Nrr, *arguments: str) -> Row:
    result = nrr(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


MAP = '[files]\ncustomer_map = "map.csv"\n'


def test_a_customer_that_is_joined_is_shown_with_its_whole_account(
    nrr: Nrr, paying: list[Row]
) -> None:
    first, second = paying[:2]
    ids = sorted([first["customer_id"], second["customer_id"]])
    before = document(nrr, "mrr", "--date", DAY)["totals"][0]
    run(nrr, MAP, *(f"{each},=Group 1" for each in ids))

    shown = document(nrr, "mrr", "--date", DAY, "--customer", ids[0])
    assert shown == {
        **document(nrr, "mrr", "--date", DAY, "--customer", "=Group 1"),
        "customer_id": ids[0],
    }
    assert (shown["account_id"], shown["name"]) == ("=Group 1", "=Group 1")
    assert [each["customer_id"] for each in shown["customers"]] == ids
    assert [each["dashboard_url"] for each in shown["customers"]] == [
        f"{DASHBOARD}/{each}" for each in ids
    ]
    assert {each["customer_id"] for each in shown["items"]} == set(ids)
    assert {each["customer_id"] for each in shown["stretches"]} == set(ids)
    assert shown["totals"][0]["mrr_micros"] == first["mrr_micros"] + second["mrr_micros"]
    text = nrr("mrr", "--date", DAY, "--customer", ids[0]).stdout
    assert all(f"{DASHBOARD}/{each}" in text for each in ids)

    after = document(nrr, "mrr", "--date", DAY)["totals"][0]
    assert after == {**before, "customers": before["customers"] - 1}

    assert nrr("show", "2026-09", "--customers", "list.csv").exit_code == 0
    with Path("list.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["account_id"]: row for row in csv.DictReader(file)}
    group = listed.pop("'=Group 1")
    assert group["name"] == "'=Group 1"
    assert group["customer_ids"] == " ".join(ids)
    assert group["dashboard_urls"] == " ".join(f"{DASHBOARD}/{each}" for each in ids)
    assert not set(ids) & set(listed)
    alone = next(iter(listed.values()))
    assert alone["dashboard_urls"] == f"{DASHBOARD}/{alone['customer_id' + 's']}"


def test_a_single_customer_is_shown_with_its_link(nrr: Nrr, paying: list[Row]) -> None:
    some_id = paying[0]["customer_id"]
    shown = document(nrr, "mrr", "--customer", some_id)
    assert shown["account_id"] == shown["customer_id"] == some_id
    assert f"{DASHBOARD}/{some_id}" in nrr("mrr", "--customer", some_id).stdout


def test_excluded_customers_are_counted_wherever_figures_are_shown(
    nrr: Nrr, published: Path, paying: list[Row]
) -> None:
    some_id, micros = paying[0]["customer_id"], paying[0]["mrr_micros"]
    before = document(nrr, "mrr", "--date", DAY)
    assert before["excluded"] == {"customers": 0, "totals": []}
    assert "excluded" not in nrr("show").stdout

    printed = run(nrr, f'[exclude]\ncustomers = ["{some_id}"]\n')

    said = "excluded by the policy, in no figure: 1 customer with USD "
    assert said in " ".join(printed.split())
    for command in (["show"], ["show", "2026-09"], ["mrr"], ["doctor"]):
        assert said in " ".join(nrr(*command).stdout.split()), command
    after = document(nrr, "mrr", "--date", DAY)
    assert after["excluded"]["customers"] == 1
    assert after["totals"][0]["mrr_micros"] == before["totals"][0]["mrr_micros"] - micros
    assert after["totals"][0]["customers"] == before["totals"][0]["customers"] - 1
    shown = document(nrr, "mrr", "--date", DAY, "--customer", some_id)
    assert (shown["items"], shown["totals"]) == ([], [])
    assert shown["customers"][0]["excluded"] == (
        f"it is in no figure: exclude.customers names {some_id}"
    )
    assert "it is in no figure" in nrr("mrr", "--customer", some_id).stdout
    causes = rows(published, "SELECT DISTINCT cause FROM restatements")
    assert causes == [{"cause": "policy"}]


def test_an_id_that_is_neither_customer_nor_account_is_wrong_use(nrr: Nrr, published: Path) -> None:
    del published
    result = nrr("mrr", "--customer", "acme")
    assert result.exit_code == 2
    assert "there is no customer acme" in result.stderr
