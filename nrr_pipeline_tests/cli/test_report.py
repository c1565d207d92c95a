"""``nrr report``: issues the report of a final month, lists what was issued, makes it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import rows


@pytest.fixture(scope="session")
def last_month(filled_home: Path) -> str:
    """The latest month that is final."""
    (found,) = rows(
        filled_home, "SELECT max(period_start) AS month FROM monthly_nrr WHERE is_final"
    )
    return str(found["month"])[:7]


def test_a_report_is_issued_once_and_then_listed_and_made_again(
    published: Path, nrr: Nrr, last_month: str
) -> None:
    listed = nrr("report")
    assert listed.exit_code == 1
    assert "nrr report MONTH" in listed.output
    planned = nrr("report", last_month, "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "edition 1." in planned.output
    assert not (published / "reports").exists()

    first = nrr("report", last_month)
    assert first.exit_code == 0, first.output
    assert "edition 1: issued" in first.output
    folder = published / "reports" / last_month
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert f"nrr-board-report-{last_month}-edition-1-figures.csv" in files
    assert all(name in first.output for name in files)
    assert "data as of" in first.output

    shutil.rmtree(folder)
    again = nrr("report", last_month, "--edition", "1", "--out", "board", "--json")
    assert again.exit_code == 0, again.output
    document = json.loads(again.stdout)
    assert (document["report"]["edition"], document["is_new"]) == (1, False)
    assert len(document["files"]) == 2 * len(files)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    assert {path.name: path.read_bytes() for path in Path("board").iterdir()} == files

    assert str(folder) in nrr("report").output
    assert json.loads(nrr("report", "--json").stdout)["reports"][0]["month"] == last_month
    planned = nrr("report", last_month, "--dry-run")
    assert "nothing would be issued" in planned.output


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("2031-01",), 1, "January 2031 is not published"),
        (("2026-Q3",), 2, "nrr report 2026-09"),
        (("summer",), 2, "is not a period"),
        (("--edition", "1"), 2, "Name a MONTH"),
        (("2026-09", "--edition", "1", "--dry-run"), 2, "--dry-run writes nothing"),
    ],
    ids=["not published", "a quarter", "no month", "no month named", "contradiction"],
)
def test_what_cannot_be_reported_says_what_can(
    nrr: Nrr, arguments: tuple[str, ...], status: int, says: str
) -> None:
    result = nrr("report", *arguments)
    assert result.exit_code == status
    assert says in result.output


@pytest.mark.usefixtures("published")
def test_an_edition_that_was_never_issued_is_refused(nrr: Nrr, last_month: str) -> None:
    result = nrr("report", last_month, "--edition", "7")
    assert result.exit_code == 1
    assert f"Issue it: nrr report {last_month}" in result.output
