"""Short looks at an account: may the key read it, how large is it, what time is it there.

Here belongs what takes a handful of requests and lands nothing. Reading the account is ``pull``'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from nrr_pipeline.raw import KINDS
from nrr_pipeline.stripe_source.catalog import PAGE_SIZE, sample_params
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import MissingPermissionError, StripeRefusedError
from nrr_pipeline.stripe_source.lists import page_of

LOOKS = 9
"""How many pages of a list an estimate looks at."""

STORED_PER_BYTE = 1.5
"""Bytes on disk for a byte of JSON: indexes, and the history that is built from it."""

SECONDS_PER_REQUEST = 0.25
"""How long Stripe takes to answer with a full page."""

REQUESTS_UNDER_WAY = 8

MINUTE = 60

STRIDE_GROWTH = 8


@dataclass(frozen=True)
class PermissionResult:
    """Whether the key may read one kind of objects; ``message`` is Stripe's when it may not."""

    kind: str
    ok: bool
    message: str


@dataclass(frozen=True)
class PullEstimate:
    """What a first pull will roughly take: good to a factor of two where it is not exact.

    Attributes:
        objects: How many there are, by kind.
        is_exact: Whether everything was counted rather than estimated.
        requests: How many requests a pull needs.
        minutes: How long it takes at the pace in force.
        disk_bytes: How much the database will grow.
    """

    objects: Mapping[str, int]
    is_exact: bool
    requests: int
    minutes: float
    disk_bytes: int


def server_time(source: StripeSource) -> int:
    """The time on Stripe's clock, in Unix seconds."""
    return source.get("/v1/customers", {"limit": 1}).server_time


def check_permissions(source: StripeSource) -> list[PermissionResult]:
    """Ask for one object of every kind, as a pull would.

    Raises:
        WrongKeyError: The key is not accepted at all.
        StripeUnavailableError: Stripe could not be reached.
    """
    return [_may_read(source, kind) for kind in KINDS]


def estimate(source: StripeSource) -> PullEstimate:
    """Say how large an account is, from a few pages of each list.

    A list of more than one page is looked at in a few moments of the account's life, and what lies
    between them is taken as a straight line.
    """
    sizes = {kind: _size(source, kind) for kind in KINDS}
    requests = {kind: math.ceil(size.objects / PAGE_SIZE) + 1 for kind, size in sizes.items()}
    total = sum(requests.values())
    seconds = max(
        max(requests.values()) / source.pace.per_endpoint,
        total / source.pace.in_all,
        total * SECONDS_PER_REQUEST / REQUESTS_UNDER_WAY,
    )
    return PullEstimate(
        objects={kind: round(size.objects) for kind, size in sizes.items()},
        is_exact=all(size.is_exact for size in sizes.values()),
        requests=total,
        minutes=seconds / 60,
        disk_bytes=round(sum(size.json_bytes for size in sizes.values()) * STORED_PER_BYTE),
    )


@dataclass(frozen=True)
class _Size:
    objects: float
    json_bytes: float
    is_exact: bool


@dataclass(frozen=True)
class _Look:
    """One page: when its objects were created, newest first, and whether there are older ones."""

    times: Sequence[int]
    objects: int
    json_bytes: int
    has_more: bool

    @property
    def middle(self) -> float:
        return (self.times[0] + self.times[-1]) / 2

    @property
    def density(self) -> float:
        """Objects per second around here."""
        return self.objects / max(1, self.times[0] - self.times[-1])


def _look(source: StripeSource, kind: str, before: int | None) -> _Look:
    params = {**sample_params(kind), "limit": PAGE_SIZE}
    if before is not None:
        params["created"] = {"lt": before}
    answer = source.get(f"/v1/{kind}", params)
    objects, has_more = page_of(answer.data, f"/v1/{kind}")
    times = [
        each["created"]
        for each in objects
        if isinstance(each, dict) and isinstance(each.get("created"), int)
    ]
    return _Look(times, len(objects), len(orjson.dumps(objects)), has_more and bool(times))


def _size(source: StripeSource, kind: str) -> _Size:
    newest = _look(source, kind, None)
    if not newest.has_more:
        return _Size(newest.objects, newest.json_bytes, is_exact=True)
    looks, since, rest = _look_back(source, kind, newest)
    objects = _area(looks, since=since) + rest
    read = sum(look.objects for look in looks)
    bytes_each = sum(look.json_bytes for look in looks) / read
    return _Size(objects, objects * bytes_each, is_exact=False)


def _look_back(source: StripeSource, kind: str, newest: _Look) -> tuple[list[_Look], int, int]:
    """Look in growing strides for where the list begins, then closer to it.

    Returns:
        The looks, newest first; a time that nothing but a counted rest is older than; that rest.
    """
    looks = [newest]
    begins_after: int | None = None
    upper = newest.times[-1]
    stride = max(MINUTE, newest.times[0] - upper)
    for _ in range(LOOKS - 1):
        before = upper - stride if begins_after is None else (begins_after + upper) // 2
        stride *= STRIDE_GROWTH
        look = _look(source, kind, before)
        if look.has_more:
            looks.append(look)
            upper = look.times[-1]
        else:
            begins_after = before
            if look.objects:
                return looks, before, look.objects
    return looks, upper if begins_after is None else begins_after, 0


def _area(looks: Sequence[_Look], *, since: int) -> float:
    """Objects created since a moment, with straight lines between the densities looked at."""
    times = [since, *(look.middle for look in reversed(looks)), looks[0].times[0]]
    densities = [look.density for look in reversed(looks)]
    heights = [densities[0], *densities, densities[-1]]
    return sum(
        max(0.0, later - earlier) * (low + high) / 2
        for earlier, later, low, high in zip(times, times[1:], heights, heights[1:], strict=False)
    )


def _may_read(source: StripeSource, kind: str) -> PermissionResult:
    try:
        source.get(f"/v1/{kind}", {**sample_params(kind), "limit": 1})
    except (MissingPermissionError, StripeRefusedError) as error:
        return PermissionResult(kind, ok=False, message=str(error))
    return PermissionResult(kind, ok=True, message="can be read")
