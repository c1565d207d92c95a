"""The account: which mode the database is bound to, and when it was connected.

Neither ever moves. Whether a key belongs to the account is for the puller to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.warehouse.tables import account


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """When the account was connected; the dates are set once the first history is known."""

    start_date: date | None
    connected_at: datetime
    connected_through: date | None


def bound_mode(connection: sa.Connection) -> bool | None:
    """Return whether the database holds live objects; ``None`` before it holds any."""
    return connection.scalar(sa.select(account.c.livemode))


def bind(connection: sa.Connection, *, livemode: bool, at: datetime) -> None:
    """Bind the database to a mode; the same again changes nothing, another is refused."""
    bound = bound_mode(connection)
    if bound is None:
        row = {"account_row": 1, "livemode": livemode, "connected_at": at}
        connection.execute(sa.insert(account).values(row))
    elif bound != livemode:
        raise SettingsError(
            f"This database holds {_mode(livemode=bound)} data; "
            f"{_mode(livemode=livemode)} data never mixes with it. "
            "Use a key of the same mode, or another NRR_DATABASE_URL."
        )


def connection_facts(connection: sa.Connection) -> ConnectionFacts | None:
    """Return when the account was connected; ``None`` before it was."""
    query = sa.select(account.c.start_date, account.c.connected_at, account.c.connected_through)
    row = connection.execute(query).one_or_none()
    return None if row is None else ConnectionFacts(*row)


def set_connected_through(connection: sa.Connection, day: date) -> None:
    """Record the last day that the first connection covers, unless one stands."""
    unset = account.c.connected_through.is_(None)
    connection.execute(sa.update(account).where(unset).values(connected_through=day))


def set_start_date(connection: sa.Connection, day: date) -> None:
    """Record the first published day, unless one stands: it never moves."""
    unset = account.c.start_date.is_(None)
    connection.execute(sa.update(account).where(unset).values(start_date=day))


def _mode(*, livemode: bool) -> str:
    return "live" if livemode else "test"
