"""The pages hold together: links, pictures, columns, figures."""

import re
import sqlite3
from fractions import Fraction
from pathlib import Path

import pytest

from nrr_pipeline.warehouse.document import document
from nrr_pipeline_tests.docs.pages import PAGES, ROOT, anchors, blocks, links, name_of, text_of

WAREHOUSE = ROOT / "docs" / "warehouse.md"
DECISIONS = ROOT / "docs" / "decisions"
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


class Figures:
    """The figures of the simulated account that decisions quote."""

    def __init__(self, home: Path) -> None:
        self.connection = sqlite3.connect(f"file:{home / 'nrr.db'}?mode=ro", uri=True)

    def nrr(self, table: str, period_start: str) -> Fraction:
        query = (
            f"SELECT nrr_numerator, nrr_denominator FROM {table} "  # noqa: S608
            "WHERE period_start = ? AND dimension = 'all'"
        )
        return Fraction(*self.connection.execute(query, [period_start]).fetchone())

    def compounded(self, first: str, last: str) -> Fraction:
        query = (
            "SELECT nrr_numerator, nrr_denominator FROM monthly_nrr "
            "WHERE dimension = 'all' AND period_start BETWEEN ? AND ?"
        )
        product = Fraction(1)
        for kept, starting in self.connection.execute(query, [first, last]):
            product *= Fraction(kept, starting)
        return product

    def nrr_without(self, flag: str, opening: str, closing: str) -> Fraction:
        """NRR between two days of the MRR that does not carry a flag."""
        before, after = (self._by_customer(flag, day) for day in (opening, closing))
        return Fraction(sum(after.get(each, 0) for each in before), sum(before.values()))

    def _by_customer(self, flag: str, day: str) -> dict[str, int]:
        query = (
            "SELECT account_id, sum(mrr_micros) FROM daily_mrr "  # noqa: S608
            f"WHERE as_of_date = ? AND NOT {flag} GROUP BY account_id"
        )
        return dict(self.connection.execute(query, [day]).fetchall())


def percent(ratio: Fraction) -> str:
    return f"{float(ratio) * 100:.2f} %"


def quoted(decision: str) -> list[str]:
    """The ratios in the part of a decision that tells its effect."""
    text = next(DECISIONS.glob(f"{decision}-*.md")).read_text(encoding="utf-8")
    effect = text.partition("**Effect.**")[2].partition("**To change it.**")[0]
    return re.findall(r"\d+\.\d\d %", effect)


def test_the_figures_of_decisions_are_those_of_the_simulated_account(demo_home: Path) -> None:
    figures = Figures(demo_home)
    september = figures.nrr("monthly_nrr", "2026-09-01")
    assert quoted("0001") == [
        percent(september),
        percent(figures.nrr_without("is_at_risk", "2026-08-31", "2026-09-30")),
    ]
    assert quoted("0002") == [
        percent(september),
        percent(figures.nrr_without("is_scheduled_churn", "2026-08-31", "2026-09-30")),
    ]
    assert quoted("0005") == [
        percent(figures.nrr("trailing_12_month_nrr", "2026-09-01")),
        percent(figures.compounded("2025-10-01", "2026-09-01")),
        percent(figures.nrr("quarterly_nrr", "2026-07-01")),
        percent(figures.compounded("2026-07-01", "2026-09-01")),
    ]
    figures.connection.close()


def test_the_sizes_in_the_architecture_are_those_of_the_simulated_account(demo_home: Path) -> None:
    connection = sqlite3.connect(f"file:{demo_home / 'nrr.db'}?mode=ro", uri=True)
    counts = [
        connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
        for name in ("daily_mrr", "mrr_intervals")
    ]
    connection.close()
    text = " ".join(text_of(ROOT / "docs" / "architecture.md").split())
    item_days, rows = counts
    assert f"{item_days:,} item-days of the simulated account are {rows:,} such rows" in text
