"""Dimensions of one's own through the stages, on both databases."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nrr_pipeline.metrics.dimensions import LONGEST_SEGMENT
from nrr_pipeline.orchestration.stages.inputs import sync_attributes
from nrr_pipeline.orchestration.stages.syncing import InputReport
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.attributes import CUSTOMER_ATTRIBUTES, values_on
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.company import PRICE, Company, customer, subscription

FEBRUARY, MARCH = "2026-02-01", "2026-03-01"
LONG_AGO = date(2025, 12, 1)
SEGMENTS = {
    "industry": "attributes.Industry",
    "tier": "customer.metadata.tier",
    "channel": "subscription.metadata.sales.channel",
}


class Segmented(Company):
    """The same, with a list of attributes."""

    def describe(
        self, *lines: str, header: str = "customer_id,valid_from,valid_to,Industry"
    ) -> InputReport:
        """Write the list of attributes and take it up."""
        text = "\n".join([header, *lines])
        (self.folder / "attributes.csv").write_text(f"{text}\n", encoding="utf-8")
        return self.take_up()

    def take_up(self) -> InputReport:
        return sync_attributes(self.warehouse, self.policy, clock=self.clock)

    def divide(self, **sections: object) -> None:
        files = {"attributes": self.folder / "attributes.csv"}
        self.policy = MetricPolicy.model_validate({"files": files, **sections})

    def dollars(self, dimension: str, first: str = FEBRUARY, edition: int = 1) -> dict[str, int]:
        """Starting and new dollars by segment."""
        rows = self.rows(
            "SELECT segment, (starting_mrr_micros + new_business_micros) / 1000000 "  # noqa: S608
            f"FROM monthly_nrr WHERE dimension = '{dimension}' AND period_start = '{first}' "
            f"AND edition = {edition} ORDER BY segment"
        )
        return {row[0]: row[1] for row in rows}


@pytest.fixture
def company(databases: Databases, tmp_path: Path) -> Iterator[Segmented]:
    """A and B pay 100 and 50 since December, C 30 since 10 February."""
    with databases.new() as address, open_warehouse(address) as warehouse:
        company = Segmented(warehouse, tmp_path, MetricPolicy())
        company.divide(segments=SEGMENTS)
        company.pull(
            ("prices", PRICE),
            ("customers", customer("a", metadata={"tier": " gold "}, address={"country": "DE"})),
            ("customers", customer("b", metadata={"tier": ""})),
            ("customers", customer("c")),
            (
                "subscriptions",
                subscription(
                    "a", 100, LONG_AGO, metadata={"sales.channel": "web"}, collection_method="x"
                ),
            ),
            ("subscriptions", subscription("b", 50, LONG_AGO, collection_method="send_invoice")),
            ("subscriptions", subscription("c", 30, date(2026, 2, 10))),
        )
        yield company


def test_every_source_of_a_dimension_is_read(company: Segmented) -> None:
    company.describe("cus_a,,,retail", "cus_c,,,bank")
    company.close()
    assert company.dollars("industry") == {"retail": 100, "bank": 30, "unknown": 50}
    assert company.dollars("tier") == {"gold": 100, "unknown": 80}
    assert company.dollars("channel") == {"web": 100, "unknown": 80}
    assert company.dollars("country") == {"DE": 100, "unknown": 80}
    assert company.dollars("collection_method") == {"x": 100, "send_invoice": 50, "unknown": 30}
    assert company.dollars("signup_cohort") == {"2025-12": 150, "2026-02": 30}
    assert company.dollars("company_size") == {"100 to 499": 100, "under 100": 80}


def test_a_value_counts_from_the_day_on_that_it_is_valid(company: Segmented) -> None:
    """February opens on 31 January, and March on 28 February."""
    company.describe("cus_a,,2026-02-15,retail", "cus_a,2026-02-15,,bank", "cus_b,2026-02-01,,oil")
    company.close()
    assert company.dollars("industry", FEBRUARY) == {"retail": 100, "unknown": 80}
    assert company.dollars("industry", MARCH) == {"bank": 100, "oil": 50, "unknown": 30}


def test_a_corrected_list_restates_its_dimension_alone_and_names_the_cause(
    company: Segmented,
) -> None:
    company.describe("cus_a,,,retail")
    company.close()
    company.describe("cus_a,,,bank")
    company.close()
    assert company.dollars("industry", edition=1) == {"retail": 100, "unknown": 80}
    assert company.dollars("industry", edition=2) == {"bank": 100, "unknown": 80}
    restated = company.rows(
        "SELECT DISTINCT dimension, segment, cause FROM restatements ORDER BY 2"
    )
    assert restated == [("industry", "bank", "correction"), ("industry", "retail", "correction")]
    known = company.rows("SELECT COUNT(*) FROM knowledge")
    assert company.take_up().changed == 0
    assert company.rows("SELECT COUNT(*) FROM knowledge") == known


def test_a_dimension_that_is_added_later_is_published_and_restates_nothing(
    company: Segmented,
) -> None:
    company.divide()
    company.describe("cus_a,,,retail")
    company.close()
    company.divide(segments=SEGMENTS)
    company.take_up()
    company.close()
    assert company.dollars("industry", edition=2) == {"retail": 100, "unknown": 80}
    assert company.rows("SELECT * FROM restatements") == []


def test_values_of_any_length_and_kind_are_data(company: Segmented) -> None:
    """So long and without pattern that no index of a database would take it whole."""
    long = "".join(random.Random(1).choices(string.ascii_letters, k=9_000))
    tiers = {"d": "gold\u0000\x1b[2J'; DROP TABLE pulls;--", "e": long, "f": 7}
    for name, tier in tiers.items():
        company.pull(
            ("customers", customer(name, metadata={"tier": tier})),
            ("subscriptions", subscription(name, 20, LONG_AGO)),
        )
    company.describe(f'cus_d,,,"{long}"', 'cus_e,,,"=1+1, ""x"""', "cus_f,,,$.industry 🏭")
    company.close()
    cut = f"{long[: LONGEST_SEGMENT - 1]}…"
    industries = {cut: 20, '=1+1, "x"': 20, "$.industry 🏭": 20, "unknown": 180}
    assert company.dollars("industry") == industries
    hostile = "gold\N{REPLACEMENT CHARACTER}\x1b[2J'; DROP TABLE pulls;--"
    assert company.dollars("tier") == {hostile: 20, cut: 20, "7": 20, "gold": 100, "unknown": 80}


def test_before_an_object_was_first_seen_it_has_the_value_first_seen(company: Segmented) -> None:
    company.pull(("customers", customer("a", metadata={"tier": "silver"})))
    company.take_up()
    company.close()
    assert company.dollars("tier") == {"gold": 100, "unknown": 80}
    with company.warehouse.read() as connection:
        kept = {
            day: values_on(connection, CUSTOMER_ATTRIBUTES, day)["tier"]
            for day in (LONG_AGO, company.now.date())
        }
    assert kept == {LONG_AGO: {"cus_a": "gold"}, company.now.date(): {"cus_a": "silver"}}


def test_smaller_segments_are_other_together(company: Segmented) -> None:
    company.divide(segments=SEGMENTS, max_segments=2)
    company.describe("cus_a,,,retail", "cus_b,,,oil", "cus_c,,,bank")
    company.close()
    assert company.dollars("industry") == {"retail": 100, "other": 80}


def test_an_attribute_that_no_customer_has_is_remarked_on(company: Segmented) -> None:
    company.divide(segments={"vertical": "attributes.vertical"})
    [problem] = company.describe("cus_a,,,retail").problems
    assert "it reads attributes.vertical, which no customer has" in problem
    assert "there is industry" in problem
    company.divide(segments={"vertical": "attributes.industry"})
    assert company.take_up().problems == ()
    assert company.findings("unknown_attribute") == []


def test_attributes_entered_by_hand_count_and_the_file_goes_before_them(
    company: Segmented,
) -> None:
    for name, value in (("cus_a", "oil"), ("cus_b", "steel")):
        company.change(
            "INSERT INTO attributes (customer_id, attribute, value) "
            "VALUES (:customer, 'Industry', :value)",
            customer=name,
            value=value,
        )
    company.describe("cus_a,,,retail")
    company.close()
    assert company.dollars("industry") == {"retail": 100, "steel": 50, "unknown": 30}


def test_a_file_with_a_character_that_no_database_keeps_is_refused(company: Segmented) -> None:
    [problem, *_] = company.describe("cus_a,,,re\0tail").problems
    assert "line 2: it has a NUL character" in problem


def test_a_value_that_ends_before_it_begins_is_refused_in_file_and_table(
    company: Segmented,
) -> None:
    [problem, *_] = company.describe("cus_a,2026-02-01,2026-02-01,retail").problems
    assert "line 2: it ends on 2026-02-01 and begins on 2026-02-01" in problem
    company.change(
        "INSERT INTO attributes (customer_id, attribute, value, valid_from, valid_to) "
        "VALUES ('cus_a', 'Industry', 'oil', '2026-03-01', '2026-02-01')"
    )
    [problem, *_] = company.describe("cus_b,,2026-02-01,retail").problems
    assert "it ends on 2026-02-01 and begins on 2026-03-01" in problem


def test_a_customer_twice_without_days_is_named_alone(company: Segmented) -> None:
    [problem, *_] = company.describe("cus_a,,,retail", "cus_a,,,oil").problems
    assert "line 3: cus_a stands in line 2 too" in problem
