"""Reads the documents: their code, their commands, their links."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NRR = re.compile(r"(?:.*(?:\s|bin/))?nrr((?: .*)?)$")  # the last nrr of a line is the program


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return [code for found, code in _FENCE.findall(text) if found == language]


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every ``nrr`` command that a page shows, in blocks and within sentences."""
    lines = [
        line
        for language in ("sh", "console")
        for block in blocks(text, language)
        for line in block.replace("\\\n", "").splitlines()
    ]
    spans = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
    for line in (*lines, *spans):
        code = line.partition("  #")[0].strip()
        if found := _NRR.fullmatch(code):
            yield shlex.split(found[1])


def targets(text: str) -> set[str]:
    """The make targets that a page names."""
    code = "\n".join([*blocks(text, "sh"), *re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))])
    return set(re.findall(r"\bmake ([a-z]+)", code))


def links(text: str) -> list[str]:
    """The addresses of links and images."""
    return re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """What a link may name after ``#``: headings as GitHub writes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
