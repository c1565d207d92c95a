"""What alerts say: figures that add up as shown, short, harmless and within Slack's limits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.reporting.alert import Kind, Occasion, Setting, alert_message
from nrr_pipeline.reporting.conditions import Metric, Verdict
from nrr_pipeline.reporting.explanation import PeriodExplanation, Restated
from nrr_pipeline.reporting.legible import legible
from nrr_pipeline.reporting.links import NOWHERE, Links
from nrr_pipeline.reporting.message import LONGEST_TEXT, Message
from nrr_pipeline_tests.reporting.block_kit import require_valid, shown
from nrr_pipeline_tests.reporting.example_report import example_report

MONTH = example_report().month
LINKS = Links("http://127.0.0.1:3000", "1b4e28ba-2fa1-11d2-883f-0016d3cca427")
BANDS = (100, 500, 2_000, 10_000)
SETTING = Setting(LINKS, datetime(2026, 10, 5, 6, tzinfo=UTC), BANDS)

HOSTILE = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "*bold* _it_ ~no~ `code`",
    "<!here> <@U012> @channel #general :tada:",
    "\u202egpj.exe\u202c \u2066x\u2069",
    "شركة النور للتجارة",
    "two\nlines\r\n\x1b[2Jcleared\x00",
    "A" * 300,
    "\U0001f680 Rocket & Co \U0001f9ef",
    "\u200b\u2060",
)


def verdict(
    metric: Metric, explained: PeriodExplanation = MONTH, *, stands: bool = True
) -> Verdict:
    row = explained.whole
    value = row.nrr if metric in (Metric.NRR, Metric.NRR_DROP) else row.logo_churn
    limit = Fraction(1) if metric is Metric.NRR else Fraction(1, 20)
    return Verdict(metric, row, value, limit, stands, not stands)


def occasions() -> Iterator[Occasion]:
    """Every kind of alert about every metric."""
    for metric in Metric:
        good, bad = verdict(metric, stands=False), verdict(metric)
        yield Occasion(Kind.RAISED, bad)
        yield Occasion(Kind.RECOVERED, good)
        yield Occasion(Kind.RESTATED, bad, good)
        yield Occasion(Kind.RESTATED, good, bad)
        yield Occasion(Kind.RESTATED, bad.gone, bad)


def named(names: tuple[str, ...], explained: PeriodExplanation = MONTH) -> PeriodExplanation:
    """The period with customers who are called, and give as their reasons, what a test says."""
    moves = tuple(
        replace(
            move, name=names[place % len(names)], reason=f'canceled: "{names[place % len(names)]}"'
        )
        for place, move in enumerate(explained.moves)
    )
    segments = dict.fromkeys(explained.segment_names, names[0])
    return replace(explained, moves=moves, segment_names=segments)


def message(explained: PeriodExplanation = MONTH, setting: Setting = SETTING) -> Message:
    return alert_message(Occasion(Kind.RAISED, verdict(Metric.NRR, explained)), explained, setting)


def test_an_alert_says_the_figure_then_its_cause_its_parts_its_customers_and_what_changed() -> None:
    assert message().text.splitlines() == [
        "NRR of September 2026 is 89.0 %, below 100 %.",
        (
            "Seat cuts by 2 customers cost 8.0 of the 15.2 points lost. "
            "Cancellations by 1 customer cost 6.4."
        ),
        "Logo churn: 2 of 12 customers left (16.6 %): 1 canceled, 1 did not pay.",
        (
            "Of USD 40,715 at opening, customers added USD 1,734 (+4.2 points), cut USD 3,260 "
            "(-8.0) and took USD 2,949 away by leaving (-7.2): 89.0 % is kept. GRR is 84.7 %."
        ),
        "Who cost most, in points of NRR:",
        "-6.4 *bold* _it_ `code` & Söhne: canceled: too expensive",
        "-4.9 =cmd|' /C calc'!A0: seats 200 -> 120",
        "-3.0 Acme: seats 110 -> 82",
        "-0.8 \U0001f680 Rocket & Co \U0001f9ef: payment failed",
        "+4.1 all others, net (2)",
        "-11.0 together: NRR 89.0 %",
        (
            "Against August 2026 (99.7 %): 10.7 points lower; "
            '-6.4 from country "DE" (rate -6.4, mix 0.0).'
        ),
        "Figures: http://127.0.0.1:3000/assets/monthly_nrr?view=partitions&partition=2026-09-01",
        (
            "Board report: "
            "http://127.0.0.1:3000/assets/board_report?view=partitions&partition=2026-09-01"
        ),
        "Run: http://127.0.0.1:3000/runs/1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    ]


def test_a_cause_says_whether_it_lies_at_large_customers_and_which_reason_most_of_them_named() -> (
    None
):
    seats = [
        replace(move, cause="seats", reason=f'seats 9 -> 8: "{why}"')
        for move, why in zip(MONTH.moves[:3], ("merger", "no budget", "no budget"), strict=True)
    ]
    explained = replace(MONTH, moves=(*seats, *MONTH.moves[3:]))
    assert message(explained).text.splitlines()[1] == (
        "Seat cuts by 3 customers cost 14.4 of the 15.2 points lost. "
        "Reason named for 8.0: no budget (2 customers)."
    )
    (largest, *_) = seats
    smaller = replace(largest, opening_mrr_micros=1_999_000_000)
    explained = replace(MONTH, moves=(smaller, *seats[1:], *MONTH.moves[3:]))
    assert ", 8.0 of them at 2 that paid USD 2,000 or more a month. " in message(explained).text


@pytest.mark.parametrize(
    "occasion", list(occasions()), ids=lambda each: f"{each.kind} {each.verdict.metric}"
)
@pytest.mark.parametrize(
    "names", [HOSTILE, *((name,) for name in HOSTILE)], ids=lambda each: str(len(each))
)
def test_whatever_customers_are_called_a_message_is_short_legible_and_as_slack_takes_it(
    occasion: Occasion, names: tuple[str, ...]
) -> None:
    written = alert_message(occasion, named(names), SETTING)
    assert len(written.text) <= LONGEST_TEXT
    require_valid(written.blocks)
    for text in (written.text, shown(written.blocks)):
        letters = set(text) - {"\n", "\u200d", "\u200c"}
        assert not [letter for letter in letters if unicodedata.category(letter).startswith("C")]
        assert all(len(line) < 400 for line in text.splitlines())
        assert "A" * 100 not in text


def test_what_others_wrote_stands_where_slack_reads_no_markup() -> None:
    blocks = message(named(HOSTILE)).blocks
    marked = [block for block in blocks if block["type"] == "section"]
    assert "script" in shown(blocks)
    assert "script" not in shown(marked)
    assert "<!here>" not in shown(marked)


def test_a_message_that_is_too_long_names_fewer_customers_and_still_adds_up() -> None:
    long = named(tuple(f"{'Very Long Name ' * 9}{number}" for number in range(9)))
    text = message(
        long, replace(SETTING, links=Links(f"https://{'ui.' * 60}example", "r" * 36))
    ).text
    assert len(text) <= LONGEST_TEXT
    assert len(points_listed(text)) < 7
    *parts, total = points_listed(text)
    assert sum(parts) == total


def test_a_message_that_is_a_little_too_long_leaves_out_quotes_before_customers() -> None:
    quote = f'seats 9 -> 8: "{"because " * 5}"'
    moves = tuple(replace(move, reason=quote) for move in MONTH.moves)
    links = Links(f"https://{'ui.' * 12}example", "r" * 36)
    written = message(replace(MONTH, moves=moves), replace(SETTING, links=links))
    assert len(points_listed(written.text)) == len(points_listed(message().text))
    assert '"because' not in written.text
    assert '"because' in shown(written.blocks)


def test_a_message_that_cannot_be_short_enough_is_cut_at_a_line_and_says_so() -> None:
    text = message(setting=replace(SETTING, links=Links(f"https://{'ui.' * 300}example"))).text
    assert len(text) <= LONGEST_TEXT
    assert text.splitlines()[-1] == "Shortened. All of it: nrr explain 2026-09"


def test_without_an_address_of_the_ui_there_are_no_links() -> None:
    written = message(setting=Setting(NOWHERE, None, BANDS))
    assert "http" not in written.text
    require_valid(written.blocks)


def test_a_restatement_says_why_by_how_much_and_what_becomes_of_the_alert() -> None:
    was = replace(verdict(Metric.NRR), row=replace(MONTH.whole, churned_mrr_micros=1))
    change = Restated(1, 2, "fx, late_data", 0.9, 0.89, "detail")
    explained = replace(MONTH, edition=2, restated=(change,))
    text = alert_message(
        Occasion(Kind.RESTATED, verdict(Metric.NRR, stands=False), was), explained, SETTING
    ).text
    assert "Edition 2 replaces edition 1 because of exchange rates, late data." in text
    left = format_money(MONTH.whole.churned_mrr_micros, "usd")
    assert f"Churned MRR is {left}, it was USD 0.00." in text
    assert "The earlier alert no longer stands." in text


def test_every_sign_is_told_by_its_form() -> None:
    signs = {
        alert_message(occasion, MONTH, SETTING).blocks[0]["text"]["text"][0]
        for occasion in occasions()
    }
    assert signs == {"⚠", "✓"}
    low = replace(MONTH.whole, nrr_numerator=MONTH.whole.starting_mrr_micros // 2)
    critical = replace(MONTH, rows=(low, *MONTH.rows[1:]))
    assert (
        message(critical).blocks[0]["text"]["text"].startswith("‼ NRR of September 2026 is 50.0 %")
    )


def points_listed(text: str) -> list[int]:
    """The points that begin the lines of a message, in tenths."""
    return [
        round(float(found) * 10) for found in re.findall(r"^([+-]?\d+\.\d) ", text, re.MULTILINE)
    ]


@given(st.text(max_size=400), st.integers(8, 60))
def test_any_text_becomes_one_legible_line(text: str, longest: int) -> None:
    line = legible(text, longest)
    assert 0 < len(line) <= max(longest, len("without a name"))
    assert len(line.splitlines()) == 1
    assert line == line.strip()


def test_a_name_that_runs_from_right_to_left_does_not_turn_its_line() -> None:
    text = message(named((HOSTILE[5],))).text
    assert re.search(rf"^-6\.4 canceled: .+: {HOSTILE[5]}$", text, re.MULTILINE)
