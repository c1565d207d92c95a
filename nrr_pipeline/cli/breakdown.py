"""A period by segment of a dimension, or by the pairs of two: which rows, in which order.

The figures of one dimension are those of the table; pairs are measured again. How a table looks
is decided in ``retention_views``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import RenderableType

from nrr_pipeline.cli import documents, retention_views
from nrr_pipeline.cli.opening import Opened
from nrr_pipeline.cli.rendering import day, indented, shortened
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.dimensions import band_names
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.stages.names import Names
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse.pulls import complete_pull_times
from nrr_pipeline.warehouse.reading import Rows

Row = Mapping[str, Any]


class NotBrokenDownError(NrrError):
    """A period was asked for by a dimension that it was not published by."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One line: the segment of each dimension, what they are called, and the figures."""

    segments: tuple[str, ...]
    names: tuple[str, ...]
    row: Row


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A period's segments in order.

    Attributes:
        dimensions: One, or two that are crossed.
        segments: What there is of them.
        adds_up: Whether the segments are those of the published figures.
        known_from: By dimension, the day before which values are those first seen on it.
    """

    dimensions: tuple[str, ...]
    segments: list[Segment]
    adds_up: bool
    known_from: dict[str, date]

    @property
    def is_crossed(self) -> bool:
        """Whether it is by pairs."""
        return len(self.dimensions) > 1

    def parts(self, whole: Row) -> list[RenderableType]:
        """Return it for a terminal."""
        called = " and ".join(name.replace("_", " ") for name in self.dimensions)
        lines = [(" / ".join(map(shortened, each.names)), each.row) for each in self.segments]
        table = retention_views.segments_table(lines, whole)
        heading = f"By {called}, {retention_views.unit([whole])}"
        return [heading, "", table, "", *self._remarks()]

    def document(self) -> documents.Document:
        """Return it for JSON; of two dimensions, names and segments are pairs."""
        return {
            "segments": [
                {
                    **documents.retention(each.row),
                    "name": each.names if self.is_crossed else each.names[0],
                }
                for each in self.segments
            ],
            "adds_up": self.adds_up,
            "values_known_from": self.known_from,
        }

    def _remarks(self) -> list[RenderableType]:
        lines = [
            f"{name}: Stripe tells the present value only, so before {day(since)}, when the "
            "account was connected, it is the one first seen then."
            for name, since in self.known_from.items()
        ]
        return [*(indented(line, 0) for line in lines), ""] if lines else []


def parse_dimensions(text: str | None, policy: MetricPolicy) -> tuple[str, ...]:
    """Read ``product`` or ``product,country``; without a text there is none.

    Raises:
        click.BadParameter: There is no such dimension, or not one or two different ones.
    """
    if text is None:
        return ()
    named = tuple(name.strip() for name in text.split(","))
    unknown = next((name for name in named if name not in policy.dimensions), None)
    if unknown is not None:
        raise click.BadParameter(
            f"there is no dimension {unknown!r}; choose from {', '.join(policy.dimensions)}. "
            "Others can be defined under [segments] in policy.toml",
            param_hint="--by",
        )
    if len(named) > 2 or len(set(named)) < len(named):  # noqa: PLR2004
        raise click.BadParameter(
            "name one dimension, or two different ones with a comma, such as product,country",
            param_hint="--by",
        )
    return named


def broken_down(
    installation: Opened, period: Period, rows: Rows, dimensions: tuple[str, ...]
) -> Breakdown:
    """Return a published period by one dimension, or by two that are crossed.

    Raises:
        NotBrokenDownError: It was published before the policy named such a dimension.
    """
    published = {row["dimension"] for row in rows}
    missing = [name for name in dimensions if name not in published]
    if missing and len(published) > 1:
        raise NotBrokenDownError(
            f"{period.label} was published under policy {rows[0]['policy_version']}, without "
            f"{' and '.join(missing)}. Publish it anew: nrr run --no-pull"
        )
    if len(dimensions) == 1:
        chosen, adds_up = [row for row in rows if row["dimension"] == dimensions[0]], True
    else:
        # pandas is imported by those who need it only
        from nrr_pipeline.cli.measured import pairs_of_segments  # noqa: PLC0415

        chosen, adds_up = pairs_of_segments(installation, period, rows, *dimensions)
    segments = _in_order(_named(installation, dimensions, chosen), dimensions, installation.policy)
    known_from = _known_from(installation, period, dimensions)
    return Breakdown(dimensions, segments, adds_up, known_from)


def _named(installation: Opened, dimensions: tuple[str, ...], rows: Rows) -> list[Segment]:
    keys = [row["segment"] if len(dimensions) > 1 else (row["segment"],) for row in rows]
    names = Names(installation.connection)
    called = [
        names.segments(dimension, sorted({key[place] for key in keys}))
        for place, dimension in enumerate(dimensions)
    ]
    return [
        Segment(key, tuple(called[place][each] for place, each in enumerate(key)), row)
        for key, row in zip(keys, rows, strict=True)
    ]


def _in_order(
    found: list[Segment], dimensions: tuple[str, ...], policy: MetricPolicy
) -> list[Segment]:
    """Bands by size and months by time; all others the largest first."""
    ranks = [_ranks(dimension, place, found, policy) for place, dimension in enumerate(dimensions)]
    return sorted(
        found,
        key=lambda each: [rank[name] for rank, name in zip(ranks, each.segments, strict=True)],
    )


def _ranks(
    dimension: str, place: int, found: list[Segment], policy: MetricPolicy
) -> dict[str, int]:
    starting: defaultdict[str, int] = defaultdict(int)
    ending: defaultdict[str, int] = defaultdict(int)
    for each in found:
        starting[each.segments[place]] += each.row["starting_mrr_micros"]
        ending[each.segments[place]] += each.row["ending_mrr_micros"]
    bands = {name: number for number, name in enumerate(band_names(policy.company_size.bands))}

    def order(segment: str) -> tuple[Any, ...]:
        if dimension == "signup_cohort":
            return (segment,)
        band = bands.get(segment, len(bands)) if dimension == "company_size" else 0
        return (band, -starting[segment], -ending[segment], segment)

    return {segment: rank for rank, segment in enumerate(sorted(starting, key=order))}


def _known_from(
    installation: Opened, period: Period, dimensions: tuple[str, ...]
) -> dict[str, date]:
    """The dimensions whose values of before a day are those first seen then, and that day."""
    first_pull, *_ = complete_pull_times(installation.connection)
    since = first_pull.astimezone(ZoneInfo(installation.policy.timezone)).date()
    if period.opening_date >= since:
        return {}
    sources = installation.policy.attribute_sources
    return {
        name: since
        for name in dimensions
        if sources.get(name, "").startswith(("customer.", "subscription."))
    }
