"""Cases worked out by hand. A row is a case; its ``why`` is what a failing test says."""

import csv
from fractions import Fraction
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MICROS = 1_000_000

Case = dict[str, str]


def rows(file: str) -> list[Case]:
    """The rows of a golden file, each with its ``case`` and its ``why``."""
    with (HERE / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines, strict=True))


def cases(file: str) -> pytest.MarkDecorator:
    """Run a test once for every row of a golden file, as its argument ``case``."""
    return pytest.mark.parametrize(
        "case", [pytest.param(row, id=row["case"]) for row in rows(file)]
    )


def micros(major_units: str) -> int:
    """Micros of an amount written in major units.

    >>> micros("1234.50")
    1234500000
    """
    amount = Fraction(major_units) * MICROS
    if amount.denominator != 1:
        raise ValueError(f"{major_units} has parts of a micro")
    return int(amount)
