"""Holds blocks against the limits that Slack documents for Block Kit.

Only the kinds of blocks that the pipeline sends are known here; any other fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]

MOST_BLOCKS = 50
LONGEST_HEADER = 150
LONGEST_TEXT = 3_000
MOST_FIELDS, LONGEST_FIELD = 10, 2_000
MOST_IN_CONTEXT = 10
LONGEST_ADDRESS = 3_000


def require_valid(blocks: Sequence[Block]) -> None:
    """Fail where Slack would refuse the blocks."""
    assert 0 < len(blocks) <= MOST_BLOCKS
    assert len(json.dumps(blocks)) < 40_000
    for block in blocks:
        _BLOCKS[block["type"]](block)


def shown(blocks: Sequence[Block]) -> str:
    """Everything that a reader sees, in order; a line each."""
    return "\n".join(_words(list(blocks)))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        text = value.get("text")
        if isinstance(text, str):
            yield text
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)


def _header(block: Block) -> None:
    assert set(block) == {"type", "text"}
    _plain_text(block["text"], LONGEST_HEADER)


def _section(block: Block) -> None:
    assert set(block) == {"type", "fields"}
    assert 0 < len(block["fields"]) <= MOST_FIELDS
    for field in block["fields"]:
        assert field["type"] == "mrkdwn"
        assert 0 < len(field["text"]) <= LONGEST_FIELD
        # no mention, link or command: nobody else's text is in here
        assert not set("<>@`") & set(field["text"])


def _context(block: Block) -> None:
    assert set(block) == {"type", "elements"}
    assert 0 < len(block["elements"]) <= MOST_IN_CONTEXT
    for element in block["elements"]:
        _plain_text(element, LONGEST_TEXT)


def _rich_text(block: Block) -> None:
    assert set(block) == {"type", "elements"}
    assert block["elements"]
    for element in block["elements"]:
        if element["type"] == "rich_text_list":
            assert element["style"] in {"bullet", "ordered"}
            assert element["elements"]
            for line in element["elements"]:
                _line(line)
        else:
            _line(element)


def _line(element: Block) -> None:
    assert element["type"] == "rich_text_section"
    assert element["elements"]
    for part in element["elements"]:
        assert part["type"] in {"text", "link"}
        assert 0 < len(part["text"]) <= LONGEST_TEXT
        assert set(part.get("style", {})) <= {"bold", "italic", "strike", "code"}
        if part["type"] == "link":
            assert part["url"].startswith(("http://", "https://"))
            assert len(part["url"]) <= LONGEST_ADDRESS


def _plain_text(text: Block, longest: int) -> None:
    assert text["type"] == "plain_text"
    assert text["emoji"] is False
    assert 0 < len(text["text"]) <= longest


_BLOCKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "rich_text": _rich_text,
}
