"""From subscription history to MRR intervals: price it under the policy, keep what changed."""

from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from itertools import groupby
from typing import Any

from nrr_pipeline.garbage import without_collecting
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.metrics.periods import ONE_DAY, Period
from nrr_pipeline.orchestration.stages import history as history_stage
from nrr_pipeline.orchestration.stages.history import NothingPulledError, Progress
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.records import SUBSCRIPTIONS_PER_READ
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import account, history, intervals, knowledge, pulls, quality, snapshots
from nrr_pipeline.warehouse.raw_objects import changed_ids
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse, WriteTransaction

STAGE = "mrr_intervals"
_NAMES = tuple(field.name for field in fields(MrrInterval))


@dataclass(frozen=True, slots=True)
class IntervalReport:
    """What pricing did; ``held_out`` counts items that could not be priced."""

    subscriptions: int
    opened: int
    closed: int
    changed_from: date | None
    held_out: int


@dataclass(frozen=True, slots=True)
class _Priced:
    subscription_ids: set[str]
    rows: list[dict[str, Any]]
    findings: list[quality.Finding]
    held_out: int


def build_intervals(
    warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock, progress: Progress | None = None
) -> IntervalReport:
    """Price the history that changed, or all of it when the policy did.

    The first time it also settles the day on which the figures start, for good.

    Raises:
        NothingPulledError: There is no history yet.
    """
    while True:
        with warehouse.read() as connection, without_collecting():
            built = knowledge.progress_of(connection, history_stage.STAGE)
            if built is None or built.raw_known_at is None:
                raise NothingPulledError("There is no history to price. Build it: nrr run")
            before = knowledge.progress_of(connection, STAGE)
            priced = _price(connection, policy, before, built.raw_known_at, progress)
        if not priced.subscription_ids and _is_current(before, built.raw_known_at, policy):
            return IntervalReport(0, 0, 0, None, 0)
        cause = "history" if before is None or _same_policy(before, policy) else "policy"
        with warehouse.write(cause, clock=clock, policy_version=policy.version) as tx:
            if knowledge.progress_of(tx.connection, history_stage.STAGE) == built:
                return _write(tx, priced, policy, built.raw_known_at)


def _price(
    connection: Connection,
    policy: MetricPolicy,
    before: knowledge.StageProgress | None,
    raw_known_at: datetime,
    progress: Progress | None,
) -> _Priced:
    if before is None or not _same_policy(before, policy):
        subscription_ids = history.known_subscriptions(connection)
    else:
        subscription_ids = history.subscriptions_changed_since(connection, before.known_at)
        prices = changed_ids(connection, "prices", before.raw_known_at, raw_known_at)
        subscription_ids |= history.subscriptions_having(connection, "price_id", prices)
    builder = IntervalBuilder(
        history_stage.prices_known_at(connection, raw_known_at)[0],
        policy.counting_rules(),
        DayClock(policy.timezone),
    )
    version = policy.version
    rows: list[dict[str, Any]] = []
    findings: list[quality.Finding] = []
    held_out: set[str] = set()
    stored = history.history_of(connection, subscription_ids=sorted(subscription_ids))
    for done, (subscription_id, segments) in enumerate(
        groupby(map(segment_of, stored), key=lambda segment: segment.subscription_id), start=1
    ):
        mine, found = builder.build(segments)
        rows.extend(_row(interval, version) for interval in mine)
        findings.extend(quality.Finding(**asdict(each), scope_id=subscription_id) for each in found)
        held_out |= {each.subscription_item_id for each in mine if each.held_out is not None}
        if progress is not None and done % SUBSCRIPTIONS_PER_READ == 0:
            progress(done, len(subscription_ids))
    return _Priced(subscription_ids, rows, findings, len(held_out))


def _write(
    tx: WriteTransaction, priced: _Priced, policy: MetricPolicy, raw_known_at: datetime
) -> IntervalReport:
    counts = intervals.replace_intervals(tx, priced.subscription_ids, priced.rows)
    quality.record_findings(tx, priced.subscription_ids, priced.findings, stage=STAGE)
    knowledge.set_progress(tx, STAGE, raw_known_at=raw_known_at, policy_version=policy.version)
    _settle_start(tx, policy)
    return IntervalReport(
        len(priced.subscription_ids),
        counts.opened,
        counts.closed,
        counts.changed_from,
        priced.held_out,
    )


def _settle_start(tx: WriteTransaction, policy: MetricPolicy) -> None:
    """Store the first published day and, failing a wish, through when the first run goes."""
    earliest = snapshots.earliest_paid_day(tx.connection)
    if policy.start_date is None and earliest is None:
        return
    start = (
        policy.start_date
        or Period.quarter(
            earliest or date.max, fiscal_year_start_month=policy.fiscal_year_start_month
        ).first_day
    )
    account.set_start_date(tx.connection, start)
    pull = pulls.last_complete_pull(tx.connection)
    if pull is not None and pull.observed_at is not None:
        observed_on = DayClock(policy.timezone).day(int(pull.observed_at.timestamp()))
        account.set_connected_through(tx.connection, observed_on - ONE_DAY)


def _same_policy(before: knowledge.StageProgress, policy: MetricPolicy) -> bool:
    return before.policy_version == policy.version


def _is_current(
    before: knowledge.StageProgress | None, raw_known_at: datetime, policy: MetricPolicy
) -> bool:
    return (
        before is not None and _same_policy(before, policy) and before.raw_known_at == raw_known_at
    )


def _row(interval: MrrInterval, policy_version: str) -> dict[str, Any]:
    return {**{name: getattr(interval, name) for name in _NAMES}, "policy_version": policy_version}
