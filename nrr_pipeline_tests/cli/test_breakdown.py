"""``nrr show --by``: by every dimension, by two, in an order that reads, and how sure it is."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.metrics.dimensions import DIMENSIONS, band_names
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.inputs import sync_attributes
from nrr_pipeline.orchestration.stages.periods import publish_periods
from nrr_pipeline.policy import MetricPolicy, load_policy
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows

QUARTER = "2026-Q3"
SUMMED = ("starting_mrr_micros", "expansion_micros", "fx_micros", "ending_mrr_micros")
OWN = '[segments]\nindustry = "attributes.industry"\n'


def by(nrr: Nrr, dimensions: str, *arguments: str) -> dict[str, Any]:
    result = nrr("show", QUARTER, "--by", dimensions, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def publish(home: Path) -> None:
    """Take up the list of attributes, and publish the quarter."""
    policy = load_policy(Path("policy.toml"))
    with open_warehouse(f"sqlite:///{home / 'nrr.db'}") as warehouse:
        sync_attributes(warehouse, policy, clock=utc_now)
        assert publish_periods(warehouse, policy, [Period.parse(QUARTER)], clock=utc_now)[1] == []


@pytest.fixture
def described(published: Path) -> Path:
    """The same home with a list of industries, one of a very long name, and the quarter by it."""
    ids = [row["object_id"] for row in rows(published, "SELECT object_id FROM stripe_customers")]
    values = ["retail", "x" * 300, "=evil()"]
    lines = [f"{each},{values[number % 3]}" for number, each in enumerate(sorted(set(ids))[::2])]
    Path("crm.csv").write_text("\n".join(["customer_id,industry", *lines]), encoding="utf-8")
    Path("policy.toml").write_text(f'{OWN}[files]\nattributes = "crm.csv"\n', encoding="utf-8")
    publish(published)
    return published


@pytest.mark.parametrize(
    "dimensions", ["product,country", "company_size,signup_cohort", "currency,collection_method"]
)
def test_two_dimensions_add_up_to_each_of_them_and_to_the_whole(
    nrr: Nrr, published: Path, dimensions: str
) -> None:
    del published
    shown = by(nrr, dimensions)
    assert shown["adds_up"] is True
    for place, dimension in enumerate(dimensions.split(",")):
        sums: defaultdict[tuple[str, str], int] = defaultdict(int)
        for pair in shown["segments"]:
            assert pair["dimension"] == dimensions.split(",")
            for name in SUMMED:
                sums[pair["segment"][place], name] += pair[name]
        alone = by(nrr, dimension)["segments"]
        assert dict(sums) == {
            (each["segment"], name): each[name] for each in alone for name in SUMMED
        }
    for name in SUMMED:
        assert sum(pair[name] for pair in shown["segments"]) == shown[name]


def test_two_dimensions_are_one_table_with_both_names(nrr: Nrr, published: Path) -> None:
    del published
    text = nrr("show", QUARTER, "--by", "product,billing_interval").stdout
    assert "By product and billing interval, amounts in" in text
    assert "Starter / month" in text
    assert "All customers" in text


def test_pairs_under_another_policy_are_not_passed_off_as_the_published_ones(
    nrr: Nrr, published: Path
) -> None:
    change(published, "UPDATE quarterly_nrr SET ending_mrr_micros = 1 WHERE dimension = 'country'")
    result = nrr("show", QUARTER, "--by", "product,country", "--json")
    assert json.loads(result.stdout)["adds_up"] is False
    assert "The pairs of segments do not add up to the figures of Q3 2026" in result.stderr
    assert nrr("show", QUARTER, "--by", "product,price").stderr == ""


def test_pairs_are_those_that_were_known_when_the_period_was_published(
    nrr: Nrr, published: Path
) -> None:
    before = by(nrr, "product,country")
    change(
        published,
        "INSERT INTO customer_attributes "
        "(customer_id, attribute, value, valid_from, valid_to, known_from, known_to) "
        "SELECT customer_id, attribute, 'XX', valid_from, valid_to, '2098-01-01 00:00:00.000000', "
        "known_to FROM customer_attributes",
    )
    change(
        published,
        "UPDATE customer_attributes SET known_to = '2098-01-01 00:00:00.000000' "
        "WHERE value <> 'XX'",
    )
    assert by(nrr, "product,country")["segments"] == before["segments"]


def test_bands_stand_by_size_months_by_time_and_others_the_largest_first(
    nrr: Nrr, published: Path
) -> None:
    del published

    def order(dimension: str) -> list[str]:
        return [each["segment"] for each in by(nrr, dimension)["segments"]]

    bands = band_names(MetricPolicy().company_size.bands)
    assert order("company_size") == [band for band in bands if band in order("company_size")]
    assert len(order("company_size")) > 2
    assert order("signup_cohort") == sorted(order("signup_cohort"))
    starting = [each["starting_mrr_micros"] for each in by(nrr, "product")["segments"]]
    assert starting == sorted(starting, reverse=True)
    pairs = [each["segment"] for each in by(nrr, "company_size,signup_cohort")["segments"]]
    assert pairs == sorted(pairs, key=lambda pair: (bands.index(pair[0]), pair[1]))


@pytest.mark.parametrize(
    ("dimensions", "is_said"),
    [
        ("country", ["country"]),
        ("collection_method,country", ["collection_method", "country"]),
        ("product", []),
        ("company_size,currency", []),
    ],
)
def test_it_says_which_values_are_only_known_as_first_seen(
    nrr: Nrr, published: Path, dimensions: str, is_said: list[str]
) -> None:
    del published
    assert by(nrr, dimensions)["values_known_from"] == dict.fromkeys(is_said, "2026-10-05")
    text = nrr("show", QUARTER, "--by", dimensions).stdout
    said = " ".join(text.split())
    for dimension in is_said:
        assert f"{dimension}: Stripe tells the present value only, so before 5 October" in said
    assert ("the one first seen then" in said) is bool(is_said)


def test_once_the_account_is_connected_values_are_known_by_day(nrr: Nrr, published: Path) -> None:
    change(published, "UPDATE pulls SET observed_at = '2026-06-30 08:00:00.000000'")
    assert by(nrr, "country")["values_known_from"] == {}
    change(published, "UPDATE pulls SET observed_at = '2026-07-01 08:00:00.000000'")
    assert by(nrr, "country")["values_known_from"] == {"country": "2026-07-01"}


@pytest.mark.parametrize(
    ("dimensions", "says"),
    [
        ("weather", "there is no dimension 'weather'; choose from product, price,"),
        ("product,weather", "there is no dimension 'weather'"),
        ("weather", "collection_method, industry. Others can be defined under [segments]"),
        ("product,product", "two different ones with a comma, such as product,country"),
        ("product,country,price", "name one dimension, or two"),
        ("product,", "there is no dimension ''"),
    ],
)
def test_wrong_dimensions_are_explained_with_all_that_there_are(
    nrr: Nrr, published: Path, dimensions: str, says: str
) -> None:
    del published
    Path("policy.toml").write_text(OWN, encoding="utf-8")
    result = nrr("show", QUARTER, "--by", dimensions)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


@pytest.mark.parametrize("dimensions", ["industry", "product,industry"])
def test_a_dimension_that_the_period_was_not_published_by_says_what_to_do(
    nrr: Nrr, published: Path, dimensions: str
) -> None:
    del published
    Path("policy.toml").write_text(OWN, encoding="utf-8")
    result = nrr("show", QUARTER, "--by", dimensions)
    assert result.exit_code == 1
    assert "Q3 2026 was published under policy 3-default, without industry" in result.stderr
    assert "nrr run --no-pull" in result.stderr


def test_a_dimension_of_ones_own_is_shown_alone_and_crossed(nrr: Nrr, described: Path) -> None:
    del described
    shown = by(nrr, "industry")
    assert {each["segment"] for each in shown["segments"]} == {
        "retail",
        "x" * 300,
        "=evil()",
        "unknown",
    }
    assert shown["values_known_from"] == {}
    assert by(nrr, "industry,signup_cohort")["adds_up"] is True
    for dimensions in ("industry", "industry,product"):
        lines = nrr("show", QUARTER, "--by", dimensions).stdout.splitlines()
        assert max(len(line) for line in lines if not line.startswith("policy ")) <= 100
        assert sum("xxxx" in line for line in lines) < 20


def test_the_list_of_customers_carries_every_dimension(nrr: Nrr, described: Path) -> None:
    del described
    shown = by(nrr, "industry", "--customers", "customers.csv")
    with Path("customers.csv").open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    columns = ["customer_currency" if name == "currency" else name for name in DIMENSIONS]
    assert list(customers[0])[-len(columns) - 1 :] == [*columns, "industry"]
    starting: defaultdict[str, int] = defaultdict(int)
    for each in customers:
        starting[each["industry"]] += int(each["opening_mrr_micros"])
    expected = {each["segment"]: each["starting_mrr_micros"] for each in shown["segments"]}
    expected["'=evil()"] = expected.pop("=evil()")
    assert dict(starting) == expected


def test_restated_segments_are_named_with_the_cause(nrr: Nrr, described: Path) -> None:
    assert "restates" not in nrr("show", QUARTER, "--by", "industry").stdout
    Path("crm.csv").write_text("customer_id,industry\n", encoding="utf-8")
    publish(described)
    text = " ".join(nrr("show", QUARTER, "--by", "industry").stdout.split())
    assert "Edition 3 restates edition 2 (correction) by industry: =evil(), retail, " in text
    assert "restates" not in nrr("show", QUARTER, "--by", "product").stdout
