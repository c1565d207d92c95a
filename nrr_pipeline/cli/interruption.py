"""Ctrl-C during a long run: heard at once, obeyed as soon as what is being written is complete.

Dagster swallows the signal while it writes down what a step did. Nothing can be lost by it, nor by
ending the process: whatever was not finished is completed by the next run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""

GOODBYE = "Interrupted; nothing is lost. Run the same command again to go on."

_PATIENCE_SECONDS = 1.5

Echo = Callable[[str], None]


@contextmanager
def interruptible(echo: Echo) -> Iterator[Echo]:
    """Give a function like ``echo`` that ends the run, once Ctrl-C was pressed.

    A second Ctrl-C ends the process without waiting.
    """
    if threading.current_thread() is not threading.main_thread():
        yield echo
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    listener = _Listener(reading)
    listener.start()

    def echo_unless_interrupted(line: str) -> None:
        if listener.heard.is_set():
            raise KeyboardInterrupt
        echo(line)

    try:
        yield echo_unless_interrupted
    finally:
        signal.set_wakeup_fd(before)
        listener.over.set()
        os.close(writing)
        listener.join()
        os.close(reading)


class _Listener(threading.Thread):
    """Hears Ctrl-C even while nobody obeys it."""

    def __init__(self, reading: int) -> None:
        super().__init__(name="interruption", daemon=True)
        self.heard = threading.Event()
        self.over = threading.Event()
        self._reading = reading

    def run(self) -> None:
        while signals := os.read(self._reading, 16):
            for _ in range(signals.count(signal.SIGINT)):
                self._hear()

    def _hear(self) -> None:
        if self.heard.is_set():
            click.echo(f"\n{GOODBYE}", err=True)
            os._exit(INTERRUPTED)
        self.heard.set()
        if not self.over.wait(_PATIENCE_SECONDS):
            click.echo(
                "\nStopping as soon as what is being written is complete. Press Ctrl-C again to "
                "stop at once.",
                err=True,
            )
