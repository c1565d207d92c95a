"""The pages hold together: links, pictures, columns, figures."""

import re
import sqlite3
from pathlib import Path

import pytest

from nrr_pipeline.warehouse.document import document
from nrr_pipeline_tests.docs.figures import DECIDED, updated
from nrr_pipeline_tests.docs.pages import (
    DECISIONS,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    links,
    name_of,
    text_of,
)

WAREHOUSE = ROOT / "docs" / "warehouse.md"
QUERIES = blocks(text_of(WAREHOUSE), "sql")

LARGEST_PICTURE_BYTES = 200_000

MAY_BE_EMPTY = ("daily_mrr_as_reported", "data_quality")
"""Questions that have no rows on an account without corrections and findings."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(text_of(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link


def test_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    assert [each.name for each in pictures if each.stat().st_size > LARGEST_PICTURE_BYTES] == []


def test_every_decision_is_in_the_list_and_short() -> None:
    pages = sorted(DECISIONS.glob("0*.md"))
    listed = links(text_of(DECISIONS / "README.md"))
    assert listed == [page.name for page in pages]
    assert [page.name for page in pages if len(text_of(page).splitlines()) > 28] == []
    for page in pages:
        parts = re.findall(r"^\*\*(.+?)\.\*\*", text_of(page), re.MULTILINE)
        assert parts == ["Rule", "Why", "Effect", "To change it"], page.name


def test_the_lists_of_columns_are_those_of_the_field_dictionary() -> None:
    text = text_of(WAREHOUSE)
    fix = "python -m nrr_pipeline.warehouse.document docs/warehouse.md"
    assert text == document(text), f"Run: {fix}"


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.split("\n")[1])
def test_a_query_for_bi_answers_on_the_simulated_account(demo_home: Path, query: str) -> None:
    connection = sqlite3.connect(f"file:{demo_home / 'nrr.db'}?mode=ro", uri=True)
    try:
        rows = connection.execute(query).fetchall()
    finally:
        connection.close()
    assert rows or any(name in query for name in MAY_BE_EMPTY)


def test_quoted_figures_are_those_of_the_simulated_account(demo_home: Path) -> None:
    outdated = [page.name for page, text in updated(demo_home) if text != text_of(page)]
    assert outdated == [], "Run: python -m nrr_pipeline_tests.docs.figures"


def test_the_pages_quote_as_many_figures_as_are_looked_after(demo_home: Path) -> None:
    pages = dict(updated(demo_home))
    assert len(pages) == len(DECIDED) + 2
    assert "Retention of the last 12 months" in pages[README]
