"""Sending to Slack: what each answer means, what to do about it, and that no secret gets out."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

import pytest

from nrr_pipeline.notify import slack as notify
from nrr_pipeline.notify.slack import Bot, Result, SlackSender, Webhook
from nrr_pipeline_tests.notify.slack_stand_in import (
    BROKEN,
    CHANNEL,
    HANGING,
    RATE_LIMITED,
    REVOKED,
    SECRET,
    TOKEN,
    Answer,
    SlackStandIn,
)

BLOCKS = [{"type": "section", "text": {"type": "plain_text", "text": "laid out"}}]

Making = Callable[[SlackStandIn], SlackSender]


def webhook(slack: SlackStandIn) -> SlackSender:
    return Webhook(slack.webhook)


def bot(slack: SlackStandIn) -> Bot:
    return Bot(TOKEN, CHANNEL, slack.api)


@pytest.mark.parametrize("make", [webhook, bot])
def test_an_accepted_message_is_confirmed_and_carries_text_and_layout(
    slack: SlackStandIn, make: Making
) -> None:
    outcome = make(slack).send("NRR is 96.1 %", BLOCKS)

    assert outcome.result is Result.CONFIRMED
    [message] = slack.messages
    assert message["text"] == "NRR is 96.1 %"
    assert "laid out" in str(message["blocks"])


@pytest.mark.parametrize("make", [webhook, bot])
def test_nothing_in_a_text_is_read_as_a_mention_a_link_or_markup(
    slack: SlackStandIn, make: Making
) -> None:
    make(slack).send("<!channel> Smith & *Sons* <https://example.com|here>")

    [message] = slack.messages
    assert message["text"].startswith("&lt;!channel&gt; Smith &amp; *Sons* &lt;https")
    assert message["mrkdwn"] in (False, "0")


@pytest.mark.parametrize("make", [webhook, bot])
@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (RATE_LIMITED, Result.RATE_LIMITED),
        (BROKEN, Result.UNKNOWN),
        (Answer(503, "<html>busy</html>"), Result.UNKNOWN),
        (Answer(200, "<html>Sign in to the network</html>"), Result.UNKNOWN),
        (Answer.error("channel_not_found", 404), Result.REFUSED),
    ],
)
def test_answers_that_both_ways_have_in_common(
    slack: SlackStandIn, make: Making, answer: Answer, result: Result
) -> None:
    if make is webhook and answer.status == 404:
        answer = Answer(404, "channel_not_found")
    slack.answers.append(answer)
    assert make(slack).send("text").result is result
    assert len(slack.messages) == 1


@pytest.mark.parametrize("make", [webhook, bot])
@pytest.mark.parametrize(("asked", "seconds"), [("7", 7), ("0", 1), (None, 30), ("soon", 30)])
def test_a_rate_limit_says_for_how_long(
    slack: SlackStandIn, make: Making, asked: str | None, seconds: int
) -> None:
    slack.answers.append(Answer(429, "rate_limited", retry_after=asked))
    assert make(slack).send("text").wait_seconds == seconds


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        (REVOKED, "Create a new one"),
        (Answer(403, "invalid_token"), "Create a new one"),
        (Answer(410, "something_new"), "Create a new one"),
        (Answer(410, "channel_is_archived"), "Create a webhook for another channel"),
        (Answer(403, "action_prohibited"), "Ask an administrator"),
        (Answer(400, "strange"), "Compare SLACK_WEBHOOK_URL"),
    ],
)
def test_a_webhook_that_refuses_says_what_to_do(
    slack: SlackStandIn, answer: Answer, fix: str
) -> None:
    slack.answers.append(answer)
    outcome = webhook(slack).send("text")
    assert outcome.result is Result.REFUSED
    assert fix in outcome.reason
    assert answer.body in outcome.reason


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("channel_not_found", "Correct SLACK_CHANNEL"),
        ("not_in_channel", "Invite the app to it: /invite @app"),
        ("is_archived", "Unarchive it"),
        ("invalid_auth", "set SLACK_BOT_TOKEN"),
        ("token_revoked", "set SLACK_BOT_TOKEN"),
        ("missing_scope", "chat:write"),
        ("restricted_action", "Ask an administrator"),
        ("never_heard_of", "nrr alerts test"),
    ],
)
def test_a_bot_that_is_refused_says_what_to_do(slack: SlackStandIn, code: str, fix: str) -> None:
    slack.answers.append(Answer.error(code))
    outcome = bot(slack).send("text")
    assert outcome.result is Result.REFUSED
    assert fix in outcome.reason
    assert code in outcome.reason


@pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
def test_an_error_inside_slack_may_have_posted_the_message(slack: SlackStandIn, code: str) -> None:
    slack.answers.append(Answer.error(code))
    assert bot(slack).send("text").result is Result.UNKNOWN


@pytest.mark.parametrize(
    ("make", "refusal"),
    [(webhook, Answer(400, "invalid_blocks")), (bot, Answer.error("invalid_blocks"))],
)
def test_a_layout_that_slack_refuses_is_sent_as_plain_text_instead(
    slack: SlackStandIn, make: Making, refusal: Answer
) -> None:
    slack.answers.append(refusal)
    assert make(slack).send("in words", BLOCKS).result is Result.CONFIRMED
    assert [("blocks" in message) for message in slack.messages] == [True, False]

    slack.answers.append(refusal)
    assert make(slack).send("in words").result is Result.REJECTED


@pytest.mark.parametrize("make", [webhook, bot])
def test_an_answer_that_does_not_come_may_be_of_a_message_that_arrived(
    slack: SlackStandIn, make: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_SECONDS", 0.2)
    slack.answers.append(HANGING)
    assert make(slack).send("text").result is Result.UNKNOWN
    assert len(slack.messages) == 1


@pytest.fixture
def nowhere(slack: SlackStandIn) -> SlackStandIn:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        slack.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    return slack


@pytest.mark.parametrize("make", [webhook, bot])
def test_a_connection_that_is_refused_never_carried_the_message(
    nowhere: SlackStandIn, make: Making
) -> None:
    outcome = make(nowhere).send("text")
    assert outcome.result is Result.NOT_REACHED
    assert "Connection refused" in outcome.reason


@pytest.mark.parametrize("make", [webhook, bot])
@pytest.mark.parametrize(
    "answer", [Answer(), REVOKED, BROKEN, RATE_LIMITED, HANGING, Answer.error("invalid_auth")]
)
def test_no_secret_is_in_the_log_or_in_what_is_said(
    slack: SlackStandIn,
    make: Making,
    answer: Answer,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_SECONDS", 0.2)
    caplog.set_level(logging.DEBUG)
    slack.answers.append(answer)

    outcome = make(slack).send("text")

    said = f"{outcome}{caplog.text}{''.join(capsys.readouterr())}"
    assert SECRET not in said
    assert TOKEN not in said


def test_no_secret_is_quoted_of_an_address_or_a_token_that_cannot_work(
    slack: SlackStandIn,
) -> None:
    spoiled = [Webhook(f"{slack.webhook} \n x"), Bot(f"{TOKEN}\nx", CHANNEL, slack.api)]
    for sender in spoiled:
        outcome = sender.send("text")
        assert outcome.result is not Result.CONFIRMED
        assert SECRET not in outcome.reason
        assert TOKEN not in outcome.reason


def test_a_bot_puts_a_picture_under_its_message(slack: SlackStandIn) -> None:
    sender = bot(slack)
    posted = sender.send("text").posted
    assert posted is not None

    assert sender.add_picture(posted, b"\x89PNG") is None

    assert slack.uploaded == [b"\x89PNG"]
    assert slack.calls[-1] == "files.completeUploadExternal"


def test_a_picture_that_is_refused_says_which_scope_is_missing(slack: SlackStandIn) -> None:
    slack.refused_methods["files.getUploadURLExternal"] = "missing_scope"
    sender = bot(slack)
    posted = sender.send("text").posted
    assert posted is not None
    assert "files:write" in str(sender.add_picture(posted, b"\x89PNG"))


def test_a_bot_can_be_checked_without_posting(slack: SlackStandIn) -> None:
    outcome = bot(slack).check()
    assert (outcome.result, outcome.reason) == (Result.CONFIRMED, "nrr of Acme")
    slack.refused_methods["auth.test"] = "token_revoked"
    assert "SLACK_BOT_TOKEN" in bot(slack).check().reason
    assert slack.messages == []
