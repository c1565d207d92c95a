"""How anything is shown in a terminal: tables, amounts, ratios, days and the last lines.

What is shown is decided by the commands; JSON is made in ``documents``.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.metrics.periods import spelled
from nrr_pipeline.reporting.bands import HEALTHY, WARNING, banded_nrr

Cell = str | Text

WIDTH = 100
"""Columns of the output where there is no terminal to ask."""

LONGEST_NAME = 60
"""Letters of a segment's name in a table."""

_GLUE = "\ue000"
"""Stands for a space at which no line ends, until the lines are made."""


def print_parts(parts: Iterable[RenderableType]) -> None:
    """Print on standard output; a line of its own is not wrapped, so that others can read it.

    Text from Stripe is never read as markup.
    """
    is_terminal = sys.stdout.isatty()
    text = io.StringIO()
    console = Console(
        file=text,
        force_terminal=is_terminal,
        width=None if is_terminal else WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, str | Text))
    printed = text.getvalue().replace(_GLUE, " ")
    lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(lines.encode(encoding, "replace").decode(encoding))


def printable(text: str) -> str:
    r"""Return text that cannot move the cursor or change colors.

    >>> printable("Acme\x1b[2J")
    'Acme·[2J'
    """
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name as tables show it; JSON has all of it."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def amount(micros: int, currency: str) -> str:
    """Return an amount without its currency, for tables that name it once.

    >>> amount(1_234_500_000, "usd"), amount(-5_000_000, "jpy")
    ('1,234.50', '-5')
    """
    return format_money(micros, currency).replace(f"{currency.upper()} ", "", 1)


def whole_amount(micros: int, currency: str) -> str:
    """Return an amount in whole units, without its currency."""
    return format_money(micros, currency, whole=True).replace(f"{currency.upper()} ", "", 1)


def money_ratio(numerator: int, denominator: int, currency: str) -> Text:
    """Return an NRR or GRR in per cent, colored by its band."""
    text = format_ratio(numerator, denominator, currency=currency)
    return Text(text, style=_band_style(numerator, denominator, currency))


def share(numerator: int, denominator: int) -> str:
    """Return a share of customers in per cent."""
    return format_ratio(numerator, denominator)


def faint(line: str) -> Text:
    """Return a line that steps back behind the figures."""
    return Text(line, style="dim")


def bold(line: str) -> Text:
    """Return a heading."""
    return Text(line, style="bold")


def day(value: date) -> str:
    """Return a day as readers write it.

    >>> day(date(2026, 3, 31))
    '31 March 2026'
    """
    return spelled(value)


def instant(value: datetime) -> str:
    """Return a time in UTC, to the minute."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def table(
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Cell]],
    *,
    total: Sequence[Cell] | None = None,
) -> Table:
    """Return a table; a column is a heading with "left" or "right".

    ``total`` stands below a line: it is what the rows add up to.
    """
    result = Table(box=box.SIMPLE, pad_edge=False, show_edge=False, show_footer=total is not None)
    for number, (heading, side) in enumerate(columns):
        is_number = side == "right"
        result.add_column(
            heading,
            footer="" if total is None else total[number],
            justify="right" if is_number else "left",
            no_wrap=is_number,
        )
    for row in rows:
        result.add_row(*row)
    result.padding = (0, 1, 0, 0)
    return result


def lines_of(rows: Iterable[Sequence[Cell]], sides: Sequence[str]) -> Table:
    """Return lines in columns, without headings."""
    result = Table.grid(padding=(0, 2, 0, 0))
    for side in sides:
        result.add_column(justify="right" if side == "right" else "left")
    for row in rows:
        result.add_row(*row)
    return result


def indented(text: str, by: int = 2) -> Padding:
    """Return text that is set in from the left, also where it wraps.

    An amount stays with its currency, and a per cent sign with its figure.
    """
    bound = re.sub(r"(?<=\b[A-Z]{3}) (?=\d)|(?<=\d) (?=%)", _GLUE, printable_lines(text))
    return Padding(Text(bound), (0, 0, 0, by))


def printable_lines(text: str) -> str:
    """Return text of several lines, each of them printable."""
    return "\n".join(printable(line) for line in text.splitlines())


def _band_style(numerator: int, denominator: int, currency: str) -> str:
    if denominator == 0:
        return "dim"
    nrr = banded_nrr(numerator, denominator, currency)
    if nrr >= HEALTHY:
        return "green"
    return "yellow" if nrr >= WARNING else "red"
