"""The footnotes of a board report: what a reader of its figures has to know beside them.

Which figures there are stands in ``report_content``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.orchestration.stages.accounts import EXCLUDED
from nrr_pipeline.orchestration.stages.rates_in_use import foreign_mrr, rates_line
from nrr_pipeline.reporting.explanation import PeriodExplanation, Restated
from nrr_pipeline.warehouse.quality import open_findings
from nrr_pipeline.warehouse.snapshots import customers_by_account
from nrr_pipeline.warehouse.transactions import Connection


def footnotes(
    connection: Connection, month: PeriodExplanation, quarter: PeriodExplanation | None
) -> tuple[str, ...]:
    """Say what is approximate, at risk, left out, joined, restated, and at which rates."""
    explained = [month] if quarter is None else [month, quarter]
    return (
        *(note for each in explained for note in _of_period(each)),
        *_at_risk(month),
        *_rates(connection, explained),
        *_customers(connection, month),
        *_findings(connection),
    )


def _of_period(explained: PeriodExplanation) -> Iterator[str]:
    """What is particular about the figures of a period."""
    label = explained.period.label
    if not explained.is_final:
        yield f"{label} is provisional: its figures can still change."
    if explained.is_historical:
        yield f"{label} ended before the account was connected: its history was reconstructed."
    for item, reason in explained.held_out.items():
        yield f"{label} leaves out {item}, which is in no figure: {reason}."
    if explained.approximate_items:
        count = explained.approximate_items
        items = f"{count:,} item{'' if count == 1 else 's'}"
        yield f"In {label} the MRR of {items} is approximate, {_error(explained)}."
    for each in explained.restated:
        yield _restated(label, each)


def _error(explained: PeriodExplanation) -> str:
    if explained.approximate_error_micros is None:
        return "by an unknown amount"
    most = format_money(explained.approximate_error_micros, explained.whole.currency)
    return f"by {most} at most in all"


def _restated(label: str, restated: Restated) -> str:
    before, after = _percent(restated.nrr_before), _percent(restated.nrr_after)
    said = f"NRR {after}, was {before}" if before != after else f"NRR stayed {after}"
    return (
        f"{label} was restated in edition {restated.to_edition} because of {restated.why}: {said}."
    )


def _percent(ratio: float | None) -> str:
    if ratio is None:
        return "n/a"
    shown = Fraction(str(ratio))
    return format_ratio(shown.numerator, shown.denominator)


def _at_risk(month: PeriodExplanation) -> Iterator[str]:
    whole = month.whole
    for micros, what in (
        (month.at_risk_mrr_micros, "is past due, so at risk"),
        (month.scheduled_churn_mrr_micros, "is set to end, and counts until it does"),
    ):
        if micros:
            share = format_ratio(micros, whole.ending_mrr_micros)
            money = format_money(micros, whole.currency)
            yield f"Of the ending MRR of {month.period.label}, {money} ({share}) {what}."


def _rates(connection: Connection, explained: list[PeriodExplanation]) -> Iterator[str]:
    """The rates of every opening and closing day, as they were known for its figures."""
    days = {
        day: (each.known_at, each.whole.currency)
        for each in reversed(explained)
        for day in (each.period.opening_date, each.period.closing_date)
    }
    for day, (known_at, currency) in sorted(days.items()):
        for line in rates_line(foreign_mrr(connection, day, currency, known_at)):
            yield f"{line[0].upper()}{line[1:]}"


def _customers(connection: Connection, month: PeriodExplanation) -> Iterator[str]:
    findings = open_findings(connection, check_name=EXCLUDED)
    if left_out := {each.finding.object_id for each in findings}:
        yield f"Left out by the policy, in no figure: {_people(len(left_out))}."
    accounts = customers_by_account(connection, month.known_at)
    if joined := [ids for ids in accounts.values() if len(ids) > 1]:
        yield f"Joined: {sum(map(len, joined)):,} of Stripe's customers count as {len(joined):,}."


def _findings(connection: Connection) -> Iterator[str]:
    findings = [
        each.finding for each in open_findings(connection) if each.finding.check_name != EXCLUDED
    ]
    if findings:
        errors = sum(each.severity == "error" for each in findings)
        held = f"{errors:,} of them hold" if errors else "none of them holds"
        yield f"Findings about the account's data: {len(findings):,}; {held} anything out."


def _people(count: int) -> str:
    return f"{count:,} customer{'' if count == 1 else 's'}"
