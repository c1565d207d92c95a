"""The HTTP edge of these tests: a small server with Stripe's lists, and hooks to misbehave.

It knows paging, ``created`` bounds and single objects, and nothing of what objects mean.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

NOW = 1_790_000_000
"""The fake account's clock."""

KEY = "rk_test_51secretsecretsecret"

LISTS = (
    *("customers", "products", "prices", "coupons", "subscriptions", "subscription_items"),
    *("invoices", "subscription_schedules", "events"),
)


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    number: int
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What is answered; ``status`` 0 drops the connection."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None


def error(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: str
) -> Reply:
    """An error as Stripe words them."""
    body = {"error": {"type": "invalid_request_error", "message": message, **more}}
    return Reply(body, status, headers or {})


Hook = Callable[[Request], Reply | None]
"""Asked before every answer; what it returns is answered instead."""


class FakeStripe:
    """The account that is served: lists newest first, changeable while it is served.

    Attributes:
        objects: The listed objects by kind.
        unlisted: Objects that only answer to their id.
        hook: What happens to requests.
        requests: Every request so far.
    """

    def __init__(self) -> None:
        self.objects: dict[str, list[Any]] = {kind: [] for kind in LISTS}
        self.lines: dict[str, list[Any]] = {}
        self.unlisted: dict[str, Any] = {}
        self.hook: Hook = lambda _: None
        self.requests: list[Request] = []
        self.date: str | None = "Mon, 21 Sep 2026 14:13:20 GMT"
        self.lock = threading.Lock()
        self.address = ""

    def add(self, kind: str, *objects: Mapping[str, Any]) -> None:
        """List objects, newest first."""
        with self.lock:
            self.objects[kind].extend(objects)
            self.objects[kind].sort(key=lambda each: -each["created"])

    def remove(self, kind: str, object_id: str) -> None:
        """Let an object vanish."""
        with self.lock:
            self.objects[kind] = [each for each in self.objects[kind] if each["id"] != object_id]

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [each for each in self.requests if each.path == path]

    def answer(self, request: Request) -> Reply:
        """What Stripe would say."""
        with self.lock:
            parts = request.path.removeprefix("/v1/").split("/")
            if len(parts) == 1 and parts[0] in self.objects:
                return self._list(self.objects[parts[0]], request)
            if parts[-1] == "lines":
                return self._list(self.lines[parts[1]], request)
            return self._single(parts[0], unquote(parts[1]))

    def _single(self, kind: str, object_id: str) -> Reply:
        listed = {each["id"]: each for each in self.objects[kind] if "id" in each}
        found = self.unlisted.get(object_id) or listed.get(object_id)
        if found is None:
            message = f"No such {kind[:-1]}: '{object_id}'"
            return error(404, message, code="resource_missing", param="id")
        return Reply(found)

    def _list(self, objects: list[Any], request: Request) -> Reply:
        params = request.params
        chosen = [each for each in objects if _matches(each, params)]
        cursor = params.get("starting_after")
        if cursor is not None:
            ids = [each.get("id") if isinstance(each, dict) else None for each in chosen]
            if cursor not in ids:
                message = f"No such object: '{cursor}'"
                return error(400, message, code="resource_missing", param="starting_after")
            chosen = chosen[ids.index(cursor) + 1 :]
        limit = int(params.get("limit", 10))
        return Reply(page(chosen[:limit], has_more=len(chosen) > limit))


def page(objects: list[Any], *, has_more: bool = False) -> dict[str, Any]:
    """A list object."""
    return {"object": "list", "data": objects, "has_more": has_more, "url": "/v1/things"}


def _matches(each: object, params: Mapping[str, Any]) -> bool:
    if not isinstance(each, dict):
        return not any(name.startswith("created[") for name in params)
    created = each.get("created", NOW)
    return (
        created >= int(params.get("created[gte]", created))
        and created <= int(params.get("created[lte]", created))
        and created < int(params.get("created[lt]", created + 1))
        and params.get("active", str(each.get("active", "")).lower())
        == str(each.get("active", "")).lower()
        and each.get("subscription") == params.get("subscription", each.get("subscription"))
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        fake = self.server.fake
        parts = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with fake.lock:
            request = Request(len(fake.requests) + 1, parts.path, params, dict(self.headers))
            fake.requests.append(request)
        reply = fake.hook(request) or fake.answer(request)
        self._send(reply, fake.date)

    def _send(self, reply: Reply, date: str | None) -> None:
        if reply.status == 0:
            self.close_connection = True
            return
        is_text = isinstance(reply.body, str)
        body = reply.body.encode() if is_text else json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= {"Date": date} if date else {}
        head = [f"HTTP/1.1 {reply.status} Whatever"]
        head += [f"{name}: {value}" for name, value in {**headers, **reply.headers}.items()]
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + body[: reply.cut_after])
        if reply.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeStripe

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def serving(fake: FakeStripe) -> Iterator[FakeStripe]:
    """Serve an account on a free loopback port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.block_on_close = False
    server.fake = fake
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def nth(number: int, reply: Reply, path: str = "") -> Hook:
    """A hook that answers the first ``number`` requests for a path with ``reply``."""
    left = [number]

    def hook(request: Request) -> Reply | None:
        if left[0] == 0 or not request.path.startswith(path):
            return None
        left[0] -= 1
        return reply

    return hook


def slowly(seconds: float) -> Hook:
    """A hook that lets every answer take its time."""
    return lambda _: time.sleep(seconds)
