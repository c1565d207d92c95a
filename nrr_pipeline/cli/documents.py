"""What ``--json`` prints: one document, with exact amounts and ratios.

Amounts are integers of micros beside a currency; a ratio carries its numerator and denominator.
What readers see in a terminal is made in ``rendering``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

import orjson

from nrr_pipeline.metrics.periods import Period

Document = dict[str, Any]

_AMOUNTS = (
    "starting_mrr_micros",
    "expansion_micros",
    "contraction_micros",
    "churned_mrr_micros",
    "new_business_micros",
    "reactivation_micros",
    "fx_micros",
    "ending_mrr_micros",
)
_COUNTS = ("starting_customers", "churned_customers", "ending_customers")


def write(document: Mapping[str, Any]) -> None:
    """Print the document on standard output, and nothing else."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    sys.stdout.write(orjson.dumps(document, option=options).decode())


def ratio(numerator: int, denominator: int) -> Document:
    """Return a ratio, exact and as a number; without a denominator its value is null.

    >>> ratio(9, 8)
    {'numerator': 9, 'denominator': 8, 'value': 1.125}
    """
    value = numerator / denominator if denominator else None
    return {"numerator": numerator, "denominator": denominator, "value": value}


def exact(number: Fraction) -> Document:
    """Return an exact number of any size as a fraction in text, and as a number.

    >>> exact(Fraction(-7, 2))
    {'exact': '-7/2', 'value': -3.5}
    """
    return {"exact": str(number), "value": float(number)}


def retention(row: Mapping[str, Any]) -> Document:
    """Return the figures of one segment, or of the whole."""
    starting = row["starting_mrr_micros"]
    return {
        "dimension": row["dimension"],
        "segment": row["segment"],
        "currency": row["currency"],
        **{name: row[name] for name in (*_AMOUNTS, *_COUNTS)},
        "nrr": ratio(row["nrr_numerator"], starting),
        "grr": ratio(row["grr_numerator"], starting),
        "logo_churn": ratio(row["churned_customers"], row["starting_customers"]),
    }


def published(period: Period, row: Mapping[str, Any]) -> Document:
    """Return which period, and which edition of it, figures belong to."""
    return {
        "period": period.key,
        "kind": period.kind.value,
        "label": period.label,
        "first_day": period.first_day,
        "period_start": row["period_start"],
        "period_end": row["period_end"],
        "opening_date": row["opening_date"],
        "closing_date": row["closing_date"],
        "is_final": row["is_final"],
        "is_historical": row["is_historical"],
        "edition": row["edition"],
        "known_at": row["known_at"],
        "policy_version": row["policy_version"],
    }


def alert(row: Mapping[str, Any]) -> Document:
    """Return an alert that was raised."""
    names = ("alert_key", "kind", "metric", "dimension", "segment", "severity", "text", "raised_at")
    return {name: row[name] for name in names}


def plain(row: Mapping[str, Any], names: tuple[str, ...]) -> Document:
    """Return some columns of a row; days and times that never end are null."""
    return {name: None if _is_open_end(row[name]) else row[name] for name in names}


def _is_open_end(value: object) -> bool:
    return isinstance(value, date) and value.year == date.max.year
