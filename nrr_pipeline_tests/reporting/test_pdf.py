"""What the PDF holds to: the report's figures as they are, no name as markup, equal bytes."""

import struct
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import pypdf
import pytest

from nrr_pipeline.metrics.attribution import rate_and_mix
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.board_report import BoardReport, Presentation
from nrr_pipeline.reporting.locale import MINUS
from nrr_pipeline.reporting.pdf import render_pdf, render_preview_png
from nrr_pipeline_tests.reporting.example_report import CUSTOMERS, LONG_NAME, example_report

REPORT = example_report()
LOOK = Presentation("Net revenue retention", "en_US", "http://127.0.0.1:3000")
EMPTY = Retention("all", "all", "usd", *[0] * 13)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753"
    "de0000000c49444154789c636028da0400019a012579d294fa0000000049454e"
    "44ae426082"
)


VECTOR = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


def opened(report: BoardReport = REPORT, look: Presentation = LOOK) -> pypdf.PdfReader:
    return pypdf.PdfReader(BytesIO(render_pdf(report, look)))


def text_of(source: pypdf.PdfReader | pypdf.PageObject) -> str:
    """The words as a reader sees them, on one line."""
    pages = source.pages if isinstance(source, pypdf.PdfReader) else [source]
    text = " ".join(page.extract_text() for page in pages)
    return " ".join(text.replace("\u2068", "").replace("\u2069", "").split())


def alternatives(reader: pypdf.PdfReader) -> list[str]:
    """The words that stand for pictures, in the document's structure."""
    found: list[str] = []
    left: list[Any] = [reader.root_object["/StructTreeRoot"]]
    while left:
        each = left.pop().get_object()
        if isinstance(each, list):
            left += [kid for kid in each if hasattr(kid, "get_object")]
        elif isinstance(each, dict):
            found += [" ".join(str(each["/Alt"]).split())] if "/Alt" in each else []
            left += [each["/K"]] if "/K" in each and hasattr(each["/K"], "get_object") else []
    return found


def in_currency(report: BoardReport, currency: str) -> BoardReport:
    rows = tuple(replace(row, currency=currency) for row in report.month.rows)
    return replace(report, month=replace(report.month, rows=rows), quarter=None)


def test_page_one_says_the_answer() -> None:
    page = text_of(opened().pages[0])
    for words in (
        "September 2026",
        "89.0 % warning",
        f"{MINUS}10.7 points, was 99.7 %",
        "NRR, Q3 2026",
        "NRR, trailing twelve months",
        "USD 37,880",
        "What this edition changes",
        "fewer seats (8.0 points, 2 customers)",
    ):
        assert words in page


def test_the_parts_of_the_bridge_add_up_to_what_is_shown() -> None:
    text = text_of(opened())
    for line in (
        "Starting MRR 40,715 40,379",
        "Expansion +1,734 +4.2 +2,058 +5.0",
        f"Contraction {MINUS}3,260 {MINUS}8.0 {MINUS}3,260 {MINUS}8.0",
        f"Churn {MINUS}2,949 {MINUS}7.2 {MINUS}2,990 {MINUS}7.4",
        "Kept 36,240 89.0 % 36,187 89.6 %",
        "New business +1,000 +1,000",
        "Ending MRR 37,880 37,880",
    ):
        assert line in text


def test_the_document_names_itself_its_date_and_its_pages() -> None:
    reader = opened()
    assert reader.metadata is not None
    assert reader.metadata.title == "Net revenue retention, September 2026"
    assert reader.metadata.creation_date == REPORT.issued_at
    assert f"1 of {len(reader.pages)}" in reader.pages[0].extract_text()
    assert str(reader.root_object["/Lang"]).startswith("en")
    marks: Any = reader.root_object["/MarkInfo"]
    assert marks["/Marked"]


def test_charts_have_words_for_those_who_cannot_see_them() -> None:
    words = alternatives(opened())
    assert len(words) == 6
    assert any("NRR was 100 % or more in 20 of 24 months" in each for each in words)


def test_links_lead_to_the_periods() -> None:
    annotations: Any = opened().pages[0]["/Annots"]
    found = {each.get_object()["/A"]["/URI"] for each in annotations}
    base = "http://127.0.0.1:3000/assets"
    assert found == {
        f"{base}/monthly_nrr?view=partitions&partition=2026-09-01",
        f"{base}/quarterly_nrr?view=partitions&partition=2026-07-01",
    }


def test_without_an_address_of_the_ui_there_are_no_links() -> None:
    assert "/Annots" not in opened(look=replace(LOOK, ui_url="")).pages[0]


@pytest.mark.parametrize("locale", ["en_US", "de_DE", "ar_EG", "ja_JP"])
def test_the_bytes_are_the_same_each_time(locale: str) -> None:
    look = replace(LOOK, locale=locale)
    assert render_pdf(REPORT, look) == render_pdf(REPORT, look)
    assert render_preview_png(REPORT, look) == render_preview_png(REPORT, look)


def test_numbers_and_paper_are_those_of_the_locale() -> None:
    reader = opened(look=replace(LOOK, locale="de_DE"))
    assert "37.880 USD" in text_of(reader)
    assert "5. Oktober 2026" in text_of(reader)
    assert round(float(reader.pages[0].mediabox.width)) == 595
    assert round(float(opened().pages[0].mediabox.width)) == 612


def test_no_name_is_markup_and_none_breaks_a_page() -> None:
    text = text_of(opened())
    assert "*bold* _it_ `code` & Söhne" in text
    assert "<script>alert(1)</script>" in text
    assert "=cmd|' /C calc'!A0" in text
    assert "🚀 Rocket & Co" in text
    assert LONG_NAME[:300] not in text
    assert LONG_NAME[:20] in text


def test_names_that_try_to_be_code_or_to_break_out_are_text() -> None:
    hostile = [
        '#panic("x")',
        '"); #read("/etc/passwd") //',
        "$x^2$ <label> @ref",
        "\\ \\n \\u{41}",
        "W" * 300,
        'שלום עולם בע"מ 42',
        "株式会社テスト 한국",
        "a\u202eevil\u2066\x00\x07\nline",
        "",
        "บริษัท दिल्ली ეს",
    ]
    names = {each.account_id: hostile[n % len(hostile)] for n, each in enumerate(CUSTOMERS)}
    month = replace(
        REPORT.month,
        moves=tuple(
            replace(each, name=names[each.account_id], reason=names[each.account_id])
            for each in REPORT.month.moves
        ),
        segment_names=dict.fromkeys(REPORT.month.segment_names, hostile[0]),
    )
    customers = tuple(replace(each, name=names[each.account_id]) for each in REPORT.customer_months)
    report = replace(
        REPORT, month=month, customer_months=customers, notes=hostile, changes=tuple(hostile)
    )
    text = text_of(opened(report, replace(LOOK, title="#eval[*x*] " * 30)))
    assert '#panic("x")' in text
    assert '#read("/etc/passwd")' in text


def test_a_first_month_without_anything_before_it_can_be_shown() -> None:
    month = replace(REPORT.month, before=(), effects={}, restated=(), edition=1)
    report = replace(
        REPORT,
        month=month,
        quarter=None,
        trailing=None,
        trend=REPORT.trend[-1:],
        changes=(),
        edition=1,
    )
    text = text_of(opened(replace(report, trend=(replace(report.trend[0], trailing=None),))))
    assert "no figure before" in text
    assert "One month so far" in text
    assert "What this edition changes" not in text


def test_nothing_to_retain_is_said_and_not_shown_as_0() -> None:
    month = replace(REPORT.month, rows=(EMPTY,), before=(), moves=(), effects={})
    point = replace(REPORT.trend[-1], figures=EMPTY, trailing=None)
    report = replace(
        REPORT, month=month, quarter=None, trailing=None, trend=(point,), customer_months=()
    )
    text = text_of(opened(report))
    assert "NRR, September 2026 n/a no figure before nothing to retain" in text
    assert "there was nothing to retain" in text
    assert "0.0 % trouble" not in text


def test_a_currency_without_decimals_and_one_with_three_can_be_shown() -> None:
    for currency in ("jpy", "kwd"):
        assert f"{currency.upper()} 37,880" in text_of(opened(in_currency(REPORT, currency)))


def test_many_segments_are_cut_to_the_largest_and_the_others_add_up() -> None:
    parts = [
        replace(
            REPORT.month.whole,
            dimension="product",
            segment=f"prod_{number:02}",
            starting_mrr_micros=(50 - number) * 1_000_000_000,
            nrr_numerator=(50 - number) * 1_000_000_000,
        )
        for number in range(50)
    ]
    total = sum(each.starting_mrr_micros for each in parts)
    whole = replace(EMPTY, starting_mrr_micros=total, nrr_numerator=total, ending_mrr_micros=total)
    rows = (whole, *parts)
    month = replace(
        REPORT.month, rows=rows, before=rows, effects=rate_and_mix(rows, rows), moves=()
    )
    text = text_of(opened(replace(REPORT, month=month, quarter=None)))
    assert "All others (43)" in text
    assert "prod_06" in text
    assert "prod_07" not in text


def test_churn_that_nrr_hides_is_said_aloud() -> None:
    quarter = REPORT.quarter
    assert quarter is not None
    was = quarter.whole
    missing = was.starting_mrr_micros - was.nrr_numerator
    whole = replace(
        was,
        nrr_numerator=was.starting_mrr_micros,
        expansion_micros=was.expansion_micros + missing,
        ending_mrr_micros=was.ending_mrr_micros + missing,
    )
    report = replace(REPORT, quarter=replace(quarter, rows=(whole,), effects={}))
    said = "Hidden churn in Q3 2026: 16.6 % of 12 customers left although NRR is 100.0 %."
    assert said in text_of(opened(report))
    lenient = (*report.policy, ("alerts.hidden_churn_above.quarter", "1/5"))
    assert said not in text_of(opened(replace(report, policy=lenient)))


@pytest.mark.parametrize(
    "logo",
    [
        (PIXEL, "png"),
        (VECTOR, "svg"),
    ],
)
def test_a_logo_is_shown(logo: tuple[bytes, str]) -> None:
    assert len(opened(look=replace(LOOK, logo=logo)).pages) == len(opened().pages)


def test_a_logo_that_cannot_be_shown_is_named() -> None:
    with pytest.raises(ValueError, match="logo cannot be shown"):
        render_pdf(REPORT, replace(LOOK, logo=(b"not a picture", "png")))


def test_the_preview_is_page_one_and_small() -> None:
    picture = render_preview_png(REPORT, LOOK)
    assert struct.unpack(">II", picture[16:24]) == (935, 1_210)
    assert len(picture) < 200_000


def test_the_title_of_the_running_foot_says_period_edition_and_when_data_were_read() -> None:
    for page in opened().pages:
        assert "September 2026 · Edition 2 · data as of October 5, 2026, 02:31" in (
            page.extract_text()
        )


def test_the_month_stands_alone_where_its_quarter_ended_earlier() -> None:
    quarter = REPORT.quarter
    assert quarter is not None
    earlier = replace(quarter, period=Period.quarter(date(2026, 4, 1)))
    assert "NRR, Q2 2026" in text_of(opened(replace(REPORT, quarter=earlier)))


def test_a_business_of_less_than_a_year_has_no_empty_chart() -> None:
    drawn = "NRR and GRR of trailing twelve months"
    young = tuple(replace(point, trailing=EMPTY) for point in REPORT.trend)
    assert drawn in text_of(opened())
    assert drawn not in text_of(opened(replace(REPORT, trend=young, trailing=EMPTY)))
