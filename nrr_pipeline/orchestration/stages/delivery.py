"""Stage: send the alerts that were kept, at least once each, and never again once confirmed.

An attempt is committed before the message leaves, its outcome afterwards, and nothing is sent
inside a transaction. So a process that is killed in between leaves an attempt without an outcome:
the next one sends the alert again, marked as a possible repeat. What is said stands with the alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_fixed

from nrr_pipeline.notify.slack import Blocks, Outcome, Posted, Result
from nrr_pipeline.warehouse import outbox
from nrr_pipeline.warehouse.alerts import alert
from nrr_pipeline.warehouse.outbox import Attempt, DeliveryState
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse

PACE = timedelta(seconds=1)
"""How far messages to one channel are to be apart."""

PATIENCE = timedelta(seconds=30)
"""For how long one call waits until the channel takes a message again."""

BUDGET = timedelta(minutes=3)
"""After how long one call begins no further message."""

TRIES = 3
"""How often one call sends a message that did not get there, or came too soon."""

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360))
"""When an alert is tried again after its first, second, … attempt."""

REPEAT_LINE = "Possibly a repeat: Slack did not confirm the first copy."

NOT_CONFIGURED = (
    "Slack is not configured: set SLACK_WEBHOOK_URL, or SLACK_BOT_TOKEN and SLACK_CHANNEL, then: "
    "nrr alerts send"
)

Say = Callable[[str], None]
Chart = Callable[[Connection, Mapping[str, Any]], bytes | None]
"""Draws the picture that goes under an alert, where it has one."""


class Sender(Protocol):
    """Sends messages to one place."""

    place: str

    def send(self, text: str, blocks: Blocks = ()) -> Outcome:
        """Send a message; say what became of it."""
        ...

    def add_picture(self, posted: Posted, picture: bytes) -> str | None:
        """Put a picture under a message; say what went wrong, if anything did."""
        ...


@dataclass(slots=True)
class DeliveryReport:
    """What a call did: the keys of the alerts that it sent, and why it could not send others.

    ``problem`` is about the way to Slack; without one, every message that may be sent was.
    """

    sent: list[str] = field(default_factory=list)
    problem: str | None = None


def deliver(
    warehouse: Warehouse,
    sender: Sender | None,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    say: Say,
    why_not: str = NOT_CONFIGURED,
    at_once: bool = False,
    chart: Chart | None = None,
) -> DeliveryReport:
    """Send what is due, oldest first.

    Args:
        warehouse: That keeps the alerts.
        sender: Where to; ``None`` when there is nowhere.
        clock: The time.
        sleep: Waits for some seconds.
        say: Told what is waited for.
        why_not: Why there is nowhere to send to, in words that say what to do.
        at_once: Whether to try everything that is not sent, also what is not due again yet, and
            to wait for another process that is sending.
        chart: Draws what goes under an alert.
    """
    now = clock()
    with warehouse.read() as connection:
        rows = outbox.unsent(connection, None if at_once or sender is None else now)
    keys = [row["alert_key"] for row in rows]
    if sender is None:
        with warehouse.bookkeeping() as connection:
            outbox.postpone(connection, keys, why_not, now=now)
        return DeliveryReport()
    return _Delivery(warehouse, sender, clock, sleep, say, at_once, chart).send_all(keys)


@dataclass(frozen=True)
class _Delivery:
    warehouse: Warehouse
    sender: Sender
    clock: Clock
    sleep: Callable[[float], None]
    say: Say
    at_once: bool
    chart: Chart | None

    def send_all(self, keys: Sequence[str]) -> DeliveryReport:
        """Send alerts until the way to Slack fails; what is left over waits as the failed one."""
        report = DeliveryReport()
        begun = self.clock()
        for place, key in enumerate(keys):
            outcome = self._send(key) if self.clock() - begun < BUDGET else None
            if outcome is None:
                continue
            if outcome.result is Result.CONFIRMED:
                report.sent.append(key)
                continue
            report.problem = outcome.reason
            if outcome.result not in {Result.UNKNOWN, Result.REJECTED}:
                self._postpone(keys[place + 1 :], outcome)
                break
        return report

    def _send(self, key: str) -> Outcome | None:
        """Send an alert; again where that is safe. ``None``: there was nothing to send."""
        return Retrying(
            sleep=self.sleep,
            stop=stop_after_attempt(TRIES),
            wait=wait_fixed(PACE),
            retry=retry_if_result(_is_soon_tried_again),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )(self._attempt, key)

    def _attempt(self, key: str) -> Outcome | None:
        if (hold := self._wait_for_turn()) is not None:
            self._postpone([key], hold)
            return hold
        attempt = self._begin(key)
        if attempt is None:
            return None
        outcome = self.sender.send(*message_of(attempt))
        with self.warehouse.bookkeeping() as connection:
            _record(connection, attempt, outcome, self.clock())
        if outcome.posted is not None and self.chart is not None:
            self._add_chart(attempt, outcome.posted, self.chart)
        return outcome

    def _begin(self, key: str) -> Attempt | None:
        """Begin an attempt, after the one of another process where that is waited for."""
        is_told = False
        while self.at_once and self._is_under_way(key):
            if not is_told:
                self.say("Another process is sending an alert; waiting for what becomes of it.")
            is_told = True
            self.sleep(PACE.total_seconds())
        with self.warehouse.bookkeeping() as connection:
            return outbox.begin_attempt(connection, key, now=self.clock())

    def _is_under_way(self, key: str) -> bool:
        with self.warehouse.read() as connection:
            row = alert(connection, key)
        return row is not None and outbox.state_of(row, self.clock()) is DeliveryState.UNDER_WAY

    def _wait_for_turn(self) -> Outcome | None:
        """Wait until the channel takes a message; where that takes too long, say so instead."""
        with self.warehouse.read() as connection:
            free_from = outbox.free_from(connection, PACE)
        wait = timedelta(0) if free_from is None else free_from - self.clock()
        if wait > PATIENCE:
            seconds = wait.total_seconds()
            reason = f"Slack asked to wait for {seconds:.0f} s. It is sent again by itself."
            return Outcome(Result.RATE_LIMITED, reason, wait_seconds=seconds)
        if wait > PACE:
            self.say(f"Slack asked to wait; sending goes on in {wait.total_seconds():.0f} s.")
        if wait > timedelta(0):
            self.sleep(wait.total_seconds())
        return None

    def _postpone(self, keys: Sequence[str], outcome: Outcome) -> None:
        now = self.clock()
        until = now + max(BACK_OFF[0], timedelta(seconds=outcome.wait_seconds))
        with self.warehouse.bookkeeping() as connection:
            outbox.postpone(connection, keys, outcome.reason, now=now, until=until)

    def _add_chart(self, attempt: Attempt, posted: Posted, chart: Chart) -> None:
        """Put the chart under a message that arrived; whatever goes wrong is noted, no more."""
        try:
            with self.warehouse.read() as connection:
                picture = chart(connection, attempt.row)
            problem = picture and self.sender.add_picture(posted, picture)
        except Exception as error:  # it must not keep other alerts back
            problem = type(error).__name__
        if problem:
            with self.warehouse.bookkeeping() as connection:
                outbox.note(connection, attempt, f"The chart could not be added: {problem}")


def message_of(attempt: Attempt) -> tuple[str, list[dict[str, Any]]]:
    """The text and the blocks to send; a possible repeat says so first."""
    row = attempt.row
    blocks: list[dict[str, Any]] = orjson.loads(row["blocks"]) if row["blocks"] else []
    if not row["is_possible_repeat"]:
        return row["text"], blocks
    said = {"type": "context", "elements": [{"type": "plain_text", "text": REPEAT_LINE}]}
    return f"{REPEAT_LINE}\n{row['text']}", [said, *blocks] if blocks else []


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts.

    >>> [back_off(attempts).total_seconds() / 60 for attempts in (1, 2, 5, 50)]
    [1.0, 5.0, 360.0, 360.0]
    """
    return BACK_OFF[min(attempts, len(BACK_OFF)) - 1]


def _is_soon_tried_again(outcome: Outcome | None) -> bool:
    """Whether sending again is safe, and the wait short."""
    return (
        outcome is not None
        and outcome.result in {Result.NOT_REACHED, Result.RATE_LIMITED}
        and outcome.wait_seconds <= PATIENCE.total_seconds()
    )


def _record(connection: Connection, attempt: Attempt, outcome: Outcome, now: datetime) -> None:
    if outcome.result is Result.CONFIRMED:
        outbox.confirm(connection, attempt, now=now)
        return
    wait = timedelta(seconds=outcome.wait_seconds)
    outbox.fail(
        connection,
        attempt,
        outcome.reason,
        next_attempt_at=now + max(back_off(attempt.number), wait),
        held_until=now + wait if outcome.result is Result.RATE_LIMITED else None,
        may_have_arrived=outcome.result is Result.UNKNOWN,
    )
