"""Delivery: nothing is lost or sent again once confirmed, and what may be doubled says so."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from nrr_pipeline.notify import slack as notify
from nrr_pipeline.notify.slack import Webhook
from nrr_pipeline.orchestration.stages.delivery import (
    NOT_CONFIGURED,
    PACE,
    REPEAT_LINE,
    deliver,
)
from nrr_pipeline.warehouse import alerts, outbox
from nrr_pipeline.warehouse.outbox import LEASE, DeliveryState
from nrr_pipeline.warehouse.transactions import Connection
from nrr_pipeline_tests.delivery.outgoing import Outgoing
from nrr_pipeline_tests.notify.slack_stand_in import (
    BROKEN,
    HANGING,
    RATE_LIMITED,
    REVOKED,
    Answer,
    SlackStandIn,
)


def test_alerts_are_sent_once_each_oldest_first_and_never_again(outgoing: Outgoing) -> None:
    outgoing.raise_alert("second by name, first by time")
    outgoing.raise_alert("first by name")

    report = outgoing.deliver()

    assert report.sent == ["second by name, first by time", "first by name"]
    assert report.problem is None
    assert [text.split(",")[0] for text in outgoing.slack.texts] == [
        "This is second by name",
        "This is first by name.",
    ]
    assert outgoing.state("first by name") is DeliveryState.SENT
    for at_once in (False, True):
        outgoing.pass_time(days=1)
        assert outgoing.deliver(at_once=at_once).sent == []
    assert len(outgoing.slack.messages) == 2


def test_messages_to_a_channel_are_a_second_apart(outgoing: Outgoing) -> None:
    for key in "abc":
        outgoing.raise_alert(key)
    outgoing.pass_time(minutes=1)
    outgoing.deliver()
    assert outgoing.slept == [PACE.total_seconds()] * 2


def test_without_slack_alerts_are_kept_and_say_why_they_are_not_sent(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")

    report = deliver(
        outgoing.warehouse,
        None,
        clock=outgoing.clock,
        sleep=outgoing.sleep,
        say=outgoing.said.append,
    )

    assert (report.sent, report.problem) == ([], None)
    assert outgoing.row("a")["last_error"] == NOT_CONFIGURED
    assert outgoing.row("a")["delivery_attempts"] == 0
    assert outgoing.state("a") is DeliveryState.NOT_SENT
    assert outgoing.deliver().sent == ["a"]
    assert outgoing.row("a")["last_error"] is None


def test_a_rate_limit_is_waited_for_and_nothing_is_lost(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.raise_alert("b")
    outgoing.slack.answers.append(RATE_LIMITED)
    begun = outgoing.now

    report = outgoing.deliver()

    assert report.sent == ["a", "b"]
    assert outgoing.row("a")["delivered_at"] - begun >= timedelta(seconds=7)
    assert outgoing.row("a")["delivery_attempts"] == 2
    assert not any(REPEAT_LINE in text for text in outgoing.slack.texts)


def test_during_a_long_rate_limit_nobody_sends_anything_not_even_when_asked_to(
    outgoing: Outgoing,
) -> None:
    outgoing.raise_alert("a")
    outgoing.raise_alert("b")
    outgoing.slack.answers.append(Answer(429, "rate_limited", retry_after="300"))

    assert "300 s" in str(outgoing.deliver().problem)
    for at_once in (False, True):
        outgoing.pass_time(seconds=100)
        assert outgoing.deliver(at_once=at_once).sent == []
    assert len(outgoing.slack.messages) == 1
    assert "asked to wait" in outgoing.row("b")["last_error"]

    outgoing.pass_time(seconds=101)
    assert outgoing.deliver(at_once=True).sent == ["a", "b"]
    assert not any(REPEAT_LINE in text for text in outgoing.slack.texts)


def test_what_slack_did_not_confirm_is_sent_again_and_says_so(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.slack.answers.append(BROKEN)

    assert "did not confirm" in str(outgoing.deliver().problem)
    assert len(outgoing.slack.messages) == 1
    assert outgoing.deliver().sent == []  # not due yet
    outgoing.pass_time(minutes=2)
    assert outgoing.deliver().sent == ["a"]

    first, second = outgoing.slack.messages
    assert REPEAT_LINE not in first["text"]
    assert second["text"] == f"{REPEAT_LINE}\nThis is a."
    assert second["blocks"][0]["elements"][0]["text"] == REPEAT_LINE
    assert "laid out" in str(second["blocks"][1])
    assert outgoing.row("a")["is_possible_repeat"] is True


def test_an_answer_that_never_comes_is_a_possible_repeat_too(
    outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "TIMEOUT_SECONDS", 0.2)
    outgoing.raise_alert("a")
    outgoing.slack.answers.append(HANGING)
    assert outgoing.deliver().sent == []
    assert outgoing.deliver(at_once=True).sent == ["a"]
    assert [REPEAT_LINE in text for text in outgoing.slack.texts] == [False, True]


def test_one_alert_that_slack_cannot_take_does_not_keep_the_others_back(
    outgoing: Outgoing,
) -> None:
    for key in "abc":
        outgoing.raise_alert(key)
    outgoing.slack.answers += [BROKEN, Answer(400, "msg_too_long"), Answer(400, "msg_too_long")]
    report = outgoing.deliver()
    assert report.sent == ["c"]
    assert "msg_too_long" in outgoing.row("b")["last_error"]


def test_a_revoked_webhook_is_asked_once_and_every_alert_says_what_to_do(
    outgoing: Outgoing,
) -> None:
    for key in "abc":
        outgoing.raise_alert(key)
    outgoing.slack.answers += [REVOKED]

    report = outgoing.deliver()

    assert report.sent == []
    assert len(outgoing.slack.messages) == 1
    for key in "abc":
        assert "set SLACK_WEBHOOK_URL" in outgoing.row(key)["last_error"]
        assert outgoing.row(key)["next_attempt_at"] > outgoing.now
    assert outgoing.deliver(at_once=True).sent == ["a", "b", "c"]  # the setting was mended
    assert not any(REPEAT_LINE in text for text in outgoing.slack.texts)


def test_a_bot_that_is_not_in_its_channel_says_so(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.slack.answers.append(Answer.error("channel_not_found"))
    assert "SLACK_CHANNEL" in str(outgoing.deliver(outgoing.bot).problem)
    assert outgoing.deliver(outgoing.bot, at_once=True).sent == ["a"]


def test_what_never_got_there_is_tried_again_at_once_and_is_no_repeat(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.raise_alert("b")
    address, outgoing.slack.address = outgoing.slack.address, "http://127.0.0.1:1"

    report = outgoing.deliver()

    assert "could not be reached" in str(report.problem)
    assert outgoing.row("a")["delivery_attempts"] == 3
    assert outgoing.row("b")["delivery_attempts"] == 0
    assert "could not be reached" in outgoing.row("b")["last_error"]
    outgoing.slack.address = address
    assert outgoing.deliver(at_once=True).sent == ["a", "b"]
    assert not any(REPEAT_LINE in text for text in outgoing.slack.texts)


def test_attempts_are_further_and_further_apart(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    waits: list[timedelta] = []
    for _ in range(6):
        outgoing.slack.answers.append(BROKEN)
        outgoing.deliver()
        waits.append(outgoing.row("a")["next_attempt_at"] - outgoing.now)
        outgoing.now = outgoing.row("a")["next_attempt_at"]
    assert [wait.total_seconds() / 60 for wait in waits] == [1, 5, 15, 60, 360, 360]


def begin(outgoing: Outgoing, key: str) -> None:
    """What a process writes down before it sends."""
    with outgoing.warehouse.bookkeeping() as connection:
        assert outbox.begin_attempt(connection, key, now=outgoing.now)


def test_while_an_attempt_is_under_way_nobody_else_sends(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    begin(outgoing, "a")
    outgoing.pass_time(seconds=LEASE.total_seconds() - 1)
    assert outgoing.state("a") is DeliveryState.UNDER_WAY
    assert outgoing.deliver().sent == []
    assert outgoing.slack.messages == []


def test_an_attempt_without_an_outcome_counts_as_abandoned_after_a_while(
    outgoing: Outgoing,
) -> None:
    outgoing.raise_alert("a")
    begin(outgoing, "a")
    outgoing.pass_time(seconds=LEASE.total_seconds())
    assert outgoing.deliver().sent == ["a"]
    assert outgoing.slack.texts == [f"{REPEAT_LINE}\nThis is a."]


def test_a_person_who_asks_waits_for_what_became_of_it(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    begin(outgoing, "a")
    assert outgoing.deliver(at_once=True).sent == ["a"]
    assert sum(outgoing.slept) >= LEASE.total_seconds()
    assert outgoing.said == ["Another process is sending an alert; waiting for what becomes of it."]


def test_an_abandoned_attempt_is_remembered_also_while_slack_is_not_configured(
    outgoing: Outgoing,
) -> None:
    outgoing.raise_alert("a")
    begin(outgoing, "a")
    outgoing.pass_time(seconds=LEASE.total_seconds())
    deliver(
        outgoing.warehouse,
        None,
        clock=outgoing.clock,
        sleep=outgoing.sleep,
        say=outgoing.said.append,
    )
    assert outgoing.deliver().sent == ["a"]
    assert REPEAT_LINE in outgoing.slack.texts[0]


def test_what_was_acknowledged_is_not_sent_any_more(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    with outgoing.warehouse.bookkeeping() as connection:
        alerts.acknowledge(connection, "a", by="Kim", at=outgoing.now)
    assert outgoing.deliver(at_once=True).sent == []
    assert outgoing.state("a") is DeliveryState.ACKNOWLEDGED


def test_what_is_raised_in_a_silence_is_kept_and_never_sent(outgoing: Outgoing) -> None:
    until = outgoing.now + timedelta(days=1)
    with outgoing.warehouse.bookkeeping() as connection:
        row = {"metric": "nrr", "period": "month", "until": until}
        number = alerts.silence(connection, row, at=outgoing.now)
    outgoing.raise_alert("a month", period="month")
    outgoing.raise_alert("a quarter")
    outgoing.raise_alert("a month's churn", period="month", metric="logo_churn")

    assert outgoing.deliver().sent == ["a quarter", "a month's churn"]
    assert outgoing.row("a month")["silenced_until"] == until
    outgoing.pass_time(days=2)
    assert outgoing.deliver(at_once=True).sent == []
    assert outgoing.state("a month") is DeliveryState.SILENCED
    outgoing.raise_alert("the month after", period="month")
    assert outgoing.deliver().sent == ["the month after"]
    with outgoing.warehouse.bookkeeping() as connection:
        assert not alerts.end_silence(connection, number, at=outgoing.now)


def test_a_silence_can_be_ended_early(outgoing: Outgoing) -> None:
    with outgoing.warehouse.bookkeeping() as connection:
        row = {"until": outgoing.now + timedelta(days=1), "reason": "year end"}
        number = alerts.silence(connection, row, at=outgoing.now)
        assert [each["reason"] for each in alerts.silences(connection, at=outgoing.now)] == [
            "year end"
        ]
        assert alerts.end_silence(connection, number, at=outgoing.now)
        assert alerts.silences(connection, at=outgoing.now) == []
    outgoing.raise_alert("a")
    assert outgoing.deliver().sent == ["a"]


def test_a_chart_goes_under_the_message_of_a_bot(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.deliver(outgoing.bot, chart=lambda _connection, row: row["alert_key"].encode())
    assert outgoing.slack.uploaded == [b"a"]


def no_chart(connection: Connection, row: Mapping[str, Any]) -> bytes:
    raise ValueError(row["alert_key"], connection)


def test_a_chart_that_fails_is_noted_and_the_message_is_not_sent_again(
    outgoing: Outgoing,
) -> None:
    outgoing.slack.refused_methods["files.getUploadURLExternal"] = "missing_scope"
    outgoing.raise_alert("a")
    outgoing.raise_alert("b")
    assert outgoing.deliver(outgoing.bot, chart=lambda *_: b"png").sent == ["a", "b"]
    assert "files:write" in outgoing.row("a")["last_error"]
    assert outgoing.state("a") is DeliveryState.SENT

    outgoing.raise_alert("c")
    assert outgoing.deliver(outgoing.bot, chart=no_chart).sent == ["c"]
    assert "ValueError" in outgoing.row("c")["last_error"]
    assert outgoing.deliver(outgoing.bot, at_once=True).sent == []
    assert len(outgoing.slack.messages) == 3


def test_of_two_who_deliver_at_once_only_one_sends_each_alert(
    outgoing: Outgoing, slack: SlackStandIn
) -> None:
    for number in range(4):
        outgoing.raise_alert(f"alert {number}")
    start = threading.Barrier(2)
    sent: list[str] = []

    def work() -> None:
        times = Outgoing(outgoing.warehouse, slack, outgoing.now)
        start.wait()
        sent.extend(times.deliver().sent)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert sorted(sent) == sorted(f"alert {number}" for number in range(4))
    assert sorted(slack.texts) == sorted(f"This is alert {number}." for number in range(4))


def test_an_outcome_that_comes_late_changes_nothing_that_was_confirmed(
    outgoing: Outgoing,
) -> None:
    outgoing.raise_alert("a")
    with outgoing.warehouse.bookkeeping() as connection:
        slow = outbox.begin_attempt(connection, "a", now=outgoing.now)
        assert slow is not None
    outgoing.pass_time(minutes=1)
    assert outgoing.deliver().sent == ["a"]
    delivered_at: datetime = outgoing.row("a")["delivered_at"]
    with outgoing.warehouse.bookkeeping() as connection:
        outbox.fail(connection, slow, "late", next_attempt_at=outgoing.now, may_have_arrived=True)
        outbox.confirm(connection, slow, now=outgoing.now + timedelta(hours=1))
    row = outgoing.row("a")
    assert (row["delivered_at"], row["last_error"]) == (delivered_at, None)


def test_an_address_that_answers_as_another_service_confirms_nothing(outgoing: Outgoing) -> None:
    outgoing.raise_alert("a")
    outgoing.slack.answers.append(Answer(200, "<!doctype html><title>Sign in</title>"))
    assert "is a proxy in between" in str(outgoing.deliver(Webhook(outgoing.slack.webhook)).problem)
