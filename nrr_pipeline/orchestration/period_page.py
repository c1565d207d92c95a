"""The page of a period in the UI: its ratios, bridge and segments, and what they lead to."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

import dagster as dg

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.alerts_shown import state_line
from nrr_pipeline.orchestration.figures import Metadata, major, ratios
from nrr_pipeline.orchestration.markdown import Markup, link, listed, strong, table
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.surroundings import Surroundings
from nrr_pipeline.reporting.explanation import TrendPoint
from nrr_pipeline.reporting.links import last_month_of, report_page_of
from nrr_pipeline.warehouse.outbox import Row, headline

SEGMENTS_SHOWN = 5
"""How many segments of each dimension are listed, the largest first."""

PICTURE_WIDTH = 800
"""Pixels; a picture stays in the event log with every entry that has one."""


def period_published(
    report: PeriodReport, beside: Surroundings, *, ui_url: str, now: datetime, is_latest: bool
) -> Metadata:
    """What the page of a period shows.

    Args:
        report: What was published.
        beside: What stands beside it.
        ui_url: Address of the UI, for links.
        now: The time of which it tells what has become of alerts.
        is_latest: Whether it is the latest that was published together; only its page has a chart.
    """
    whole, period = report.whole, report.period
    unit = whole.currency.upper()
    metadata: Metadata = {
        "Period": dg.MetadataValue.text(period.label),
        "State": dg.MetadataValue.text(state_in_words(report)),
    }
    for name, value in ratios(whole).items():
        if value is not None:
            metadata[name] = dg.MetadataValue.float(value)
    metadata |= {
        f"Starting MRR ({unit})": major(whole.starting_mrr_micros),
        f"Ending MRR ({unit})": major(whole.ending_mrr_micros),
        "Customers at opening": dg.MetadataValue.int(whole.starting_customers),
        "Customers lost": dg.MetadataValue.int(whole.churned_customers),
        "Bridge": dg.MetadataValue.md(bridge(whole)),
        "Segments": dg.MetadataValue.md(segments(report.rows, beside.names)),
    }
    if is_latest and len(beside.trend) > 1:
        metadata["Trend"] = dg.MetadataValue.md(picture(beside.trend))
    if report.held_out:
        metadata["Held out"] = dg.MetadataValue.md(listed(report.held_out))
    if rows := beside.alerts.get(period.period_start):
        metadata["Alerts"] = dg.MetadataValue.md(alert_list(rows, ui_url, now))
    if report.is_final:
        metadata["Board report"] = dg.MetadataValue.md(report_link(period, ui_url))
    return metadata


def state_in_words(report: PeriodReport) -> str:
    """How far the figures of a period are to be relied on."""
    if not report.is_final:
        return "provisional: may still change"
    edition = f"final, edition {report.edition}"
    if report.edition > 1:
        edition += ", restated"
    return f"{edition}; from before the account was connected" if report.is_historical else edition


def bridge(row: Retention) -> Markup:
    """From starting to ending MRR, as a table that adds up."""
    nrr = format_ratio(row.nrr_numerator, row.starting_mrr_micros, currency=row.currency)
    lines = [
        (strong("Starting MRR"), row.starting_mrr_micros),
        (Markup("+ Expansion"), row.expansion_micros),
        (Markup("- Contraction"), row.contraction_micros),
        (Markup("- Churned"), row.churned_mrr_micros),
        (strong(f"Kept of it (NRR {nrr})"), row.nrr_numerator),
        (Markup("+ New business"), row.new_business_micros),
        (Markup("+ Reactivation"), row.reactivation_micros),
        (Markup("± Exchange rates"), row.fx_micros),
        (strong("Ending MRR"), row.ending_mrr_micros),
    ]
    amounts = [(name, format_money(micros, row.currency)) for name, micros in lines]
    return table(("", "Amount"), amounts, right=("Amount",))


def segments(rows: Sequence[Retention], names: Mapping[tuple[str, str], str]) -> Markup:
    """The largest segments of every dimension, and how many more it has.

    Args:
        rows: Of one period.
        names: What readers call a (dimension, segment).
    """
    parts = sorted(
        (row for row in rows if row.dimension != WHOLE),
        key=lambda row: (row.dimension, -row.starting_mrr_micros, row.segment),
    )
    lines: list[tuple[str, ...]] = []
    for dimension, found in groupby(parts, key=lambda row: row.dimension):
        several = list(found)
        label = dimension.replace("_", " ")
        lines += [(label, *_segment_cells(row, names)) for row in several[:SEGMENTS_SHOWN]]
        if len(several) > SEGMENTS_SHOWN:
            lines.append((label, f"and {len(several) - SEGMENTS_SHOWN} more", "", "", "", ""))
    columns = ("Cut by", "Segment", "Starting MRR", "NRR", "GRR", "Logo churn")
    return table(columns, lines, right=columns[2:])


def picture(months: Sequence[TrendPoint]) -> Markup:
    """NRR and GRR over the months, as an image."""
    from nrr_pipeline.reporting.charts import trend_png  # noqa: PLC0415 - loads matplotlib

    encoded = base64.b64encode(trend_png(months, width_px=PICTURE_WIDTH)).decode()
    return Markup(f"![NRR and GRR by month](data:image/png;base64,{encoded})")


def alert_list(rows: Sequence[Row], ui_url: str, now: datetime) -> Markup:
    """The alerts of a period, and what has become of them."""
    return listed(
        Markup(
            f"{link(headline(row).removesuffix('.'), f'{ui_url}/assets/alerts')}: "
            f"{state_line(row, now)} "
            f"(at {now:%Y-%m-%d %H:%M} UTC)"
        )
        for row in rows
    )


def report_link(period: Period, ui_url: str) -> Markup:
    """The page of the board report of a period's last month, and how to have one."""
    month = last_month_of(period)
    words = link(month.label, f"{ui_url}/{report_page_of(period)}")
    return Markup(f"{words}; if it was never issued: `nrr report {month.period_start:%Y-%m}`")


def _segment_cells(row: Retention, names: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    starting = row.starting_mrr_micros
    return (
        names.get((row.dimension, row.segment), row.segment),
        format_money(starting, row.currency),
        format_ratio(row.nrr_numerator, starting, currency=row.currency),
        format_ratio(row.grr_numerator, starting, currency=row.currency),
        format_ratio(row.churned_customers, row.starting_customers),
    )
