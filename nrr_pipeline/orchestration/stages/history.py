"""From raw objects to subscription history: read evidence, fold it, keep what changed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nrr_pipeline.errors import NrrError
from nrr_pipeline.garbage import without_collecting
from nrr_pipeline.metrics.evidence import Finding, SubscriptionEvidence
from nrr_pipeline.metrics.history import fold_subscription
from nrr_pipeline.metrics.intervals import DayClock, IntervalBuilder
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.orchestration.stages.history_rows import row_of
from nrr_pipeline.orchestration.stages.records import SUBSCRIPTIONS_PER_READ, subscription_records
from nrr_pipeline.policy import RULES_VERSION, MetricPolicy
from nrr_pipeline.stripe_source.coupons import LIMITS_UNKNOWN
from nrr_pipeline.stripe_source.evidence import subscription_evidence
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, Payload, read_price
from nrr_pipeline.stripe_source.records import SubscriptionRecord
from nrr_pipeline.warehouse import history, knowledge, pulls, quality, raw_objects
from nrr_pipeline.warehouse.transactions import Clock, Connection, Warehouse, WriteTransaction

STAGE = "subscription_history"
Progress = Callable[[int, int], None]
"""Told how many subscriptions of how many are done."""


class NothingPulledError(NrrError):
    """There is no complete pull to work with."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """What a build of the history did."""

    subscriptions: int
    opened: int
    closed: int
    new_findings: int
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Built:
    subscription_ids: set[str]
    rows: list[dict[str, Any]]
    findings: list[quality.Finding]


def build_history(
    warehouse: Warehouse, policy: MetricPolicy, *, clock: Clock, progress: Progress | None = None
) -> HistoryReport:
    """Bring the history of every subscription with new evidence up to the last complete pull.

    Only what changed is written. When another process has built meanwhile, it starts again.

    Raises:
        NothingPulledError: No pull has been completed yet.
    """
    while True:
        with warehouse.read() as connection, without_collecting():
            before = knowledge.progress_of(connection, STAGE)
            raw_known_at = require_complete_pull(connection)
            built = _build(connection, policy, before, raw_known_at, progress)
        if (
            before is not None
            and before.raw_known_at == raw_known_at
            and not built.subscription_ids
        ):
            return HistoryReport(0, 0, 0, 0, None)
        with warehouse.write("history", clock=clock, policy_version=policy.version) as tx:
            if knowledge.progress_of(tx.connection, STAGE) == before:
                return _write(tx, built, raw_known_at)


def require_complete_pull(connection: Connection) -> datetime:
    """The knowledge time up to which complete pulls reach.

    Raises:
        NothingPulledError: No pull has been completed yet.
    """
    raw_known_at = pulls.raw_known_at(connection)
    if raw_known_at is None:
        raise NothingPulledError("No pull from Stripe has been completed yet. Start one: nrr run")
    return raw_known_at


def prices_known_at(
    connection: Connection, raw_known_at: datetime
) -> tuple[dict[str, Price], list[Finding]]:
    """All recurring prices by id, as they were last seen, and those that cannot be read.

    A deleted one goes on pricing the items that have it.
    """
    payloads = last_seen(connection, "prices", raw_known_at)
    prices: dict[str, Price] = {}
    problems: list[Finding] = []
    for price_id, payload in payloads.items():
        try:
            price = read_price(payload)
        except MalformedObjectError as error:
            problems.append(Finding("unreadable_price", "error", price_id, str(error)))
            continue
        if price is not None:
            prices[price_id] = price
    return prices, problems


def _build(
    connection: Connection,
    policy: MetricPolicy,
    before: knowledge.StageProgress | None,
    raw_known_at: datetime,
    progress: Progress | None,
) -> _Built:
    prices, price_problems = prices_known_at(connection, raw_known_at)
    after = before.raw_known_at if before is not None and _same_rules(before) else None
    subscription_ids = raw_objects.changed_subscriptions(connection, after, raw_known_at)
    if after is not None:
        subscription_ids |= _concerned(connection, after, raw_known_at)
    coupons = coupons_known_at(connection, raw_known_at)
    rows: list[dict[str, Any]] = []
    findings = [_found(finding, "prices") for finding in price_problems]
    days = DayClock(policy.timezone)
    checker = IntervalBuilder(prices, policy.counting_rules(), days)
    records = subscription_records(connection, sorted(subscription_ids), raw_known_at)
    for done, record in enumerate(records, start=1):
        evidence, problems = _read(record, prices, coupons)
        if evidence is not None:
            rows.extend(row_of(segment) for segment in fold_subscription(evidence))
            problems = [
                *problems,
                *evidence.problems,
                *checker.check_lines(evidence.line_amounts, evidence.currency),
            ]
        findings.extend(_found(finding, record.subscription_id) for finding in problems)
        if progress is not None and done % SUBSCRIPTIONS_PER_READ == 0:
            progress(done, len(subscription_ids))
    return _Built(subscription_ids, rows, findings)


def coupons_known_at(connection: Connection, raw_known_at: datetime) -> dict[str, Payload]:
    """All coupons by id, as they were last seen; a deleted one goes on discounting."""
    return last_seen(connection, "coupons", raw_known_at)


def last_seen(
    connection: Connection,
    kind: str,
    raw_known_at: datetime,
    ids: Iterable[str] | None = None,
) -> dict[str, Payload]:
    """Objects of a kind by id, all or some, as they were last seen before they were deleted.

    What a later version does not show, such as the products of a coupon that is no longer listed,
    or the tiers of such a price, is taken from the one before.
    """
    found: dict[str, Payload] = {}
    versions = (
        raw_objects.versions_of_kind(connection, kind, raw_known_at)
        if ids is None
        else raw_objects.versions_of(connection, kind, ids, raw_known_at)
    )
    for version in versions:
        if not version.is_deleted:
            known = found.get(version.object_id, version.payload)
            both = {**known, **version.payload}
            if not (LIMITS_UNKNOWN in known and LIMITS_UNKNOWN in version.payload):
                both.pop(LIMITS_UNKNOWN, None)
            found[version.object_id] = both
    return found


def _concerned(connection: Connection, after: datetime, raw_known_at: datetime) -> set[str]:
    """The subscriptions whose history rests on objects that changed in that time."""
    found: set[str] = set()
    for kind, column in (("prices", "price_id"), ("customers", "customer_id")):
        changed = raw_objects.changed_ids(connection, kind, after, raw_known_at)
        found |= history.subscriptions_having(connection, column, changed)
    coupons = raw_objects.changed_ids(connection, "coupons", after, raw_known_at)
    return found | history.subscriptions_discounted_by(connection, coupons)


def _write(tx: WriteTransaction, built: _Built, raw_known_at: datetime) -> HistoryReport:
    counts = history.replace_history(tx, built.subscription_ids, built.rows)
    scope = {*built.subscription_ids, "prices"}
    found = quality.record_findings(tx, scope, built.findings, stage=STAGE)
    knowledge.set_progress(tx, STAGE, raw_known_at=raw_known_at, policy_version=str(RULES_VERSION))
    return HistoryReport(
        len(built.subscription_ids), counts.opened, counts.closed, found.new, tx.known_at
    )


def _same_rules(before: knowledge.StageProgress) -> bool:
    return before.policy_version == str(RULES_VERSION)


def _read(
    record: SubscriptionRecord, prices: Mapping[str, Price], coupons: Mapping[str, Payload]
) -> tuple[SubscriptionEvidence | None, list[Finding]]:
    try:
        return subscription_evidence(record, prices, coupons=coupons), []
    except MalformedObjectError as error:
        detail = f"{error}. The whole subscription is held out of every figure"
        finding = Finding("unreadable_subscription", "error", record.subscription_id, detail)
        return None, [finding]


def _found(finding: Finding, scope_id: str) -> quality.Finding:
    return quality.Finding(
        check_name=finding.check_name,
        severity=finding.severity,
        object_id=finding.object_id,
        detail=finding.detail,
        scope_id=scope_id,
        amount_micros=finding.amount_micros,
        currency=finding.currency,
    )
