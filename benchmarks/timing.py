"""CPU time of a piece of work in this process."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def timed(work: Callable[[], Result], repeat: int = 3) -> tuple[float, Result]:
    """The best CPU time of some runs, and what the last one gave."""
    best = float("inf")
    for _ in range(repeat):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result
