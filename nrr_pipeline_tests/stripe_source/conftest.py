from __future__ import annotations

from collections.abc import Iterator

import pytest

from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline_tests.stripe_source.fake_stripe import KEY, FakeStripe, serving
from nrr_pipeline_tests.stripe_source.sinks import MemorySink


@pytest.fixture
def stripe_account() -> Iterator[FakeStripe]:
    """An empty account, served on loopback."""
    with serving(FakeStripe()) as fake:
        yield fake


@pytest.fixture
def naps() -> list[float]:
    """How long the source slept, instead of sleeping."""
    return []


@pytest.fixture
def source(stripe_account: FakeStripe, naps: list[float]) -> Iterator[StripeSource]:
    """The served account, read without ever sleeping."""
    with StripeSource(KEY, stripe_account.address, sleep=naps.append) as opened:
        yield opened


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()
