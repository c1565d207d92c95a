"""Reading the query string of a request, strictly: an unknown name or a bad value is an error.

Here belong the kinds of values a parameter can have and the forms in which they are sent
(``created[gte]=1``, ``types[]=a``, ``expand[0]=b``). Which path has which parameters stands in
``resources``; what a parameter selects is no business of this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from nrr_pipeline.demo.server.errors import invalid_parameter, unknown_parameter

Entries = list[tuple[str | None, str]]
"""What was sent under one name: the key in brackets, if there is one, and the value."""

Reader = Callable[[str, Entries], Any]
"""Turns what was sent under a name into its value, or refuses it."""

_NAME = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?")
_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of times; an end that is ``None`` is open."""

    start: int | None = None
    end: int | None = None

    def __contains__(self, moment: object) -> bool:
        if not isinstance(moment, int):
            return False
        after_start = self.start is None or moment >= self.start
        return after_start and (self.end is None or moment < self.end)

    def narrowed(self, other: Window) -> Window:
        """Return the range that both have in common."""
        starts = [start for start in (self.start, other.start) if start is not None]
        ends = [end for end in (self.end, other.end) if end is not None]
        return Window(max(starts, default=None), min(ends, default=None))


def parse_parameters(query: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Read a query string with the readers of the parameters that the path has.

    >>> parse_parameters("limit=3&types[]=a&types[]=b", {"limit": integer, "types": texts})
    {'limit': 3, 'types': ['a', 'b']}
    """
    sent: dict[str, Entries] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        match = _NAME.fullmatch(key)
        if match is None or match[1] not in readers:
            raise unknown_parameter(key)
        sent.setdefault(match[1], []).append((match[2], value))
    return {name: readers[name](name, entries) for name, entries in sent.items()}


def text(name: str, entries: Entries) -> str:
    """Read one string that is not empty."""
    key, value = entries[-1]
    if key is not None:
        raise invalid_parameter(name, "Invalid string")
    if not value:
        message = f"You passed an empty string for '{name}': leave it out or give it a value."
        raise invalid_parameter(name, message, code="parameter_invalid_empty")
    return value


def integer(name: str, entries: Entries) -> int:
    """Read one whole number."""
    value = text(name, entries)
    if _INTEGER.fullmatch(value) is None:
        message = f"Invalid integer: {value}"
        raise invalid_parameter(name, message, code="parameter_invalid_integer")
    return int(value)


def page_size(name: str, entries: Entries) -> int:
    """Read the number of objects wanted on a page, 1 to 100."""
    value = integer(name, entries)
    if value < 1:
        message = "This value must be greater than or equal to 1."
        raise invalid_parameter(name, message, code="parameter_invalid_integer")
    if value > 100:  # noqa: PLR2004 - the API's own limit
        message = "This value must be less than or equal to 100."
        raise invalid_parameter(name, message, code="parameter_invalid_integer")
    return value


def boolean(name: str, entries: Entries) -> bool:
    """Read ``true`` or ``false``."""
    value = text(name, entries)
    if value not in {"true", "false"}:
        raise invalid_parameter(name, f"Invalid boolean: {value}")
    return value == "true"


def one_of(*choices: str) -> Reader:
    """Make a reader of one of a few words."""

    def read(name: str, entries: Entries) -> str:
        value = text(name, entries)
        if value not in choices:
            listed = ", ".join(choices[:-1]) + " or " + choices[-1]
            raise invalid_parameter(name, f"Invalid {name}: must be one of {listed}")
        return value

    return read


def texts(name: str, entries: Entries) -> list[str]:
    """Read an array of strings, sent as ``name[]`` or ``name[0]``, ``name[1]``, …."""
    for key, _ in entries:
        if key is None or (key and not key.isdecimal()):
            raise invalid_parameter(name, "Invalid array")
    return [value for _, value in entries]


def window(name: str, entries: Entries) -> Window:
    """Read a range of times: a moment itself, or ``gt``, ``gte``, ``lt`` and ``lte`` bounds."""
    bounds = Window()
    for key, value in entries:
        full_name = name if key is None else f"{name}[{key}]"
        moment = integer(full_name, [(None, value)])
        match key:
            case None:
                bound = Window(moment, moment + 1)
            case "gt":
                bound = Window(start=moment + 1)
            case "gte":
                bound = Window(start=moment)
            case "lt":
                bound = Window(end=moment)
            case "lte":
                bound = Window(end=moment + 1)
            case _:
                raise unknown_parameter(full_name)
        bounds = bounds.narrowed(bound)
    return bounds


def fields(**readers: Reader) -> Reader:
    """Make a reader of a hash with the given fields, sent as ``name[field]``."""

    def read(name: str, entries: Entries) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in entries:
            if key is None:
                raise invalid_parameter(name, "Invalid object")
            if key not in readers:
                raise unknown_parameter(f"{name}[{key}]")
            values[key] = readers[key](f"{name}[{key}]", [(None, value)])
        return values

    return read
