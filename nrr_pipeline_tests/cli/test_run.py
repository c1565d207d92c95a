"""``nrr run``: which days it takes, what it says, and that a second run changes nothing."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pytest

from nrr_pipeline.cli.interruption import GOODBYE, INTERRUPTED, PATIENCE_SECONDS
from nrr_pipeline.cli.run import FINDINGS_SHOWN, days_asked_for, finding_lines
from nrr_pipeline.demo.server import ServerOptions
from nrr_pipeline.warehouse.quality import Finding, OpenFinding
from nrr_pipeline_tests.cli.conftest import KEY, Nrr, young_account
from nrr_pipeline_tests.cli.database import rows

YESTERDAY = date(2026, 10, 4)


@pytest.mark.parametrize(
    ("through", "first", "last", "expected"),
    [
        (None, None, None, (None, YESTERDAY)),
        (date(2026, 9, 30), None, None, (None, date(2026, 9, 30))),
        (YESTERDAY, None, None, (None, YESTERDAY)),
        (None, date(2026, 9, 1), date(2026, 9, 30), (date(2026, 9, 1), date(2026, 9, 30))),
        (None, date(2026, 9, 1), None, (date(2026, 9, 1), YESTERDAY)),
    ],
)
def test_the_days_that_are_asked_for(
    through: date | None,
    first: date | None,
    last: date | None,
    expected: tuple[date | None, date],
) -> None:
    assert days_asked_for(through, first, last, YESTERDAY) == expected


@pytest.mark.parametrize(
    ("through", "first", "last", "says"),
    [
        (date(2026, 10, 5), None, None, "not over yet"),
        (None, date(2026, 9, 1), date(2027, 1, 1), "not over yet"),
        (YESTERDAY, date(2026, 9, 1), None, "either --date"),
        (None, None, YESTERDAY, "--to needs --from"),
        (None, YESTERDAY, date(2026, 9, 1), "lies after"),
    ],
)
def test_days_that_contradict_each_other_or_are_not_over_are_wrong_use(
    through: date | None, first: date | None, last: date | None, says: str
) -> None:
    with pytest.raises(click.UsageError, match=says):
        days_asked_for(through, first, last, YESTERDAY)


def test_a_day_in_the_future_ends_with_status_2_and_creates_nothing(nrr: Nrr, home: Path) -> None:
    result = nrr("run", "--date", "2999-01-01")
    assert result.exit_code == 2
    assert not home.exists()


def test_without_a_key_nothing_runs_and_nothing_is_created(nrr: Nrr, home: Path) -> None:
    result = nrr("run", "--date", "2026-10-04")
    assert result.exit_code == 2
    assert "STRIPE_API_KEY" in result.stderr
    assert "Traceback" not in result.output
    assert not home.exists()


def finding(number: int, severity: str) -> OpenFinding:
    found = Finding(
        check_name="predicted_amount",
        severity=severity,
        object_id=f"sub_{number}",
        detail="differs",
        scope_id=f"sub_{number}",
        amount_micros=1_500_000,
        currency="usd",
    )
    return OpenFinding(number, datetime(2026, 10, 5, tzinfo=UTC), "history", found)


def test_findings_are_listed_with_the_most_serious_first() -> None:
    lines = list(finding_lines([finding(1, "info"), finding(2, "error"), finding(3, "warning")]))
    assert lines[0] == "Findings: 1 error, 1 warning, 1 info"
    assert [line.split()[0] for line in lines[1:]] == ["error", "warning", "info"]
    assert "sub_2: differs (USD 1.50)" in lines[1]
    assert list(finding_lines([])) == []


def test_of_very_many_findings_the_rest_is_counted() -> None:
    lines = list(finding_lines([finding(number, "info") for number in range(FINDINGS_SHOWN + 5)]))
    assert len(lines) == FINDINGS_SHOWN + 2
    assert "5 more" in lines[-1]


def test_a_run_publishes_everything_and_a_second_one_changes_nothing(
    nrr: Nrr, home: Path, young: None
) -> None:
    del young
    rehearsed = nrr("run", "--date", "2026-07-04", "--dry-run")
    assert rehearsed.exit_code == 0, rehearsed.output
    assert "nothing was changed" in rehearsed.stdout
    assert not home.exists()

    first = nrr("run", "--date", "2026-07-04")
    assert first.exit_code == 0, first.output
    assert "data as of 2026-07-05" in first.stdout
    assert "published" in first.stderr
    assert KEY not in first.output
    figures = "SELECT * FROM retention ORDER BY period, period_start, dimension, segment"
    published = rows(home, figures)
    assert {row["period"] for row in published} == {"month", "quarter", "trailing_12_months"}

    second = nrr("run", "--date", "2026-07-04")
    assert second.exit_code == 0, second.output
    assert "no figure changed" in second.stdout
    assert rows(home, figures) == published

    again = nrr("run", "--from", "2026-06-01", "--to", "2026-06-30", "--no-pull")
    assert again.exit_code == 0, again.output
    assert rows(home, figures) == published


def test_ctrl_c_in_the_middle_of_a_pull_ends_it_and_the_next_run_completes_it(
    nrr: Nrr, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = [sys.executable, "-m", "nrr_pipeline.cli", "run", "--date", "2026-07-04"]
    with (
        young_account(monkeypatch, ServerOptions(latency_seconds=0.5)),
        subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert process.stderr is not None
        assert "A first pull reads" in process.stderr.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=3 * PATIENCE_SECONDS)
    assert process.returncode == INTERRUPTED
    assert GOODBYE in said
    with young_account(monkeypatch):
        assert nrr("run", "--date", "2026-07-04").exit_code == 0
    assert rows(home, "SELECT count(*) AS days FROM published_days") == [{"days": 95}]


def test_without_exchange_rates_native_figures_are_published_and_the_status_is_1(
    nrr: Nrr, home: Path, tmp_path: Path, young: None
) -> None:
    del young
    (tmp_path / "policy.toml").write_text('reporting_currency = "eur"\n')

    refused = nrr("run", "--date", "2026-07-04")

    assert refused.exit_code == 1
    assert re.search(r"No exchange rate for USD on 2026-04-\d\d; \d\d days", refused.stderr)
    assert "June 2026 is not published: No exchange rate for USD on 2026-05-31" in refused.stderr
    assert "Add a rate of 2026-05-31" in refused.stderr
    assert "Published 95 days" in refused.stdout
    totals = "SELECT COUNT(*) AS days FROM daily_mrr_totals WHERE is_reporting = ?"
    assert rows(home, totals, 0) == [{"days": 95}]
    some = "SELECT * FROM daily_mrr_totals WHERE is_reporting AND mrr_micros > 0"
    assert rows(home, some) == []
    assert rows(home, "SELECT * FROM retention") == []

    (tmp_path / "policy.toml").write_text(
        'reporting_currency = "eur"\n[files]\nfx_rates = "rates.csv"\n[fx]\nmax_age_days = 366\n'
    )
    lines = [f"{year}-{month:02d}-01,USD,9/10" for year in (2025, 2026) for month in range(1, 13)]
    (tmp_path / "rates.csv").write_text("\n".join(["date,currency,rate", *lines]))
    done = nrr("run", "--no-pull", "--date", "2026-07-04")
    assert done.exit_code == 0, done.output
    assert rows(home, totals, 1) == [{"days": 95}]
    assert nrr("show", "2026-Q2").exit_code == 0
    again = nrr("run", "--no-pull", "--date", "2026-07-04")
    assert "no figure changed" in again.stdout
