"""Stage: alerts about the pipeline itself: a run failed, or no day was published in time.

They are kept beside the alerts about figures and sent the same way. Each is raised at most once a
day, and its end is told once. Who finds them out, and when, is decided by the sensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nrr_pipeline.metrics.bridge import WHOLE
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.policy import MetricPolicy
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
    text: str,
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
        text: What is said.
        day: The day in the reporting time zone.
        at: The time.
        run_id: Of the run that failed.
    """
    key = f"{metric}:day:{day}:{WHOLE}:{WHOLE}:{subject}"
    row = _row(key, "raised", metric, day, text) | {"severity": "warning", "run_id": run_id}
    with warehouse.bookkeeping() as connection:
        return keep_alert(connection, row, at=at)


def end_incident(warehouse: Warehouse, standing: str, text: str, *, at: datetime) -> bool:
    """Keep the news that an incident is over; say whether it was news.

    Args:
        warehouse: That keeps alerts.
        standing: The key of the incident, from ``standing_incident``.
        text: What is said.
        at: The time.
    """
    metric, _, day, *_ = standing.split(":")
    row = _row(_end_of(standing), "recovered", metric, date.fromisoformat(day), text)
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
    if overdue is not None:
        today = now.astimezone(ZoneInfo(policy.timezone)).date()
        raise_incident(warehouse, OVERDUE, DAYS, overdue_words(overdue), day=today, at=now)
        return overdue_words(overdue)
    if standing is not None:
        end_incident(warehouse, standing["alert_key"], complete_words(), at=now)
        return complete_words()
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


def failure_words(job: str, error: str, run_url: str) -> str:
    """Say that a run failed, why, and what to do."""
    return (
        f"The run of {job} failed: {error.rstrip('.')}.\nMend what it names; the next run on "
        f"schedule tries again, and so does: nrr run. The run: {run_url}"
    )


def success_words(job: str) -> str:
    """Say that a job works again."""
    return f"{job} works again: it ran to its end."


def overdue_words(overdue: Overdue) -> str:
    """Say which days are missing, and where to look."""
    return (
        f"No figures since {overdue.last_day}: the days through {overdue.expected} are due.\nLook "
        'whether the Dagster daemon runs and the schedule "nightly" is on, and whether the key '
        "still works: nrr doctor. What is missing is made up for by: nrr run"
    )


def complete_words() -> str:
    """Say that no day is missing any more."""
    return "The figures are complete again: every day that is due is published."


def _row(key: str, kind: str, metric: str, day: date, text: str) -> dict[str, Any]:
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
        "text": text,
    }


def _end_of(alert_key: str) -> str:
    return f"{alert_key}:recovered"
