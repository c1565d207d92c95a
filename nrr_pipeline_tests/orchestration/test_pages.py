"""What the pages of days and periods show in the UI."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.markdown import LONGEST_INLINE
from nrr_pipeline.warehouse import outbox
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline_tests.orchestration.installation import (
    LAST_DAY,
    START,
    Installation,
    days,
    seats,
)

JUNE = Span(date(2026, 6, 1), date(2026, 6, 1))
MONTHS = Span(START, date(2026, 6, 1))
UI = "http://127.0.0.1:3000"


def entries(installed: Installation) -> int:
    """The letters of everything that the event log keeps of months."""
    records = installed.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("monthly_nrr")), limit=99
    ).records
    return sum(
        len(str(value.value))
        for record in records
        if (entry := record.asset_materialization) is not None
        for value in entry.metadata.values()
    )


def test_a_month_shows_its_bridge_at_once_and_leads_to_its_report(published: Installation) -> None:
    published.run("monthly_close", span=JUNE)

    page = published.metadata_of("monthly_nrr", "2026-06-01")

    assert len(page["Bridge"]) < LONGEST_INLINE
    assert page["Bridge"].splitlines()[1] == "| --- | ---: |"
    assert page["Board report"] == (
        f"[June 2026]({UI}/assets/board_report?view=partitions&partition=2026-06-01); "
        "if it was never issued: `nrr report 2026-06`"
    )


def test_a_quarter_and_a_trailing_year_lead_to_the_report_of_their_last_month(
    published: Installation,
) -> None:
    published.run("quarterly_close", span=Span(START, START))
    published.run("monthly_close", span=JUNE)

    for table, key in (("quarterly_nrr", "2026-04-01"), ("trailing_12_month_nrr", "2026-06-01")):
        assert "partition=2026-06-01" in published.metadata_of(table, key)["Board report"]


def test_only_the_latest_of_several_months_carries_a_picture(published: Installation) -> None:
    published.run("monthly_close", span=MONTHS)

    april, june = (
        published.metadata_of("monthly_nrr", key) for key in ("2026-04-01", "2026-06-01")
    )

    assert "Trend" not in april
    described, encoded = june["Trend"].removesuffix(")").split("](data:image/png;base64,")
    assert described == "![NRR and GRR by month"
    assert base64.b64decode(encoded).startswith(b"\x89PNG")
    assert len(june["Trend"]) < 60_000
    assert entries(published) < 70_000


def test_a_provisional_month_has_no_report(published: Installation) -> None:
    (published.settings.home / "policy.toml").write_text("[close]\nafter_days = 366\n")

    published.run("monthly_close", "monthly_nrr", span=JUNE)

    page = published.metadata_of("monthly_nrr", "2026-06-01")
    assert page["State"] == "provisional: may still change"
    assert "Board report" not in page


def test_a_period_lists_its_alerts_and_what_became_of_them(published: Installation) -> None:
    published.learn("cus_2", [seats(10, valid_to=date(2026, 6, 5))])
    published.run("monthly_close", span=JUNE)
    raised = published.metadata_of("monthly_nrr", "2026-06-01")["Alerts"]
    with published.warehouse() as opened, opened.bookkeeping() as connection:
        key = next(row["alert_key"] for row in alerts(connection))
        attempt = outbox.begin_attempt(connection, key, now=utc_now())
        assert attempt is not None
        outbox.confirm(connection, attempt, now=utc_now())
    published.run("monthly_close", span=JUNE)

    sent = published.metadata_of("monthly_nrr", "2026-06-01")["Alerts"]

    assert raised.startswith("- [NRR of June 2026 is 23.0 %, below 100 %")
    assert f"]({UI}/assets/alerts): waiting (at 20" in raised
    assert f"]({UI}/assets/alerts): sent 20" in sent
    assert "Alerts" not in published.metadata_of("trailing_12_month_nrr", "2026-06-01")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<script>", r"\<script\>"),
        ("*bold*", r"\*bold\*"),
        ("one\ntwo\u202e", "one two"),
        ("x" * 400, f"{'x' * 299}…"),
    ],
)
def test_a_segment_with_a_hostile_name_stays_in_its_cell(
    value: str, shown: str, published: Installation
) -> None:
    published.learn("cus_1", [seats(3, product_id=value)])

    published.run("monthly_close", "monthly_nrr", span=JUNE)

    page = published.metadata_of("monthly_nrr", "2026-06-01")["Segments"].replace("\u200b", "")
    assert f"| product | {shown} | USD 30.00 |" in page
    assert all(line.replace(r"\|", "").count("|") == 7 for line in page.splitlines())


def test_the_largest_segments_of_each_dimension_are_listed(published: Installation) -> None:
    for number in range(3, 9):
        held = seats(number, product_id=f"prod{number}")
        published.learn(f"cus_{number}", [held])

    published.run("monthly_close", "monthly_nrr", span=JUNE)

    page = published.metadata_of("monthly_nrr", "2026-06-01")["Segments"]
    products = [line.split(" | ")[1] for line in page.splitlines() if "| product |" in line]
    assert products == ["prod_1", "prod8", "prod7", "prod6", "prod5", "and 2 more"]


def test_a_day_shows_its_mrr_in_all_and_by_currency(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(
        'reporting_currency = "usd"\n[files]\nfx_rates = "rates.csv"\n'
    )
    rates = [f"{day},EUR,1.1" for day in days(date(2026, 3, 30), date(2026, 4, 1))]
    (tmp_path / "rates.csv").write_text("\n".join(["date,currency,rate", *rates]))
    installed.learn("cus_3", [seats(5, currency="eur")])
    installed.run("daily_close", "fx_rates")

    installed.publish(START, LAST_DAY)

    first = installed.metadata_of("daily_mrr", "2026-04-01")
    assert (first["MRR (USD)"], first["Customers"]) == (185.0, 3)
    assert first["By currency"].splitlines()[2:] == [
        "| EUR | EUR 50.00 | 1 | 1 |",
        "| USD | USD 130.00 | 2 | 2 |",
    ]
    without_rate = installed.metadata_of("daily_mrr", "2026-07-02")
    assert "MRR (USD)" not in without_rate
    assert without_rate["By currency"] == first["By currency"]
