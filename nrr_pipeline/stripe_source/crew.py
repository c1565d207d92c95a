"""Several threads that read, and one, the caller's, that is handed what they read.

Here belongs who does what when, and how it all stops: at the end, on the first error, on Ctrl-C.
The caller's thread alone lands objects and reports progress, so nothing beyond this room need be
safe for threads; what has been read but not handed over is bounded.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from nrr_pipeline.stripe_source.catalog import Listing
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import ObjectMissingError, StoppedError
from nrr_pipeline.stripe_source.intake import Batch, Intake
from nrr_pipeline.stripe_source.lists import is_lost_cursor, page_of
from nrr_pipeline.stripe_source.references import Reference
from nrr_pipeline.stripe_source.windows import Window

IDLE_SECONDS = 1.0
"""How long anybody sleeps without looking up."""

LEAVING_SECONDS = 3.0
"""How long threads get to leave after a stop; one that is in a request is left behind."""

Task = Callable[[], Batch]


class Work(Protocol):
    """Something to be done in small tasks; ``changed`` guards it."""

    changed: threading.Condition

    def take(self) -> Task | None:
        """The next task, or nothing at the moment."""
        ...

    def is_finished(self) -> bool:
        """Whether no task will come any more."""
        ...

    def remaining(self) -> float | None:
        """Roughly how many objects are still to come."""
        ...


class Crew:
    """Threads that do work and hand over what they brought."""

    def __init__(self, workers: int, stop: threading.Event) -> None:
        self._workers = workers
        self._stop = stop
        self._brought: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(2 * workers)
        self._failure: BaseException | None = None

    def run(self, work: Work, hand_over: Callable[[Batch | None], None]) -> None:
        """Do all of the work.

        Args:
            work: What is to be done.
            hand_over: Called in this thread with every batch, and with ``None`` about every
                second while there is none.
        """
        threads = [
            threading.Thread(target=self._labor, args=(work,), daemon=True, name=f"pull-{n}")
            for n in range(self._workers)
        ]
        try:
            for thread in threads:
                thread.start()
            self._receive(hand_over)
        except BaseException:
            self._stop.set()
            raise
        finally:
            with work.changed:
                work.changed.notify_all()
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(LEAVING_SECONDS / self._workers)
        if self._failure is not None:
            raise self._failure

    def _receive(self, hand_over: Callable[[Batch | None], None]) -> None:
        """Hand over until every thread has left, or, after a failure, has had time to."""
        here = self._workers
        patience = LEAVING_SECONDS
        while here and patience > 0:
            try:
                batch = self._brought.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                patience -= IDLE_SECONDS if self._failure is not None else 0.0
                hand_over(None)
                continue
            if batch is None:
                here -= 1
                continue
            self._room.release()
            hand_over(batch)

    def _labor(self, work: Work) -> None:
        try:
            while (task := self._next(work)) is not None:
                batch = task()
                if self._stop.is_set():
                    return
                self._brought.put(batch)
                with work.changed:
                    work.changed.notify_all()
        except StoppedError:
            return
        except BaseException as error:  # raised again by the caller's thread
            self._failure = self._failure or error
            self._stop.set()
        finally:
            with work.changed:
                work.changed.notify_all()
            self._brought.put(None)

    def _next(self, work: Work) -> Task | None:
        while not self._room.acquire(timeout=IDLE_SECONDS):
            if self._stop.is_set():
                return None
        with work.changed:
            while not self._stop.is_set():
                task = work.take()
                if task is not None:
                    return task
                if work.is_finished():
                    break
                work.changed.wait(IDLE_SECONDS)
        self._room.release()
        return None


class ReadLists:
    """Reading lists to their ends, large ones in several windows at once."""

    def __init__(
        self,
        source: StripeSource,
        intake: Intake,
        listings: Iterable[Listing],
        stop: threading.Event,
    ) -> None:
        self.changed = threading.Condition()
        self._source = source
        self._intake = intake
        self._stop = stop
        self._waiting = deque(Window.whole(listing) for listing in listings)
        self._under_way: list[Window] = []

    def take(self) -> Task | None:
        """The window whose list is read by the fewest; else half of the largest one."""
        window = self._least_busy() or self._half_of_largest()
        if window is None:
            return None
        self._under_way.append(window)
        return partial(self._read_page, window)

    def is_finished(self) -> bool:
        """Whether every list was read to its end."""
        return not self._waiting and not self._under_way

    def remaining(self) -> float | None:
        """Roughly how many objects are still to come."""
        with self.changed:
            each = [window.remaining() for window in (*self._waiting, *self._under_way)]
        known = [objects for objects in each if objects is not None]
        return sum(known) if len(known) == len(each) else None

    def _least_busy(self) -> Window | None:
        if not self._waiting:
            return None
        busy = Counter(window.listing.path for window in self._under_way)
        window = min(self._waiting, key=lambda each: busy[each.listing.path])
        self._waiting.remove(window)
        return window

    def _half_of_largest(self) -> Window | None:
        by_size = sorted(self._under_way, key=lambda w: w.remaining() or 0.0, reverse=True)
        halves = (window.split() for window in by_size)
        return next((half for half in halves if half is not None), None)

    def _read_page(self, window: Window) -> Batch:
        kind, path = window.listing.kind, window.listing.path
        with self.changed:
            params = window.params()
        try:
            answer = self._source.get(path, params, stop=self._stop)
        except ObjectMissingError as error:
            if not is_lost_cursor(error, params):
                raise
            with self.changed:
                window.lose_cursor()
                self._put_back(window)
            return Batch(kind)
        objects, has_more = page_of(answer.data, path)
        with self.changed:
            mine = window.accept(objects, has_more=has_more)
            self._put_back(window)
        return self._intake.take_in(kind, mine, answer.server_time)

    def _put_back(self, window: Window) -> None:
        self._under_way.remove(window)
        if window.rest is not None:
            self._waiting.append(window.rest)
            window.rest = None
        if not window.is_done:
            self._waiting.append(window)
        self.changed.notify_all()


class RetrieveSingles:
    """Reading objects one by one, by their ids."""

    def __init__(self, intake: Intake, wanted: Iterable[Reference]) -> None:
        self.changed = threading.Condition()
        self._intake = intake
        self._wanted = deque(sorted(set(wanted)))

    def take(self) -> Task | None:
        """The next object."""
        if not self._wanted:
            return None
        kind, object_id = self._wanted.popleft()
        return partial(self._intake.retrieve, kind, object_id)

    def is_finished(self) -> bool:
        """Whether every object was asked for."""
        return not self._wanted

    def remaining(self) -> float | None:
        """How many objects are still to come."""
        return float(len(self._wanted))
