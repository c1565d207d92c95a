"""Pulling the account into the warehouse: the lease, the landing, and what became of it."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import tenacity

from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.raw import RawObject
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.intake import PullFinding
from nrr_pipeline.stripe_source.needed import refuse_blinding
from nrr_pipeline.stripe_source.probe import server_time
from nrr_pipeline.stripe_source.pull import PullProgress, PullSummary, pull
from nrr_pipeline.stripe_source.redaction import PrivacyRules
from nrr_pipeline.warehouse import account, pulls, quality, raw_objects
from nrr_pipeline.warehouse.raw_objects import LandingCounts
from nrr_pipeline.warehouse.transactions import Clock, Warehouse

STAGE = "stripe_pull"
HEARTBEAT_SECONDS = 10.0
WAIT_FOR_OTHER_PULL_SECONDS = 1_800.0
"""How long a pull waits for another process's to end before it gives up."""


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a complete pull brought; ``landed`` says by kind what was new in it."""

    summary: PullSummary
    landed: Mapping[str, LandingCounts]
    pull_id: int
    observed_at: datetime


def pull_raw(
    warehouse: Warehouse,
    source: StripeSource,
    policy: MetricPolicy,
    *,
    clock: Clock,
    through: date | None = None,
    progress: Callable[[PullProgress], None] | None = None,
) -> PullReport:
    """Read the whole account and keep what is new; what landed before an error is kept, too.

    Args:
        warehouse: Where the objects go.
        source: The account.
        policy: Its privacy rules say what is dropped before anything is stored.
        clock: The local clock, for knowledge times.
        through: The last day that this pull is for; of the first connection, the last day that
            counts as history (default: the day before the pull).
        progress: Told about every second how far the pull is.

    Raises:
        PullInProgressError: Another process has been pulling for too long.
        SettingsError: A privacy rule would leave out what is needed.
        NrrError: Stripe could not be read; the message says why and what to do.
    """
    privacy = privacy_rules(policy)
    with _lease(warehouse, clock) as pull_id:
        observed_at = datetime.fromtimestamp(server_time(source), UTC)
        sink = _Sink(warehouse, clock, pull_id, observed_at)
        since = sink.last_observed_at()
        summary = pull(source, sink, since_observed_at=since, progress=progress, privacy=privacy)
        with warehouse.write("pull", clock=clock, pull_id=pull_id) as tx:
            quality.record_findings(
                tx, None, [_finding(each) for each in summary.problems], stage=STAGE
            )
            pulls.finish(
                tx, pull_id, now=clock(), observed_at=observed_at, object_counts=summary.objects
            )
            if through is not None:
                last_full = DayClock(policy.timezone).day(int(observed_at.timestamp())) - ONE_DAY
                account.set_connected_through(tx.connection, min(through, last_full))
        return PullReport(summary, sink.landed, pull_id, observed_at)


def privacy_rules(policy: MetricPolicy) -> PrivacyRules:
    """What is left out of every object before it is stored.

    Raises:
        SettingsError: It would leave out what the figures or a setting need.
    """
    privacy = PrivacyRules(
        frozenset(policy.privacy.drop),
        frozenset(policy.privacy.keep),
        policy.exclusion_rules().email_domains,
    )
    keys = policy.exclude.metadata
    refuse_blinding(
        privacy,
        [
            *((f"exclude.metadata.{key}", f"customer.metadata.{key}") for key in keys),
            *((f"segments.{name}", source) for name, source in policy.segments.items()),
            *(("alerts.reason", source) for source in [policy.alerts.reason] if source),
        ],
    )
    return privacy


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(pulls.PullInProgressError),
    wait=tenacity.wait_fixed(1),
    stop=tenacity.stop_after_delay(WAIT_FOR_OTHER_PULL_SECONDS),
    reraise=True,
)
def _take_lease(warehouse: Warehouse, clock: Clock) -> int:
    """Begin a pull as soon as no other is at work."""
    with warehouse.bookkeeping() as connection:
        return pulls.begin_pull(
            connection, now=clock(), host=socket.gethostname(), process_id=os.getpid()
        )


@contextmanager
def _lease(warehouse: Warehouse, clock: Clock) -> Iterator[int]:
    """Hold the right to pull, with a heartbeat; an error marks the pull failed."""
    pull_id = _take_lease(warehouse, clock)
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            with warehouse.bookkeeping() as connection:
                pulls.heartbeat(connection, pull_id, now=clock())

    heart = threading.Thread(target=beat, name="pull-heartbeat", daemon=True)
    heart.start()
    try:
        yield pull_id
    except BaseException as error:
        with warehouse.bookkeeping() as connection:
            why = str(error) or type(error).__name__
            pulls.fail(connection, pull_id, now=clock(), error=why)
        raise
    finally:
        done.set()
        heart.join()


@dataclass
class _Sink:
    """Lands what a pull reads, each batch in a transaction of its own."""

    warehouse: Warehouse
    clock: Clock
    pull_id: int
    observed_at: datetime
    landed: dict[str, LandingCounts] = field(default_factory=dict)

    def last_observed_at(self) -> int | None:
        """The account's clock at the last complete pull."""
        with self.warehouse.read() as connection:
            last = pulls.last_complete_pull(connection)
        return (
            None if last is None or last.observed_at is None else int(last.observed_at.timestamp())
        )

    def land(self, objects: Sequence[RawObject]) -> None:
        """Store objects of one kind."""
        with self.warehouse.write("pull", clock=self.clock, pull_id=self.pull_id) as tx:
            counts = raw_objects.land(
                tx, objects, pull_id=self.pull_id, observed_at=self.observed_at
            )
        kind = objects[0].kind
        self.landed[kind] = self.landed.get(kind, LandingCounts()) + counts

    def known_ids(self, kind: str) -> set[str]:
        """Ids of a kind whose latest version is not deleted."""
        with self.warehouse.read() as connection:
            return raw_objects.known_ids(connection, kind)

    def deleted_ids(self, kind: str) -> set[str]:
        """Ids of a kind whose latest version is deleted."""
        with self.warehouse.read() as connection:
            return raw_objects.deleted_ids(connection, kind)

    def bound_mode(self) -> bool | None:
        """Whether the database is bound to live mode; ``None`` before the first pull."""
        with self.warehouse.read() as connection:
            return account.bound_mode(connection)

    def bind_mode(self, *, livemode: bool) -> None:
        """Bind the database to a mode, for good."""
        with self.warehouse.bookkeeping() as connection:
            account.bind(connection, livemode=livemode, at=self.clock())

    def known_customers(self, limit: int) -> list[str]:
        """The customers that have been known longest."""
        with self.warehouse.read() as connection:
            return raw_objects.oldest_customers(connection, limit)


def _finding(problem: PullFinding) -> quality.Finding:
    return quality.Finding(
        check_name="unreadable_object",
        severity="error",
        object_id=problem.object_id,
        detail=f"{problem.kind}: {problem.what}",
        scope_id=problem.kind,
    )
