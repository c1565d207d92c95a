"""Publishing days, and the totals and movements that follow from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import pandas as pd

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.metrics.conversion import MissingRateError, Rates
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.movements import daily_movements
from nrr_pipeline.metrics.totals import daily_totals
from nrr_pipeline.orchestration.stages.history import NothingPulledError
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import account, daily, knowledge, pulls, snapshots
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse, WriteTransaction


class UncoveredDayError(NrrError):
    """A day was asked for that no complete pull covers."""


class ReportingCurrencyError(SettingsError):
    """There are several currencies and the policy does not say which one to report in."""


class MovementsNotComputableError(NrrError):
    """Days cannot be compared; native figures are published all the same."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One published day in one native currency."""

    as_of_date: date
    currency: str
    mrr_micros: int
    customers: int
    subscriptions: int


def first_day(warehouse: Warehouse, policy: MetricPolicy) -> date | None:
    """The first day that is published; ``None`` before any MRR is known."""
    with warehouse.read() as connection:
        facts = account.connection_facts(connection)
    stored = facts.start_date if facts is not None else None
    return stored or policy.start_date


def missing_days(warehouse: Warehouse, policy: MetricPolicy, through: date) -> list[date]:
    """The days from the first one through ``through`` that are not published."""
    start = first_day(warehouse, policy)
    if start is None:
        return []
    with warehouse.read() as connection:
        return daily.missing_days(connection, start, through)


def publish_days(
    warehouse: Warehouse, policy: MetricPolicy, days: Sequence[date], *, clock: Clock
) -> list[DayFigures]:
    """Publish days as known now; what was published before stands.

    Returns:
        The figures of all the days, as known now, in each native currency.

    Raises:
        UncoveredDayError: The account was last read before one of the days was over.
    """
    if not days:
        return []
    with warehouse.write("publication", clock=clock, policy_version=policy.version) as tx:
        _require_covered(tx.connection, policy, max(days))
        daily.publish_days(tx, days)
        frame = snapshots.intervals_frame(tx.connection, first_day=min(days), last_day=max(days))
    totals = daily_totals(frame, min(days), max(days), reporting_currency=None)
    wanted = totals[totals["as_of_date"].isin(list(days))]
    names = ["as_of_date", "currency", "mrr_micros", "customers", "subscriptions"]
    return [DayFigures(*row) for row in wanted[names].itertuples(index=False, name=None)]


def refresh_totals(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> int:
    """Bring the totals of published days up to what is known; returns how many days changed."""

    def replace(tx: WriteTransaction, intervals: pd.DataFrame, days: list[date]) -> None:
        currency = _reporting_currency_or_none(tx.connection, policy)
        totals = daily_totals(intervals, days[0], days[-1], reporting_currency=currency)
        wanted = totals[totals["as_of_date"].isin(days)]
        daily.replace_totals(tx, wanted, days)

    return _refresh(warehouse, policy, "daily_mrr_totals", replace, clock=clock)


def refresh_movements(warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock) -> int:
    """Bring the movements of published days up to what is known; returns how many days changed.

    Raises:
        ReportingCurrencyError: Several currencies, and none is set to report in.
        MovementsNotComputableError: A currency has no exchange rate.
    """

    def replace(tx: WriteTransaction, intervals: pd.DataFrame, days: list[date]) -> None:
        currency = reporting_currency(tx.connection, policy)
        try:
            movements = daily_movements(
                intervals,
                days[0],
                days[-1],
                reporting_currency=currency,
                rates_on=lambda _: rates_into(currency),
                window_days=policy.reactivation.window_days,
            )
        except MissingRateError as error:
            raise MovementsNotComputableError(f"{days[0]} to {days[-1]}: {error}") from error
        wanted = movements[movements["as_of_date"].isin(days)]
        daily.replace_movements(tx, wanted, days[0], days[-1])

    return _refresh(warehouse, policy, "mrr_movements", replace, clock=clock)


def reporting_currency(connection: Connection, policy: MetricPolicy) -> str:
    """The currency of every reporting figure.

    Raises:
        ReportingCurrencyError: Several currencies are present and the policy names none.
    """
    if policy.reporting_currency is not None:
        return policy.reporting_currency
    present = snapshots.currencies(connection)
    if len(present) > 1:
        raise ReportingCurrencyError(
            f"There is MRR in {', '.join(code.upper() for code in present)}. Say which currency to "
            f'report in: put  reporting_currency = "{present[0]}"  into policy.toml. Native '
            "figures are published meanwhile"
        )
    return present[0] if present else "usd"


def rates_into(currency: str) -> Rates:
    """Rates into the reporting currency: its own only."""
    return {currency: Fraction(1)}


def _reporting_currency_or_none(connection: Connection, policy: MetricPolicy) -> str | None:
    present = snapshots.currencies(connection)
    if len(present) > 1 or (policy.reporting_currency and present != [policy.reporting_currency]):
        return None
    return reporting_currency(connection, policy)


def _require_covered(connection: Connection, policy: MetricPolicy, day: date) -> None:
    pull = pulls.last_complete_pull(connection)
    if pull is None or pull.observed_at is None:
        raise NothingPulledError("No pull from Stripe has been completed yet. Start one: nrr run")
    observed_on = DayClock(policy.timezone).day(int(pull.observed_at.timestamp()))
    if observed_on <= day:
        raise UncoveredDayError(
            f"{day} was not over when the account was last read ({pull.observed_at:%Y-%m-%d %H:%M} "
            f"UTC). Read it again: nrr run --date {day}"
        )


def _refresh(
    warehouse: Warehouse,
    policy: MetricPolicy,
    stage: str,
    replace: Callable[[WriteTransaction, pd.DataFrame, list[date]], None],
    *,
    clock: Clock,
) -> int:
    """Recompute the published days that are new or that something learned since can change."""
    with warehouse.read() as connection:
        if not _days_to_refresh(connection, stage, policy):
            return 0
    with warehouse.write("publication", clock=clock, policy_version=policy.version) as tx:
        days = _days_to_refresh(tx.connection, stage, policy)
        if days:
            replace(tx, snapshots.intervals_frame(tx.connection), days)
        knowledge.set_progress(tx, stage, policy_version=policy.version)
        return len(days)


def _days_to_refresh(connection: Connection, stage: str, policy: MetricPolicy) -> list[date]:
    published = daily.published_days(connection)
    before = knowledge.progress_of(connection, stage)
    if before is None or before.policy_version != policy.version:
        return published
    changed_from = knowledge.changed_from_since(connection, before.known_at)
    fresh = daily.days_published_since(connection, before.known_at)
    starts = [*fresh[:1], *([changed_from] if changed_from is not None else [])]
    return [day for day in published if starts and day >= min(starts)]
