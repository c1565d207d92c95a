"""Reads CSV files that people keep by hand: strict about what they mean, lenient about their form.

What the columns of a list mean stands in its own module.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from nrr_pipeline.errors import NrrError

MISTAKES_NAMED = 5
"""How many mistakes of one file an error lists."""

Fact = dict[str, Any]
"""What one row says, by column of the table that keeps it."""


class InputError(NrrError):
    """A given list cannot be used; the message names it, the line, the value and the fix."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: its number, and its trimmed values by column."""

    line: int
    values: dict[str, str]


def read_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, any_other: bool = False
) -> list[Row]:
    """The rows of a CSV file, blank ones left out.

    A byte order mark, any line end, quotes, and columns in any order and case are fine.

    Args:
        path: The file; UTF-8, separated by commas, with a header.
        required: Columns that it must have.
        optional: Columns that it may have.
        any_other: Whether it may have further ones.

    Raises:
        InputError: The file is missing, unreadable or broken; the message names the lines.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(path, csv.reader(file, strict=True), required, optional, any_other)
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path}. Put it there, or correct [files] in policy.toml"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}. Save it as CSV UTF-8") from error


def facts_of_rows(
    path: Path, rows: Iterable[Row], fact: Callable[[Row], Fact], key: Sequence[str]
) -> list[Fact]:
    """Every row as a fact; nothing of a file that has a mistake.

    Args:
        path: The file, for the message.
        rows: Its rows.
        fact: What a row says; a ``ValueError`` names what is wrong with it.
        key: Columns that no two rows may share.

    Raises:
        InputError: Rows are wrong or doubled; the message names the first of them.
    """
    facts: list[Fact] = []
    first_lines: dict[tuple[Any, ...], int] = {}
    mistakes: list[str] = []
    for row in rows:
        try:
            said = fact(row)
            found = tuple(said[name] for name in key)
            before = first_lines.setdefault(found, row.line)
            if before != row.line:
                named = ", ".join(str(each) for each in found if each is not None)
                raise ValueError(f"{named} stands in line {before} too; keep one of them")  # noqa: TRY301
        except ValueError as error:
            mistakes.append(f"line {row.line}: {error}")
        else:
            facts.append(said)
    _refuse(path, mistakes)
    return facts


def read_day(text: str, column: str) -> date:
    """A day as people must write it.

    Raises:
        ValueError: It is none.
    """
    try:
        if len(text) == len("2026-03-31"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{column} {text!r} is no day; write it as 2026-03-31")


def _rows(
    path: Path,
    lines: Any,  # noqa: ANN401 - the type of csv.reader has no public name
    required: Sequence[str],
    optional: Sequence[str],
    any_other: bool,  # noqa: FBT001
) -> list[Row]:
    rows: list[Row] = []
    mistakes: list[str] = []
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        _check_header(path, header, required, None if any_other else {*required, *optional})
        for cells in _filled(lines):
            if any("\0" in cell for cell in cells):
                mistakes.append(f"line {lines.line_num}: it has a NUL character; remove it")
            elif len(cells) == len(header):
                values = (cell.strip() for cell in cells)
                rows.append(Row(lines.line_num, dict(zip(header, values, strict=True))))
            else:
                found = f"has {len(cells)} values for {len(header)} columns"
                mistakes.append(f"line {lines.line_num}: {found}; quote a value that has a comma")
    except csv.Error as error:
        mistakes.append(f"line {lines.line_num}: {error}; correct the quotes")
    _refuse(path, mistakes)
    return rows


def _filled(lines: Iterable[list[str]]) -> Iterator[list[str]]:
    return (cells for cells in lines if any(cell.strip() for cell in cells))


def _check_header(
    path: Path, header: list[str], required: Sequence[str], allowed: set[str] | None
) -> None:
    missing = [name for name in required if name not in header]
    strange = sorted(set(header) - allowed) if allowed is not None else []
    doubled = sorted({name for name in header if header.count(name) > 1})
    if missing or strange or doubled:
        problems = [
            *(f"{name} is missing" for name in missing),
            *(f"{name or 'a column without a name'} is not known" for name in strange),
            *(f"{name} stands there twice" for name in doubled),
        ]
        raise InputError(
            f"{path}, line 1: {', '.join(problems)}. Begin the file with the line "
            f"{','.join(required)}, separated by commas"
        )


def _refuse(path: Path, mistakes: Sequence[str]) -> None:
    if not mistakes:
        return
    named = "; ".join(mistakes[:MISTAKES_NAMED])
    rest = len(mistakes) - MISTAKES_NAMED
    more = f"; and {rest} more" if rest > 0 else ""
    raise InputError(f"{path}: {named}{more}. Nothing of the file is used until it is corrected")
