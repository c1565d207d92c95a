"""Names that others chose, as they may stand in a line of ours."""

import unicodedata

LONGEST = 36
"""Letters of a name in a message."""

_HARMLESS = "\u200c\u200d"
"""Format characters that belong to words and emoji: the two joiners."""


def legible(text: str, longest: int = LONGEST) -> str:
    r"""Text on one line, without control characters, and not too long.

    Nothing of it can break a line, hide, or turn the direction of what stands beside it.

    >>> legible("Acme\u202e\n  Ltd\x1b[2J"), legible("A" * 50, 8), legible("\u2066 ")
    ('Acme Ltd [2J', 'AAAAAAA…', 'without a name')
    """
    kept = (letter if _is_harmless(letter) else " " for letter in text)
    line = " ".join("".join(kept).split())
    if len(line) > longest:
        line = f"{line[: longest - 1].rstrip(_HARMLESS + ' ')}…"
    return line or "without a name"


def beside(name: str, words: str) -> str:
    """A name that others chose with words of ours, on a line that runs from left to right.

    A name that runs from right to left stands last: first, it would turn the whole line.

    >>> beside("Acme", "seats 3 -> 2"), beside("\u05d0\u05d1", "seats 3 -> 2")
    ('Acme: seats 3 -> 2', 'seats 3 -> 2: \u05d0\u05d1')
    """
    runs_left = any(unicodedata.bidirectional(letter) in {"R", "AL"} for letter in name)
    return f"{words}: {legible(name)}" if runs_left else f"{legible(name)}: {words}"


def _is_harmless(letter: str) -> bool:
    return letter in _HARMLESS or not unicodedata.category(letter).startswith("C")
