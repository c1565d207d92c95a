"""The asset ``board_report``: what its partitions show, and that one month stops no other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from nrr_pipeline.orchestration.backlog import Span, on_record, reports_to_issue
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline_tests.orchestration.installation import START, Installation

JUNE = date(2026, 6, 1)


@pytest.fixture
def measured(published: Installation) -> Installation:
    """April to June 2026, and their quarter, are final."""
    published.run("monthly_close", span=Span(START, JUNE))
    published.run("quarterly_close", span=Span(START, START))
    return published


def test_a_partition_shows_its_figures_its_files_and_where_its_month_is(
    measured: Installation,
) -> None:
    measured.run("monthly_report", span=Span(JUNE, JUNE))

    shown = measured.metadata_of("board_report", "2026-06-01")
    assert shown["Report"] == "June 2026, edition 1"
    assert shown["NRR %"] == 100.0
    folder = measured.settings.home / "reports" / "2026-06"
    assert shown["Folder"] == str(folder)
    names = str(shown["Files"]).replace("\u200b", "")  # where a long name may break
    assert all(f"- {path.name}, SHA-256 `" in names for path in folder.iterdir())
    address = "http://127.0.0.1:3000/assets"
    assert str(shown["Figures"]).splitlines() == [
        f"- [June 2026]({address}/monthly_nrr?view=partitions&partition=2026-06-01)",
        f"- [Q2 2026]({address}/quarterly_nrr?view=partitions&partition=2026-04-01)",
    ]


def test_a_month_that_cannot_be_reported_fails_by_itself(measured: Installation) -> None:
    Path("policy.toml").write_text("[close]\nafter_days = 366\n")
    with measured.warehouse() as opened, opened.bookkeeping() as connection:
        connection.exec_driver_sql(
            "UPDATE monthly_nrr SET is_final = 0, edition = 0 WHERE period_start = '2026-05-01'"
        )

    result = measured.run("monthly_report", span=Span(START, JUNE), must_succeed=False)

    assert not result.success
    assert on_record(measured.instance, "board_report") == {START, JUNE}
    failure = result.filter_events(lambda event: event.is_step_failure)[0]
    assert "May 2026 is provisional" in str(failure.event_specific_data)


def test_what_was_issued_but_is_not_on_record_is_issued_again_without_a_new_edition(
    measured: Installation,
) -> None:
    measured.run("monthly_report", span=Span(START, START))
    measured.instance.wipe_assets([dg.AssetKey("board_report")])

    with measured.warehouse() as opened:
        due = reports_to_issue(opened, MetricPolicy(), measured.instance)
    assert due == [START, JUNE]
    measured.run("monthly_report", span=Span(START, START))

    assert measured.metadata_of("board_report", "2026-04-01")["Edition"] == 1
