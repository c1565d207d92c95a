"""``nrr doctor``: every problem with its fix, and the right exit status."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.server import ServerOptions, running_server
from nrr_pipeline.raw import KINDS
from nrr_pipeline_tests.cli.conftest import KEY, Nrr
from nrr_pipeline_tests.cli.database import change
from nrr_pipeline_tests.end_to_end.pipeline import business
from nrr_pipeline_tests.notify.slack_stand_in import CHANNEL, TOKEN, slack_stand_in


class DiskUsage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_sound_installation_has_no_problem(nrr: Nrr, published: Path, served: str) -> None:
    result = nrr("doctor")
    assert result.exit_code == 0, result.output
    assert "problem" not in result.stdout
    for word in ("policy", "disk", "database", "key", "account", "clock", served, "test mode"):
        assert word in result.stdout
    assert str(published / "nrr.db") in result.stdout
    assert "data as of" in result.stdout
    assert KEY not in result.output


def test_an_installation_that_has_never_run_is_sound_and_stays_untouched(
    nrr: Nrr, home: Path, served: str
) -> None:
    del served
    result = nrr("doctor")
    assert result.exit_code == 0, result.output
    assert "the first nrr run" in result.stdout
    assert not home.exists()


def test_a_place_for_reports_that_cannot_be_used_is_a_wrong_setting(
    nrr: Nrr, published: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del published, served
    monkeypatch.setenv("NRR_REPORTS", "s3://key:verysecret@bucket/reports")
    result = nrr("doctor")
    assert result.exit_code == 2
    assert "pip install 'nrr-pipeline[s3]'" in " ".join(result.stdout.split())
    assert "verysecret" not in result.output


def test_without_a_key_the_settings_are_wrong(nrr: Nrr, published: Path) -> None:
    del published
    result = nrr("doctor")
    assert result.exit_code == 2
    assert "STRIPE_API_KEY is not set" in result.stdout
    assert "database" in result.stdout


def test_a_key_that_may_not_read_everything_names_what_is_missing(
    nrr: Nrr, home: Path, account: StripeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    del home
    some = [kind for kind in KINDS if kind != "invoices"]
    with running_server(account, ServerOptions(keys={KEY: some})) as address:
        monkeypatch.setenv("STRIPE_API_BASE", address)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        result = nrr("doctor")
    assert result.exit_code == 2
    assert "invoice_read" in " ".join(result.stdout.split())
    assert KEY not in result.output


def test_a_key_of_another_account_is_recognized(
    nrr: Nrr, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del published
    with running_server(business(customers=5, seed=7, in_one_currency=True)[1]) as address:
        monkeypatch.setenv("STRIPE_API_BASE", address)
        monkeypatch.setenv("STRIPE_API_KEY", KEY)
        result = nrr("doctor")
    assert result.exit_code == 2
    assert "another Stripe account" in " ".join(result.stdout.split())


def test_a_key_of_the_other_mode_is_refused(
    nrr: Nrr, published: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del published, served
    monkeypatch.setenv("STRIPE_API_KEY", "rk_live_0000000000000000")
    assert nrr("doctor").exit_code == 2


def test_a_database_that_is_none_is_a_problem_of_the_settings(
    nrr: Nrr, home: Path, served: str
) -> None:
    del served
    home.mkdir()
    (home / "nrr.db").write_bytes(b"not a database" * 1_000)
    result = nrr("doctor")
    assert result.exit_code == 2
    assert "not a usable database" in " ".join(result.stdout.split())


def test_a_pull_that_failed_is_told_with_its_reason(nrr: Nrr, published: Path, served: str) -> None:
    del served
    change(published, "UPDATE pulls SET status = 'failed', error = 'the line was cut'")
    result = nrr("doctor")
    assert result.exit_code == 1
    assert "the line was cut" in " ".join(result.stdout.split())


def test_a_full_disk_is_a_problem(
    nrr: Nrr, published: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del published, served
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(10**10, 10**10, 5 * 10**6))
    result = nrr("doctor")
    assert result.exit_code == 1
    assert "Only 5.0 MB are free" in result.stdout


def test_the_way_to_slack_is_checked_without_posting_anything(
    nrr: Nrr, published: Path, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del published, served
    assert "alerts are kept and shown, and not sent" in nrr("doctor").stdout
    with slack_stand_in() as slack:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("SLACK_CHANNEL", CHANNEL)
        monkeypatch.setenv("SLACK_API_BASE", slack.api)
        assert "the token is of nrr of Acme" in nrr("doctor").stdout
        slack.refused_methods["auth.test"] = "token_revoked"
        revoked = nrr("doctor")
        assert slack.messages == []
    assert revoked.exit_code == 1
    assert "set SLACK_BOT_TOKEN" in " ".join(revoked.stdout.split())
    assert TOKEN not in revoked.output
