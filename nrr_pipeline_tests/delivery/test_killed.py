"""A process that is killed between sending an alert and writing down that it arrived."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime

from nrr_pipeline.warehouse.outbox import LEASE, DeliveryState
from nrr_pipeline_tests.delivery.outgoing import Outgoing
from nrr_pipeline_tests.notify.slack_stand_in import HANGING

PROGRAM = """
import sys, time
from nrr_pipeline.notify.slack import Webhook
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.delivery import deliver
from nrr_pipeline.warehouse.engine import open_warehouse
with open_warehouse(sys.argv[1]) as warehouse:
    deliver(warehouse, Webhook(sys.argv[2]), clock=utc_now, sleep=time.sleep, say=print)
"""
PATIENCE_SECONDS = 60
"""How long a process may take to start on a busy machine; nothing waits for it to pass."""


def test_nothing_is_lost_and_the_one_copy_that_may_be_doubled_says_so(
    outgoing: Outgoing, database_url: str
) -> None:
    outgoing.now = datetime.now(UTC)  # noqa: TID251 - the other process has the real time
    for key in ("a", "b", "c"):
        outgoing.raise_alert(key)
    outgoing.slack.answers.append(HANGING)
    program = [sys.executable, "-c", PROGRAM, database_url, outgoing.slack.webhook]
    with subprocess.Popen(program) as process:
        assert outgoing.slack.received.wait(PATIENCE_SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert outgoing.slack.texts == ["This is a."]

    outgoing.now = datetime.now(UTC) + LEASE  # noqa: TID251
    assert outgoing.deliver().sent == ["a", "b", "c"]
    assert outgoing.slack.texts == [
        "This is a.",
        "Possibly a repeat: Slack did not confirm the first copy.\nThis is a.",
        "This is b.",
        "This is c.",
    ]
    outgoing.pass_time(days=1)
    assert outgoing.deliver(at_once=True).sent == []
    assert {outgoing.state(key) for key in "abc"} == {DeliveryState.SENT}
