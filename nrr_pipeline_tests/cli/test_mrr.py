"""``nrr mrr``: a day in all, and one customer down to the evidence."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.metrics.discounts import Discount, DiscountLevel, Duration
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.orchestration.stages.discount_text import discounts_text
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows


def document(nrr: Nrr, *arguments: str) -> dict[str, Any]:
    result = nrr("mrr", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_last_published_day_is_shown_by_default(nrr: Nrr, published: Path) -> None:
    [total] = rows(
        published,
        "SELECT * FROM daily_mrr_totals WHERE as_of_date = '2026-10-04' AND NOT is_reporting",
    )
    text = nrr("mrr").stdout
    assert "MRR as of 4 October 2026" in text
    for name in ("mrr_micros", "at_risk_mrr_micros", "scheduled_churn_mrr_micros"):
        assert format_money(total[name], "usd") in text
    assert "data as of" in text


def test_the_total_of_a_day_is_the_sum_of_its_items(nrr: Nrr, published: Path) -> None:
    shown = document(nrr, "--date", "2026-03-31")
    items = rows(published, "SELECT * FROM daily_mrr WHERE as_of_date = '2026-03-31'")
    assert shown["totals"] == [
        {
            "currency": "usd",
            "mrr_micros": sum(item["mrr_micros"] for item in items),
            "customers": len({item["customer_id"] for item in items}),
            "subscriptions": len({item["subscription_id"] for item in items}),
            "at_risk_mrr_micros": sum(i["mrr_micros"] for i in items if i["is_at_risk"]),
            "scheduled_churn_mrr_micros": sum(
                i["mrr_micros"] for i in items if i["is_scheduled_churn"]
            ),
        }
    ]
    assert shown["reporting"]["mrr_micros"] == shown["totals"][0]["mrr_micros"]


def test_every_customer_is_shown_down_to_its_items(nrr: Nrr, published: Path) -> None:
    customers = rows(published, "SELECT DISTINCT customer_id FROM mrr_intervals LIMIT 10")
    for each in customers:
        items = rows(
            published,
            "SELECT * FROM daily_mrr WHERE as_of_date = '2026-03-31' AND customer_id = ?",
            each["customer_id"],
        )
        shown = document(nrr, "--date", "2026-03-31", "--customer", each["customer_id"])
        assert sorted(
            (item["subscription_item_id"], item["price_id"], item["quantity"], item["mrr_micros"])
            for item in shown["items"]
        ) == sorted(
            (item["subscription_item_id"], item["price_id"], item["quantity"], item["mrr_micros"])
            for item in items
        )


def test_the_stretches_of_an_item_carry_the_mrr_of_every_day_they_cover(
    nrr: Nrr, published: Path
) -> None:
    [busiest] = rows(
        published,
        "SELECT customer_id FROM subscription_history GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
    )
    shown = document(nrr, "--customer", busiest["customer_id"])
    assert all(stretch["source_id"] for stretch in shown["stretches"])
    for stretch in shown["stretches"]:
        if stretch["mrr_micros"] is None:
            continue
        known = rows(
            published,
            "SELECT mrr_micros FROM mrr_intervals WHERE subscription_item_id = ? "
            "AND valid_from <= ? AND valid_to > ?",
            stretch["subscription_item_id"],
            stretch["valid_from"][:10],
            stretch["valid_from"][:10],
        )
        assert stretch["mrr_micros"] == sum(each["mrr_micros"] for each in known)


def test_a_customer_is_shown_with_the_objects_that_prove_it(nrr: Nrr, published: Path) -> None:
    [one] = rows(
        published,
        "SELECT customer_id, source_id FROM subscription_history WHERE source = 'invoice_line' "
        "LIMIT 1",
    )
    result = nrr("mrr", "--customer", one["customer_id"])
    assert result.exit_code == 0
    assert one["source_id"] in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_a_customer_with_an_item_that_is_held_out_is_shown_with_the_reason(
    nrr: Nrr, published: Path
) -> None:
    [one] = rows(
        published,
        "SELECT customer_id, subscription_item_id FROM mrr_intervals "
        "WHERE valid_to > '2026-10-04' GROUP BY customer_id HAVING count(*) = 1 LIMIT 1",
    )
    change(
        published,
        "UPDATE mrr_intervals SET mrr_micros = NULL, held_out = 'price_x: no rule', "
        "billing_interval = NULL, billing_interval_count = NULL WHERE subscription_item_id = ?",
        one["subscription_item_id"],
    )
    shown = document(nrr, "--customer", one["customer_id"])
    assert shown["totals"] == []
    assert [(each["mrr_micros"], each["held_out"]) for each in shown["items"]] == [
        (None, "price_x: no rule")
    ]
    text = " ".join(nrr("mrr", "--customer", one["customer_id"]).stdout.split())
    assert "held out: price_x: no rule" in text


def test_a_price_whose_amount_cannot_be_read_keeps_its_name(nrr: Nrr, published: Path) -> None:
    change(
        published,
        "UPDATE stripe_prices SET payload = json_set(payload, '$.unit_amount_decimal', 'ten')",
    )
    [one] = rows(published, "SELECT customer_id FROM mrr_intervals LIMIT 1")
    assert document(nrr, "--customer", one["customer_id"])["items"] is not None


def test_a_name_cannot_move_the_cursor(nrr: Nrr, published: Path) -> None:
    change(
        published,
        "UPDATE stripe_customers SET payload = json_set(payload, '$.name', char(27) || '[2J')",
    )
    [one] = rows(published, "SELECT customer_id FROM mrr_intervals LIMIT 1")
    result = nrr("mrr", "--customer", one["customer_id"])
    assert result.stdout.startswith("·[2J")
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["--customer", "cus_nobody"], 2, "there is no customer cus_nobody"),
        (["--date", "soon"], 2, "does not match the format"),
        (["--date", "2027-01-01"], 1, "nrr run --date 2027-01-01"),
        (["--date", "2020-01-01"], 1, "the first day that is"),
    ],
)
def test_what_cannot_be_shown_is_explained(
    nrr: Nrr, published: Path, arguments: list[str], status: int, says: str
) -> None:
    del published
    result = nrr("mrr", *arguments)
    assert result.exit_code == status
    assert says in " ".join(result.stderr.split())


def test_the_arithmetic_of_every_stretch_ends_with_its_mrr(nrr: Nrr, published: Path) -> None:
    customers = rows(published, "SELECT DISTINCT customer_id FROM mrr_intervals LIMIT 20")
    explained = 0
    for each in customers:
        for stretch in document(nrr, "--customer", each["customer_id"])["stretches"]:
            if stretch["mrr_micros"]:
                *_, result = stretch["arithmetic"]
                assert result["label"] == "mrr"
                assert Fraction(result["minor_units"]) * 10_000 == stretch["mrr_micros"]
                explained += 1
    assert explained > 20


def test_the_arithmetic_is_shown_under_the_stretches(nrr: Nrr, published: Path) -> None:
    [one] = rows(
        published,
        "SELECT i.customer_id, i.price_id FROM mrr_intervals AS i WHERE i.mrr_micros > 0 LIMIT 1",
    )
    text = nrr("mrr", "--customer", one["customer_id"]).stdout
    assert "how it is computed" in text
    computed = text.split("how it is computed", 1)[1]
    for label in ("price", "quantity", "normalization", "mrr"):
        assert f"\n{label} " in computed
    assert max(map(len, text.splitlines())) <= 100


def test_a_discounted_stretch_names_its_discount_and_subtracts_it(
    nrr: Nrr, published: Path
) -> None:
    half = Discount(
        "di_half", "HALF", DiscountLevel.SUBSCRIPTION, 0, Duration.FOREVER, Fraction(50)
    )
    [one] = rows(
        published,
        "SELECT customer_id, subscription_id, mrr_micros FROM mrr_intervals "
        "WHERE mrr_micros > 0 AND valid_to > '9999' AND known_to > '9999' LIMIT 1",
    )
    change(
        published,
        "UPDATE subscription_history SET discounts = ? WHERE subscription_id = ?",
        *(discounts_text([half]), one["subscription_id"]),
    )
    text = nrr("mrr", "--customer", one["customer_id"]).stdout
    assert "di_half of coupon HALF" in text
    assert "HALF of the subscription (forever): 50 % off" in text
    shown = document(nrr, "--customer", one["customer_id"])
    last = [
        each for each in shown["stretches"] if each["subscription_id"] == one["subscription_id"]
    ]
    assert last[-1]["discounts"][0]["percent_off"] == "50"
    assert [step["label"] for step in last[-1]["arithmetic"]].count("discount") == 1
