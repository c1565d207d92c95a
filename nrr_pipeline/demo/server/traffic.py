"""What an answer goes through on its way: options, delays, rate limits and faults.

Here belongs everything that makes a perfect server behave like one on the internet. Nothing in
here depends on what a request asks for, beyond its path.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nrr_pipeline.demo.server.access import KeyPermissions
from nrr_pipeline.demo.server.errors import API_ERROR, ApiError

NESTED_PAGE_SIZE = 10


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of its answer.

    Attributes:
        status: The HTTP status of the answer.
        code: The error's code, if it has one.
        message: The error's message.
        headers: Headers that go with the answer.
        body: A whole body to answer with, instead of an error.
        drops_connection: Close the connection and answer nothing.
    """

    status: int = 500
    code: str | None = None
    message: str = "An unknown error occurred"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    drops_connection: bool = False

    def as_error(self) -> ApiError:
        """Return the error to answer with."""
        error_type = API_ERROR if self.status >= 500 else "invalid_request_error"  # noqa: PLR2004
        return ApiError(
            self.status,
            self.message,
            code=self.code,
            error_type=error_type,
            headers=dict(self.headers),
        )


_LOCK_TIMEOUT = Fault(
    status=429,
    code="lock_timeout",
    message=(
        "This object cannot be accessed right now because another API request or Stripe process is "
        "currently accessing it."
    ),
)

FaultPlan = Callable[[int, str], Fault | None]
"""Decides on the fault of a request, given its number (the first is 1) and its path."""


@dataclass(frozen=True)
class ServerOptions:
    """How a server behaves beyond what its account holds.

    Attributes:
        latency_seconds: How long every answer takes at least.
        requests_per_second: The most requests that are answered per second in all.
        endpoint_requests_per_second: The most requests per second for one endpoint.
        fault_fraction: The share of requests that fail, half of them without an answer.
        fault_seed: Makes the failing requests the same ones in every run.
        fault: Decides request by request which one fails, and how; asked before the share is.
        keys: The keys that exist, each with the kinds of objects it may read (``None``: all).
            Without it every key of the account's mode may read everything.
        lock_timeouts_every: Every so many requests one is refused with a 429 that gives no
            reason, since somebody else works on the object.
        empty_pages_every: Every so many pages that hold something one comes empty, although it
            says that more follows.
        nested_page_size: How many elements a nested list shows.
        timer: Measures seconds for the rate limits.
    """

    latency_seconds: float = 0.0
    requests_per_second: float | None = None
    endpoint_requests_per_second: float | None = None
    fault_fraction: float = 0.0
    fault_seed: int = 0
    fault: FaultPlan | None = None
    keys: KeyPermissions | None = None
    lock_timeouts_every: int | None = None
    empty_pages_every: int | None = None
    nested_page_size: int = NESTED_PAGE_SIZE
    timer: Callable[[], float] = time.monotonic


class RateLimit:
    """Allows a number of requests within any second."""

    def __init__(self, per_second: float) -> None:
        self._span = max(1.0, 1.0 / per_second)
        self._most = max(1, int(per_second))
        self._answered: deque[float] = deque()

    def is_reached(self, moment: float) -> bool:
        """Tell whether one more request would be too many."""
        while self._answered and self._answered[0] <= moment - self._span:
            self._answered.popleft()
        return len(self._answered) >= self._most

    def count(self, moment: float) -> None:
        """Count a request that is let through."""
        self._answered.append(moment)


class Traffic:
    """Keeps count of the requests and decides which of them get through."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._random = random.Random(options.fault_seed)  # noqa: S311 - a plan, not a secret
        self._endpoints: dict[str, RateLimit] = {}
        total = options.requests_per_second
        self._total = None if total is None else RateLimit(total)
        self._pages = 0

    def empties_page(self) -> bool:
        """Tell whether a page that holds something comes empty all the same."""
        every = self._options.empty_pages_every
        if every is None:
            return False
        self._pages += 1
        return self._pages % every == 0

    def fault(self, number: int, path: str) -> Fault | None:
        """Return what goes wrong with a request, if anything."""
        planned = self._options.fault(number, path) if self._options.fault is not None else None
        every = self._options.lock_timeouts_every
        if planned is None and every is not None and number % every == 0:
            planned = _LOCK_TIMEOUT
        if planned is not None or self._options.fault_fraction <= 0:
            return planned
        draw = self._random.random()
        if draw >= self._options.fault_fraction:
            return None
        return Fault(drops_connection=draw < self._options.fault_fraction / 2)

    def limit(self, endpoint: str) -> None:
        """Let a request through, or refuse it because there were too many."""
        moment = self._options.timer()
        limits = {"global-rate": self._total, "endpoint-rate": self._endpoint(endpoint)}
        for reason, limit in limits.items():
            if limit is not None and limit.is_reached(moment):
                raise ApiError(
                    429,
                    "Request rate limit exceeded.",
                    code="rate_limit",
                    headers={"Stripe-Rate-Limited-Reason": reason},
                )
        for limit in limits.values():
            if limit is not None:
                limit.count(moment)

    def _endpoint(self, endpoint: str) -> RateLimit | None:
        per_second = self._options.endpoint_requests_per_second
        if per_second is None:
            return None
        return self._endpoints.setdefault(endpoint, RateLimit(per_second))
