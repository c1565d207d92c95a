"""Dimensions of one's own through Dagster's assets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.warehouse.retention import restatements_of, retention_rows
from nrr_pipeline_tests.orchestration.installation import Installation

MAY = date(2026, 5, 1)


def publish_may(installed: Installation) -> dict[str, int]:
    """Take up the list of attributes, measure May; starting dollars by industry."""
    installed.run("daily_close", "attributes")
    installed.run("monthly_close", "monthly_nrr", span=Span(MAY, MAY))
    with installed.warehouse() as opened, opened.read() as connection:
        rows = retention_rows(connection, "monthly_nrr", MAY)
    mine = rows[rows["dimension"] == "industry"]
    return dict(zip(mine["segment"], mine["starting_mrr_micros"] // 1_000_000, strict=True))


def test_a_policys_segments_are_published_and_a_changed_list_restates_them(
    published: Installation,
) -> None:
    Path("policy.toml").write_text(
        '[segments]\nindustry = "attributes.industry"\n[files]\nattributes = "crm.csv"\n'
    )
    crm = Path("crm.csv")
    crm.write_text("customer_id,industry\ncus_1,retail\n")
    assert publish_may(published) == {"retail": 30, "unknown": 100}

    crm.write_text("customer_id,industry\ncus_1,retail\ncus_2,bank\n")
    assert publish_may(published) == {"retail": 30, "bank": 100}
    with published.warehouse() as opened, opened.read() as connection:
        restated = restatements_of(connection)
    assert [(row["segment"], row["cause"], row["to_edition"]) for row in restated] == [
        ("bank", "correction", 2),
        ("unknown", "correction", 2),
    ]
