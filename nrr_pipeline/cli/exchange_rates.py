"""Which exchange rates stand behind a period's figures, as lines below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType

from nrr_pipeline.cli.rendering import faint
from nrr_pipeline.orchestration.stages.rates_in_use import foreign_mrr, rates_line
from nrr_pipeline.warehouse.transactions import Connection


def rates_lines(connection: Connection, whole: Mapping[str, Any]) -> list[RenderableType]:
    """Say which rates a period's opening and closing have, as they were known for its edition."""
    days = whole["opening_date"], whole["closing_date"]
    lines = [
        faint(line)
        for each in days
        for line in rates_line(foreign_mrr(connection, each, whole["currency"], whole["known_at"]))
    ]
    return [*lines, ""] if lines else []
