"""A stand-in for Slack on this machine, over real HTTP: it answers as it is told, and remembers.

It speaks as an incoming webhook and as the few methods of the Web API that are used.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

SECRET = "B00SECRET00XYZ"
TOKEN = "xoxb-1234-secret-token"
CHANNEL = "#finance"


@dataclass(frozen=True)
class Answer:
    """What Slack says; one that hangs never comes."""

    status: int = 200
    body: str = "ok"
    retry_after: str | None = None
    hangs: bool = False

    @classmethod
    def error(cls, code: str, status: int = 200) -> Answer:
        """What the Web API says when it refuses."""
        return cls(status, json.dumps({"ok": False, "error": code}))


RATE_LIMITED = Answer(429, "rate_limited", retry_after="7")
REVOKED = Answer(404, "no_service")
BROKEN = Answer(500, "server_error")
HANGING = Answer(hangs=True)


@dataclass
class SlackStandIn:
    """Answers the next messages as ``answers`` say, and every further one with success."""

    address: str = ""
    answers: deque[Answer] = field(default_factory=deque)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    uploaded: list[bytes] = field(default_factory=list)
    refused_methods: dict[str, str] = field(default_factory=dict)
    received: threading.Event = field(default_factory=threading.Event)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def webhook(self) -> str:
        """The address of a webhook; a secret is in it."""
        return f"{self.address}/services/T00/B00/{SECRET}"

    @property
    def api(self) -> str:
        """The base address of the Web API."""
        return f"{self.address}/api/"

    @property
    def texts(self) -> list[str]:
        """The texts of all messages, in the order in which they came."""
        return [message["text"] for message in self.messages]

    def answer(self, path: str, content: bytes, kind: str) -> Answer:
        """Answer a request."""
        if path.startswith("/services/"):
            return self._take(json.loads(content))
        if path == "/upload":
            self.uploaded.append(content)
            return Answer()
        method = path.removeprefix("/api/")
        self.calls.append(method)
        if method in self.refused_methods:
            return Answer.error(self.refused_methods[method])
        if method == "chat.postMessage":
            answer = self._take(json.loads(content) if "json" in kind else _form(content))
            number = f"1700000000.{len(self.messages):06}"
            posted = json.dumps({"ok": True, "channel": "C0123", "ts": number})
            return Answer(body=posted, hangs=answer.hangs) if answer.body == "ok" else answer
        return Answer(body=json.dumps({"ok": True, **self._fact(method)}))

    def _fact(self, method: str) -> dict[str, Any]:
        return {
            "auth.test": {"user": "nrr", "team": "Acme"},
            "files.getUploadURLExternal": {
                "upload_url": f"{self.address}/upload",
                "file_id": "F1",
            },
            "files.completeUploadExternal": {"files": [{"id": "F1"}]},
        }.get(method, {})

    def _take(self, message: dict[str, Any]) -> Answer:
        self.messages.append(message)
        self.received.set()
        return self.answers.popleft() if self.answers else Answer()


def _form(content: bytes) -> dict[str, Any]:
    return {name: values[0] for name, values in parse_qs(content.decode()).items()}


@contextmanager
def slack_stand_in() -> Iterator[SlackStandIn]:
    """Serve on a free port."""
    stand_in = SlackStandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            content = self.rfile.read(length)
            path = self.path.partition("?")[0]
            answer = stand_in.answer(path, content, self.headers.get("Content-Type", ""))
            if answer.hangs:
                stand_in.closing.wait()
                return
            self.send_response(answer.status)
            if answer.retry_after is not None:
                self.send_header("Retry-After", answer.retry_after)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield stand_in
    finally:
        stand_in.closing.set()
        server.shutdown()
        server.server_close()
