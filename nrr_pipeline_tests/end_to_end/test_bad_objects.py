"""One object that cannot be understood never stops the others, and never passes unseen."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from nrr_pipeline.cli import main
from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.warehouse import quality
from nrr_pipeline.warehouse.snapshots import snapshot
from nrr_pipeline_tests.end_to_end.pipeline import (
    business,
    closing_day,
    compare,
    connected,
)
from nrr_pipeline_tests.end_to_end.states_account import HandMadeAccount


def altered(account: StripeAccount, price_id: str, *, interval: str) -> StripeAccount:
    """The account with one price that bills as no known price does, wherever it stands."""
    objects = json.loads(json.dumps(account.objects))
    prices = [price for price in objects["prices"] if price["id"] == price_id]
    for kind in ("subscriptions", "subscription_items"):
        for each in objects[kind]:
            items = each["items"]["data"] if kind == "subscriptions" else [each]
            prices += [item["price"] for item in items if item["price"]["id"] == price_id]
    for price in prices:
        price["recurring"]["interval"] = interval
    return replace(account, objects=objects)


def a_price_in_use(account: StripeAccount) -> tuple[str, set[str]]:
    """A price of the last months that not everybody has, and the items that have it now."""
    users: dict[str, set[str]] = {}
    lasting: set[str] = set()
    for subscription in account.objects["subscriptions"]:
        if subscription["status"] == "active":
            for item in subscription["items"]["data"]:
                users.setdefault(item["price"]["id"], set()).add(item["id"])
                if item["created"] < account.now - 60 * 86_400:
                    lasting.add(item["price"]["id"])
    price_id = min(lasting, key=lambda each: (len(users[each]), each))
    return price_id, users[price_id]


def test_an_unknown_interval_holds_its_items_out_and_the_period_open_until_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, account = business(seed=4, customers=60, is_knowable=True, in_one_currency=True)
    price_id, items = a_price_in_use(account)
    last_month = Period.month(closing_day(account)).previous
    with connected(altered(account, price_id, interval="fortnight"), tmp_path) as pipeline:
        reports = {report.period: report for report in pipeline.advance(log.last_day)}
        held = reports[last_month]
        assert not held.is_final
        assert held.edition == 0
        assert held.alerts == ()
        assert any(price_id in why and "fortnight" in why for why in held.held_out)

        with pipeline.warehouse.read() as connection:
            findings = [each.finding for each in quality.open_findings(connection)]
            closing = set(snapshot(connection, last_month.closing_date)["subscription_item_id"])
        named = {each.object_id for each in findings if each.severity == "error"}
        assert items <= named
        assert not items & closing
        found = compare(pipeline.warehouse, log)
        assert {item_id for item_id, _ in found.differing} <= named

        monkeypatch.setenv("NRR_HOME", str(tmp_path))
        shown = CliRunner().invoke(main, ["show", last_month.key])
        assert "provisional" in shown.output
        assert "fortnight" in shown.output.replace("\n", " ")

        pipeline.show(account)
        mended = {report.period: report for report in pipeline.advance(log.last_day)}
        assert mended[last_month].is_final
        assert mended[last_month].edition == 1
        assert compare(pipeline.warehouse, log).differing == {}
        with pipeline.warehouse.read() as connection:
            left = [each.finding.severity for each in quality.open_findings(connection)]
        assert "error" not in left


def test_an_unknown_status_counts_for_what_was_paid_and_is_held_out_beyond(tmp_path: Path) -> None:
    log, account = business(seed=4, customers=40, is_knowable=True, in_one_currency=True)
    objects = json.loads(json.dumps(account.objects))
    subscription = next(each for each in objects["subscriptions"] if each["status"] == "active")
    subscription["status"] = "hibernating"
    with connected(replace(account, objects=objects), tmp_path) as pipeline:
        pipeline.advance(log.last_day)
        with pipeline.warehouse.read() as connection:
            findings = [each.finding for each in quality.open_findings(connection)]
        assert any("hibernating" in each.detail for each in findings)
        items = {item["id"] for item in subscription["items"]["data"]}
        found = compare(pipeline.warehouse, log)
        assert {item_id for item_id, _ in found.differing} <= items


def test_a_subscription_that_cannot_be_read_keeps_periods_open_and_silent_until_it_is_mended(
    tmp_path: Path,
) -> None:
    account = HandMadeAccount()
    account.billed("stays", {"2026-08-10": 10})
    broken = account.billed("breaks", {"2026-08-10": 10})
    last_day, october = date(2026, 11, 4), Period.parse("2026-10")
    with connected(account.account(), tmp_path) as pipeline:
        before = {report.period: report for report in pipeline.advance(last_day)}
        assert before[october].is_final

        broken["currency"] = None
        pipeline.show(account.account())
        reports = pipeline.advance(last_day)
        held = next(report for report in reports if report.period == october)
        assert not any(report.is_new_edition or report.alerts for report in reports)
        assert any("sub_breaks" in why and "currency" in why for why in held.held_out)

        broken["currency"] = "usd"
        pipeline.show(account.account())
        mended = {report.period: report for report in pipeline.advance(last_day)}
        assert mended[october].is_final
        assert not mended[october].is_new_edition


@pytest.mark.parametrize("field", ["currency", "items"])
def test_a_subscription_that_could_never_be_read_keeps_every_period_provisional(
    tmp_path: Path, field: str
) -> None:
    account = HandMadeAccount()
    account.billed("stays", {"2026-08-10": 10})
    account.billed("broken", {"2026-08-10": 10})[field] = None
    with connected(account.account(), tmp_path) as pipeline:
        reports = pipeline.advance(date(2026, 11, 4))
    assert reports
    assert not any(report.is_final or report.alerts for report in reports)
    assert all("sub_broken" in report.held_out[0] for report in reports)
