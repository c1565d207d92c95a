"""What the commands say does not depend on the kind of the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.databases import Server
from nrr_pipeline_tests.end_to_end.pipeline import closing_day, connected

COMMANDS = (
    ("show", "--json"),
    ("show", "2026-Q1", "--json"),
    ("show", "ttm-2026-03", "--by", "product", "--json"),
    ("mrr", "--json"),
    ("mrr", "--customer", "CUSTOMER", "--json"),
    ("show",),
    ("mrr",),
    ("run", "--no-pull", "--dry-run"),
)


def test_every_reading_command_says_the_same_of_postgresql(
    account: StripeAccount,
    published: Path,
    server: Server,
    nrr: Nrr,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer = account.objects["subscriptions"][0]["customer"]
    commands = [[word.replace("CUSTOMER", customer) for word in each] for each in COMMANDS]
    of_sqlite = [said(nrr, *command) for command in commands]
    with server.new() as url:
        with connected(account, published, url=url) as pipeline:
            pipeline.advance(closing_day(account))
        (published / "nrr.db").unlink()
        monkeypatch.setenv("NRR_DATABASE_URL", url)
        for command, expected in zip(commands, of_sqlite, strict=True):
            assert said(nrr, *command) == expected


def said(nrr: Nrr, *command: str) -> object:
    """What a command says, but for when it was learned or published."""
    result = nrr(*command)
    assert result.exit_code == 0, result.output
    return without_times(json.loads(result.stdout)) if "--json" in command else result.stdout


def without_times(document: object) -> object:
    if isinstance(document, dict):
        return {
            name: without_times(value)
            for name, value in document.items()
            if name not in {"known_at", "known_from", "raised_at"}
        }
    return [without_times(each) for each in document] if isinstance(document, list) else document
