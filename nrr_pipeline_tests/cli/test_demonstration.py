"""What ``make demo`` does, on a smaller account: the real command, over HTTP, in its own home."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from nrr_pipeline.demo.__main__ import run
from nrr_pipeline.demo.exchange_rates import FILE_NAME
from nrr_pipeline_tests.cli.database import rows


def test_the_demonstration_ends_well_whatever_else_is_set_up_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_of_somebody_else")
    monkeypatch.setenv("NRR_DATABASE_URL", "postgresql+psycopg://another/database")
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text("this is not for the demo")
    home = Path(".nrr/demo")
    status = run(home, customers=20, first_day=date(2026, 6, 1), last_day=date(2026, 7, 4))
    said = capfd.readouterr().out
    assert status == 0
    assert "data as of 2026-07-05 06:00 UTC" in said
    assert "Q2 2026, 1 April 2026 to 30 June 2026" in said
    assert str(home / "nrr.db") in said
    assert (
        f"Board report of June 2026, edition 1: {home.absolute() / 'reports' / '2026-06'}" in said
    )
    assert (
        home / "reports" / "2026-06" / "nrr-board-report-2026-06-edition-1-figures.csv"
    ).exists()
    assert "Exchange rates" in said
    (policy,) = {line for line in said.splitlines() if line.startswith("policy ")}
    assert "reporting_currency = usd" in policy
    assert FILE_NAME not in policy
    assert rows(home, "SELECT count(*) AS days FROM published_days") == [{"days": 95}]
