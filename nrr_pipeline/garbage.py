"""Keeps Python's collector from walking through millions of parsed objects, again and again.

It finds what refers to itself in a circle. JSON never does: it is freed without that help.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Run a stretch of work without the collector; it is as it was before afterwards."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
