from __future__ import annotations

import pytest

from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.pacing import (
    ELSEWHERE_PACE,
    LIVE_PACE,
    SANDBOX_PACE,
    Pace,
    Pacer,
)

CUSTOMERS, INVOICES = "/v1/customers", "/v1/invoices"


def test_requests_to_one_endpoint_leave_evenly_spaced() -> None:
    pacer = Pacer(Pace(per_endpoint=10, in_all=1000))
    delays = [pacer.delay(CUSTOMERS) for _ in range(11)]
    assert delays[0] == 0
    assert delays[10] == pytest.approx(1.0, abs=0.1)


def test_endpoints_share_the_rate_in_all() -> None:
    pacer = Pacer(Pace(per_endpoint=10, in_all=10))
    delays = [pacer.delay(path) for _ in range(5) for path in (CUSTOMERS, INVOICES)]
    assert delays[-1] == pytest.approx(0.9, abs=0.1)


def test_a_refused_endpoint_is_slowed_down_and_others_are_not() -> None:
    pacer = Pacer(Pace(per_endpoint=10, in_all=1000))
    pacer.slow_down(CUSTOMERS, reason="endpoint-rate")
    slowed = [pacer.delay(CUSTOMERS) for _ in range(5)][-1]
    other = [pacer.delay(INVOICES) for _ in range(5)][-1]
    assert slowed > 1.3 * other


def test_refusals_of_requests_under_way_together_slow_down_once() -> None:
    once, often = (Pacer(Pace(per_endpoint=10, in_all=10)) for _ in range(2))
    once.slow_down(CUSTOMERS, reason="global-rate")
    for _ in range(8):
        often.slow_down(CUSTOMERS, reason="global-rate")
    for pacer in (once, often):
        pacer.delay(CUSTOMERS)
    assert often.delay(CUSTOMERS) == pytest.approx(once.delay(CUSTOMERS), abs=0.05)


def test_a_slowed_rate_recovers() -> None:
    pacer = Pacer(Pace(per_endpoint=1000, in_all=1000))
    pacer.slow_down(CUSTOMERS, reason="endpoint-rate")
    delays = [pacer.delay(CUSTOMERS) for _ in range(102)]
    assert delays[1] - delays[0] > 1.5 * (delays[101] - delays[100])


@pytest.mark.parametrize(
    ("key", "base", "pace"),
    [
        ("rk_live_1", None, LIVE_PACE),
        ("rk_test_1", None, SANDBOX_PACE),
        ("rk_1", None, SANDBOX_PACE),
        ("rk_test_1", "http://127.0.0.1:12111", ELSEWHERE_PACE),
    ],
)
def test_the_pace_follows_the_address_and_the_mode(key: str, base: str | None, pace: Pace) -> None:
    with StripeSource(key, base) as source:
        assert source.pace == pace


def test_the_pace_can_be_set() -> None:
    with StripeSource("rk_live_1", pace=Pace(3, 4)) as source:
        assert source.pace == Pace(3, 4)
