"""How fast requests may leave: client-side pacing, shared by all threads.

Stripe allows 25 requests a second per list endpoint and 100 a second in all (25 in a sandbox). We
stay just below instead of running into refusals, and slow down for a while when Stripe refuses all
the same, because other programs share the account's allowance. Retrying is not done here.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

RECOVERY = 1.01
"""By how much a slowed rate grows with every request that is let through."""

LOWEST_RATE = 1.0

SLOWING_SECONDS = 1.0
"""Refusals within this time of one another slow the rate only once."""


@dataclass(frozen=True)
class Pace:
    """Requests per second: to one endpoint, and to all of them together."""

    per_endpoint: float
    in_all: float


LIVE_PACE = Pace(per_endpoint=24.5, in_all=95.0)
SANDBOX_PACE = Pace(per_endpoint=24.5, in_all=24.5)
ELSEWHERE_PACE = Pace(per_endpoint=500.0, in_all=1000.0)
"""For an address that is not Stripe's own: a local server sets the pace by how fast it answers."""


class _Gate:
    """Lets requests through one by one, evenly spaced."""

    def __init__(self, rate: float) -> None:
        self._ceiling = rate
        self._rate = rate
        self._next_at = 0.0
        self._slowed_at = -SLOWING_SECONDS

    def reserve(self, now: float) -> float:
        """Take the next free moment and return it."""
        self._rate = min(self._ceiling, self._rate * RECOVERY)
        at = max(now, self._next_at)
        self._next_at = at + 1.0 / self._rate
        return at

    def slow_down(self, now: float) -> None:
        if now - self._slowed_at >= SLOWING_SECONDS:
            self._slowed_at = now
            self._rate = max(LOWEST_RATE, self._rate * 0.6)


class Pacer:
    """Says how long a thread has to wait before its next request to an endpoint."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._lock = threading.Lock()
        self._all = _Gate(pace.in_all)
        self._endpoints: dict[str, _Gate] = {}

    def delay(self, endpoint: str) -> float:
        """Reserve the next slot of ``endpoint`` and return the seconds until then."""
        with self._lock:
            now = time.monotonic()
            at = max(self._gate(endpoint).reserve(now), self._all.reserve(now))
            return at - now

    def slow_down(self, endpoint: str, *, reason: str) -> None:
        """Let fewer requests through after a refusal, and recover little by little.

        Args:
            endpoint: The endpoint that refused.
            reason: Stripe's own word for it, such as ``endpoint-rate`` or ``global-rate``.
        """
        with self._lock:
            now = time.monotonic()
            gate = self._gate(endpoint) if reason.startswith("endpoint") else self._all
            gate.slow_down(now)

    def _gate(self, endpoint: str) -> _Gate:
        return self._endpoints.setdefault(endpoint, _Gate(self.pace.per_endpoint))
