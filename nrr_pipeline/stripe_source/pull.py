"""Pulling an account: everything it shows now, and what it no longer shows.

Here belongs the order of things: what is priced, who pays, what changed meanwhile, what is missing
from the lists. How a list is walked (``windows``, ``crew``), what is kept of an object
(``intake``) and where it is stored (the sink) are not decided here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nrr_pipeline.raw import KINDS, RawObject
from nrr_pipeline.stripe_source.account_check import BoundDatabase, check_account
from nrr_pipeline.stripe_source.catalog import (
    KIND_OF_TYPE,
    Listing,
    account_listings,
    events_listing,
    reference_listings,
)
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.crew import Crew, ReadLists, RetrieveSingles, Work
from nrr_pipeline.stripe_source.intake import Batch, Intake, PullFinding
from nrr_pipeline.stripe_source.landing import Lander
from nrr_pipeline.stripe_source.payloads import reference_id
from nrr_pipeline.stripe_source.redaction import DEFAULT_PRIVACY, PrivacyRules
from nrr_pipeline.stripe_source.references import Reference, at

WORKERS = 8

REPORT_SECONDS = 1.0
"""How often progress is told."""

OVERLAP_SECONDS = 120
"""How far before a known moment events are read again: clocks and Stripe's own delays differ."""

EVENTS_SUFFICE_SECONDS = 28 * 86_400
"""After a longer gap Stripe may have forgotten events since the last pull."""

PRICES_CONFIRMED = 1000
"""Up to so many unlisted prices are looked for one by one in every pull; an account with more
makes a price for every sale, and of those only the ones that nothing names are looked for."""


class PullSink(BoundDatabase, Protocol):
    """Where a pull lands what it reads; only ever called from the pull's own thread."""

    def land(self, objects: Sequence[RawObject]) -> None:
        """Store objects of one kind, each id once."""
        ...

    def known_ids(self, kind: str) -> Iterable[str]:
        """Ids of the stored objects of a kind whose latest version is not deleted."""
        ...

    def deleted_ids(self, kind: str) -> Iterable[str]:
        """Ids of the stored objects of a kind whose latest version is deleted."""
        ...


@dataclass(frozen=True)
class PullProgress:
    """How far a pull is; reported about every second, also while it only waits."""

    kind: str
    objects: int
    requests: int
    elapsed_seconds: float
    estimated_remaining_seconds: float | None


@dataclass(frozen=True)
class PullSummary:
    """What a complete pull brought.

    Attributes:
        observed_at: The time on Stripe's clock when the pull began, in Unix seconds.
        livemode: The account's mode, as far as anything says it.
        objects: How many objects were landed, by kind, tombstones included.
        tombstones: How many of them are gone, by kind.
        problems: Objects that were left out, and why.
        notes: Objects that others name, or that were known, but that Stripe no longer has.
        requests: How many requests it took.
        elapsed_seconds: How long it took.
    """

    observed_at: int
    livemode: bool | None
    objects: Mapping[str, int]
    tombstones: Mapping[str, int]
    problems: Sequence[PullFinding]
    notes: Sequence[PullFinding]
    requests: int
    elapsed_seconds: float


def pull(
    source: StripeSource,
    sink: PullSink,
    *,
    since_observed_at: int | None = None,
    progress: Callable[[PullProgress], None] | None = None,
    privacy: PrivacyRules = DEFAULT_PRIVACY,
    workers: int = WORKERS,
) -> PullSummary:
    """Read everything that concerns revenue and land it.

    What was landed before an error or Ctrl-C stays; the next pull completes it.

    Args:
        source: The account.
        sink: Where objects are landed.
        since_observed_at: ``observed_at`` of the last complete pull. Events older than that are
            not read again; every other list is always read whole.
        progress: Told about every second how far the pull is.
        privacy: What is left out of objects.
        workers: How many requests may be under way at once.

    Raises:
        StripeSettingsError: The key, the account or the address does not fit.
        StripeUnavailableError: Stripe could not be reached for a few minutes.
    """
    return _Pull(source, sink, progress, privacy, workers).run(since_observed_at)


def _nothing(_: RawObject) -> None:
    """For objects that only need landing."""


class _Pull:
    def __init__(
        self,
        source: StripeSource,
        sink: PullSink,
        progress: Callable[[PullProgress], None] | None,
        privacy: PrivacyRules,
        workers: int,
    ) -> None:
        self._source = source
        self._sink = sink
        self._progress = progress
        self._privacy = privacy
        self._workers = workers
        self._stop = threading.Event()
        self._lander = Lander(sink.land)
        self._problems: list[PullFinding] = []
        self._notes: list[PullFinding] = []
        self._named: dict[str, set[str]] = {}
        self._objects = 0
        self._kind = KINDS[0]
        self._started = self._reported_at = time.monotonic()
        self._requests_before = source.requests

    def run(self, since_observed_at: int | None) -> PullSummary:
        facts = check_account(self._source, self._sink)
        self._intake = Intake(
            self._source, livemode=facts.livemode, privacy=self._privacy, stop=self._stop
        )
        try:
            self._read_lists(facts.observed_at, _events_since(since_observed_at, facts.observed_at))
            self._catch_up(facts.observed_at - OVERLAP_SECONDS)
            self._take_over(self._intake.coupons_without_limits())
            self._look_for("customers", "prices", "subscriptions", "invoices")
            self._look_for("subscription_schedules", "products", "coupons")
        except Exception:
            self._lander.flush()
            raise
        self._report(0.0)
        return PullSummary(
            observed_at=facts.observed_at,
            livemode=facts.livemode,
            objects={kind: self._lander.landed[kind] for kind in KINDS},
            tombstones=dict(+self._lander.tombstones),
            problems=tuple(self._problems),
            notes=tuple(self._notes),
            requests=self._source.requests - self._requests_before,
            elapsed_seconds=time.monotonic() - self._started,
        )

    def _read_lists(self, observed_at: int, events_since: int | None) -> None:
        """What things cost first: a subscription is read in the light of the coupons there are."""
        self._do(self._lists(reference_listings()))
        self._do(self._lists(account_listings(observed_at, events_since)))

    def _catch_up(self, since: int) -> None:
        """Read again what changed while the lists were read."""
        changed: set[Reference] = set()
        self._do(
            self._lists([events_listing(since, since)]),
            lambda event: changed.update(_concerned_by(event)),
        )
        self._do(RetrieveSingles(self._intake, changed))

    def _look_for(self, *kinds: str) -> None:
        """Retrieve what was known, or is named, but was in no list."""
        absent = [(kind, object_id) for kind in kinds for object_id in self._absent(kind)]
        self._do(RetrieveSingles(self._intake, absent))

    def _absent(self, kind: str) -> set[str]:
        seen = self._lander.seen
        vanished = set(seen.missing(kind, self._sink.known_ids(kind)))
        named = set(seen.missing(kind, self._named.get(kind, ())))
        if named:
            named.difference_update(self._sink.deleted_ids(kind))
        if kind == "prices" and len(vanished) > PRICES_CONFIRMED:
            return vanished ^ named
        return vanished | named

    def _lists(self, listings: Iterable[Listing]) -> ReadLists:
        return ReadLists(self._source, self._intake, listings, self._stop)

    def _do(self, work: Work, each: Callable[[RawObject], None] = _nothing) -> None:
        def hand_over(batch: Batch | None) -> None:
            if batch is not None:
                self._take_over(batch)
                for raw in batch.objects:
                    each(raw)
            self._lander.flush_when_due()
            self._report_when_due(work)

        if not work.is_finished():
            Crew(self._workers, self._stop).run(work, hand_over)
            self._lander.flush()

    def _take_over(self, batch: Batch) -> None:
        self._lander.add(batch)
        if batch.coupons:
            self._lander.add(Batch("coupons", batch.observed_at, objects=batch.coupons))
        self._problems.extend(batch.problems)
        self._notes.extend(batch.notes)
        for kind, object_id in batch.references:
            self._named.setdefault(kind, set()).add(object_id)
        if batch.kind in self._intake.listed:
            self._intake.listed[batch.kind].update(
                each.object_id for each in batch.objects if not each.is_deleted
            )
        self._kind = batch.kind
        self._objects += len(batch.objects)

    def _report_when_due(self, work: Work) -> None:
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            self._report(work.remaining())

    def _report(self, remaining: float | None) -> None:
        if self._progress is None:
            return
        elapsed = time.monotonic() - self._started
        if remaining is not None:
            remaining *= elapsed / max(1, self._objects)
        self._progress(
            PullProgress(
                kind=self._kind,
                objects=self._objects,
                requests=self._source.requests - self._requests_before,
                elapsed_seconds=elapsed,
                estimated_remaining_seconds=remaining,
            )
        )


def _concerned_by(event: RawObject) -> Iterator[Reference]:
    """The objects that an event names and that a pull reads."""
    concerned = at(event.payload, "data", "object")
    kind = KIND_OF_TYPE.get(at(concerned, "object"))
    object_id = reference_id(concerned)
    if kind is not None and object_id is not None:
        yield kind, object_id
    if event.subscription_id is not None:
        yield "subscriptions", event.subscription_id


def _events_since(since_observed_at: int | None, observed_at: int) -> int | None:
    if since_observed_at is None or observed_at - since_observed_at > EVENTS_SUFFICE_SECONDS:
        return None
    return since_observed_at - OVERLAP_SECONDS
