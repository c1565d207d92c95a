"""Stage: alerts about the pipeline itself: a run failed, or no day was published in time.

They are kept beside the alerts about figures and sent the same way. Each is raised at most once a
day, and its end is told once. Who finds them out, and when, is decided by the sensors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.bridge import WHOLE
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.incident import complete_message, overdue_message
from nrr_pipeline.reporting.message import Message
from nrr_pipeline.warehouse import account
from nrr_pipeline.warehouse.alerts import alerts, keep_alert
from nrr_pipeline.warehouse.pulls import last_complete_pull
from nrr_pipeline.warehouse.reading import reach
from nrr_pipeline.warehouse.transactions import Connection, Warehouse

RUN_FAILURE = "run_failure"
OVERDUE = "overdue"

DAYS = "days"
"""What an alert about missing days is about."""

DUE_BY = time(9)
"""When yesterday is expected to be published, in the reporting time zone."""

OWN_TIME = timedelta(days=1)
"""An account whose clock differs from ours by more keeps a time of its own, as simulated ones."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Days are missing: the last one that is published, and the one that is expected."""

    last_day: date
    expected: date


def raise_incident(
    warehouse: Warehouse,
    metric: str,
    subject: str,
    message: Message,
    *,
    day: date,
    at: datetime,
    run_id: str | None = None,
) -> bool:
    """Keep an alert about the pipeline; say whether it is the first about its subject that day.

    Args:
        warehouse: That keeps alerts.
        metric: ``RUN_FAILURE`` or ``OVERDUE``.
        subject: What it is about: a job, or the days.
        message: What is said.
        day: The day in the reporting time zone.
        at: The time.
        run_id: Of the run that failed.
    """
    key = f"{metric}:day:{day}:{WHOLE}:{WHOLE}:{subject}"
    row = _row(key, "raised", metric, day, message) | {"severity": "warning", "run_id": run_id}
    with warehouse.bookkeeping() as connection:
        return keep_alert(connection, row, at=at)


def end_incident(warehouse: Warehouse, standing: str, message: Message, *, at: datetime) -> bool:
    """Keep the news that an incident is over; say whether it was news.

    Args:
        warehouse: That keeps alerts.
        standing: The key of the incident, from ``standing_incident``.
        message: What is said.
        at: The time.
    """
    metric, _, day, *_ = standing.split(":")
    row = _row(_end_of(standing), "recovered", metric, date.fromisoformat(day), message)
    with warehouse.bookkeeping() as connection:
        return keep_alert(connection, row | {"severity": "info"}, at=at)


def standing_incident(connection: Connection, metric: str, subject: str) -> dict[str, Any] | None:
    """Return the last alert about a subject, unless its end was told."""
    rows = {row["alert_key"]: row for row in alerts(connection) if row["metric"] == metric}
    raised = [
        row for key, row in rows.items() if row["kind"] == "raised" and key.endswith(f":{subject}")
    ]
    last = max(raised, key=lambda row: row["period_start"], default=None)
    return None if last is None or _end_of(last["alert_key"]) in rows else last


def look_for_missing_days(warehouse: Warehouse, policy: MetricPolicy, now: datetime) -> str | None:
    """Keep an alert when days are missing, or the news that none is any more; return its text.

    Args:
        warehouse: That keeps alerts.
        policy: In force.
        now: The time.
    """
    with warehouse.read() as connection:
        overdue = overdue_days(connection, policy, now)
        standing = standing_incident(connection, OVERDUE, DAYS)
        last_day = reach(connection).last_published_day
    if overdue is not None:
        message = overdue_message(overdue.last_day, overdue.expected)
        today = now.astimezone(ZoneInfo(policy.timezone)).date()
        raise_incident(warehouse, OVERDUE, DAYS, message, day=today, at=now)
        return message.text
    if standing is not None and last_day is not None:
        message = complete_message(last_day)
        end_incident(warehouse, standing["alert_key"], message, at=now)
        return message.text
    return None


def overdue_days(connection: Connection, policy: MetricPolicy, now: datetime) -> Overdue | None:
    """Return which days are missing at a time, if yesterday is not there by nine o'clock.

    Nothing is expected before the first connection has published its days.
    """
    facts, pull = account.connection_facts(connection), last_complete_pull(connection)
    last_day = reach(connection).last_published_day
    if facts is None or facts.connected_through is None or last_day is None or pull is None:
        return None
    if pull.observed_at is not None and pull.finished_at is not None:
        ahead = pull.observed_at - pull.finished_at
        now += ahead if abs(ahead) > OWN_TIME else timedelta(0)
    local = now.astimezone(ZoneInfo(policy.timezone))
    yesterday = local.date() - ONE_DAY
    expected = yesterday if local.time() >= DUE_BY else yesterday - ONE_DAY
    return Overdue(last_day, expected) if last_day < expected else None


def _row(key: str, kind: str, metric: str, day: date, message: Message) -> dict[str, Any]:
    return {
        "alert_key": key,
        "kind": kind,
        "metric": metric,
        "period": "day",
        "period_start": day,
        "dimension": WHOLE,
        "segment": WHOLE,
        "edition": 0,
        "threshold": None,
        "value": None,
        "text": message.text,
        "blocks": json.dumps(message.blocks, ensure_ascii=False),
    }


def _end_of(alert_key: str) -> str:
    return f"{alert_key}:recovered"
