"""Joined customers: the map, and what joining can and cannot do to figures."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.customers import Accounts, CustomerMapError, ExclusionRules
from nrr_pipeline_tests.golden import Case, cases, micros
from nrr_pipeline_tests.metrics.measuring import measure
from nrr_pipeline_tests.metrics.snapshots import Row, row
from nrr_pipeline_tests.metrics.strategies import ACCOUNTS, snapshots

MAPS = st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from([*ACCOUNTS, "acme", "globex"]))


def counted(rows: list[Row], accounts: Accounts) -> list[Row]:
    return [{**each, "account_id": accounts.account_of(each["customer_id"])} for each in rows]


def paying(text: str) -> list[Row]:
    return [row(name, micros(amount)) for name, amount in (e.split("=") for e in text.split())]


@cases("monthly_nrr/mergers.csv")
def test_a_merger_is_what_was_worked_out_by_hand(case: Case) -> None:
    accounts = Accounts(dict(line.split(">") for line in case["map"].split()))
    opening = counted(paying(case["opening"]), accounts)
    whole = measure(
        opening,
        counted(paying(case["closing"]), accounts),
        paid_before=frozenset(each["account_id"] for each in opening),
    ).whole
    amounts = {
        "starting": whole.starting_mrr_micros,
        "expansion": whole.expansion_micros,
        "contraction": whole.contraction_micros,
        "churned": whole.churned_mrr_micros,
        "new_business": whole.new_business_micros,
        "ending": whole.ending_mrr_micros,
    }
    assert amounts == {name: micros(case[name]) for name in amounts}, case["why"]
    counts = (whole.starting_customers, whole.churned_customers)
    assert counts == (int(case["starting_customers"]), int(case["churned_customers"])), case["why"]
    assert whole.nrr == Fraction(case["nrr"]), case["why"]


@pytest.mark.parametrize(
    ("joined", "circle"),
    [
        ({"b": "a", "a": "b"}, "a -> b -> a"),
        ({"x": "c", "c": "b", "b": "a", "a": "c"}, "a -> c -> b -> a"),
    ],
)
def test_a_circle_is_refused_and_named_whole(joined: dict[str, str], circle: str) -> None:
    with pytest.raises(CustomerMapError, match=f"in a circle: {circle}[.]"):
        Accounts(joined)


@given(MAPS)
def test_a_map_is_refused_or_leads_every_customer_to_an_account_that_is_joined_no_further(
    joined: dict[str, str],
) -> None:
    try:
        accounts = Accounts(joined)
    except CustomerMapError:
        return
    for customer in ACCOUNTS:
        account = accounts.account_of(customer)
        assert account == accounts.way_of(customer)[-1]
        assert accounts.account_of(account) == account
        assert joined.get(account, account) == account
        assert accounts.account_of(joined.get(customer, customer)) == account


@given(MAPS, snapshots(), snapshots())
def test_joining_never_moves_mrr_and_never_makes_more_of_it_lost_or_new(
    joined: dict[str, str], opening: list[dict[str, Any]], closing: list[dict[str, Any]]
) -> None:
    try:
        accounts = Accounts(joined)
    except CustomerMapError:
        return

    def whole(accounts: Accounts) -> Any:  # noqa: ANN401
        before, after = counted(opening, accounts), counted(closing, accounts)
        paid_before = frozenset(each["account_id"] for each in before)
        return measure(before, after, paid_before=paid_before).whole

    apart, together = whole(Accounts({})), whole(accounts)
    assert together.starting_mrr_micros == apart.starting_mrr_micros
    assert together.ending_mrr_micros == apart.ending_mrr_micros
    assert together.churned_mrr_micros <= apart.churned_mrr_micros
    assert together.churned_customers <= apart.churned_customers
    assert together.new_business_micros <= apart.new_business_micros
    assert together.grr_numerator >= apart.grr_numerator
    assert together.nrr_numerator >= apart.nrr_numerator


def test_maps_differ_in_the_customers_whose_way_they_change() -> None:
    before = Accounts({"a": "b", "b": "c", "x": "y"})
    assert before.differing(before) == set()
    assert before.differing(Accounts({"a": "c", "b": "c", "x": "y"})) == {"a"}
    assert before.differing(Accounts({"a": "b", "x": "y"})) == {"a", "b"}


def test_a_customer_is_left_out_by_its_id_its_account_its_domain_or_its_metadata() -> None:
    rules = ExclusionRules(
        frozenset({"cus_a", "uk"}), frozenset({"example.com"}), {"internal": "yes"}
    )
    assert rules.reason(("cus_a", "acme"), None, {}) == "exclude.customers names cus_a"
    assert rules.reason(("cus_b", "uk", "acme"), None, {}) == "exclude.customers names uk"
    assert rules.reason(("cus_b",), "example.com", {}) == "exclude.email_domains names example.com"
    assert rules.reason(("cus_b",), None, {"internal": "yes"}) == (
        "exclude.metadata names internal = yes"
    )
    assert rules.reason(("cus_b", "acme"), "mail.example.com", {"internal": "no"}) is None
    assert ExclusionRules().reason(("cus_b",), None, {}) is None
