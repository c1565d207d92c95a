"""Alerts that are kept in a warehouse and sent to a stand-in for Slack, at a time of one's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nrr_pipeline.notify.slack import Bot, Webhook
from nrr_pipeline.orchestration.stages.delivery import Chart, DeliveryReport, Sender, deliver
from nrr_pipeline.warehouse import alerts
from nrr_pipeline.warehouse.outbox import DeliveryState, state_of
from nrr_pipeline.warehouse.transactions import Warehouse
from nrr_pipeline_tests.notify.slack_stand_in import CHANNEL, TOKEN, SlackStandIn

BLOCKS = '[{"type": "section", "text": {"type": "plain_text", "text": "laid out"}}]'


def alert(key: str, **values: object) -> dict[str, Any]:
    return {
        "alert_key": key,
        "kind": "raised",
        "metric": "nrr",
        "period": "quarter",
        "period_start": date(2026, 7, 1),
        "dimension": "all",
        "segment": "all",
        "edition": 1,
        "threshold": 1.0,
        "value": 0.961,
        "severity": "warning",
        "text": f"This is {key}.",
        "blocks": BLOCKS,
        **values,
    }


@dataclass
class Outgoing:
    """What goes out; waiting moves the time on, and nothing else does."""

    warehouse: Warehouse
    slack: SlackStandIn
    now: datetime = datetime(2026, 10, 3, 9, 0, tzinfo=UTC)
    said: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    @property
    def webhook(self) -> Webhook:
        return Webhook(self.slack.webhook)

    @property
    def bot(self) -> Bot:
        return Bot(TOKEN, CHANNEL, self.slack.api)

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds=seconds)

    def pass_time(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def raise_alert(self, key: str, **values: object) -> None:
        with self.warehouse.write("publication", clock=self.clock) as tx:
            assert alerts.raise_alert(tx, alert(key, **values))
        self.pass_time(seconds=1)

    def deliver(
        self, sender: Sender | None = None, *, at_once: bool = False, chart: Chart | None = None
    ) -> DeliveryReport:
        return deliver(
            self.warehouse,
            sender or self.webhook,
            clock=self.clock,
            sleep=self.sleep,
            say=self.said.append,
            at_once=at_once,
            chart=chart,
        )

    def row(self, key: str) -> dict[str, Any]:
        with self.warehouse.read() as connection:
            row = alerts.alert(connection, key)
        assert row is not None
        return row

    def state(self, key: str) -> DeliveryState:
        return state_of(self.row(key), self.now)
