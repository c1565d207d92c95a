"""Which objects a pull has seen, in eight bytes each.

Millions of invoices would fill the memory as strings, so only hashes are kept. That two of ten
million ids share one is a matter of one pull in a hundred thousand, and its only effect would be
that a deletion is noticed later. What is done about missing objects is decided in ``pull``.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np


class SeenIds:
    """Ids by kind.

    >>> seen = SeenIds()
    >>> seen.add("coupons", ["half_off"])
    >>> seen.missing("coupons", ["gone", "half_off"])
    ['gone']
    """

    def __init__(self) -> None:
        self._hashes: dict[str, array[int]] = {}

    def add(self, kind: str, ids: Iterable[str]) -> None:
        """Note that objects were seen."""
        self._hashes.setdefault(kind, array("q")).extend(map(hash, ids))

    def missing(self, kind: str, ids: Iterable[str]) -> list[str]:
        """Those of ``ids`` that were not seen, in order."""
        asked = list(ids)
        seen = np.frombuffer(self._hashes.get(kind, array("q")), dtype=np.int64)
        is_seen = np.isin(np.fromiter(map(hash, asked), np.int64, len(asked)), seen)
        return sorted(each for each, known in zip(asked, is_seen, strict=True) if not known)
