"""Gathers what explains a published period: who moved it and why, and what it is held against.

What is made of it stands in ``reporting``; why a customer's MRR moved is decided in
``metrics.reasons``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime

import pandas as pd

from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.attribution import rate_and_mix
from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.conversion import Rates, rate_of, reporting_micros
from nrr_pipeline.metrics.money import round_half_even
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.reasons import Reason, find_reasons
from nrr_pipeline.metrics.retention import Measurement
from nrr_pipeline.orchestration.stages.measuring import Basis, measure
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.orchestration.stages.reasons import Known, say_reasons
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.explanation import (
    CustomerMove,
    PeriodExplanation,
    Restated,
    TrendPoint,
)
from nrr_pipeline.warehouse.reading import (
    TABLE_OF_PERIOD,
    Rows,
    held_out_items,
    restatements_of_period,
    rows_in_force,
)
from nrr_pipeline.warehouse.snapshots import approximations_on
from nrr_pipeline.warehouse.transactions import Connection

_FIGURES = tuple(each.name for each in fields(Retention))
_STAMPED = ("edition", "is_final", "is_historical", "policy_version", "known_at")


class NothingToExplainError(NrrError):
    """A period was to be explained that has no figures."""


class NotAsPublishedError(NrrError):
    """A period measured again is not what was published; the message names the fix."""


def explain(
    connection: Connection,
    policy: MetricPolicy,
    period: Period,
    *,
    known_at: datetime | None = None,
    measurement: Measurement | None = None,
    basis: Basis | None = None,
    names_shown: bool = True,
) -> PeriodExplanation:
    """Explain a period in the edition in force at a time (default: now), as it was known then.

    Args:
        connection: Where to read; a transaction that publishes, too.
        policy: The rules.
        period: What to explain.
        known_at: As published by then.
        measurement: The period measured as it was known when it was published, where somebody has.
        basis: What was known then, where it has been read already.
        names_shown: Whether customers go by their names and their comments are repeated; else by
            their ids.

    Raises:
        NothingToExplainError: The period has no figures.
        NotAsPublishedError: Measured under today's policy it is something else.
        RetentionNotComputableError: An exchange rate is missing by now.
    """
    published = _published(connection, period, known_at)
    if not published:
        raise NothingToExplainError(
            f"{period.label} is not published yet. Publish it: nrr run --no-pull"
        )
    rows, first = _retention(published), published[0]
    basis = basis or Basis.read(connection, policy, first["known_at"])
    measured = measurement or measure(connection, policy, period, basis=basis, by_segment=False)
    if measured.whole != rows[0]:
        raise _not_as_published(period, first["policy_version"])
    days = _Days(connection, policy, period, first["known_at"], basis)
    before = published_figures(connection, period.previous, known_at)
    items, error = days.approximations()
    return PeriodExplanation(
        period=period,
        rows=rows,
        before=before,
        moves=_moves(days, policy, measured, names_shown=names_shown),
        effects=rate_and_mix(before, rows),
        segment_names=segment_names(connection, (*rows, *before)),
        **{name: first[name] for name in _STAMPED},
        restated=_restated(connection, period, first["edition"]),
        held_out={} if first["is_final"] else days.held_out(),
        at_risk_mrr_micros=days.ending_mrr_with("is_at_risk"),
        scheduled_churn_mrr_micros=days.ending_mrr_with("is_scheduled_churn"),
        approximate_items=items,
        approximate_error_micros=error,
    )


def _not_as_published(period: Period, policy_version: str) -> NotAsPublishedError:
    return NotAsPublishedError(
        f"{period.label} was published under policy {policy_version}, and measured again it is "
        "another figure, so its customers do not explain it. Publish it anew: nrr run --no-pull"
    )


def trend(
    connection: Connection, policy: MetricPolicy, last_month: date, months: int | None = None
) -> tuple[TrendPoint, ...]:
    """Return the published months up to one, oldest first: so many, or as many as there are.

    Args:
        connection: Where to read.
        policy: The rules.
        last_month: First day of the last month.
        months: How many at most; by default as many as a board report shows.
    """
    most = months or policy.report.months
    tables = ("monthly_nrr", "trailing_12_month_nrr")
    monthly, trailing = (
        {
            row["period_start"]: row
            for row in rows_in_force(connection, table, dimension=WHOLE)
            if row["period_start"] <= last_month
        }
        for table in tables
    )
    return tuple(
        TrendPoint(
            month=month,
            figures=figures_of(row),
            trailing=figures_of(trailing[month]) if month in trailing else None,
            is_final=row["is_final"],
            edition=row["edition"],
        )
        for month, row in sorted(monthly.items())[-most:]
    )


def published_figures(
    connection: Connection, period: Period, known_at: datetime | None = None
) -> tuple[Retention, ...]:
    """The figures of a period in force at a time, all customers first; empty without any."""
    return _retention(_published(connection, period, known_at))


def figures_of(row: Mapping[str, object]) -> Retention:
    """The figures of a published row."""
    return Retention(**{name: row[name] for name in _FIGURES})  # pyright: ignore[reportArgumentType]


def _published(connection: Connection, period: Period, known_at: datetime | None) -> Rows:
    """What was published of a period, the row for all customers first."""
    table, start = TABLE_OF_PERIOD[period.kind], period.period_start
    rows = rows_in_force(connection, table, period_start=start, known_at=known_at)
    return sorted(rows, key=lambda row: row["dimension"] != WHOLE)


def _retention(rows: Rows) -> tuple[Retention, ...]:
    return tuple(map(figures_of, rows))


def segment_names(connection: Connection, rows: Sequence[Retention]) -> dict[tuple[str, str], str]:
    """Return what readers call each (dimension, segment) of some rows."""
    names = Names(connection)
    segments: dict[str, dict[str, None]] = {}
    for row in rows:
        segments.setdefault(row.dimension, {})[row.segment] = None
    return {
        (dimension, segment): name
        for dimension, listed in segments.items()
        for segment, name in names.segments(dimension, listed).items()
    }


def _restated(connection: Connection, period: Period, edition: int) -> tuple[Restated, ...]:
    table = TABLE_OF_PERIOD[period.kind]
    rows = restatements_of_period(connection, table, period.period_start, WHOLE)
    names = tuple(each.name for each in fields(Restated))
    shown = (row for row in rows if row["to_edition"] <= edition)
    return tuple(Restated(**{name: row[name] for name in names}) for row in shown)


class _Days:
    """A period's two days as they were known when its figures were published."""

    def __init__(
        self,
        connection: Connection,
        policy: MetricPolicy,
        period: Period,
        known_at: datetime,
        basis: Basis,
    ) -> None:
        self.connection, self.period, self.known_at = connection, period, known_at
        self.days = period.opening_date, period.closing_date
        self._table, self._intervals = basis.rates, basis.intervals.frame
        self._is_constant = policy.fx.nrr == "constant"

    def reasons(self, movements: Mapping[str, Movement]) -> dict[str, Reason]:
        """Why the MRR of some accounts moved."""
        opening, closing = map(self._table.on, self.days)
        held_at = opening if self._is_constant else closing
        return find_reasons(self._intervals, self.days, (opening, held_at), movements)

    def ending_mrr_with(self, flag: str) -> int:
        """The part of the ending MRR that carries a flag, at the closing day's rates."""
        frame, closing = self._intervals, self.days[1]
        holds = (frame["valid_from"] <= closing) & (frame["valid_to"] > closing)
        chosen: pd.DataFrame = frame[holds & frame[flag]]
        return sum(reporting_micros(chosen, self._table.on(closing)).tolist())

    def held_out(self) -> dict[str, str]:
        """By item why it is missing on one of the days."""
        return held_out_items(self.connection, *self.days, known_at=self.known_at)

    def approximations(self) -> tuple[int, int | None]:
        """How many items are approximate, and by how much their sum can be wrong at most."""
        errors: dict[str, int | None] = {}
        for day in self.days:
            rates: Rates = self._table.on(day)
            for item, currency, error in approximations_on(
                self.connection, day, known_at=self.known_at
            ):
                before = errors.get(item, 0)
                if error is None or before is None:
                    errors[item] = None
                    continue
                errors[item] = max(before, round_half_even(error * rate_of(rates, currency)))
        known = [each for each in errors.values() if each is not None]
        return len(errors), sum(known) if len(known) == len(errors) else None


def _moves(
    days: _Days, policy: MetricPolicy, measured: Measurement, *, names_shown: bool
) -> tuple[CustomerMove, ...]:
    """The cohort's moves, the most costly first, then those of customers that came."""
    customers = measured.customers
    moved = customers[customers["movement"] != Movement.UNCHANGED.value].to_dict("records")
    reasons = days.reasons({row["account_id"]: Movement(row["movement"]) for row in moved})
    known = Known(days.connection, days.known_at, is_quoted=names_shown)
    said = say_reasons(known, policy, days.period, reasons)
    names: dict[str, str] = Names(days.connection).customers(reasons) if names_shown else {}
    listed = [
        CustomerMove(
            account_id=account,
            name=names.get(account, account),
            movement=Movement(row["movement"]),
            opening_mrr_micros=row["opening_mrr_micros"],
            closing_mrr_micros=row["closing_mrr_micros"],
            fx_micros=row["fx_micros"],
            cause=reasons[account].cause.value,
            reason=said[account],
        )
        for account, row in ((str(row["account_id"]), row) for row in moved)
    ]
    return tuple(sorted(listed, key=_order))


def _order(move: CustomerMove) -> tuple[bool, int, str]:
    came = move.opening_mrr_micros == 0
    return came, -move.change_micros if came else move.change_micros, move.account_id
