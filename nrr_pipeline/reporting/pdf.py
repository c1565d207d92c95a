"""A board report as PDF: typeset from data, so that no name of a customer is ever markup.

What stands on the pages is decided in ``report_pages``, how it looks in ``board_report.typ``.
"""

import json
from functools import cache
from io import BytesIO
from pathlib import Path

import typst
from PIL import Image

from nrr_pipeline.reporting.board_report import BoardReport, Presentation
from nrr_pipeline.reporting.canvas import FONTS
from nrr_pipeline.reporting.report_pages import Pages

PREVIEW_DOTS_PER_INCH, PREVIEW_COLORS = 110, 64
"""So that page one is legible on an asset's page and its picture is small."""

_TEMPLATE = Path(__file__).with_name("board_report.typ")


def render_pdf(report: BoardReport, presentation: Presentation) -> bytes:
    """Typeset a report; its bytes are the same each time, its date is the time of issue.

    Args:
        report: What it says.
        presentation: Its title, logo and locale, and where its links lead.

    Raises:
        ValueError: The logo is no picture.
    """
    return _typeset(report, presentation, None)[0]


def render_preview_png(report: BoardReport, presentation: Presentation) -> bytes:
    """Page one of the report as a picture.

    Args:
        report: What it says.
        presentation: Its title, logo and locale.
    """
    page = _typeset(report, presentation, PREVIEW_DOTS_PER_INCH)[0]
    content = BytesIO()
    with Image.open(BytesIO(page)) as picture:
        picture.convert("RGB").quantize(PREVIEW_COLORS).save(content, format="png", optimize=True)
    return content.getvalue()


def _typeset(
    report: BoardReport, presentation: Presentation, dots_per_inch: float | None
) -> list[bytes]:
    """The PDF, or its pages as pictures."""
    content = json.dumps(Pages(report, presentation).as_data())
    try:
        made = typst.compile(
            _TEMPLATE.read_bytes(),
            font_paths=_fonts(),
            format="pdf" if dots_per_inch is None else "png",
            ppi=dots_per_inch,
            sys_inputs={"report": content},
            timestamp=int(report.issued_at.timestamp()),
        )
    except typst.TypstError as error:
        if presentation.logo is None:
            raise
        raise ValueError(
            f"The report's logo cannot be shown: {error.message}. Name a PNG or SVG in the policy, "
            "or none: report.logo"
        ) from error
    return made if isinstance(made, list) else [made]


@cache
def _fonts() -> typst.Fonts:
    """The package's own fonts alone, so that no machine's fonts change the bytes."""
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)]
    )
