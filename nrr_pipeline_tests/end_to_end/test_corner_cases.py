"""One account of a corner case for each subscription: prices, discounts and taxes, over time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from nrr_pipeline.orchestration.stages.daily import (
    publish_days,
    refresh_movements,
    refresh_totals,
)
from nrr_pipeline.orchestration.stages.history import build_history
from nrr_pipeline.orchestration.stages.intervals import build_intervals
from nrr_pipeline.orchestration.stages.pulling import pull_raw
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.demo.schema import errors_of
from nrr_pipeline_tests.end_to_end.corner_account import LAST_DAY, CornerAccount
from nrr_pipeline_tests.end_to_end.corner_discounts import add_discounts
from nrr_pipeline_tests.end_to_end.corner_history import add_history
from nrr_pipeline_tests.end_to_end.corner_past_discounts import add_past_discounts
from nrr_pipeline_tests.end_to_end.corner_prices import add_prices
from nrr_pipeline_tests.end_to_end.pipeline import Connected, connected, utc_now
from nrr_pipeline_tests.end_to_end.rules_account import HELD_OUT

POLICY = MetricPolicy(reporting_currency="usd")
UNKNOWN = ("decade", "stairs", "hybrid", "nearest", "fortnightly")
"""Values that the schema does not know, on purpose."""

UNDER = {
    "forever": {
        # Months do not count, not for the year either; nor do they let the customer's half in
        ("si_months_over_0", date(2026, 9, 9)): 10_000_000,
        ("si_year_shown_0", LAST_DAY): 10_000_000,
        ("si_still_0", LAST_DAY): 10_000_000,
        ("si_until_0", date(2026, 8, 15)): 10_000_000,
        ("si_until_0", LAST_DAY): 5_000_000,
        ("si_own_gone_0", date(2026, 9, 9)): 25_000_000,
        ("si_three_levels_0", LAST_DAY): 19_000_000,
    },
    "all": {
        # Half of the next invoice, and nothing of those after it
        ("si_once_0", LAST_DAY): 5_000_000,
        ("si_waiting_0", LAST_DAY): 5_000_000,
        ("si_once_used_0", LAST_DAY): 10_000_000,
        ("si_three_levels_0", LAST_DAY): 19_000_000,
        ("si_still_0", LAST_DAY): 8_000_000,
    },
    "none": {
        ("si_three_levels_0", LAST_DAY): 30_000_000,
        ("si_first_of_two_0", LAST_DAY): 10_000_000,
        ("si_own_gone_0", date(2026, 9, 9)): 30_000_000,
        ("si_taxed_three_0", LAST_DAY): 10_000_000,
        # Nothing is subtracted, so nothing about the coupon matters
        ("si_bad_odd_0", LAST_DAY): 10_000_000,
    },
}
"""By setting of ``discounts``: what it makes of some of the cases, in micros."""


def corner_account() -> CornerAccount:
    account = CornerAccount()
    for product in ("prod_a", "prod_b"):
        made = {"id": product, "object": "product", "created": 1, "name": product, "active": True}
        account.objects["products"].append({**made, "type": "service"})
    add_prices(account)
    add_discounts(account)
    add_history(account)
    add_past_discounts(account)
    return account


@pytest.fixture(scope="module")
def corners() -> CornerAccount:
    return corner_account()


@pytest.fixture(scope="module")
def pulled(corners: CornerAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    """The account, read over HTTP once for all tests."""
    home: Path = tmp_path_factory.mktemp("corners")
    with connected(corners.account(), home, POLICY) as pipeline:
        pull_raw(pipeline.warehouse, pipeline.source, POLICY, clock=utc_now, through=LAST_DAY)
        build_history(pipeline.warehouse, POLICY, clock=utc_now)
        build_intervals(pipeline.warehouse, POLICY, clock=utc_now)
        yield pipeline


def worth_on(pipeline: Connected, day: date) -> dict[str, tuple[int, bool]]:
    """By item: its MRR on a day, or that it is held out, and whether that is approximate."""
    query = sa.text(
        "SELECT subscription_item_id, mrr_micros, is_approximate FROM mrr_intervals "
        "WHERE valid_from <= :day AND valid_to > :day AND known_to > '9999-01-01'"
    )
    with pipeline.warehouse.read() as connection:
        rows = connection.execute(query, {"day": str(day)}).all()
    return {row[0]: (HELD_OUT if row[1] is None else row[1], bool(row[2])) for row in rows}


def test_the_account_is_as_stripes_schema_asks(corners: CornerAccount) -> None:
    wrong = [
        error
        for kind, objects in corners.account().objects.items()
        for each in objects
        if not any(f"'{value}'" in str(each) for value in UNKNOWN)
        for error in errors_of(kind, each)
    ]
    assert wrong == []


def test_every_item_is_worth_what_the_definitions_say(
    corners: CornerAccount, pulled: Connected
) -> None:
    worth = worth_on(pulled, LAST_DAY)
    found = {item_id: worth.get(item_id, (0, False))[0] for item_id in corners.expected}
    assert found == corners.expected


def test_every_item_was_worth_what_the_definitions_say(
    corners: CornerAccount, pulled: Connected
) -> None:
    days = sorted({day for _, day in corners.past})
    worth = {day: worth_on(pulled, day) for day in days}
    found = {
        (item_id, day): worth[day].get(item_id, (0, False))[0] for item_id, day in corners.past
    }
    assert found == corners.past


def test_what_was_billed_is_approximate_only_where_it_must_be(
    corners: CornerAccount, pulled: Connected
) -> None:
    billed = {
        line["parent"]["subscription_item_details"]["subscription_item"]
        for invoice in corners.objects["invoices"]
        for line in invoice["lines"]["data"]
    }
    days = {LAST_DAY, *(day for _, day in corners.past)}
    checked = {*corners.past, *((item_id, LAST_DAY) for item_id in corners.expected)}
    flagged = {
        (item_id, day)
        for day in days
        for item_id, (_, is_approximate) in worth_on(pulled, day).items()
        if is_approximate and item_id in billed
    }
    assert flagged & checked == corners.flagged


def test_whatever_is_held_out_is_named(corners: CornerAccount, pulled: Connected) -> None:
    query = sa.text(
        "SELECT object_id FROM data_quality "
        "WHERE check_name = 'unpriceable_item' AND severity = 'error' AND resolved_at IS NULL"
    )
    with pulled.warehouse.read() as connection:
        named = connection.scalars(query).all()
    held_out = [item_id for item_id, worth in corners.expected.items() if worth == HELD_OUT]
    assert sorted(named) == sorted(held_out)


@pytest.mark.parametrize("setting", UNDER)
def test_a_setting_of_discounts_subtracts_what_it_says(pulled: Connected, setting: str) -> None:
    policy = MetricPolicy.model_validate({"reporting_currency": "usd", "discounts": setting})
    build_intervals(pulled.warehouse, policy, clock=utc_now)
    expected = UNDER[setting]
    found = {(item, day): worth_on(pulled, day).get(item, (0,))[0] for item, day in expected}
    build_intervals(pulled.warehouse, POLICY, clock=utc_now)
    assert found == expected


def test_without_exchange_rates_days_are_published_and_findings_name_currency_and_day(
    pulled: Connected,
) -> None:
    publish_days(pulled.warehouse, POLICY, [date(2026, 7, 10)], clock=utc_now)
    refresh_totals(pulled.warehouse, POLICY, clock=utc_now)
    refresh_movements(pulled.warehouse, POLICY, clock=utc_now)
    query = sa.text("SELECT detail FROM data_quality WHERE check_name = 'missing_rate'")
    with pulled.warehouse.read() as connection:
        details = connection.scalars(query).all()
    assert any("OMR" in each and "2026-07-10" in each for each in details)


def test_what_stripe_deletes_later_changes_no_figure(
    corners: CornerAccount, pulled: Connected
) -> None:
    """Prices and coupons, all of them; a pull that brings nothing new changes nothing either."""
    days = sorted({LAST_DAY, *(day for _, day in corners.past)})
    before = {day: worth_on(pulled, day) for day in days}
    whole = pulled.holder.account
    bare = replace(whole, objects={**whole.objects, "prices": [], "coupons": []}, unlisted={})
    try:
        for account in (whole, bare):
            pulled.show(account)
            pull_raw(pulled.warehouse, pulled.source, POLICY, clock=utc_now, through=LAST_DAY)
            build_history(pulled.warehouse, POLICY, clock=utc_now)
            build_intervals(pulled.warehouse, POLICY, clock=utc_now)
            assert {day: worth_on(pulled, day) for day in days} == before
    finally:
        pulled.show(whole)
