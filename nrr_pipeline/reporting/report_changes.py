"""What one board report says otherwise than another one of the same month, in sentences.

Compared are figures: those of periods, segments and customers that both hold. When a report was
issued, what customers are called and why their MRR moved in words are none, nor are footnotes.
"""

from collections.abc import Iterator, Sequence

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.board_report import (
    BoardReport,
    Rows,
    rows_by_period,
    trailing_period,
)

_AMOUNTS = {
    "starting_mrr_micros": "starting MRR",
    "expansion_micros": "expansion",
    "contraction_micros": "contraction",
    "churned_mrr_micros": "churned MRR",
    "new_business_micros": "new business",
    "reactivation_micros": "reactivation",
    "fx_micros": "exchange rates",
    "ending_mrr_micros": "ending MRR",
}
_ALL = (WHOLE, WHOLE)

LISTED = 12
"""How many segments, or earlier periods, are named at most."""


def changes(before: BoardReport, after: BoardReport) -> tuple[str, ...]:
    """Say which figures differ, from what to what and why; nothing where none does."""
    sentences = [*_of_own_periods(before, after), *_of_earlier_periods(before, after)]
    sentences += _of_customers(before, after, is_rest=not sentences)
    if sentences and before.policy_version != after.policy_version:
        was = f"in edition {before.edition} it was {_policy(before)}"
        sentences.insert(0, f"The policy is {_policy(after)}; {was}.")
    return tuple(sentences)


def figures_differ(before: Rows, after: Rows) -> bool:
    """Whether two editions of one period say different things in a dimension that both have."""
    return bool(_changed(before, after))


def _of_own_periods(before: BoardReport, after: BoardReport) -> Iterator[str]:
    """Changes of the month, the quarter and the trailing year that the report is about."""
    rows = rows_by_period(before), rows_by_period(after)
    own = _own(before), _own(after)
    for period in own[0]:
        if period not in own[1]:
            yield f"{period.label} is no longer in the report."
    for period in own[1]:
        if period not in own[0]:
            yield f"{period.label} is new in the report."
        else:
            yield from _of_period(period, rows[0][period], rows[1][period], _cause(after, period))


def _of_period(period: Period, before: Rows, after: Rows, cause: str) -> Iterator[str]:
    changed = _changed(before, after)
    if _ALL in changed:
        said = "; ".join(_differences(before[_ALL], after[_ALL]))
        yield f"{period.label}{cause}: {said or 'changes smaller than what is shown'}."
    segments = [f"{segment} ({dimension})" for dimension, segment in changed if dimension != WHOLE]
    if segments:
        yield f"Segments of {period.label}{cause} changed: {_listed(segments)}."


def _of_earlier_periods(before: BoardReport, after: BoardReport) -> Iterator[str]:
    rows = rows_by_period(before), rows_by_period(after)
    own = {*_own(before), *_own(after)}
    said = [
        " ".join((period.label, *_differences(was[_ALL], rows[1][period][_ALL])[:1]))
        for period, was in rows[0].items()
        if period not in own and period in rows[1] and _changed(was, rows[1][period])
    ]
    if said:
        yield f"Earlier periods changed: {_listed(said)}."


def _of_customers(before: BoardReport, after: BoardReport, *, is_rest: bool) -> Iterator[str]:
    """Months in which customers changed without any sum; ``is_rest``: nothing else was said."""
    if not is_rest:
        return
    sides = [
        {
            (each.month, each.account_id): (
                each.movement,
                each.opening_mrr_micros,
                each.closing_mrr_micros,
                each.fx_micros,
            )
            for each in report.customer_months
        }
        for report in (before, after)
    ]
    months = {month for month, _ in sides[0]} & {month for month, _ in sides[1]}
    keys = {*sides[0], *sides[1]}
    for month in sorted(months):
        mine = [key for key in keys if key[0] == month]
        count = sum(sides[0].get(key) != sides[1].get(key) for key in mine)
        if count:
            yield f"Customers of {Period.month(month).label} changed ({count}), their sums did not."


def _own(report: BoardReport) -> list[Period]:
    periods = [report.month.period]
    if report.quarter is not None:
        periods.append(report.quarter.period)
    if report.trailing is not None:
        periods.append(trailing_period(report))
    return periods


def _changed(before: Rows, after: Rows) -> list[tuple[str, str]]:
    """The rows that differ, in dimensions that both have."""
    shared = {dimension for dimension, _ in before} & {dimension for dimension, _ in after}
    return [
        key
        for key in sorted({*before, *after})
        if key[0] in shared and before.get(key) != after.get(key)
    ]


def _differences(before: Retention, after: Retention) -> list[str]:
    """What of the shown figures differs, the ratios first."""
    shown = [
        (name, *(_ratio(row, top, bottom) for row in (before, after)))
        for name, top, bottom in (
            ("NRR", "nrr_numerator", "starting_mrr_micros"),
            ("GRR", "grr_numerator", "starting_mrr_micros"),
            ("logo churn", "churned_customers", "starting_customers"),
        )
    ]
    shown += [
        (name, *(format_money(getattr(row, amount), row.currency) for row in (before, after)))
        for amount, name in _AMOUNTS.items()
    ]
    return [f"{name} {now}, was {was}" for name, was, now in shown if was != now]


def _ratio(row: Retention, top: str, bottom: str) -> str:
    is_money = bottom.endswith("_micros")
    return format_ratio(
        getattr(row, top), getattr(row, bottom), currency=row.currency if is_money else None
    )


def _cause(report: BoardReport, period: Period) -> str:
    """Why the latest edition of a period differs, where that is known."""
    for explained in (report.month, report.quarter):
        if explained is not None and explained.period == period and explained.restated:
            return f" ({explained.restated[-1].why})"
    return ""


def _policy(report: BoardReport) -> str:
    choices = ", ".join(f"{name} = {value}" for name, value in report.policy)
    return f"{report.policy_version} ({choices or 'every choice is the default'})"


def _listed(said: Sequence[str]) -> str:
    rest = len(said) - LISTED
    return "; ".join(said[:LISTED]) + (f"; and {rest} more" if rest > 0 else "")
