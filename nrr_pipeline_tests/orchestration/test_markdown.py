"""Foreign text on the pages of the UI, read back by another Markdown reader."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from nrr_pipeline.orchestration.markdown import escaped, link, listed, strong, table

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
INVISIBLE = str.maketrans("", "", "\u200b\u2060\u2068\u2069")

HOSTILE = {
    "=cmd|' /C calc'!A0": "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "*bold* _it_ ~~gone~~ `code`": "*bold* _it_ ~~gone~~ `code`",
    "[click](javascript:alert(1))": "[click](javascript:alert(1))",
    "![x](http://evil.example/p.png)": "![x](http://evil.example/p.png)",
    "<http://evil.example>": "<http://evil.example>",
    "a | b || c": "a | b || c",
    "si_9 and _so_ on__ __init__ a__b": "si_9 and _so_ on__ __init__ a__b",
    "back\\slash \\| pipe": "back\\slash \\| pipe",
    "&lt;b&gt; &amp; Sons": "&lt;b&gt; &amp; Sons",
    "two\nlines\r\n| --- |": "two lines | --- |",
    "# head": "# head",
    "- item": "- item",
    "1. first": "1. first",
    "2026) second": "2026) second",
    "> quote": "> quote",
    "---": "---",
    "Acme\u202eltd\u2066": "Acme ltd",
    "\x1b[31mred\x00": "[31mred",
    "שלום עולם": "שלום עולם",
    "Müller & Söhne 🦊 日本": "Müller & Söhne 🦊 日本",
}


def shown(markup: str) -> str:
    """What a reader sees of Markdown, without tags."""
    html = READER.render(markup)
    text = re.sub(r"<[^>]*>", "", html).strip()
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text.translate(INVISIBLE)


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_shown_as_it_is_and_is_nothing_else(text: str) -> None:
    html = READER.render(escaped(text))

    assert shown(escaped(text)) == HOSTILE[text]
    assert re.findall(r"<(\w+)", html) == ["p"]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_in_its_cell_and_its_line(text: str) -> None:
    html = READER.render(table(("Name", "Amount"), [(text, "1"), ("next", "2")], right=["Amount"]))
    items = READER.render(listed([text, "next"]))

    assert re.findall(r"<td[^>]*>(.*?)</td>", html, re.DOTALL)[1:] == ["1", "next", "2"]
    assert re.sub(r"\s", "", re.sub(r"<(?!/?(li|ul))[^>]*>[^<]*", "", items)).count("<li>") == 2
    assert set(re.findall(r"<(\w+)", html + items)) <= {
        *("table", "thead", "tbody", "tr", "th", "td", "ul", "li", "p")
    }


@pytest.mark.parametrize(
    "text", ["http://evil.example", "WWW.evil.example", "pay@evil.example", "https://a.b/c"]
)
def test_an_address_does_not_become_a_link_where_readers_make_links_of_addresses(text: str) -> None:
    made_links_of = r"https?://\w|www\.\w|\w@\w"

    assert re.search(made_links_of, text, re.IGNORECASE)
    assert not re.search(made_links_of, escaped(text), re.IGNORECASE)
    assert shown(escaped(text)) == text


def test_what_is_too_long_is_cut_and_may_be_broken_into_lines() -> None:
    long = escaped("A" * 5_000)

    assert len(shown(long)) == 300
    assert max(map(len, long.split("\u200b"))) == 40


def test_markup_of_our_own_is_left_alone() -> None:
    html = READER.render(
        table(("", "Where"), [(strong("a*b"), link("[x]", "http://127.0.0.1:3000/runs/1"))])
    )

    assert "<strong>a*b</strong>" in html
    assert '<a href="http://127.0.0.1:3000/runs/1">[x]</a>' in html
