"""``nrr explain``: what it shows adds up, names what moved, and is legible whatever names say."""

from __future__ import annotations

import json
import re
import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.cli.database import change, rows

QUARTER = "2026-Q3"
POINTS = re.compile(r"(?<![\d.,])[+-]?\d+\.\d(?![\d%])(?! %)")


def document(nrr: Nrr, *arguments: str) -> dict[str, Any]:
    result = nrr("explain", QUARTER, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def text(nrr: Nrr, *arguments: str) -> str:
    result = nrr("explain", QUARTER, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def section(shown: str, heading: str) -> list[str]:
    """The lines of a part of the output, from its heading on to the next one."""
    _, _, after = shown.partition(heading)
    ends = (after.find(f"\n\n{each}") for each in ("Why,", "Who,", "Not in", "The change", "Also"))
    return after[: min(end for end in ends if end >= 0)].splitlines()[1:]


def exact(entry: dict[str, Any]) -> Fraction:
    return Fraction(entry["exact"])


def test_what_customers_and_causes_add_sums_to_nrr_less_100_percent(
    nrr: Nrr, published: Path
) -> None:
    del published
    found = document(nrr)
    distance = 100 * (Fraction(found["nrr"]["numerator"], found["nrr"]["denominator"]) - 1)
    assert sum(exact(each["points"]) for each in found["customers"]) == distance
    assert sum(exact(each["points"]) for each in found["causes"]) == distance
    assert sum(each["change_micros"] for each in found["causes"]) == sum(
        each["change_micros"] for each in found["customers"] if each["opening_mrr_micros"]
    )


def test_what_segments_add_sums_to_the_change_in_every_dimension(nrr: Nrr, published: Path) -> None:
    del published
    found = document(nrr)
    sides = (found["before"]["nrr"], found["nrr"])
    before, after = (Fraction(each["numerator"], each["denominator"]) for each in sides)
    assert found["before"]["period"] == "2026-Q2"
    assert set(found["effects"]) >= {"product", "country", "company_size", "signup_cohort"}
    for effects in found["effects"].values():
        both = (exact(each["rate_points"]) + exact(each["mix_points"]) for each in effects)
        assert sum(both) == 100 * (after - before)


@pytest.mark.parametrize("arguments", [(), ("--all",)], ids=["largest", "all"])
def test_the_points_that_are_shown_add_up_as_shown(
    nrr: Nrr, published: Path, arguments: tuple[str, ...]
) -> None:
    del published
    shown = text(nrr, *arguments)
    nrr_shown = re.search(r"^NRR +(\d+\.\d) %", shown, re.MULTILINE)
    assert nrr_shown is not None
    total = Fraction(nrr_shown[1]) - 100
    parts = _points(section(shown, "Its parts, in points of NRR"))
    causes = _points(section(shown, "Why, in points of NRR"))
    customers = _points(section(shown, "Who, amounts in USD"))
    assert parts[-1] == customers[-1] == total
    assert sum(parts[:-1]) == sum(customers[:-1]) == sum(causes) == total


def _points(lines: list[str]) -> list[Fraction]:
    found = (POINTS.search(line) for line in lines)
    return [Fraction(each[0]) for each in found if each is not None]


def test_rate_and_mix_add_up_as_shown(nrr: Nrr, published: Path) -> None:
    del published
    lines = section(
        text(nrr, "--by", "product"), "The change against Q2 2026 in points, by product"
    )
    found = [
        [Fraction(each) for each in match.groups()]
        for line in lines
        if (match := re.search(r"([+-]?\d+\.\d) +([+-]?\d+\.\d) +([+-]?\d+\.\d)$", line))
    ]
    *segments, total = found
    assert [sum(column) for column in zip(*segments, strict=True)] == total
    assert all(rate + mix == both for rate, mix, both in found)


def test_twenty_customers_are_shown_and_all_on_request(nrr: Nrr, published: Path) -> None:
    del published
    found = document(nrr)
    moved = [each for each in found["customers"] if each["opening_mrr_micros"]]
    largest = sorted(moved, key=lambda each: -abs(each["change_micros"]))
    short, complete = text(nrr), text(nrr, "--all")
    assert f"All others ({len(moved) - 20:,})" in short
    assert "All others (" not in "\n".join(section(complete, "Who, amounts in USD"))
    assert all(each["name"] in short for each in largest[:20])
    assert all(each["name"] in complete for each in moved)


def test_a_period_goes_by_its_names_and_says_how_fresh_it_is(nrr: Nrr, published: Path) -> None:
    del published
    shown = text(nrr, "--by", "product")
    assert "Q3 2026, 1 July 2026 to 30 September 2026" in shown
    assert re.search(r"[+-]\d+\.\d points against \d+\.\d % in Q2 2026", shown)
    assert re.search(r"fewer seats +-\d", shown)
    assert re.search(r"^Team +\d", shown, re.MULTILINE)
    assert re.search(r"Not in NRR: USD [\d,.]+ of \d+ new customers", shown)
    assert "data as of " in shown


def test_every_dimension_of_the_policy_can_be_chosen(nrr: Nrr, published: Path) -> None:
    del published
    for dimension in document(nrr)["effects"]:
        assert f"in points, by {dimension.replace('_', ' ')}" in text(nrr, "--by", dimension)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("2027-Q1",), 1, "nrr run --date 2027-03-31"),
        (("2019-01",), 1, "the first day that is, is"),
        (("Q3",), 2, "is not a period: write a month 2026-03"),
        ((QUARTER, "--by", "planet"), 2, "choose from product, price"),
        ((QUARTER, "--by", "product,country"), 2, "name one dimension"),
    ],
)
def test_what_cannot_be_explained_is_an_error_with_the_fix(
    nrr: Nrr, published: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    del published
    result = nrr("explain", *arguments)
    assert result.exit_code == status
    assert words in " ".join(result.stderr.split())


def test_without_a_database_it_says_how_to_get_one(nrr: Nrr) -> None:
    result = nrr("explain", QUARTER)
    assert result.exit_code == 1
    assert "make demo" in result.stderr


def test_figures_that_are_not_the_published_ones_are_refused(nrr: Nrr, published: Path) -> None:
    change(published, "UPDATE quarterly_nrr SET expansion_micros = 1 WHERE dimension = 'all'")
    result = nrr("explain", QUARTER)
    assert result.exit_code == 1
    assert "nrr run --no-pull" in result.stderr


def test_a_period_with_nothing_to_retain_is_explained_in_a_sentence(
    nrr: Nrr, published: Path
) -> None:
    empty = rows(
        published,
        "SELECT period_start FROM quarterly_nrr WHERE dimension = 'all' "
        "AND starting_mrr_micros = 0 ORDER BY 1",
    )
    first = empty[0]["period_start"]
    quarter = f"{first[:4]}-Q{(int(first[5:7]) + 2) // 3}"
    result = nrr("explain", quarter)
    assert result.exit_code == 0
    assert "nothing to retain" in result.stdout
    assert json.loads(nrr("explain", quarter, "--json").stdout)["causes"] == []


def test_restatements_are_said_with_their_cause(nrr: Nrr, published: Path) -> None:
    change(
        published,
        "INSERT INTO restatements VALUES ('quarter', '2026-07-01', 'all', 'all', 1, 2, "
        "'late_data', 0.9, 0.8, 'expansion_micros 2 -> 1', '2026-11-01 00:00:00.000000')",
    )
    change(published, "UPDATE quarterly_nrr SET edition = 2 WHERE period_start = '2026-07-01'")
    assert "Edition 2 restates edition 1 (late data): expansion_micros 2 -> 1" in text(nrr)
    assert [each["cause"] for each in document(nrr)["restated"]] == ["late_data"]


HOSTILE = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "*bold* _it_ ~no~ `code`",
    "[red]markup[/red]",
    "\u202egnp.exe\u2066 \u200e",
    "א" * 40,
    "x" * 300,
    "Rocket 🚀👩‍🚀 GmbH",
    "two\nlines\ttabs\x1b[2J",
)


def test_hostile_names_neither_move_the_cursor_nor_break_a_line(nrr: Nrr, published: Path) -> None:
    moved = [each for each in document(nrr)["customers"] if each["opening_mrr_micros"]]
    largest = sorted(moved, key=lambda each: -abs(each["change_micros"]))
    for each, name in zip(largest, HOSTILE, strict=False):
        change(
            published,
            "UPDATE stripe_customers SET payload = json_set(payload, '$.name', ?) "
            "WHERE object_id = ?",
            name,
            each["account_id"],
        )
    shown = text(nrr)
    letters = {unicodedata.category(each) for each in shown if each != "\n"}
    assert letters.isdisjoint({"Cc", "Cf", "Cs"})
    for legible in ("=cmd|' /C calc'!A0", "<script>alert(1)</script>", "[red]markup[/red]"):
        assert legible in shown
    assert "·gnp.exe·" in shown
    assert "x" * 29 + "…" in shown
    assert "two·lines·tabs·[2J" in shown
    assert {each["name"] for each in document(nrr)["customers"]} >= {
        name.strip() for name in HOSTILE
    }
