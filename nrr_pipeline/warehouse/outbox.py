"""How far the delivery of each alert is: what may be sent, who is sending, and what came of it.

An attempt is written down before anything is sent, and its outcome afterwards. An attempt without
an outcome is under way, or its process died: then the alert may have arrived, and what is sent
again says so. When and where to send is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from nrr_pipeline.warehouse.alerts import alert
from nrr_pipeline.warehouse.tables import alerts

LEASE = timedelta(seconds=30)
"""An attempt that has had no outcome for so long was abandoned; a single one takes less."""

Row = Mapping[str, Any]


class DeliveryState(StrEnum):
    """How far an alert has come."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"  # somebody took note of it before it was sent
    SILENCED = "silenced"
    UNDER_WAY = "under way"
    NOT_SENT = "not sent"  # it was tried, or could not be; ``last_error`` says why
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an alert; ``row`` is the alert as it stands."""

    alert_key: str
    number: int
    row: Row


def state_of(row: Row, now: datetime) -> DeliveryState:
    """Return how far an alert has come."""
    if row["delivered_at"] is not None:
        return DeliveryState.SENT
    if row["acknowledged_at"] is not None:
        return DeliveryState.ACKNOWLEDGED
    if row["silenced_until"] is not None:
        return DeliveryState.SILENCED
    if row["last_error"] is not None:
        return DeliveryState.NOT_SENT
    lease = lease_end(row)
    return DeliveryState.WAITING if lease is None or lease <= now else DeliveryState.UNDER_WAY


def lease_end(row: Row) -> datetime | None:
    """Return until when an attempt without an outcome counts as under way, if there is one."""
    begun: datetime | None = row["attempted_at"]
    if begun is None or row["last_error"] is not None or row["delivered_at"] is not None:
        return None
    return begun + LEASE


def unsent(connection: sa.Connection, due_at: datetime | None = None) -> list[dict[str, Any]]:
    """Return the alerts that are still to be sent, oldest first.

    Args:
        connection: To read.
        due_at: Only those that are due at this time and that nobody else is sending.
    """
    query = sa.select(alerts).where(_is_unsent()).order_by(alerts.c.raised_at, alerts.c.alert_key)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    if due_at is None:
        return rows
    return [row for row in rows if _is_due(row, due_at)]


def unsent_alerts(rows: Iterable[Row]) -> list[Row]:
    """Return those of some alerts that are still to be sent."""
    ends = ("delivered_at", "acknowledged_at", "silenced_until")
    return [row for row in rows if all(row[end] is None for end in ends)]


def reasons(rows: Iterable[Row]) -> list[str]:
    """Return why alerts are not sent, each reason once."""
    return sorted({row["last_error"] or "It waits for the next delivery." for row in rows})


def headline(row: Row) -> str:
    """Return the first line of an alert."""
    return str(row["text"]).partition("\n")[0]


def free_from(connection: sa.Connection, pace: timedelta = timedelta(0)) -> datetime | None:
    """Return from when on the channel takes another message; ``None`` when nothing says so.

    Args:
        connection: To read.
        pace: How far attempts are to be apart, whoever makes them.
    """
    query = sa.select(sa.func.max(alerts.c.attempted_at), sa.func.max(alerts.c.held_until))
    attempted_at, held_until = connection.execute(query).one()
    times = [held_until, None if attempted_at is None else attempted_at + pace]
    return max((time for time in times if time is not None), default=None)


def begin_attempt(connection: sa.Connection, alert_key: str, *, now: datetime) -> Attempt | None:
    """Write down that an alert is about to be sent; ``None`` when it no longer may be.

    An attempt that was abandoned makes this one a possible repeat. The caller commits this before
    it sends anything.
    """
    row = alert(connection, alert_key)
    if row is None or state_of(row, now) not in {DeliveryState.NOT_SENT, DeliveryState.WAITING}:
        return None
    values = {
        "attempted_at": now,
        "delivery_attempts": row["delivery_attempts"] + 1,
        "is_possible_repeat": row["is_possible_repeat"] or lease_end(row) is not None,
        "last_error": None,
        "next_attempt_at": None,
    }
    _set(connection, values, alerts.c.alert_key == alert_key)
    return Attempt(alert_key, values["delivery_attempts"], row | values)


def confirm(connection: sa.Connection, attempt: Attempt, *, now: datetime) -> None:
    """Write down that an alert arrived: it is never sent again, whatever other attempts say."""
    values = {"delivered_at": now, "last_error": None, "next_attempt_at": None}
    mine = alerts.c.alert_key == attempt.alert_key
    _set(connection, values, mine, alerts.c.delivered_at.is_(None))


def fail(
    connection: sa.Connection,
    attempt: Attempt,
    reason: str,
    *,
    next_attempt_at: datetime,
    held_until: datetime | None = None,
    may_have_arrived: bool = False,
) -> None:
    """Write down why an alert did not arrive, or is not known to have, and when to try again.

    Args:
        connection: Under the write lock.
        attempt: The attempt; when another one has begun since, nothing is written.
        reason: In words that say what to do.
        next_attempt_at: When it is due again.
        held_until: Before when the channel takes no message at all.
        may_have_arrived: Whether the next copy has to say that it may be a repeat.
    """
    values: dict[str, Any] = {"last_error": reason, "next_attempt_at": next_attempt_at}
    if held_until is not None:
        values["held_until"] = held_until
    if may_have_arrived:
        values["is_possible_repeat"] = True
    mine = alerts.c.alert_key == attempt.alert_key
    is_last = alerts.c.delivery_attempts == attempt.number
    _set(connection, values, mine, is_last, alerts.c.delivered_at.is_(None))


def note(connection: sa.Connection, attempt: Attempt, remark: str) -> None:
    """Write down what went wrong beside an alert that arrived."""
    _set(connection, {"last_error": remark}, alerts.c.alert_key == attempt.alert_key)


def postpone(
    connection: sa.Connection,
    alert_keys: Collection[str],
    reason: str,
    *,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Write down why some alerts are not even tried, and when they are due again.

    One whose attempt was abandoned becomes a possible repeat; one that is under way is left alone.
    """
    for row in unsent(connection):
        lease = lease_end(row)
        if row["alert_key"] not in alert_keys or (lease is not None and lease > now):
            continue
        values = {"last_error": reason, "next_attempt_at": until}
        values["is_possible_repeat"] = row["is_possible_repeat"] or lease is not None
        _set(connection, values, alerts.c.alert_key == row["alert_key"])


def _is_unsent() -> sa.ColumnElement[bool]:
    ends = (alerts.c.delivered_at, alerts.c.acknowledged_at, alerts.c.silenced_until)
    return sa.and_(*(end.is_(None) for end in ends))


def _is_due(row: Row, at: datetime) -> bool:
    waits = (row["next_attempt_at"], lease_end(row))
    return all(wait is None or wait <= at for wait in waits)


def _set(
    connection: sa.Connection, values: Mapping[str, Any], *where: sa.ColumnElement[bool]
) -> None:
    connection.execute(sa.update(alerts).where(*where).values(**values))
