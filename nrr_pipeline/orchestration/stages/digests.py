"""Stage: the regular messages, kept beside the alerts and sent the same way.

They follow from what is published, not from a schedule: the last week and the last final month that
ended after the account was connected have one each. What they say stands in ``reporting.digest``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.conversion import MissingRateError
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import ONE_DAY, Period, PeriodKind
from nrr_pipeline.metrics.retention import Measurement
from nrr_pipeline.orchestration.stages.explaining import explain, published_figures
from nrr_pipeline.orchestration.stages.measuring import Basis, measure_between
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.conditions import watched_segments
from nrr_pipeline.reporting.digest import (
    Month,
    Mover,
    Restatement,
    State,
    Week,
    monthly_message,
    weekly_message,
)
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.reporting.message import Message
from nrr_pipeline.warehouse import account, alerts, outbox
from nrr_pipeline.warehouse.quality import open_findings
from nrr_pipeline.warehouse.reading import TABLE_OF_PERIOD, reach, rows_in_force
from nrr_pipeline.warehouse.retention import restatements_of
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse

DIGEST = "digest"
"""Kind and metric of these rows of ``alerts``."""

WEEK = timedelta(days=7)
MOVERS = 5
"""How many customers a weekly digest names."""

RESTATED = 5
"""How many restated periods a monthly digest names."""


def raise_digests(
    warehouse: Warehouse, policy: MetricPolicy, links: Links, clock: Clock
) -> list[str]:
    """Keep the digests that are due and not kept yet; return their texts.

    Of several weeks or months that were missed only the latest has one. A week whose figures lack
    an exchange rate has none until the rate is there.

    Args:
        warehouse: That keeps alerts.
        policy: Which digests are wanted.
        links: Where they lead.
        clock: Now.
    """
    with warehouse.read() as connection:
        rows = list(_due(connection, policy, links))
    kept: list[str] = []
    for row in rows:
        with warehouse.bookkeeping() as connection:
            if alerts.keep_alert(connection, row, at=clock()):
                kept.append(row["text"])
    return kept


def _due(connection: Connection, policy: MetricPolicy, links: Links) -> Iterator[dict[str, Any]]:
    facts = account.connection_facts(connection)
    if facts is None or facts.connected_through is None:
        return
    have = {row["alert_key"] for row in alerts.alerts(connection)}
    last_day = reach(connection).last_published_day
    if "weekly" in policy.alerts.digests and last_day is not None:
        sunday = last_day - timedelta(days=(last_day.weekday() + 1) % 7)
        monday = sunday - WEEK + ONE_DAY
        if sunday > facts.connected_through and _key("week", monday) not in have:
            message = _weekly(connection, policy, sunday, links)
            if message is not None:
                yield _row("week", monday, message, links)
    if "monthly" in policy.alerts.digests:
        month = _last_final_month(connection)
        if (
            month is not None
            and month.closing_date > facts.connected_through
            and _key("month", month.period_start) not in have
        ):
            message = _monthly(connection, policy, month, links)
            yield _row("month", month.period_start, message, links)


def _last_final_month(connection: Connection) -> Period | None:
    rows = rows_in_force(connection, TABLE_OF_PERIOD[PeriodKind.MONTH], dimension=WHOLE)
    final = [row["period_start"] for row in rows if row["is_final"]]
    return Period.month(final[-1]) if final else None


def _weekly(
    connection: Connection, policy: MetricPolicy, sunday: date, links: Links
) -> Message | None:
    try:
        basis = Basis.read(connection, policy)
        measured = measure_between(basis, policy, sunday - WEEK, sunday)
    except MissingRateError:
        return None
    movers, moved = _movers(connection, policy, measured)
    state = _state(connection, policy, sunday)
    week = Week(sunday, measured.whole, movers, moved, state)
    return weekly_message(week, list(links.of_run()))


def _movers(
    connection: Connection, policy: MetricPolicy, measured: Measurement
) -> tuple[tuple[Mover, ...], int]:
    """The customers whose MRR moved most, and how many moved at all."""
    customers = measured.customers
    moved = customers[customers["movement"] != Movement.UNCHANGED.value]
    change = moved["closing_mrr_micros"] - moved["opening_mrr_micros"]
    columns = moved["account_id"], moved["movement"], change
    rows = [(str(account), str(how), int(by)) for account, how, by in zip(*columns, strict=True)]
    largest = sorted(rows, key=lambda row: (-abs(row[2]), row[0]))[:MOVERS]
    names: dict[str, str] = {}
    if policy.alerts.customer_names:
        names = Names(connection).customers(account for account, _, _ in largest)
    movers = tuple(Mover(names.get(account, account), how, by) for account, how, by in largest)
    return movers, len(rows)


def _monthly(connection: Connection, policy: MetricPolicy, period: Period, links: Links) -> Message:
    shown = policy.alerts.customer_names
    trailing = Period.trailing_12_months(period.period_start)
    explained = explain(connection, policy, period, names_shown=shown)
    seen = {(row.dimension, row.segment) for row in explained.rows if row.starting_mrr_micros}
    watched = [] if explained.whole.nrr is None else watched_segments(policy.alerts)
    month = Month(
        explained=explained,
        trailing=_whole(connection, trailing),
        trailing_before=_whole(connection, trailing.previous),
        restated=tuple(_restated_lately(connection, policy, period)),
        unseen=tuple(":".join(each) for each in watched if each not in seen),
        size_bands=policy.company_size.bands,
        state=_state(connection, policy, period.closing_date),
    )
    return monthly_message(month, list(links.of_period(period)))


def _whole(connection: Connection, period: Period) -> Retention | None:
    return next(iter(published_figures(connection, period)), None)


def _restated_lately(
    connection: Connection, policy: MetricPolicy, period: Period
) -> Iterator[Restatement]:
    """Months and quarters restated since the last monthly digest, or since the month began."""
    digests = [
        row["raised_at"]
        for row in alerts.alerts(connection)
        if row["kind"] == DIGEST and row["period"] == "month"
    ]
    since = max(digests, default=datetime.combine(period.period_start, time.min, UTC))
    rows = [
        row
        for row in restatements_of(connection)
        if row["dimension"] == WHOLE
        and row["known_at"] >= since
        and row["period"] != PeriodKind.TRAILING_12_MONTHS
    ]
    for row in rows[-RESTATED:]:
        restated = Period.of(
            PeriodKind(row["period"]),
            row["period_start"],
            fiscal_year_start_month=policy.fiscal_year_start_month,
        )
        yield Restatement(restated.label, row["nrr_before"], row["nrr_after"], row["cause"])


def _state(connection: Connection, policy: MetricPolicy, day: date) -> State:
    """What waits for somebody; the month that closes next is the one after the last final one."""
    severities = [each.finding.severity for each in open_findings(connection)]
    final = _last_final_month(connection)
    closing = final.next if final is not None else Period.month(day)
    errors = severities.count("error")
    return State(
        errors=errors,
        notes=len(severities) - errors,
        unsent_alerts=len(outbox.unsent(connection)),
        next_to_close=closing,
        closes_on=closing.period_end + timedelta(days=policy.close.after_days),
        data_as_of=reach(connection).observed_at,
    )


def _key(period: str, period_start: date) -> str:
    return f"{DIGEST}:{period}:{period_start}"


def _row(period: str, period_start: date, message: Message, links: Links) -> dict[str, Any]:
    return {
        "alert_key": _key(period, period_start),
        "kind": DIGEST,
        "metric": DIGEST,
        "period": period,
        "period_start": period_start,
        "dimension": WHOLE,
        "segment": WHOLE,
        "edition": 0,
        "threshold": None,
        "value": None,
        "severity": "info",
        "text": message.text,
        "blocks": json.dumps(message.blocks, ensure_ascii=False),
        "run_id": links.run_id,
    }
