"""The pull against the simulated account's own server: Stripe's shapes, limits and refusals."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import AccountHolder, ServerOptions, running_server
from nrr_pipeline.raw import KINDS
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import MissingPermissionError, WrongKeyError
from nrr_pipeline.stripe_source.intake import Intake
from nrr_pipeline.stripe_source.payloads import reference_id
from nrr_pipeline.stripe_source.probe import check_permissions, estimate
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline.stripe_source.redaction import DEFAULT_PRIVACY
from nrr_pipeline_tests.stripe_source.sinks import MemorySink

KEY = "rk_test_51simulated"


@pytest.fixture(scope="module")
def account() -> StripeAccount:
    """A simulated business of a size that needs several pages and long invoices."""
    return render(simulate(customers=120))


def expected_ids(account: StripeAccount) -> dict[str, set[str]]:
    """What lists show, what only answers to its id, and coupons that only discounts still have."""
    expected = {
        kind: {each["id"] for each in account.objects[kind]} | account.unlisted.get(kind, {}).keys()
        for kind in KINDS
    }
    holders = [
        *(account.objects["subscriptions"] + account.objects["invoices"]),
        *(item for each in account.objects["subscriptions"] for item in each["items"]["data"]),
        *(line for each in account.objects["invoices"] for line in each["lines"]["data"]),
    ]
    discounts = [each for holder in holders for each in holder["discounts"]]
    discounts += [each["discount"] for each in account.objects["customers"] if each["discount"]]
    expected["coupons"] |= {
        str(reference_id(each["source"]["coupon"])) for each in discounts if isinstance(each, dict)
    }
    return expected


def landed_ids(sink: MemorySink) -> dict[str, set[str]]:
    return {kind: sink.known_ids(kind) for kind in KINDS}


def test_everything_the_account_has_is_landed_once_and_whole(account: StripeAccount) -> None:
    sink = MemorySink()
    with (
        running_server(account, ServerOptions(nested_page_size=1)) as address,
        StripeSource(KEY, address) as source,
    ):
        summary = pull(source, sink)
    assert landed_ids(sink) == expected_ids(account)
    assert len(sink.landed("invoices")) == len(account.objects["invoices"])
    assert summary.observed_at == account.now
    assert not summary.problems
    for kind, name in (("subscriptions", "items"), ("invoices", "lines")):
        for each in account.objects[kind]:
            nested = sink[kind, each["id"]].payload[name]
            assert [n["id"] for n in nested["data"]] == [n["id"] for n in each[name]["data"]]
            assert nested["has_more"] is False


def test_no_person_is_landed_beyond_a_name_and_a_country(account: StripeAccount) -> None:
    sink = MemorySink()
    with running_server(account) as address, StripeSource(KEY, address) as source:
        pull(source, sink)
    told = str([each.payload for each in sink.latest.values()])
    customer = account.objects["customers"][0]
    assert customer["name"] in told
    assert customer["email"] not in told
    assert customer["address"]["line1"] not in told
    assert "@" not in told


def test_a_server_that_limits_rates_and_fails_at_random_is_read_whole(
    account: StripeAccount,
) -> None:
    options = ServerOptions(
        requests_per_second=60, endpoint_requests_per_second=25, fault_fraction=0.1, fault_seed=5
    )
    sink = MemorySink()
    with running_server(account, options) as address, StripeSource(KEY, address) as source:
        pull(source, sink)
    assert landed_ids(sink) == expected_ids(account)


def test_what_the_account_no_longer_has_is_noticed(account: StripeAccount) -> None:
    holder = AccountHolder(account)
    sink = MemorySink()
    gone = {kind: account.objects[kind][-1]["id"] for kind in ("customers", "invoices")}
    without = {
        kind: [each for each in objects if each["id"] != gone.get(kind)]
        for kind, objects in account.objects.items()
    }
    stub = {"id": gone["customers"], "object": "customer", "deleted": True}
    deleted = {**account.deleted, "customers": {gone["customers"]: stub}}
    later = replace(account, objects=without, deleted=deleted)
    with running_server(holder) as address, StripeSource(KEY, address) as source:
        pull(source, sink)
        holder.exchange(later)
        summary = pull(source, sink, since_observed_at=account.now)
    assert summary.tombstones == {"customers": 1, "invoices": 1}
    assert all(sink[kind, object_id].is_deleted for kind, object_id in gone.items())


def test_an_object_is_the_same_from_its_list_and_on_its_own(account: StripeAccount) -> None:
    """Else every catching up would make a new version of it."""
    stop = threading.Event()
    with running_server(account) as address, StripeSource(KEY, address) as source:
        sink = MemorySink()
        pull(source, sink)
        intake = Intake(source, livemode=False, privacy=DEFAULT_PRIVACY, stop=stop)
        intake.listed["coupons"].update(each["id"] for each in account.objects["coupons"])
        for kind in KINDS:
            for each in account.objects[kind][:40]:
                (alone,) = intake.retrieve(kind, each["id"]).objects
                assert alone == sink[kind, each["id"]]


def test_a_restricted_key_is_told_what_it_lacks(account: StripeAccount) -> None:
    some = frozenset(KINDS) - {"invoices"}
    with (
        running_server(account, ServerOptions(keys={KEY: some})) as address,
        StripeSource(KEY, address) as source,
    ):
        refused = [each.kind for each in check_permissions(source) if not each.ok]
        assert refused == ["invoices"]
        with pytest.raises(MissingPermissionError, match="rak_invoice_read"):
            pull(source, MemorySink())


def test_an_unknown_key_is_refused_before_anything_is_landed(account: StripeAccount) -> None:
    sink = MemorySink()
    with (
        running_server(account, ServerOptions(keys={"rk_test_other": None})) as address,
        StripeSource(KEY, address) as source,
        pytest.raises(WrongKeyError, match="Invalid API Key"),
    ):
        pull(source, sink)
    assert not sink.landings


def test_the_estimate_is_near_the_truth(account: StripeAccount) -> None:
    with running_server(account) as address, StripeSource(KEY, address) as source:
        guess = estimate(source)
    for kind in KINDS:
        true = len(account.objects[kind])
        assert true / 2 <= guess.objects[kind] <= 2 * true
