"""From subscription history to MRR intervals: price it under the policy, keep what changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from itertools import groupby
from typing import Any, Literal

from nrr_pipeline.garbage import without_collecting
from nrr_pipeline.metrics.customers import Accounts
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder, MrrInterval
from nrr_pipeline.metrics.periods import ONE_DAY, Period
from nrr_pipeline.orchestration.stages import history as history_stage
from nrr_pipeline.orchestration.stages.accounts import (
    Exclusions,
    accounts_known,
    excluded_customers,
)
from nrr_pipeline.orchestration.stages.history import NothingPulledError, Progress
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.orchestration.stages.records import SUBSCRIPTIONS_PER_READ
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import (
    account,
    given,
    history,
    intervals,
    knowledge,
    pulls,
    quality,
    snapshots,
)
from nrr_pipeline.warehouse.bitemporal import ReplaceCounts
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
class _Basis:
    """What pricing rests on beside the policy; it must still hold when its result is stored."""

    raw_known_at: datetime
    history_known_at: datetime
    joined: list[given.Fact]


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is to be priced; ``rejoined`` is what does since its customer's account is another."""

    subscription_ids: set[str]
    rejoined: set[str]
    accounts: Accounts
    excluded: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Priced:
    rows: list[dict[str, Any]]
    findings: list[quality.Finding]
    finding_scopes: set[str]
    held_out: int


def build_intervals(
    warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock, progress: Progress | None = None
) -> IntervalReport:
    """Price the history that changed, or whose customer did, or all of it when the policy did.

    The first time it also settles the day on which the figures start, for good.

    Raises:
        NothingPulledError: There is no history yet.
    """
    report = None
    while report is None:
        with warehouse.read() as connection, without_collecting():
            basis = _basis(connection)
            before = knowledge.progress_of(connection, STAGE)
            scope = _scope(connection, policy, before, basis)
            priced = _price(connection, policy, scope, basis, progress)
        if not scope.subscription_ids and _is_current(before, basis.raw_known_at, policy):
            return IntervalReport(0, 0, 0, None, 0)
        same_policy = before is None or _same_policy(before, policy)
        cause = "history" if same_policy else "policy"
        report = _store(warehouse, policy, basis, scope, priced, cause, clock)
    return report


def _basis(connection: Connection) -> _Basis:
    built = knowledge.progress_of(connection, history_stage.STAGE)
    if built is None or built.raw_known_at is None:
        raise NothingPulledError("There is no history to price. Build it: nrr run")
    joined = given.facts_of(connection, given.CUSTOMER_MAP)
    return _Basis(built.raw_known_at, built.known_at, joined)


def _scope(
    connection: Connection,
    policy: MetricPolicy,
    before: knowledge.StageProgress | None,
    basis: _Basis,
) -> _Scope:
    accounts, rules = accounts_known(connection), policy.exclusion_rules()
    rejoined: set[str] = set()
    if before is None or not _same_policy(before, policy):
        subscription_ids = history.known_subscriptions(connection)
    else:
        subscription_ids = history.subscriptions_changed_since(connection, before.known_at)
        prices = changed_ids(connection, "prices", before.raw_known_at, basis.raw_known_at)
        subscription_ids |= history.subscriptions_having(connection, "price_id", prices)
        if rules.look_into_customers:
            seen = changed_ids(connection, "customers", before.raw_known_at, basis.raw_known_at)
            subscription_ids |= history.subscriptions_having(connection, "customer_id", seen)
        customers = accounts.differing(accounts_known(connection, before.known_at))
        rejoined = history.subscriptions_having(connection, "customer_id", customers)
        subscription_ids |= rejoined
    customers = history.customers_of(connection, subscription_ids)
    excluded = excluded_customers(connection, rules, accounts, customers, basis.raw_known_at)
    subscription_ids |= history.subscriptions_having(connection, "customer_id", excluded)
    return _Scope(subscription_ids, rejoined, accounts, excluded)


def _price(
    connection: Connection,
    policy: MetricPolicy,
    scope: _Scope,
    basis: _Basis,
    progress: Progress | None,
) -> _Priced:
    days, today = DayClock(policy.timezone), _observed_on(connection, policy)
    prices = history_stage.prices_known_at(connection, basis.raw_known_at)[0]
    builder = IntervalBuilder(prices, policy.counting_rules(), days)
    excluded, version = Exclusions(scope.excluded), policy.version
    rows: list[dict[str, Any]] = []
    findings: list[quality.Finding] = []
    scopes = set(scope.subscription_ids)
    held_out: set[str] = set()
    stored = history.history_of(connection, subscription_ids=sorted(scope.subscription_ids))
    for done, (subscription_id, segments) in enumerate(
        groupby(map(segment_of, stored), key=lambda segment: segment.subscription_id), start=1
    ):
        life = list(segments)
        customer_id = life[-1].customer_id
        scopes.add(customer_id)
        mine, found = builder.build(life)
        if customer_id in scope.excluded:
            excluded.add(customer_id, mine, today)
            continue
        rows.extend(_row(interval, scope.accounts, version) for interval in mine)
        findings.extend(quality.Finding(**asdict(each), scope_id=subscription_id) for each in found)
        held_out |= {each.subscription_item_id for each in mine if each.held_out is not None}
        if progress is not None and done % SUBSCRIPTIONS_PER_READ == 0:
            progress(done, len(scope.subscription_ids))
    return _Priced(rows, [*findings, *excluded.findings()], scopes, len(held_out))


def _store(
    warehouse: Warehouse,
    policy: MetricPolicy,
    basis: _Basis,
    scope: _Scope,
    priced: _Priced,
    cause: Literal["history", "policy"],
    clock: Clock,
) -> IntervalReport | None:
    """Keep what was priced; ``None`` when what it rests on has changed meanwhile.

    What a changed map does is learned by itself, so that a restatement can tell it from the rest.
    """
    counts = ReplaceCounts()
    if scope.rejoined:
        with warehouse.write("correction", clock=clock, policy_version=policy.version) as tx:
            if _basis(tx.connection) != basis:
                return None
            rows = [row for row in priced.rows if row["subscription_id"] in scope.rejoined]
            counts += intervals.replace_intervals(tx, scope.rejoined, rows)
    with warehouse.write(cause, clock=clock, policy_version=policy.version) as tx:
        if _basis(tx.connection) != basis:
            return None
        rest = scope.subscription_ids - scope.rejoined
        rows = [row for row in priced.rows if row["subscription_id"] in rest]
        counts += intervals.replace_intervals(tx, rest, rows)
        quality.record_findings(tx, priced.finding_scopes, priced.findings, stage=STAGE)
        raw_known_at, version = basis.raw_known_at, policy.version
        knowledge.set_progress(tx, STAGE, raw_known_at=raw_known_at, policy_version=version)
        _settle_start(tx, policy)
    changed = (counts.opened, counts.closed, counts.changed_from)
    return IntervalReport(len(scope.subscription_ids), *changed, priced.held_out)


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
    observed_on = _observed_on(tx.connection, policy)
    if observed_on is not None:
        account.set_connected_through(tx.connection, observed_on - ONE_DAY)


def _observed_on(connection: Connection, policy: MetricPolicy) -> date | None:
    """The day on which the account was last read."""
    pull = pulls.last_complete_pull(connection)
    if pull is None or pull.observed_at is None:
        return None
    return DayClock(policy.timezone).day(int(pull.observed_at.timestamp()))


def _same_policy(before: knowledge.StageProgress, policy: MetricPolicy) -> bool:
    return before.policy_version == policy.version


def _is_current(
    before: knowledge.StageProgress | None, raw_known_at: datetime, policy: MetricPolicy
) -> bool:
    return (
        before is not None and _same_policy(before, policy) and before.raw_known_at == raw_known_at
    )


def _row(interval: MrrInterval, accounts: Accounts, policy_version: str) -> dict[str, Any]:
    row = {name: getattr(interval, name) for name in _NAMES}
    account_id = accounts.account_of(interval.customer_id)
    return {**row, "account_id": account_id, "policy_version": policy_version}
