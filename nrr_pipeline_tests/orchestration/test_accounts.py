"""Joined and excluded customers through the stages, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.company import PRICE, Company, customer, subscription

MERGED_ON = date(2026, 2, 10)


@pytest.fixture(scope="module")
def published(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pays 100 until 10 February; B pays 50, and 150 in all from then on; C pays 30."""
    with databases.new() as address:
        with open_warehouse(address) as warehouse:
            publish(Company(warehouse, tmp_path_factory.mktemp("published"), MetricPolicy()))
        yield address


def publish(company: Company) -> None:
    company.use()
    company.pull(
        ("prices", PRICE),
        ("customers", customer("a", email="it@a.example")),
        ("customers", customer("b", metadata={"internal": "yes"})),
        ("customers", customer("c", email="Ann@Example.COM")),
        ("subscriptions", subscription("a", 100, date(2025, 12, 1), MERGED_ON)),
        ("subscriptions", subscription("b", 50, date(2025, 12, 1))),
        ("subscriptions", subscription("b2", 100, MERGED_ON, customer="cus_b")),
        ("subscriptions", subscription("c", 30, date(2026, 1, 1))),
    )
    company.join()
    company.close()


@pytest.fixture
def company(published: str, databases: Databases, tmp_path: Path) -> Iterator[Company]:
    """A copy of one's own."""
    with databases.new(like=published) as address, open_warehouse(address) as warehouse:
        company = Company(warehouse, tmp_path, MetricPolicy())
        company.use()
        company.join()
        yield company


FEBRUARY = "2026-02-01"
APART = (1, 3, 180, 1, 100, 0, 180)
TOGETHER = (2, 2, 180, 0, 0, 0, 180)


def test_a_merger_is_neither_churn_nor_expansion_and_the_published_figure_stands(
    company: Company,
) -> None:
    assert company.month(FEBRUARY) == [APART]
    report = company.join("cus_a,cus_b")
    assert (report.changed, report.problems) == (1, ())
    assert company.close().subscriptions == 1
    assert company.month(FEBRUARY) == [APART, TOGETHER]
    assert company.rows(
        "SELECT DISTINCT cause FROM restatements WHERE dimension = 'all' AND period = 'month'"
    ) == [("correction",)]


def test_customers_of_a_day_are_accounts_and_its_mrr_stays(company: Company) -> None:
    query = (
        "SELECT as_of_date, mrr_micros / 1000000, customers, subscriptions FROM daily_mrr_totals "
        "WHERE is_reporting AND as_of_date IN ('2026-01-31', '2026-02-28') ORDER BY 1"
    )
    assert [row[1:] for row in company.rows(query)] == [(180, 3, 3), (180, 2, 3)]
    company.join("cus_a,cus_b")
    company.close()
    assert [row[1:] for row in company.rows(query)] == [(180, 2, 3), (180, 2, 3)]
    assert (
        company.rows("SELECT account_id FROM mrr_movements WHERE as_of_date = '2026-02-10'") == []
    )


def test_what_was_reported_keeps_the_account_of_then(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.close()

    def accounts(view: str) -> list[tuple[str, ...]]:
        return company.rows(
            f"SELECT customer_id, account_id FROM {view} "  # noqa: S608
            "WHERE as_of_date = '2026-01-31' AND customer_id <> 'cus_c' ORDER BY 1"
        )

    assert accounts("daily_mrr") == [("cus_a", "cus_b"), ("cus_b", "cus_b")]
    assert accounts("daily_mrr_as_reported") == [("cus_a", "cus_a"), ("cus_b", "cus_b")]


def test_who_paid_before_is_asked_of_the_account(company: Company) -> None:
    def march() -> tuple[object, ...]:
        return company.rows(
            "SELECT new_business_micros / 1000000, reactivation_micros / 1000000 "
            "FROM monthly_nrr WHERE dimension = 'all' AND period_start = '2026-03-01' "
            "ORDER BY edition DESC LIMIT 1"
        )[0]

    company.pull(("subscriptions", subscription("d", 70, date(2026, 3, 5))))
    company.close()
    assert march() == (70, 0)
    company.join("cus_d,cus_a")
    company.close()
    assert march() == (0, 70)
    assert company.rows("SELECT movement FROM mrr_movements WHERE as_of_date = '2026-03-05'") == [
        ("reactivation",)
    ]


def test_a_map_that_is_taken_back_restates_once_more(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.close()
    company.join()
    company.close()
    assert company.month(FEBRUARY) == [APART, TOGETHER, (3, *APART[1:])]


def test_chains_names_of_ones_own_and_lines_that_say_nothing_are_followed(
    company: Company,
) -> None:
    company.join("cus_a,uk", "uk,acme", "cus_b,acme", "cus_c,cus_c")
    company.close()
    query = "SELECT DISTINCT customer_id, account_id FROM daily_mrr ORDER BY 1"
    assert company.rows(query) == [("cus_a", "acme"), ("cus_b", "acme"), ("cus_c", "cus_c")]
    assert company.findings("unknown_customer") == []


def test_a_map_that_says_nothing_new_changes_nothing(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.close()
    before = company.rows("SELECT MAX(known_at) FROM knowledge")
    assert company.join("cus_a,cus_b").changed == 0
    assert company.close().subscriptions == 0
    assert company.rows("SELECT MAX(known_at) FROM knowledge") == before


def test_a_circle_is_named_and_nothing_of_the_new_map_is_believed(company: Company) -> None:
    company.join("cus_a,cus_b")
    report = company.join("cus_c,cus_b", "cus_a,cus_b", "cus_b,cus_a")
    assert report.changed == 0
    assert "cus_a -> cus_b -> cus_a" in report.problems[0]
    assert company.believed() == {"cus_a": "cus_b"}
    [(object_id, detail, *_)] = company.findings("unusable_input")
    assert (object_id, detail) == ("customer_map", report.problems[0])
    before = company.rows("SELECT MAX(known_at) FROM knowledge")
    assert company.sync().problems == report.problems
    assert company.rows("SELECT MAX(known_at) FROM knowledge") == before

    company.join("cus_c,cus_b", "cus_a,cus_b")
    assert company.findings("unusable_input") == []


def test_a_circle_through_file_and_table_is_refused_and_the_row_waits(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.enter("cus_b", "cus_a")
    assert "cus_a -> cus_b -> cus_a" in company.sync().problems[0]
    company.join()
    assert company.believed() == {"cus_b": "cus_a"}


def test_two_sources_that_disagree_are_both_named(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.enter("cus_a", "cus_c")
    [problem] = company.sync().problems
    assert "the file into cus_b" in problem
    assert "the table customer_map into cus_c" in problem
    company.close()
    assert company.month(FEBRUARY)[-1] == TOGETHER
    company.change("UPDATE customer_map SET account_id = 'cus_b' WHERE known_from IS NULL")
    assert company.sync().problems == ()


def test_rows_entered_by_hand_join_customers_too(company: Company) -> None:
    company.enter(" cus_a", "cus_b ")
    assert company.sync().changed == 1
    company.close()
    assert company.month(FEBRUARY)[-1] == TOGETHER


def test_a_file_with_a_mistake_leaves_everything_as_it_was(company: Company) -> None:
    company.join("cus_a,cus_b")
    [problem] = company.join("cus_a,cus_b", "cus_c,", "cus_a,cus_c").problems
    assert "line 3: account_id is empty" in problem
    assert "line 4: cus_a stands in line 2 too" in problem
    company.close()
    assert company.month(FEBRUARY)[-1] == TOGETHER


def test_customers_that_stripe_does_not_know_are_a_remark(company: Company) -> None:
    report = company.join("cus_a,cus_b", "cus_typo,cus_b", "cus_c,cus_gone", "cus_z,own name")
    assert report.changed == 4
    [(object_id, detail, *_)] = company.findings("unknown_customer")
    assert object_id == "customer_map"
    assert "no customer cus_gone, cus_typo, cus_z." in detail
    company.join("cus_a,cus_b")
    assert company.findings("unknown_customer") == []


def test_late_data_and_a_changed_map_are_told_apart(company: Company) -> None:
    company.join("cus_a,cus_b")
    company.pull(("subscriptions", subscription("c", 31, date(2026, 1, 1))))
    company.close()
    assert company.rows(
        "SELECT cause, COUNT(DISTINCT changed_from) FROM knowledge "
        "WHERE changed_from >= '2025-12-02' OR cause = 'correction' GROUP BY cause ORDER BY cause"
    ) == [("correction", 1), ("history", 1)]


@pytest.mark.parametrize(
    ("exclude", "left_out"),
    [
        ({"customers": ["cus_b"]}, {"cus_b": "exclude.customers names cus_b"}),
        ({"email_domains": ["@example.com"]}, {}),
        (
            {"metadata": {"internal": "yes"}},
            {"cus_b": "exclude.metadata names internal = yes"},
        ),
        ({"metadata": {"internal": "no"}}, {}),
        ({"customers": ["acme"]}, {}),
    ],
)
def test_excluded_customers_are_in_no_figure_and_each_is_listed(
    company: Company, exclude: dict[str, object], left_out: dict[str, str]
) -> None:
    company.use(exclude=exclude)
    company.close()
    found = company.findings("customer_excluded")
    assert {row[0]: row[1].removeprefix("it is in no figure: ") for row in found} == left_out
    present = {row[0] for row in company.rows("SELECT DISTINCT customer_id FROM daily_mrr")}
    assert present == {"cus_a", "cus_b", "cus_c"} - set(left_out)
    if left_out:
        assert found[0][2:] == (150_000_000, "usd")
        assert company.month(FEBRUARY)[-1] == (2, 2, 130, 1, 0, 0, 30)
        causes = "SELECT DISTINCT cause FROM restatements WHERE dimension = 'all'"
        assert company.rows(causes) == [("policy",)]


def test_a_domain_takes_effect_with_the_next_pull_and_the_address_is_never_stored(
    company: Company,
) -> None:
    company.use(exclude={"email_domains": ["example.com"]})
    company.close()
    assert company.findings("customer_excluded") == []
    company.pull(("customers", customer("c", email="Ann@Example.COM")))
    company.close()
    assert [row[0] for row in company.findings("customer_excluded")] == ["cus_c"]
    stored = [row[0] for row in company.rows("SELECT payload FROM stripe_customers")]
    assert not [payload for payload in stored if "@" in payload or "Ann" in payload]

    company.use()
    company.close()
    assert company.findings("customer_excluded") == []
    assert company.month(FEBRUARY)[-1][1:] == APART[1:]


def test_an_account_is_excluded_with_all_that_is_joined_into_it(company: Company) -> None:
    company.use(exclude={"customers": ["acme"]})
    company.join("cus_a,uk", "uk,acme", "cus_c,acme")
    company.close()
    assert [row[0] for row in company.findings("customer_excluded")] == ["cus_a", "cus_c"]
    company.join("cus_a,uk", "uk,acme")
    company.close()
    assert [row[0] for row in company.findings("customer_excluded")] == ["cus_a"]


def test_a_customer_that_is_marked_later_leaves_every_figure(company: Company) -> None:
    company.use(exclude={"metadata": {"internal": "yes"}})
    company.close()
    company.pull(
        ("customers", customer("b")), ("customers", customer("c", metadata={"internal": "yes"}))
    )
    company.close()
    assert [row[0] for row in company.findings("customer_excluded")] == ["cus_c"]
    assert {row[0] for row in company.rows("SELECT DISTINCT customer_id FROM daily_mrr")} == {
        "cus_a",
        "cus_b",
    }
