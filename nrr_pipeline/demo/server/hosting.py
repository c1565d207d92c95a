"""Serving an application on a loopback port, for a while or until told to stop.

Here belong sockets, threads and signals. What is served belongs to ``app``.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.server.account_index import AccountHolder
from nrr_pipeline.demo.server.app import TRANSPORT_KEY, create_app
from nrr_pipeline.demo.server.traffic import ServerOptions

LOOPBACK = "127.0.0.1"
_STARTUP_SECONDS = 30.0
_POLL_SECONDS = 0.005
_KEEP_ALIVE_SECONDS = 75
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class PortTakenError(OSError):
    """Something else listens on the port that was asked for."""


class _CuttableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application cut its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Put the transport where the application finds it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT_KEY: transport}


@contextmanager
def running_server(
    account: StripeAccount | AccountHolder, options: ServerOptions | None = None, *, port: int = 0
) -> Iterator[str]:
    """Serve an account on loopback while the block runs; yields the base address.

    Port 0 takes a free one. Pass an ``AccountHolder`` to exchange the account meanwhile.
    """
    with hosted(create_app(account, options), port=port) as address:
        yield address


@contextmanager
def hosted(app: Starlette, *, port: int = 0) -> Iterator[str]:
    """Serve an application on loopback while the block runs; yields the base address."""
    with _listen(port) as listener:
        server = uvicorn.Server(_config(app))
        thread = threading.Thread(
            target=server.run, args=([listener],), name="simulated-stripe", daemon=True
        )
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def serve(app: Starlette, port: int, *, started: Callable[[str], object] | None = None) -> None:
    """Serve an application until Ctrl-C or a termination signal; for the main thread only.

    Args:
        app: The application.
        port: The port on loopback; 0 takes a free one.
        started: Called with the base address once it answers.
    """
    before = {each: signal.signal(each, signal.default_int_handler) for each in _STOP_SIGNALS}
    try:
        with suppress(KeyboardInterrupt), hosted(app, port=port) as address:
            if started is not None:
                started(address)
            threading.Event().wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def serve_forever(
    account: StripeAccount | AccountHolder, options: ServerOptions | None, port: int
) -> None:
    """Serve an account until told to stop; prints one line, with the address."""
    gc.freeze()  # The account stays as long as the process: collections need not walk through it.
    serve(create_app(account, options), port, started=_print_address)


def _print_address(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def _listen(port: int) -> socket.socket:
    # The protocol is named because asyncio turns Nagle's delay (40 ms an answer) off only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(
            error.errno,
            f"Cannot listen on {LOOPBACK}:{port} ({error.strerror}). Choose another port",
        ) from error
    return listener


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("The simulated server did not start: see the error above.")
        time.sleep(_POLL_SECONDS)
