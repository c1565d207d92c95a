"""The list of exchange rates: ``date,currency,rate``, reporting units for one unit.

A bank's rates are in ``ecb``.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from nrr_pipeline.inputs.csv_files import Fact, Row, facts_of_rows, read_day, read_rows
from nrr_pipeline.metrics.currencies import ISO_4217

LONGEST_RATE = 40
"""More characters than any real rate has."""


def read_fx_rates(path: Path) -> list[Fact]:
    """Rates by day and currency.

    Raises:
        InputError: The file cannot be used; the message names the lines.
    """
    rows = read_rows(path, ("date", "currency", "rate"))
    return facts_of_rows(path, rows, _fact, ("as_of_date", "currency"))


def fx_rate_fact(values: Mapping[str, Any]) -> Fact:
    """What one row says, of a file or of the table, with the currency in lower case.

    Raises:
        ValueError: The day, the currency or the rate is none; the message names it and the fix.
    """
    return {
        "as_of_date": read_day(str(values["as_of_date"]), "date"),
        "currency": _currency(str(values["currency"])),
        "rate": _rate(str(values["rate"])),
    }


def _fact(row: Row) -> Fact:
    return fx_rate_fact({**row.values, "as_of_date": row.values["date"]})


def _currency(text: str) -> str:
    currency = text.strip().lower()
    if currency not in ISO_4217:
        raise ValueError(f"{text!r} is no currency; write its ISO 4217 code, such as EUR")
    return currency


def _rate(text: str) -> str:
    rate = text.strip()
    is_number = re.fullmatch(r"[0-9]+(\.[0-9]+)?|[0-9]+/0*[1-9][0-9]*", rate, re.ASCII)
    if not is_number or len(rate) > LONGEST_RATE or Fraction(rate) <= 0:
        raise ValueError(
            f"{text!r} is no rate; write the positive number of reporting units for one unit, "
            "such as 1.0843, or a fraction such as 10/1632"
        )
    return rate
