"""Markdown on the pages of the UI: tables, lists and links in which foreign text stays text.

Whatever is not `Markup` is escaped, so a name can neither break a table nor become a link.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from nrr_pipeline.reporting.legible import legible

LONGEST = 300
"""Letters of one piece of foreign text."""

LONGEST_INLINE = 1_000
"""Dagster shows Markdown of this length and more only on a click."""

_MAY_BREAK = "\u200b"
_WORD_JOINER = "\u2060"
_ISOLATED = "\u2068{}\u2069"
_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])")
_BEFORE_FIRST_MARK = re.compile(r"^(?:\d+(?=[.)](?:\s|$))|(?=[-+#=]))")
_LONG_WORD = re.compile(r"\S{40}(?=\S)")
_TAKEN_FOR_LINKS = re.compile(r"www(?=\.)|https?:(?=//)|@", re.IGNORECASE)


class Markup(str):
    """Markdown of our own making."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    r"""Return foreign text as Markdown that shows it, on one line and not too long.

    >>> print(escaped("*Acme* | <b>Ltd</b>"), escaped("- one\n# two"))
    \*Acme\* \| \<b\>Ltd\</b\> \- one # two
    """
    if isinstance(text, Markup):
        return text
    line = _LONG_WORD.sub(rf"\g<0>{_MAY_BREAK}", legible(text, LONGEST))
    line = _TAKEN_FOR_LINKS.sub(rf"\g<0>{_WORD_JOINER}", line)
    line = _BEFORE_FIRST_MARK.sub(r"\g<0>\\", _MARKS.sub(r"\\\g<0>", line))
    runs_leftward = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in line)
    return Markup(_ISOLATED.format(line) if runs_leftward else line)


def strong(text: str) -> Markup:
    """Text that stands out."""
    return Markup(f"**{escaped(text)}**")


def link(text: str, url: str) -> Markup:
    """Words that lead to an address of ours."""
    return Markup(f"[{escaped(text)}]({url})")


def listed(lines: Iterable[str]) -> Markup:
    """A list of lines."""
    return Markup("\n".join(f"- {escaped(line)}" for line in lines))


def table(
    names: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()
) -> Markup:
    """Rows under the names of their columns; those in ``right`` are aligned to the right."""
    rule = ["---:" if name in right else "---" for name in names]
    lines = ([escaped(cell) if cell else "" for cell in row] for row in (names, *rows))
    header, *body = (f"| {' | '.join(line)} |" for line in lines)
    return Markup("\n".join([header, f"| {' | '.join(rule)} |", *body]))
