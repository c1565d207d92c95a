from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence

import pytest

from nrr_pipeline.raw import RawObject
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import MissingPermissionError, StripeUnavailableError
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline_tests.stripe_source.fake_stripe import (
    KEY,
    FakeStripe,
    Reply,
    Request,
    error,
    slowly,
)
from nrr_pipeline_tests.stripe_source.objects import customers, subscription
from nrr_pipeline_tests.stripe_source.sinks import MemorySink


def pull_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("pull-")]


def test_a_failure_half_way_keeps_what_was_read_and_the_next_pull_completes_it(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    everyone = customers(1500, apart=3600)
    stripe_account.add("customers", *everyone)
    answered = [0]

    def break_down(request: Request) -> Reply | None:
        answered[0] += request.path == "/v1/customers"
        return error(500, "Down") if answered[0] > 8 else None

    stripe_account.hook = break_down
    with pytest.raises(StripeUnavailableError):
        pull(source, sink)
    kept = set(sink.known_ids("customers"))
    assert 100 <= len(kept) < 1500
    assert not pull_threads()
    stripe_account.hook = lambda _: None
    pull(source, sink)
    assert kept < sink.known_ids("customers")
    assert len(sink.known_ids("customers")) == 1500


def test_a_missing_permission_stops_the_pull_soon(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(5000, apart=3600))
    stripe_account.hook = lambda request: (
        error(403, "Having the 'rak_event_read' permission would allow this")
        if request.path == "/v1/events"
        else slowly(0.005)(request)
    )
    with pytest.raises(MissingPermissionError, match="rak_event_read"):
        pull(source, sink)
    assert len(stripe_account.requests) < 60
    assert not pull_threads()


def test_an_error_of_the_database_stops_the_pull_and_is_told(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    def full(_: Sequence[RawObject]) -> None:
        raise OSError("disk full")

    stripe_account.add("customers", *customers(700))
    sink.on_land = full
    with pytest.raises(OSError, match="disk full"):
        pull(source, sink)
    assert not pull_threads()


def test_ctrl_c_ends_a_waiting_pull_quickly_and_keeps_what_landed(
    stripe_account: FakeStripe, sink: MemorySink
) -> None:
    """Half of the requests hang; the others are being waited out after a 429."""
    stripe_account.add("customers", *customers(3000, apart=3600))
    stripe_account.add("subscriptions", subscription("sub_1"))
    landed = threading.Event()
    sink.on_land = lambda objects: landed.set() if objects[0].kind == "customers" else None
    interrupted_at = [0.0]

    def trouble(request: Request) -> Reply | None:
        if not landed.is_set():
            return None
        if not interrupted_at[0]:
            interrupted_at[0] = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        if request.number % 2:
            slowly(20)(request)
        return error(429, "Too many", headers={"Retry-After": "60"})

    stripe_account.hook = trouble
    with StripeSource(KEY, stripe_account.address) as source, pytest.raises(KeyboardInterrupt):
        pull(source, sink)
    assert time.monotonic() - interrupted_at[0] < 19
    assert len(sink.known_ids("customers")) >= 500


def test_landing_is_in_batches_of_a_useful_size(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(2300, apart=3600))
    pull(source, sink)
    sizes = [len(objects) for objects in sink.landings]
    assert max(sizes) < 700
    assert len(sizes) < 10
    assert all(len({each.kind for each in objects}) == 1 for objects in sink.landings)
    assert all(len({each.object_id for each in o}) == len(o) for o in sink.landings)


def test_no_more_is_read_ahead_than_a_few_pages(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    """A slow database holds the reading back, so that memory stays bounded."""
    stripe_account.add("customers", *customers(10_000, apart=3600))
    ahead: list[int] = []

    def slow(_: Sequence[RawObject]) -> None:
        time.sleep(0.05)
        read = 100 * len(stripe_account.asked("/v1/customers"))
        ahead.append(read - len(sink.known_ids("customers")))

    sink.on_land = slow
    pull(source, sink, workers=4)
    assert max(ahead) < 500 + 100 * (2 * 4 + 20)
    assert len(sink.known_ids("customers")) == 10_000
