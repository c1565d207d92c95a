"""``nrr mrr`` with the setting ``usage``: a line of its own, from invoices, never part of MRR."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows
from nrr_pipeline_tests.end_to_end.pipeline import business, closing_day, connected

TITLE = "Usage, trailing three months (not MRR)"
DAY = "2026-09-15"
LAST_SECOND = int(datetime(2026, 9, 15, 23, 59, 59, tzinfo=UTC).timestamp())
WITH_USAGE = 'usage = "trailing_3_months"\n'


@pytest.fixture(scope="module")
def metered_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A business of which several customers pay for usage."""
    account = business(seed=4, customers=40, in_one_currency=True)[1]
    home = tmp_path_factory.mktemp("metered")
    with connected(account, home) as pipeline:
        pipeline.advance(closing_day(account))
    return home


@pytest.fixture
def published(home: Path, metered_home: Path) -> Path:
    home.mkdir()
    shutil.copy(metered_home / "nrr.db", home / "nrr.db")
    return home


def document(nrr: Nrr, *arguments: str) -> dict[str, Any]:
    result = nrr("mrr", "--date", DAY, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def paid_usage(home: Path, item_id: str) -> list[tuple[int, int]]:
    """What was paid for an item's months of usage, newest first, read past all of our own code."""
    found: list[tuple[int, int]] = []
    for invoice in rows(home, "SELECT payload FROM stripe_invoices"):
        payload = json.loads(invoice["payload"])
        for line in payload["lines"]["data"] if payload["status"] == "paid" else []:
            details = line["parent"].get("subscription_item_details") or {}
            days = (line["period"]["end"] - line["period"]["start"]) / 86_400
            if details.get("subscription_item") == item_id and days >= 28:
                assert not line["discount_amounts"]
                found.append((line["period"]["end"], line["subtotal"]))
    return sorted((each for each in found if each[0] <= LAST_SECOND), reverse=True)


def test_usage_is_left_out_unless_it_is_asked_for(nrr: Nrr, published: Path) -> None:
    del published
    assert document(nrr)["usage"] is None
    assert TITLE not in nrr("mrr", "--date", DAY).stdout


def test_usage_stands_beside_an_unchanged_mrr(nrr: Nrr, published: Path) -> None:
    before = document(nrr)
    Path("policy.toml").write_text(WITH_USAGE, encoding="utf-8")
    shown = document(nrr)
    assert shown["totals"] == before["totals"]
    assert shown["reporting"] == before["reporting"]
    assert shown["policy"]["version"] == before["policy"]["version"]
    assert shown["policy"]["choices"] == {"usage": "trailing_3_months"}
    [usage] = shown["usage"]
    assert usage["items"] > 0
    assert TITLE in nrr("mrr", "--date", DAY).stdout
    assert max(map(len, nrr("mrr", "--date", DAY).stdout.splitlines())) <= 100
    items = rows(published, "SELECT DISTINCT customer_id FROM subscription_history")
    by_customer = [document(nrr, "--customer", each["customer_id"])["usage"] for each in items]
    amounts = [item["trailing_3_months_micros"] for mine in by_customer for item in mine]
    assert usage["items"] == len(amounts)
    assert usage["items_without_a_paid_interval"] == amounts.count(None)
    assert usage["trailing_3_months_micros"] == sum(filter(None, amounts)) > 0


def test_an_items_usage_is_a_third_of_its_last_three_paid_months(nrr: Nrr, published: Path) -> None:
    Path("policy.toml").write_text(WITH_USAGE, encoding="utf-8")
    metered = {
        row["object_id"]
        for row in rows(published, "SELECT object_id, payload FROM stripe_prices")
        if (json.loads(row["payload"])["recurring"] or {}).get("usage_type") == "metered"
    }
    found = rows(published, "SELECT DISTINCT customer_id, price_id FROM subscription_history")
    checked = 0
    for customer_id in sorted(
        {each["customer_id"] for each in found if each["price_id"] in metered}
    ):
        shown = document(nrr, "--customer", customer_id)
        for item in shown["usage"]:
            assert item["price_id"] in metered
            assert item["subscription_item_id"] not in {
                each["subscription_item_id"] for each in shown["items"]
            }
            months = paid_usage(published, item["subscription_item_id"])[:3]
            if len(months) == 3:
                total = Fraction(sum(amount for _, amount in months) * 10_000, 3)
                assert item["trailing_3_months_micros"] == round(total)
                assert item["months"] == "3"
                checked += 1
        text = nrr("mrr", "--date", DAY, "--customer", customer_id).stdout
        assert (TITLE in text) is bool(shown["usage"])
        assert max(map(len, text.splitlines())) <= 100
    assert checked > 0


def test_an_item_without_a_paid_month_says_so(nrr: Nrr, published: Path) -> None:
    Path("policy.toml").write_text(WITH_USAGE, encoding="utf-8")
    change(published, "UPDATE stripe_invoices SET payload = json_set(payload, '$.status', 'open')")
    [usage] = document(nrr)["usage"]
    assert usage["items_without_a_paid_interval"] == usage["items"] > 0
    assert usage["trailing_3_months_micros"] == 0
