"""Cells of a workbook: what may stand in one, how it looks, how it is written and referred to.

The one module that speaks to XlsxWriter. What the cells say does not belong here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]
from xlsxwriter.utility import (  # pyright: ignore[reportMissingTypeStubs]
    xl_rowcol_to_cell,
)

from nrr_pipeline.reporting.locale import LETTER_TERRITORIES

ACCENT = "#1F4E79"
MAX_ROWS = 1_048_576
"""Rows of a worksheet; support.microsoft.com, "Excel specifications and limits"."""

MAX_TEXT = 16_000
"""Letters kept of a text: half of what a cell holds, as Excel counts an emoji as two."""

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_NOTHING = '"\N{EN DASH}"'
_LEFT = {"text", "foreign", "month"}
_HEADINGS = {**dict.fromkeys(_LEFT, "heading_left"), "aside": "heading_aside"}


@dataclass(frozen=True, slots=True)
class Live:
    """A formula and the exact value it has."""

    formula: str
    value: float | str


Content = str | float | date | Live


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: what it holds, what stands above it, its look and width in letters."""

    key: str
    heading: str
    style: str
    width: float


def clean(text: str) -> str:
    r"""A text as a cell can hold it: without control characters, and of bounded length.

    Nor with those that turn the direction of letters, so that a name reads as it is.

    >>> clean("a\x00b\tc"), clean("\u202egnp.exe")
    ('ab c', 'gnp.exe')
    """
    kept = re.sub(r"\s", " ", _FORBIDDEN.sub("", text))
    return kept if len(kept) <= MAX_TEXT else kept[: MAX_TEXT - 1] + "…"


def cell(row: int, col: int) -> str:
    """A reference that stays where it is when its formula is copied, such as ``$B$6``."""
    return str(xl_rowcol_to_cell(row, col, row_abs=True, col_abs=True))


class Sheet:
    """A worksheet that keeps texts texts and refuses what a worksheet cannot hold."""

    def __init__(self, name: str, worksheet: Any, formats: dict[str, Any]) -> None:  # noqa: ANN401
        self.name = name
        self.raw = worksheet
        self._formats = formats

    def put(self, row: int, col: int, content: Content, style: str) -> None:
        """Write one cell.

        Raises:
            ValueError: The row lies beyond the last one of a worksheet.
        """
        if row >= MAX_ROWS:
            raise ValueError(
                f"The sheet {self.name!r} holds {MAX_ROWS:,} rows and no more: leave earlier "
                "months out of the report's customers"
            )
        chosen = self._formats[style]
        if isinstance(content, Live):
            self.raw.write_formula(row, col, content.formula, chosen, content.value)
        elif content == "":
            self.raw.write_blank(row, col, None, chosen)
        elif isinstance(content, str):
            self.raw.write_string(row, col, clean(content), chosen)
        elif isinstance(content, date):
            self.raw.write_datetime(row, col, content, chosen)
        else:
            self.raw.write_number(row, col, content, chosen)

    def put_row(self, row: int, contents: Sequence[Content], styles: Sequence[str]) -> None:
        """Write a row from its first column on."""
        for col, (content, style) in enumerate(zip(contents, styles, strict=True)):
            self.put(row, col, content, style)

    def put_head(self, title: str, sentence: str) -> None:
        """Write the title of the sheet, and below it what stands in it."""
        self.put(0, 0, title, "title")
        self.put(1, 0, sentence, "note")

    def put_columns(self, row: int, columns: Sequence[Column], *, height: float) -> None:
        """Write a table's headings, a row as high as asked, and give its columns their widths."""
        self.raw.set_row(row, height)
        for col, column in enumerate(columns):
            self.raw.set_column(col, col, column.width)
            look = _HEADINGS.get(column.style, "heading")
            self.put(row, col, column.heading, look)

    def link(self, row: int, col: int, address: str, text: str) -> None:
        """Write a link to a page, or to ``internal:'Sheet'!A1``."""
        self.raw.write_url(row, col, address, self._formats["link"], clean(text))

    def at(self, row: int, col: int) -> str:
        """A reference to a cell from any sheet."""
        return f"'{self.name}'!{cell(row, col)}"

    def between(self, first: int, last: int, col: int) -> str:
        """A reference to rows of one column from any sheet, both included."""
        return f"'{self.name}'!{cell(first, col)}:{cell(last, col)}"


class Book:
    """A workbook under way."""

    def __init__(self, *, decimals: int, locale: str) -> None:
        self._file = BytesIO()
        self.raw: Any = xlsxwriter.Workbook(
            self._file,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._is_letter = locale.rpartition("_")[2] in LETTER_TERRITORIES
        self._formats = {
            name: self.raw.add_format(properties) for name, properties in _styles(decimals).items()
        }

    def describe(self, *, title: str, subject: str, issued_at: datetime) -> None:
        """Set the document's properties; its dates are the time of issue."""
        created = issued_at.astimezone(UTC).replace(tzinfo=None)
        self.raw.set_properties(
            {"title": clean(title), "subject": clean(subject), "created": created}
        )

    def sheet(self, name: str, *, footer: str) -> Sheet:
        """Add a sheet, set to print across one page in landscape."""
        worksheet = self.raw.add_worksheet(name)
        worksheet.hide_gridlines(2)
        worksheet.set_landscape()
        worksheet.set_paper(1 if self._is_letter else 9)
        worksheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        worksheet.fit_to_pages(1, 0)
        shown = clean(footer)[:150].replace("&", "&&")
        worksheet.set_footer(f"&L&8{shown}&R&8&A, page &P of &N")
        return Sheet(name, worksheet, self._formats)

    def name(self, name: str, reference: str) -> None:
        """Give cells a name for formulas."""
        self.raw.define_name(name, f"={reference}")

    def content(self) -> bytes:
        """Close the workbook, and return its bytes."""
        self.raw.close()
        return self._file.getvalue()


def _styles(decimals: int) -> dict[str, dict[str, Any]]:
    digits = "0." + "0" * decimals if decimals else "0"
    numbers = {
        "money": f"#,##{digits};[Red]-#,##{digits};{_NOTHING}",
        "count": f"#,##0;[Red]-#,##0;{_NOTHING}",
        "ratio": "0.0%",
        "change": f"+0.0;[Red]-0.0;{_NOTHING}",
        "points": f"+0.000;[Red]-0.000;{_NOTHING}",
        "times": "0.0",
        "share": "0.00%",
    }
    styles: dict[str, dict[str, Any]] = {
        "title": {"bold": True, "font_size": 16, "font_color": ACCENT},
        "section": {"bold": True, "font_size": 12, "font_color": ACCENT},
        "note": {"italic": True, "font_color": "#595959"},
        "text": {},
        "strong": {"bold": True},
        "foreign": {"quote_prefix": True},
        "aside": {"quote_prefix": True, "indent": 1},
        "wrapped": {"text_wrap": True, "valign": "top", "quote_prefix": True},
        "label": {"valign": "top", "bold": True},
        "month": {"num_format": "mmm yyyy", "align": "left"},
        "link": {"font_color": ACCENT, "underline": 1},
        "reading": {"align": "right", "italic": True},
        "quiet": {"font_color": "#7F7F7F", "align": "right"},
        "group": {"bold": True, "font_color": ACCENT, "bottom": 1, "bottom_color": ACCENT},
    }
    heading = {"bold": True, "font_color": "white", "bg_color": ACCENT, "text_wrap": True}
    styles["heading"] = {**heading, "align": "right", "valign": "vcenter"}
    styles["heading_aside"] = {**heading, "align": "left", "valign": "vcenter", "indent": 1}
    styles["heading_left"] = {**heading, "align": "left", "valign": "vcenter"}
    for name, number in numbers.items():
        styles[name] = {"num_format": number, "align": "right"}
    for name in (*numbers, "text", "foreign"):
        styles[f"{name}_total"] = {**styles[name], "bold": True, "top": 1}
        styles[f"{name}_check"] = {**styles[name], "italic": True, "font_color": "#7F7F7F"}
    for name in ("money", "ratio"):
        styles[f"{name}_big"] = {**styles[name], "bold": True, "font_size": 12}
    return styles
