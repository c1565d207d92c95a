"""The line of metered usage below the MRR of a day; only where the policy's ``usage`` asks for it.

What an average month is, is decided in ``metrics.usage``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

from rich.console import RenderableType

from nrr_pipeline.cli import documents
from nrr_pipeline.cli.opening import Opened
from nrr_pipeline.cli.rendering import bold, printable, table
from nrr_pipeline.metrics.money import format_exact, format_money

if TYPE_CHECKING:
    from nrr_pipeline.orchestration.stages.usage import ItemUsage

TITLE = "Usage, trailing three months (not MRR)"

_TOTAL_COLUMNS = (
    ("Currency", "left"),
    ("Average month", "right"),
    ("Metered items", "right"),
    ("Nothing paid yet", "right"),
)
_ITEM_COLUMNS = (
    ("Item", "left"),
    ("Price", "left"),
    ("Average month", "right"),
    ("Months", "right"),
    ("From", "left"),
    ("To", "left"),
)


def read(
    installation: Opened, as_of_date: date, customer_ids: Sequence[str] | None = None
) -> list[ItemUsage] | None:
    """Read the usage of a day; ``None`` where the policy leaves it out."""
    if installation.policy.usage == "exclude":
        return None
    from nrr_pipeline.orchestration.stages.usage import usage_of_day  # noqa: PLC0415 - slow

    return usage_of_day(
        installation.connection, installation.policy, as_of_date, customer_ids=customer_ids
    )


def totals_document(items: list[ItemUsage] | None) -> list[documents.Document] | None:
    """Return the sum of each currency for JSON."""
    if items is None:
        return None
    return [
        {
            "currency": currency,
            "trailing_3_months_micros": _sum(mine),
            "items": len(mine),
            "items_without_a_paid_interval": _unknown(mine),
        }
        for currency, mine in _by_currency(items)
    ]


def items_document(items: list[ItemUsage] | None) -> list[documents.Document] | None:
    """Return each item for JSON."""
    if items is None:
        return None
    return [
        {**asdict(each), "months": None if each.months is None else str(each.months)}
        for each in items
    ]


def totals_parts(items: list[ItemUsage] | None) -> list[RenderableType]:
    """Return the sum of each currency for a terminal."""
    if not items:
        return []
    rows = [
        [
            currency.upper(),
            format_money(_sum(mine), currency),
            f"{len(mine):,}",
            f"{_unknown(mine):,}",
        ]
        for currency, mine in _by_currency(items)
    ]
    return ["", bold(TITLE), "", table(_TOTAL_COLUMNS, rows)]


def items_parts(items: list[ItemUsage] | None, prices: Mapping[str, str]) -> list[RenderableType]:
    """Return each item for a terminal."""
    if not items:
        return []
    rows = [
        [
            each.subscription_item_id,
            printable(prices.get(each.price_id, each.price_id)),
            *_row(each),
        ]
        for each in items
    ]
    return ["", bold(TITLE), "", table(_ITEM_COLUMNS, rows)]


def _row(item: ItemUsage) -> list[str]:
    if item.trailing_3_months_micros is None or item.months is None:
        return ["nothing paid yet", "-", "", ""]
    average = format_money(item.trailing_3_months_micros, item.currency)
    return [average, format_exact(item.months), f"{item.first_day}", f"{item.end_day}"]


def _sum(items: Iterable[ItemUsage]) -> int:
    return sum(each.trailing_3_months_micros or 0 for each in items)


def _unknown(items: Iterable[ItemUsage]) -> int:
    return sum(each.trailing_3_months_micros is None for each in items)


def _by_currency(items: Iterable[ItemUsage]) -> list[tuple[str, list[ItemUsage]]]:
    found: dict[str, list[ItemUsage]] = {}
    for each in items:
        found.setdefault(each.currency, []).append(each)
    return sorted(found.items())
