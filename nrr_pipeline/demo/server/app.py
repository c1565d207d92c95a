"""The ASGI application: the way of a request from the connection to its answer and back.

Here belong headers, delays, faults and the order of the checks. What an endpoint says belongs to
``answers``; sockets and threads belong to ``hosting``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.server.access import KeyRing
from nrr_pipeline.demo.server.account_index import AccountHolder, AccountIndex
from nrr_pipeline.demo.server.answers import Answerer, find_target
from nrr_pipeline.demo.server.errors import ApiError, method_not_allowed
from nrr_pipeline.demo.server.traffic import Fault, ServerOptions, Traffic

API_VERSION = "2026-10-28.endive"

TRANSPORT_KEY = "transport"
"""Where the state of a connection holds its transport, so that it can be cut."""


def create_app(
    account: StripeAccount | AccountHolder,
    options: ServerOptions | None = None,
    *,
    downloads: Mapping[str, bytes] | None = None,
) -> Starlette:
    """Make the application that serves an account.

    The account can be exchanged while it is served: through the holder that was passed in, or
    through ``app.state.account``, which is always one. Beside it stand ``downloads``, files by
    their paths that anybody may fetch, such as a central bank's rates.
    """
    holder = account if isinstance(account, AccountHolder) else AccountHolder(account)
    api = StripeApi(holder, options or ServerOptions())
    files = [_file_at(path, content) for path, content in (downloads or {}).items()]
    app = Starlette(routes=[*files, Mount("/", app=api)])
    app.state.account = holder
    return app


def _file_at(path: str, content: bytes) -> Route:
    def answer(_: Request) -> Response:
        return Response(content, media_type="application/octet-stream")

    return Route(path, answer)


class StripeApi:
    """The API as an ASGI application."""

    def __init__(self, holder: AccountHolder, options: ServerOptions) -> None:
        self._holder = holder
        self._options = options
        self._traffic = Traffic(options)
        self._keys = KeyRing(options.keys)
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._requests += 1
        number = self._requests
        if self._options.latency_seconds > 0:
            await asyncio.sleep(self._options.latency_seconds)
        fault = self._traffic.fault(number, scope["path"])
        if fault is not None and fault.drops_connection:
            await _drop_connection(scope, receive)
            return
        response = self._respond(scope, number, fault)
        await response(scope, receive, send)

    def _respond(self, scope: Scope, number: int, fault: Fault | None) -> Response:
        index = self._holder.index
        account = index.account
        request_id = f"req_{number:014d}"
        status, headers = 200, dict[str, str]()
        try:
            body = self._answer(scope, index, fault)
            if fault is not None:
                status, headers = fault.status, dict(fault.headers)
        except ApiError as error:
            mode = "" if account.livemode else "test/"
            log = f"https://dashboard.stripe.com/{account.account_id}/{mode}logs/{request_id}"
            status, headers, body = error.status, error.headers, error.body(log)
        headers = {
            "date": formatdate(account.now, usegmt=True),
            "request-id": request_id,
            "stripe-version": API_VERSION,
            **headers,
        }
        return Response(orjson.dumps(body), status, headers, "application/json")

    def _answer(self, scope: Scope, index: AccountIndex, fault: Fault | None) -> Mapping[str, Any]:
        """Return the body of the answer after all checks, in the order in which they are made."""
        method, path = scope["method"], scope["path"]
        headers = Headers(scope=scope)
        if fault is not None:
            if fault.body is None:
                raise fault.as_error()
            return fault.body
        key = self._keys.accept(headers.get("authorization", ""), livemode=index.account.livemode)
        version = headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            message = (
                f"Invalid Stripe API version: {version}. This account is served at {API_VERSION}."
            )
            raise ApiError(400, message)
        target = find_target(method, path)
        if method != "GET":
            raise method_not_allowed(method, path)
        self._traffic.limit(target.endpoint)
        answerer = Answerer(index, key, nested_page_size=self._options.nested_page_size)
        body = answerer.answer(target, scope["query_string"].decode())
        if target.is_list and body["data"] and self._traffic.empties_page():
            return {**body, "data": [], "has_more": True}
        return body


async def _drop_connection(scope: Scope, receive: Receive) -> None:
    """Cut the connection before anything is answered, and wait until it is gone."""
    scope["state"][TRANSPORT_KEY].abort()
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
