"""Reports of the stages as metadata: the numbers, plots and tables on an asset's page.

Amounts stand as numbers of the major unit, because only numbers are plotted; the exact ones are in
the tables. Nothing is computed here.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

import dagster as dg

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR
from nrr_pipeline.metrics.money import format_exact, format_money, format_ratio
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.daily import DayFigures
from nrr_pipeline.orchestration.stages.history import HistoryReport
from nrr_pipeline.orchestration.stages.inputs import InputReport
from nrr_pipeline.orchestration.stages.intervals import IntervalReport
from nrr_pipeline.orchestration.stages.pulling import PullReport
from nrr_pipeline.warehouse.given import Fact

Metadata = dict[str, dg.MetadataValue]

KNOWN_AT = "Known at"
"""Metadata of a published day: up to when what was learned is part of its figures."""

SEGMENTS_SHOWN = 30


def pulled(report: PullReport, kind: str, rows: int) -> Metadata:
    """One kind of objects: how many there are, and what was new."""
    landed = report.landed.get(kind)
    return {
        "Objects seen": dg.MetadataValue.int(report.summary.objects.get(kind, 0)),
        "New": dg.MetadataValue.int(landed.new if landed else 0),
        "Changed": dg.MetadataValue.int(landed.changed if landed else 0),
        "Gone": dg.MetadataValue.int(landed.deleted if landed else 0),
        "Account's clock": dg.MetadataValue.timestamp(report.observed_at),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }


def history_built(report: HistoryReport, rows: int) -> Metadata:
    """What a build of the history changed."""
    return {
        "Subscriptions read again": dg.MetadataValue.int(report.subscriptions),
        "Stretches added": dg.MetadataValue.int(report.opened),
        "Stretches superseded": dg.MetadataValue.int(report.closed),
        "New findings": dg.MetadataValue.int(report.new_findings),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }


def intervals_priced(report: IntervalReport, policy_version: str, rows: int) -> Metadata:
    """What pricing changed."""
    changed_from = report.changed_from.isoformat() if report.changed_from else "nothing changed"
    return {
        "Subscriptions priced": dg.MetadataValue.int(report.subscriptions),
        "Intervals added": dg.MetadataValue.int(report.opened),
        "Intervals superseded": dg.MetadataValue.int(report.closed),
        "Items held out": dg.MetadataValue.int(report.held_out),
        "Figures changed from": dg.MetadataValue.text(changed_from),
        "Policy": dg.MetadataValue.text(policy_version),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }


def input_read(report: InputReport, rows: int) -> Metadata:
    """What a given list brought, and what of it cannot be used."""
    metadata: Metadata = {
        "Rows added or withdrawn": dg.MetadataValue.int(report.changed),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }
    if report.problems:
        metadata["Problems"] = dg.MetadataValue.md("\n".join(f"- {it}" for it in report.problems))
    return metadata


def newest_rates(rates: Mapping[str, Fact], as_of_date: date) -> Metadata:
    """The rate that each currency has on a day, and how old it is."""
    lines = [
        (
            currency.upper(),
            format_exact(Fraction(fact["rate"])),
            fact["as_of_date"].isoformat(),
            str((as_of_date - fact["as_of_date"]).days),
            fact["source"],
        )
        for currency, fact in sorted(rates.items())
    ]
    names = ("Currency", "Rate", "Of", "Days old", "Source")
    return {"Rates in use": dg.MetadataValue.md(_table(names, lines))} if lines else {}


def day_published(figures: Sequence[DayFigures], known_at: datetime) -> Metadata:
    """One day, in each of its currencies."""
    metadata: Metadata = {}
    for each in figures:
        suffix = "" if len(figures) == 1 else f" ({each.currency.upper()})"
        metadata |= {
            f"MRR ({each.currency.upper()})": major(each.mrr_micros),
            f"Customers{suffix}": dg.MetadataValue.int(each.customers),
            f"Subscriptions{suffix}": dg.MetadataValue.int(each.subscriptions),
        }
    return metadata | {KNOWN_AT: dg.MetadataValue.text(known_at.isoformat())}


def rows_refreshed(days: int, rows: int) -> Metadata:
    """A table that follows the days."""
    return {
        "Days brought up to date": dg.MetadataValue.int(days),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }


def period_published(report: PeriodReport) -> Metadata:
    """One period: its ratios, its bridge and its segments."""
    whole = report.whole
    unit = whole.currency.upper()
    metadata: Metadata = {
        "Period": dg.MetadataValue.text(report.period.label),
        "State": dg.MetadataValue.text(state_of(report)),
    }
    for name, value in ratios(whole).items():
        if value is not None:
            metadata[name] = dg.MetadataValue.float(value)
    metadata |= {
        f"Starting MRR ({unit})": major(whole.starting_mrr_micros),
        f"Ending MRR ({unit})": major(whole.ending_mrr_micros),
        "Customers at opening": dg.MetadataValue.int(whole.starting_customers),
        "Customers lost": dg.MetadataValue.int(whole.churned_customers),
        "Edition": dg.MetadataValue.int(report.edition),
        "Bridge": dg.MetadataValue.md(bridge(whole)),
        "Segments": dg.MetadataValue.md(segments(report.rows)),
    }
    if report.held_out:
        metadata["Held out"] = dg.MetadataValue.md("\n".join(f"- {it}" for it in report.held_out))
    if report.alerts:
        metadata["Alert"] = dg.MetadataValue.text("\n\n".join(report.alerts))
    return metadata


def state_of(report: PeriodReport) -> str:
    """How far the figures of a period are to be relied on."""
    if not report.is_final:
        return "provisional: may still change"
    return "final, from before the account was connected" if report.is_historical else "final"


def ratios(row: Retention) -> Mapping[str, float | None]:
    """The three ratios in per cent, rounded toward zero as everywhere."""
    starting = row.starting_mrr_micros
    return {
        "NRR %": percent(row.nrr_numerator, starting, row.currency),
        "GRR %": percent(row.grr_numerator, starting, row.currency),
        "Logo churn %": percent(row.churned_customers, row.starting_customers),
    }


def bridge(row: Retention) -> str:
    """From starting to ending MRR, as a table that adds up."""
    kept = f"NRR {format_ratio(row.nrr_numerator, row.starting_mrr_micros, currency=row.currency)}"
    lines = [
        ("**Starting MRR**", row.starting_mrr_micros),
        ("+ Expansion", row.expansion_micros),
        ("- Contraction", row.contraction_micros),
        ("- Churned", row.churned_mrr_micros),
        (f"**Kept of it ({kept})**", row.nrr_numerator),
        ("+ New business", row.new_business_micros),
        ("+ Reactivation", row.reactivation_micros),
        ("± Exchange rates", row.fx_micros),
        ("**Ending MRR**", row.ending_mrr_micros),
    ]
    return _table(
        ("", "Amount"), [(name, format_money(micros, row.currency)) for name, micros in lines]
    )


def segments(rows: Sequence[Retention]) -> str:
    """The largest segments of every dimension."""
    parts = sorted(
        (row for row in rows if row.dimension != WHOLE),
        key=lambda row: (row.dimension, -row.starting_mrr_micros),
    )
    names = ("Cut by", "Segment", "Starting MRR", "NRR", "GRR", "Logo churn")
    table = _table(names, [_segment_line(row) for row in parts[:SEGMENTS_SHOWN]])
    rest = len(parts) - SEGMENTS_SHOWN
    return f"{table}\n\n… and {rest} more in the table" if rest > 0 else table


def major(micros: int) -> dg.FloatMetadataValue:
    """An amount as a number that can be plotted, to the hundredth."""
    return dg.MetadataValue.float(round(micros / MICROS_PER_MAJOR, 2))


def _segment_line(row: Retention) -> tuple[str, ...]:
    starting = row.starting_mrr_micros
    return (
        row.dimension.replace("_", " "),
        row.segment,
        format_money(starting, row.currency),
        format_ratio(row.nrr_numerator, starting, currency=row.currency),
        format_ratio(row.grr_numerator, starting, currency=row.currency),
        format_ratio(row.churned_customers, row.starting_customers),
    )


def percent(numerator: int, denominator: int, currency: str | None = None) -> float | None:
    """A ratio as a number that can be plotted, as ``format_ratio`` shows it."""
    if denominator == 0:
        return None
    return float(format_ratio(numerator, denominator, currency=currency).removesuffix(" %"))


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
