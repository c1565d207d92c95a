"""Reports of the stages as metadata: the numbers, plots and tables on an asset's page.

Amounts stand as numbers of the major unit, because only numbers are plotted; the exact ones are in
the tables. Nothing is computed here. The pages of periods stand in ``period_page``.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction

import dagster as dg

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR
from nrr_pipeline.metrics.money import format_exact, format_money, format_ratio
from nrr_pipeline.orchestration.markdown import listed, table
from nrr_pipeline.orchestration.stages.daily import DayFigures
from nrr_pipeline.orchestration.stages.history import HistoryReport
from nrr_pipeline.orchestration.stages.inputs import InputReport
from nrr_pipeline.orchestration.stages.intervals import IntervalReport
from nrr_pipeline.orchestration.stages.pulling import PullReport
from nrr_pipeline.warehouse.given import Fact

Metadata = dict[str, dg.MetadataValue]

KNOWN_AT = "Known at"
"""Metadata of a published day: up to when what was learned is part of its figures."""


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
        metadata["Problems"] = dg.MetadataValue.md(listed(report.problems))
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
    rates_in_use = table(names, lines, right=("Rate", "Days old"))
    return {"Rates in use": dg.MetadataValue.md(rates_in_use)} if lines else {}


def day_published(figures: Sequence[DayFigures], known_at: datetime) -> Metadata:
    """One day: in all, in the reporting currency, and in each currency where there are several."""
    natives = [each for each in figures if not each.is_reporting]
    whole = next((each for each in figures if each.is_reporting), None)
    if whole is None and len(natives) == 1:
        whole = natives[0]
    metadata: Metadata = {}
    if whole is not None:
        metadata = {
            f"MRR ({whole.currency.upper()})": major(whole.mrr_micros),
            "Customers": dg.MetadataValue.int(whole.customers),
            "Subscriptions": dg.MetadataValue.int(whole.subscriptions),
        }
    if len(natives) > 1:
        metadata["By currency"] = dg.MetadataValue.md(_by_currency(natives))
    return metadata | {KNOWN_AT: dg.MetadataValue.text(known_at.isoformat())}


def _by_currency(natives: Sequence[DayFigures]) -> str:
    names = ("Currency", "MRR", "Customers", "Subscriptions")
    rows = [
        (
            each.currency.upper(),
            format_money(each.mrr_micros, each.currency),
            f"{each.customers:,}",
            f"{each.subscriptions:,}",
        )
        for each in natives
    ]
    return table(names, rows, right=names[1:])


def rows_refreshed(days: int, rows: int) -> Metadata:
    """A table that follows the days."""
    return {
        "Days brought up to date": dg.MetadataValue.int(days),
        "dagster/row_count": dg.MetadataValue.int(rows),
    }


def major(micros: int) -> dg.FloatMetadataValue:
    """An amount as a number that can be plotted, to the hundredth."""
    return dg.MetadataValue.float(round(micros / MICROS_PER_MAJOR, 2))


def ratios(row: Retention) -> Mapping[str, float | None]:
    """The three ratios in per cent, rounded toward zero as everywhere."""
    starting = row.starting_mrr_micros
    return {
        "NRR %": percent(row.nrr_numerator, starting, row.currency),
        "GRR %": percent(row.grr_numerator, starting, row.currency),
        "Logo churn %": percent(row.churned_customers, row.starting_customers),
    }


def percent(numerator: int, denominator: int, currency: str | None = None) -> float | None:
    """A ratio as a number that can be plotted, as ``format_ratio`` shows it."""
    if denominator == 0:
        return None
    return float(format_ratio(numerator, denominator, currency=currency).removesuffix(" %"))
