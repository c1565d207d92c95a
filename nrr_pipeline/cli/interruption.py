"""Ctrl-C during a long run: heard at once, and obeyed within seconds.

Dagster swallows the signal while it writes down what a step did, and takes it for a failure that
deserves another attempt while a step works. Nothing is lost by ending the process instead: what was
not finished is completed by the next run.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""

GOODBYE = "Interrupted; nothing is lost. Run the same command again to go on."

PATIENCE_SECONDS = 5.0
"""How long a run may take to end by itself."""

Echo = Callable[[str], None]


@contextmanager
def interruptible(echo: Echo) -> Iterator[Echo]:
    """Give a function like ``echo`` that ends the run, once Ctrl-C was pressed.

    A second Ctrl-C, or a run that does not end, ends the process.
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
        os.close(writing)
        listener.join()
        os.close(reading)


class _Listener(threading.Thread):
    """Hears Ctrl-C even while nobody obeys it, and sees to it that somebody does."""

    def __init__(self, reading: int) -> None:
        super().__init__(name="interruption", daemon=True)
        self.heard = threading.Event()
        self._reading = reading

    def run(self) -> None:
        while True:
            patience = PATIENCE_SECONDS if self.heard.is_set() else None
            ready, _, _ = select.select([self._reading], [], [], patience)
            signals = os.read(self._reading, 16) if ready else bytes([signal.SIGINT])
            if not signals:
                return
            if signal.SIGINT in signals:
                if self.heard.is_set():
                    click.echo(f"\n{GOODBYE}", err=True)
                    os._exit(INTERRUPTED)
                self.heard.set()
