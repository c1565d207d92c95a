"""``nrr alerts``, and what ``nrr run`` says of alerts: shown, sent, acknowledged, silenced."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from nrr_pipeline.cli.alerts import command
from nrr_pipeline.warehouse.alerts import keep_alert
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows
from nrr_pipeline_tests.delivery.outgoing import alert
from nrr_pipeline_tests.notify.slack_stand_in import (
    CHANNEL,
    REVOKED,
    SECRET,
    TOKEN,
    Answer,
    SlackStandIn,
    slack_stand_in,
)

RAISED_AT = datetime(2026, 10, 3, 6, 12, tzinfo=UTC)
QUARTER, MONTH = "nrr:quarter:2026-07-01:all:all:1", "nrr:month:2026-09-01:all:all:1"


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in() as running:
        yield running


@pytest.fixture
def webhook(slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch) -> SlackStandIn:
    """Slack, and the setting that leads to it."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
    return slack


@pytest.fixture
def raised(published: Path) -> Path:
    """A home with two alerts of its own."""
    change(published, "DELETE FROM alerts")
    keep(published, QUARTER, text="NRR of Q3 2026 is 96.1 %\nMore about it.")
    keep(published, MONTH, text="NRR of September 2026 is 97.0 %", period="month")
    return published


def keep(home: Path, key: str, **values: object) -> None:
    with (
        open_warehouse(f"sqlite:///{home / 'nrr.db'}") as opened,
        opened.bookkeeping() as connection,
    ):
        assert keep_alert(connection, alert(key, **values), at=RAISED_AT)


def kept(home: Path, key: str = QUARTER) -> dict[str, Any]:
    [row] = rows(home, "SELECT * FROM alerts WHERE alert_key = ?", key)
    return row


EXAMPLES = re.findall(r"^  nrr alerts ?(.*)", command.epilog or "", re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_in_the_help_is_accepted(example: str) -> None:
    name, *arguments = shlex.split(re.split(r"\s{3,}", f"{example}  ")[0]) or ["list"]
    found = command.get_command(click.Context(command), name)
    assert found is not None
    found.make_context(name, arguments)


def test_alerts_are_listed_with_what_became_of_each(nrr: Nrr, raised: Path) -> None:
    change(raised, "UPDATE alerts SET last_error = 'not_in_channel' WHERE alert_key = ?", MONTH)
    result = nrr("alerts")
    assert result.exit_code == 0, result.output
    assert "2026-10-03 06:12 UTC  NRR of Q3 2026 is 96.1 %" in result.stdout
    assert "More about it" not in result.stdout
    assert f"{QUARTER}  waiting" in result.stdout
    assert f"{MONTH}  not sent" in result.stdout
    assert "not_in_channel" in result.stdout
    assert "data as of" in result.stdout


def test_alerts_are_one_json_document(nrr: Nrr, raised: Path) -> None:
    del raised
    result = nrr("alerts", "list", "--all", "--json")
    listed = json.loads(result.stdout)["alerts"]
    assert {each["alert_key"]: each["delivery"] for each in listed} == {
        QUARTER: "waiting",
        MONTH: "waiting",
    }


def test_one_alert_is_shown_whole_and_a_part_of_its_key_is_enough(nrr: Nrr, raised: Path) -> None:
    del raised
    result = nrr("alerts", "show", "2026-07-01")
    assert result.exit_code == 0, result.output
    assert "More about it." in result.stdout
    assert "/assets/quarterly_nrr?view=partitions&partition=2026-07-01" in result.stdout


@pytest.mark.parametrize(("key", "says"), [("nrr:", "Several alerts"), ("nope", "No alert has")])
def test_a_key_that_fits_none_or_several_is_wrong_use(
    nrr: Nrr, raised: Path, key: str, says: str
) -> None:
    del raised
    result = nrr("alerts", "show", key)
    assert result.exit_code == 2
    assert says in result.stderr


def test_hostile_names_in_an_alert_cannot_reach_the_terminal(nrr: Nrr, raised: Path) -> None:
    change(raised, "UPDATE alerts SET text = ?", "Acme\x1b[2J \u202e[bold]x[/bold]")
    for arguments in (["alerts"], ["alerts", "show", QUARTER]):
        shown = nrr(*arguments).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "[bold]x[/bold]" in shown


def test_a_test_message_says_where_it_went(nrr: Nrr, home: Path, webhook: SlackStandIn) -> None:
    result = nrr("alerts", "test")
    assert (result.exit_code, result.stdout) == (0, "Sent to the channel of SLACK_WEBHOOK_URL.\n")
    assert "test" in webhook.texts[0]
    assert not home.exists()


def test_a_test_message_that_is_refused_says_what_to_do(nrr: Nrr, webhook: SlackStandIn) -> None:
    webhook.answers.append(REVOKED)
    result = nrr("alerts", "test")
    assert result.exit_code == 1
    assert "set SLACK_WEBHOOK_URL" in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "Slack is not configured"),
        ({"SLACK_BOT_TOKEN": TOKEN}, "SLACK_BOT_TOKEN is set and SLACK_CHANNEL is not"),
        ({"SLACK_CHANNEL": CHANNEL}, "SLACK_CHANNEL is set and SLACK_BOT_TOKEN is not"),
        (
            {"SLACK_BOT_TOKEN": TOKEN, "SLACK_WEBHOOK_URL": "https://hooks.slack.com/x/y"},
            "unset SLACK_WEBHOOK_URL",
        ),
        ({"SLACK_WEBHOOK_URL": SECRET}, "not the address of a webhook"),
        ({"SLACK_BOT_TOKEN": f"{TOKEN}\nx", "SLACK_CHANNEL": CHANNEL}, "is not a token"),
        (
            {"SLACK_BOT_TOKEN": TOKEN, "SLACK_CHANNEL": CHANNEL, "SLACK_API_BASE": "slack"},
            "SLACK_API_BASE is not an address",
        ),
    ],
)
@pytest.mark.parametrize("name", ["test", "send"])
def test_settings_that_cannot_work_are_named_with_the_fix(
    nrr: Nrr,
    raised: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    says: str,
    name: str,
) -> None:
    del raised
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    result = nrr("alerts", name)
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert SECRET not in result.output
    assert TOKEN not in result.output


def test_what_is_not_sent_is_sent_when_somebody_asks_and_only_once(
    nrr: Nrr, raised: Path, webhook: SlackStandIn
) -> None:
    change(raised, "UPDATE alerts SET next_attempt_at = '2999-01-01 00:00:00', last_error = 'x'")
    rehearsed = nrr("alerts", "send", "--dry-run")
    assert QUARTER in rehearsed.stdout
    assert webhook.messages == []

    result = nrr("alerts", "send")
    assert result.exit_code == 0, result.output
    assert "Sent to Slack: NRR of Q3 2026 is 96.1 %" in result.stdout
    assert [text for text in webhook.texts if text.startswith("NRR of")] == [
        "NRR of September 2026 is 97.0 %",
        "NRR of Q3 2026 is 96.1 %\nMore about it.",
    ]
    before = len(webhook.messages)
    assert nrr("alerts", "send").exit_code == 0
    assert len(webhook.messages) == before


def test_a_delivery_that_fails_ends_with_status_1_and_the_fix(
    nrr: Nrr, raised: Path, slack: SlackStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_CHANNEL", CHANNEL)
    monkeypatch.setenv("SLACK_API_BASE", slack.api)
    slack.answers.append(Answer.error("not_in_channel"))

    result = nrr("alerts", "send")

    assert result.exit_code == 1
    assert "invite @app" in result.stderr
    assert "invite @app" in kept(raised)["last_error"]
    assert TOKEN not in result.output


def test_a_run_sends_what_is_kept_and_another_one_sends_nothing(
    nrr: Nrr, home: Path, slack: SlackStandIn, young: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del young
    run = ("run", "--date", "2026-07-04")
    published = nrr(*run)
    assert published.exit_code == 0, published.output
    keep(home, QUARTER, text="NRR of Q2 2026 is 96.1 %")

    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
    slack.answers.append(REVOKED)
    refused = nrr(*run, "--no-pull")
    assert refused.exit_code == 1
    assert re.search(r"Kept, not sent: \d alert", refused.stdout)
    assert "set SLACK_WEBHOOK_URL" in refused.stderr

    sent = nrr(*run, "--no-pull")
    assert sent.exit_code == 0, sent.output
    assert "Sent to Slack: NRR of Q2 2026 is 96.1 %" in sent.stdout
    count = len(slack.messages)
    again = nrr(*run, "--no-pull")
    assert again.exit_code == 0, again.output
    assert "no figure changed" in again.stdout
    assert len(slack.messages) == count
    assert SECRET not in sent.output + refused.output


def test_settings_of_slack_that_cannot_work_end_a_run_before_it_begins(
    nrr: Nrr, home: Path, young: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del young
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    result = nrr("run", "--date", "2026-07-04")
    assert result.exit_code == 2
    assert "SLACK_CHANNEL" in result.stderr
    assert not home.exists()


def test_an_acknowledged_alert_is_not_sent_any_more(
    nrr: Nrr, raised: Path, webhook: SlackStandIn
) -> None:
    done = nrr("alerts", "ack", "nrr:quarter", MONTH, "--by", "Kim")
    assert done.exit_code == 0, done.output
    assert kept(raised)["acknowledged_by"] == "Kim"
    assert "acknowledged; it is not sent" in nrr("alerts").stdout
    nrr("alerts", "send")
    assert not any(text.startswith("NRR of") for text in webhook.texts)


def test_a_silence_covers_what_it_names_until_it_is_ended(nrr: Nrr, raised: Path) -> None:
    said = nrr("alerts", "silence", "--metric", "nrr", "--segment", "plan:Pro", "--days", "36500")
    assert said.exit_code == 2
    said = nrr(
        *("alerts", "silence", "--metric", "nrr", "--segment", "plan:Pro", "--days", "3000"),
        *("--period", "month", "--reason", "known"),
    )
    assert said.exit_code == 0, said.output
    assert "nrr of a month in plan:Pro" in said.stdout
    listed = nrr("alerts", "silences").stdout
    assert "nrr of a month in plan:Pro (known)" in listed

    keep(raised, "covered", period="month", dimension="plan", segment="Pro")
    keep(raised, "of another plan", period="month", dimension="plan", segment="Team")
    assert kept(raised, "covered")["silenced_until"] is not None
    assert kept(raised, "of another plan")["silenced_until"] is None
    assert "silenced until" in nrr("alerts").stdout

    [number] = [row["silence_id"] for row in rows(raised, "SELECT silence_id FROM alert_silences")]
    assert nrr("alerts", "unsilence", str(number)).exit_code == 0
    assert "Nothing is silenced" in nrr("alerts", "silences").stdout
    assert nrr("alerts", "unsilence", str(number)).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--days", "3", "--until", "2999-01-01"],
        ["--until", "2020-01-01"],
        ["--days", "3", "--segment", "Starter"],
        ["--days", "3", "--period", "year"],
        ["--days", "3", "--metric", "logo_chrun"],
    ],
)
def test_a_silence_that_cannot_be_meant_is_wrong_use(
    nrr: Nrr, raised: Path, arguments: list[str]
) -> None:
    result = nrr("alerts", "silence", *arguments)
    assert result.exit_code == 2
    assert rows(raised, "SELECT * FROM alert_silences") == []


def test_the_last_day_of_a_silence_is_a_whole_one(nrr: Nrr, raised: Path) -> None:
    Path("policy.toml").write_text('timezone = "Asia/Tokyo"\n', encoding="utf-8")
    last = (datetime.now(UTC) + timedelta(days=9)).date()  # noqa: TID251 - a day to come
    done = nrr("alerts", "silence", "--until", f"{last}")
    assert done.exit_code == 0, done.output
    [row] = rows(raised, "SELECT until FROM alert_silences")
    assert row["until"].startswith(f"{last} 15:00")


def test_without_data_alerts_say_how_to_begin(nrr: Nrr, home: Path) -> None:
    for arguments in (["alerts"], ["alerts", "ack", "x"], ["alerts", "send"]):
        result = nrr(*arguments)
        assert result.exit_code == 1
        assert "nrr run" in result.stderr
    assert not home.exists()
