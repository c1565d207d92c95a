"""Messages: the same parts as plain text for a terminal and as Block Kit for Slack.

What a message says is decided in ``alert`` and ``digest``. In Block Kit, only text of our own is
marked up; whatever comes from elsewhere stands where no markup, mention or emoji is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nrr_pipeline.reporting.links import Link

LONGEST_TEXT = 1_200
LONGEST_HEADER = 150
"""Slack's own limit."""

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message in words, at most ``LONGEST_TEXT`` letters, and as Slack shows it."""

    text: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Figures: one sentence in a text, names and figures in Slack. Nothing foreign is in them."""

    sentence: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A title and lines that begin with a figure."""

    title: str
    rows: tuple[tuple[str, str], ...]


Part = Paragraph | Facts | Listing


def text_of(
    headline: str, variants: Iterable[Sequence[Part]], links: Sequence[Link], rest: str
) -> str:
    """A message in plain words, line by line, at most ``LONGEST_TEXT`` letters.

    Args:
        headline: The first sentence.
        variants: What follows, the longest first; the first that is short enough is taken.
        links: The last lines.
        rest: Where the rest is, if the last variant is too long, too, and has to be cut.
    """
    text = ""
    for parts in variants:
        lines = [line for part in parts for line in _lines(part)]
        text = "\n".join([f"{headline}.", *lines, *(f"{each.label}: {each.url}" for each in links)])
        if len(text) <= LONGEST_TEXT:
            return text
    return _cut(text, rest)


def _lines(part: Part) -> list[str]:
    if isinstance(part, Listing):
        return [f"{part.title}:", *(f"{figure} {words}" for figure, words in part.rows)]
    return [part.text if isinstance(part, Paragraph) else part.sentence]


def _cut(text: str, rest: str) -> str:
    """As many whole lines as are allowed, and where the rest is."""
    room = LONGEST_TEXT - len(rest) - 1
    kept = text[: room + 1].rpartition("\n")[0] or text[:room]
    return f"{kept}\n{rest}"


def blocks_of(
    sign: str, headline: str, parts: Sequence[Part], links: Sequence[Link], footer: str
) -> list[Block]:
    """A message in Slack's Block Kit; ``sign`` is one that needs no color."""
    header = {"type": "plain_text", "text": _header(f"{sign} {headline}"), "emoji": False}
    blocks: list[Block] = [{"type": "header", "text": header}, *map(_block, parts)]
    if links:
        blocks.append(_rich(_section(_linked(links))))
    small = {"type": "plain_text", "text": footer, "emoji": False}
    return [*blocks, {"type": "context", "elements": [small]}]


def _header(text: str) -> str:
    return text if len(text) <= LONGEST_HEADER else f"{text[: LONGEST_HEADER - 1]}…"


def _block(part: Part) -> Block:
    if isinstance(part, Paragraph):
        return _rich(_section([_text(part.text)]))
    if isinstance(part, Facts):
        fields = [{"type": "mrkdwn", "text": f"*{name}*\n{figure}"} for name, figure in part.pairs]
        return {"type": "section", "fields": fields}
    rows = [_section([_bold(figure), _text(f" {words}")]) for figure, words in part.rows]
    bullets = {"type": "rich_text_list", "style": "bullet", "elements": rows}
    return _rich(_section([_bold(part.title)]), bullets)


def _rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def _section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _linked(links: Sequence[Link]) -> list[Block]:
    elements: list[Block] = []
    for link in links:
        gap = [_text(" · ")] if elements else []
        elements += [*gap, {"type": "link", "url": link.url, "text": link.label}]
    return elements


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}
