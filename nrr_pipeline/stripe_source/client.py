"""One authenticated way to Stripe: a GET that is paced, retried and parsed.

The SDK does authentication, the pinned API version and the reading of errors; its object tree is
left out, because building it costs ten times the transfer. So the response body is taken aside
before the SDK sees it, and only orjson parses it. What is asked for, and in which order, is not
decided here (``catalog``, ``windows``, ``pull``); the words of errors are in ``answers``.
"""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import requests
import requests.adapters
import stripe
import tenacity

from nrr_pipeline.stripe_source.answers import (
    TransientError,
    unparsable,
    unusable_answer,
    what_it_means,
)
from nrr_pipeline.stripe_source.errors import StoppedError
from nrr_pipeline.stripe_source.pacing import (
    ELSEWHERE_PACE,
    LIVE_PACE,
    SANDBOX_PACE,
    Pace,
    Pacer,
)
from nrr_pipeline.stripe_source.settings_check import (
    STRIPE_API_BASE,
    checked_api_base,
    checked_api_key,
    is_loopback,
    livemode_of_key,
)

API_VERSION = "2026-10-28.endive"
"""Pinned, so that an upgrade of the SDK never changes figures silently."""

TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect, and between two bytes of an answer."""

PATIENCE_SECONDS = 240.0
ATTEMPTS = 14
FIRST_CONTACT_ATTEMPTS = 4
"""How often an address is tried that never answered: it is more likely wrong than down."""

OK, REDIRECT = 200, 300

Sleep = Callable[[float], object]


@dataclass(frozen=True)
class Answer:
    """A parsed answer, with the time on Stripe's own clock in Unix seconds."""

    data: dict[str, Any]
    server_time: int


class _BodyAside(stripe.RequestsClient):
    """The SDK's HTTP client, which keeps the body of a success for its caller."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS, session=session)
        self._aside = threading.local()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: object = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        body, status, answer_headers = super().request(method, url, headers, post_data)
        if not OK <= status < REDIRECT:
            return body, status, answer_headers
        self._aside.body = body
        return b"{}", status, answer_headers

    def take_body(self) -> bytes:
        """The body of this thread's last successful request."""
        body: bytes = self._aside.body
        self._aside.body = b""
        return body


class StripeSource:
    """A Stripe account that can be read, through one key at one address.

    Args:
        api_key: A restricted or secret key; it is never shown, not even in errors.
        api_base: Where the API is, when not at Stripe's own address.
        pace: How fast requests may leave. By default just below Stripe's limits at Stripe's own
            address, and generous anywhere else.
        clock: Unix seconds, for answers that carry no ``Date``.
        sleep: Waits between attempts; tests pass their own.
    """

    def __init__(
        self,
        api_key: str,
        api_base: str | None = None,
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Sleep | None = None,
    ) -> None:
        self.api_base = checked_api_base(api_base)
        self._key = checked_api_key(api_key, self.api_base)
        self.livemode = livemode_of_key(self._key)
        self.requests = 0
        self.answers = 0
        self._clock = clock
        self._sleep = sleep
        self._pacer = Pacer(pace or self._usual_pace())
        self._counting = threading.Lock()
        self._session = _new_session(self.api_base)
        self._http = _BodyAside(self._session)
        stripe.enable_telemetry = False  # it would write a file into the user's home
        self._client = stripe.StripeClient(
            self._key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.api_base},
            http_client=self._http,
        )

    def __repr__(self) -> str:
        mode = {True: "live", False: "test", None: "unknown"}[self.livemode]
        return f"StripeSource(api_base={self.api_base!r}, mode={mode!r})"

    @property
    def pace(self) -> Pace:
        """How fast requests may leave."""
        return self._pacer.pace

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def __enter__(self) -> StripeSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Ask for ``path``, as often as it takes within a few minutes.

        Args:
            path: Such as ``/v1/customers``.
            params: Query parameters; nested dicts and lists are encoded as Stripe wants them.
            stop: When set, waiting ends at once with :class:`StoppedError`.

        Raises:
            ObjectMissingError: Stripe has no such object.
            StripeSettingsError: The key or the address cannot work.
            StripeUnavailableError: It did not work in the time given.
            StripeRefusedError: Stripe refuses this request for good.
        """
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            wait=_pause,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(ATTEMPTS),
                tenacity.stop_before_delay(PATIENCE_SECONDS),
                _NeverAnswered(self),
            ),
            sleep=partial(self._wait, stop=stop),
            reraise=True,
        )
        try:
            return attempts(self._attempt, path, params or {}, stop)
        except TransientError as error:
            raise error.final(self.api_base, answered=self.answers > 0) from None

    def _attempt(
        self, path: str, params: Mapping[str, Any], stop: threading.Event | None
    ) -> Answer:
        endpoint = _endpoint(path)
        self._wait(self._pacer.delay(endpoint), stop=stop)
        self._count(requests=1)
        try:
            response = self._client.raw_request("get", path, **params)
        except stripe.StripeError as error:
            meaning = what_it_means(error, path, self.api_base, self._key)
            if isinstance(meaning, TransientError) and meaning.slow_down_reason:
                self._pacer.slow_down(endpoint, reason=meaning.slow_down_reason)
            raise meaning from None
        data = self._parsed(path)
        self._count(answers=1)
        return Answer(data, self._server_time(response.headers))

    def _parsed(self, path: str) -> dict[str, Any]:
        try:
            data = orjson.loads(self._http.take_body())
        except orjson.JSONDecodeError:
            raise unparsable(path) from None
        if not isinstance(data, dict):
            raise unusable_answer(path, self.api_base)
        return data

    def _server_time(self, headers: Mapping[str, str]) -> int:
        try:
            return int(email.utils.parsedate_to_datetime(headers["Date"]).timestamp())
        except (KeyError, ValueError):
            return int(self._clock())

    def _wait(self, seconds: float, *, stop: threading.Event | None) -> None:
        if seconds > 0:
            if self._sleep is not None:
                self._sleep(seconds)
            elif stop is not None:
                stop.wait(seconds)
            else:
                time.sleep(seconds)
        if stop is not None and stop.is_set():
            raise StoppedError("The pull was stopped.")

    def _count(self, *, requests: int = 0, answers: int = 0) -> None:
        with self._counting:
            self.requests += requests
            self.answers += answers

    def _usual_pace(self) -> Pace:
        if self.api_base != STRIPE_API_BASE:
            return ELSEWHERE_PACE
        return LIVE_PACE if self.livemode else SANDBOX_PACE


class _NeverAnswered(tenacity.stop.stop_base):
    """Gives up early on an address that nothing was ever heard from."""

    def __init__(self, source: StripeSource) -> None:
        self._source = source

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = _error_of(retry_state)
        is_unheard = error is not None and error.is_nothing_of_stripes
        is_first = self._source.answers == 0
        return is_unheard and is_first and retry_state.attempt_number >= FIRST_CONTACT_ATTEMPTS


_backoff = tenacity.wait_exponential_jitter(multiplier=0.5, max=30.0, jitter=0.5)


def _pause(state: tenacity.RetryCallState) -> float:
    error = _error_of(state)
    if error is None or error.retry_after is None:
        return _backoff(state)
    return error.retry_after


def _error_of(state: tenacity.RetryCallState) -> TransientError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else None


def _new_session(api_base: str) -> requests.Session:
    """One session for all threads; connections are pooled, and all can be closed together."""
    session = requests.Session()
    session.trust_env = not is_loopback(api_base)  # a proxy has no way to our own machine
    adapter = requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=32)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _endpoint(path: str) -> str:
    """The path without its id, which is what Stripe's limits go by.

    >>> _endpoint("/v1/invoices"), _endpoint("/v1/invoices/in_1/lines")
    ('/v1/invoices', '/v1/invoices/{id}/lines')
    """
    parts = path.split("/")
    if len(parts) > 3:  # noqa: PLR2004 - "", "v1", the collection, then the id
        parts[3] = "{id}"
    return "/".join(parts)
