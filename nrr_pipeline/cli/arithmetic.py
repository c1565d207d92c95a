"""How the MRR of each stretch of a customer's history comes about, step by step.

The steps are made in ``metrics.explanation``; where they stand among the rest is decided in
``customer_view``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import RenderableType

from nrr_pipeline.cli.rendering import faint, indented, lines_of, printable
from nrr_pipeline.metrics.explanation import Step, explain_stretch
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.intervals import DayClock
from nrr_pipeline.metrics.pricing import Price, UnpriceableError
from nrr_pipeline.orchestration.stages.history import last_seen, require_complete_pull
from nrr_pipeline.orchestration.stages.history_rows import segment_of
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.payloads import MalformedObjectError, read_price
from nrr_pipeline.warehouse.transactions import Connection

Row = dict[str, Any]


@dataclass(frozen=True)
class Arithmetic:
    """The steps of one stretch, or why it is held out; neither where it does not count."""

    steps: tuple[Step, ...] = ()
    held_out: str | None = None

    def document(self) -> list[dict[str, str]]:
        """Return the steps for JSON, with exact amounts in minor units."""
        return [
            {"label": step.label, "minor_units": str(step.minor_units), "detail": step.detail}
            for step in self.steps
        ]


def explain(
    connection: Connection, policy: MetricPolicy, stretches: Iterable[Row]
) -> list[Arithmetic]:
    """Return the arithmetic of each stretch, as of the end of its first day.

    Args:
        connection: Where the prices are.
        policy: The rules that decide what counts and what is subtracted.
        stretches: All rows of history of a customer.
    """
    rows = list(stretches)
    segments = [segment_of(row) for row in rows]
    prices = _prices(connection, {segment.terms.price_id for segment in segments})
    clock = DayClock(policy.timezone)
    return [
        _arithmetic(
            segment,
            [other for other in segments if other.subscription_id == segment.subscription_id],
            prices,
            policy,
            clock,
        )
        for segment in segments
    ]


def parts(stretches: Iterable[tuple[str, Arithmetic]]) -> list[RenderableType]:
    """Return the arithmetic of an item for a terminal; equal ones that follow are shown once.

    Args:
        stretches: The first day of each stretch, and its arithmetic.
    """
    shown: list[RenderableType] = []
    for arithmetic, group in groupby(stretches, key=lambda each: each[1]):
        days = [day for day, _ in group]
        if arithmetic.held_out is not None:
            shown += ["", faint(f"{days[0]}  held out"), indented(arithmetic.held_out)]
        elif arithmetic.steps:
            lines = [(step.label, printable(step.detail)) for step in arithmetic.steps]
            shown += ["", faint(f"{days[0]}  how it is computed")]
            shown.append(lines_of(lines, ["left", "left"]))
    return shown


def _arithmetic(
    segment: HistorySegment,
    whole: list[HistorySegment],
    prices: dict[str, Price],
    policy: MetricPolicy,
    clock: DayClock,
) -> Arithmetic:
    at = max(segment.valid_from, clock.last_second(clock.day(segment.valid_from)))
    if segment.valid_to is not None and at >= segment.valid_to:
        return Arithmetic()
    try:
        steps = explain_stretch(
            whole, segment.subscription_item_id, at, prices=prices, rules=policy.counting_rules()
        )
    except UnpriceableError as error:
        return Arithmetic(held_out=str(error))
    return Arithmetic(tuple(steps))


def _prices(connection: Connection, price_ids: set[str]) -> dict[str, Price]:
    """The prices that can be read; an item with another one says so itself."""
    prices: dict[str, Price] = {}
    known_at = require_complete_pull(connection)
    for price_id, payload in last_seen(connection, "prices", known_at, sorted(price_ids)).items():
        try:
            price = read_price(payload)
        except MalformedObjectError:
            continue
        if price is not None:
            prices[price_id] = price
    return prices
