"""An explained period as people read it: its parts, causes, customers and segments in points.

Every column of points adds up as it is shown: what rounding leaves stands in a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rich.console import RenderableType
from rich.table import Table

from nrr_pipeline.cli import retention_views
from nrr_pipeline.cli.rendering import (
    amount,
    bold,
    indented,
    lines_of,
    money_ratio,
    printable,
    share,
    shortened,
    table,
)
from nrr_pipeline.metrics.attribution import SegmentEffect, most_telling
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.reporting.bands import reading
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.points import HUNDRED, apportioned, nrr_tenths, rest, signed, tenths
from nrr_pipeline.reporting.reasons import by_cause

CUSTOMERS_LISTED = 20
SEGMENTS_LISTED = 15
LONGEST_CUSTOMER = 30
"""Letters of a customer's name; JSON has all of it."""

_CUSTOMER_COLUMNS = (
    ("Customer", "left"),
    ("Points", "right"),
    ("Opening", "right"),
    ("Closing", "right"),
    ("Why", "left"),
)
_SEGMENT_COLUMNS = (
    ("Segment", "left"),
    ("NRR\nbefore", "right"),
    ("NRR\nnow", "right"),
    ("Share\nbefore", "right"),
    ("Share\nnow", "right"),
    ("Rate", "right"),
    ("Mix", "right"),
    ("Points", "right"),
)


def parts(
    found: PeriodExplanation, row: Mapping[str, Any], by: str | None, *, is_complete: bool
) -> list[RenderableType]:
    """Return an explained period for a terminal.

    Args:
        found: The period.
        row: Its row for all customers, as its table has it.
        by: The dimension by which to split the change against the period before.
        is_complete: Whether to list every customer.
    """
    lines: list[RenderableType] = [*retention_views.heading(found.period, row), ""]
    lines += [_headline(found), ""]
    if found.whole.starting_mrr_micros == 0:
        return lines
    lines += [bold("Its parts, in points of NRR"), "", _parts(found), ""]
    lines += [bold("Why, in points of NRR"), "", _causes(found), ""]
    lines += [bold(f"Who, amounts in {found.whole.currency.upper()}"), ""]
    lines += [_customers(found, is_complete=is_complete), "", *_outside(found)]
    return [*lines, *_against_before(found, by), *_standing(found)]


def _headline(found: PeriodExplanation) -> Table:
    whole, before = found.whole, found.whole_before
    kept, starting = whole.nrr_numerator, whole.starting_mrr_micros
    words = reading(kept, starting, whole.currency)
    ratios = [
        ["NRR", money_ratio(kept, starting, whole.currency), words],
        ["GRR", money_ratio(whole.grr_numerator, starting, whole.currency), ""],
        [
            "Logo churn",
            share(whole.churned_customers, whole.starting_customers),
            f"{whole.churned_customers:,} of {whole.starting_customers:,} customers left",
        ],
    ]
    if starting and before is not None and before.starting_mrr_micros:
        change = nrr_tenths(whole) - nrr_tenths(before)
        label = found.period.previous.label
        was = share(nrr_tenths(before), HUNDRED)
        ratios[0][2] = f"{signed(change)} points against {was} in {label}; {words}"
    return lines_of(ratios, ("left", "right", "left"))


def _parts(found: PeriodExplanation) -> Table:
    whole = found.whole
    amounts = {
        "Expansion": whole.expansion_micros,
        "Contraction": -whole.contraction_micros,
        "Churned MRR": -whole.churned_mrr_micros,
    }
    shown = apportioned([10 * _points(micros, whole) for micros in amounts.values()], _total(whole))
    lines = [
        [name, signed(points), _money(micros, whole)]
        for (name, micros), points in zip(amounts.items(), shown, strict=True)
    ]
    lines.append(["NRR - 100 %", signed(_total(whole)), _money(_change(whole), whole)])
    return lines_of(lines, ("left", "right", "right"))


def _causes(found: PeriodExplanation) -> Table:
    whole = found.whole
    listed = [each for each in by_cause(found.moves, whole) if tenths(each.points)]
    lines = [
        [each.label, signed(tenths(each.points)), f"{each.customers:,} {_customer(each.customers)}"]
        for each in listed
    ]
    left = rest(_total(whole), (tenths(each.points) for each in listed))
    lines.append(["all others and rounding", signed(left), ""])
    return lines_of(lines, ("left", "right", "left"))


def _customers(found: PeriodExplanation, *, is_complete: bool) -> Table:
    whole = found.whole
    cohort = [move for move in found.moves if move.opening_mrr_micros]
    largest = sorted(cohort, key=lambda move: (-abs(move.change_micros), move.account_id))
    listed = set(largest if is_complete else largest[:CUSTOMERS_LISTED])
    lines = [_customer_line(move, whole) for move in cohort if move in listed]
    left = rest(_total(whole), (tenths(move.points_of(whole)) for move in listed))
    others = [move for move in cohort if move not in listed]
    if others:
        sides = (
            sum(move.opening_mrr_micros for move in others),
            sum(move.closing_mrr_micros for move in others),
        )
        amounts = (_money(micros, whole) for micros in sides)
        lines.append([f"All others ({len(others):,})", signed(left), *amounts, ""])
    elif left:
        lines.append(["Rounding", signed(left), "", "", ""])
    total = ["NRR - 100 %", signed(_total(whole)), "", "", ""]
    return table(_CUSTOMER_COLUMNS, lines, total=total)


def _customer_line(move: CustomerMove, whole: Retention) -> list[str]:
    return [
        printable(shortened(move.name, LONGEST_CUSTOMER)),
        signed(tenths(move.points_of(whole))),
        _money(move.opening_mrr_micros, whole),
        _money(move.closing_mrr_micros, whole),
        printable(move.reason),
    ]


def _outside(found: PeriodExplanation) -> list[RenderableType]:
    """Say what the figure leaves out: customers that had no MRR at opening."""
    came: list[str] = []
    for movement, what in ((Movement.NEW_BUSINESS, "new"), (Movement.REACTIVATION, "returning")):
        mrr = [move.closing_mrr_micros for move in found.moves if move.movement is movement]
        if mrr:
            money = format_money(sum(mrr), found.whole.currency)
            came.append(f"{money} of {len(mrr):,} {what} {_customer(len(mrr))}")
    return [indented(f"Not in NRR: {' and '.join(came)}.", 0), ""] if came else []


def _against_before(found: PeriodExplanation, by: str | None) -> list[RenderableType]:
    """Return the change against the period before, split over the segments of a dimension."""
    before, label = found.whole_before, found.period.previous.label
    if before is None or before.starting_mrr_micros == 0:
        return [indented(f"There are no figures of {label} to hold it against.", 0), ""]
    if by is not None and by not in found.effects:
        return [indented(f"{by} is not in the figures of both periods. Choose another.", 0), ""]
    dimensions = most_telling(found.effects, before, found.whole)
    chosen = by or dimensions[0]
    others = ", ".join(name for name in dimensions if name != chosen)
    called = chosen.replace("_", " ")
    return [
        bold(f"The change against {label} in points, by {called}"),
        "",
        _segments(found, found.effects[chosen], before),
        "",
        indented(f"Also by {others}: --by DIMENSION", 0),
        "",
    ]


def _segments(
    found: PeriodExplanation, effects: Sequence[SegmentEffect], before: Retention
) -> Table:
    largest = sorted(effects, key=lambda each: (-abs(_both(each)), each.segment))
    listed = [each for each in effects if each in largest[:SEGMENTS_LISTED]]
    lines = [_segment_line(found, each, before) for each in listed]
    change = nrr_tenths(found.whole) - nrr_tenths(before)
    rate = sum((each.rate_points for each in effects), Fraction(0))
    mix = sum((each.mix_points for each in effects), Fraction(0))
    totals = (*apportioned([10 * rate, 10 * mix], change), change)
    shown = [_shown(each) for each in listed]
    left = [
        rest(total, column) for total, column in zip(totals, zip(*shown, strict=True), strict=True)
    ]
    others = len(effects) - len(listed)
    if others or any(left):
        name = f"All others ({others:,})" if others else "Rounding"
        lines.append([name, "", "", "", "", *map(signed, left)])
    total = ["All customers", *_sides(before, found.whole, found, before), *map(signed, totals)]
    return table(_SEGMENT_COLUMNS, lines, total=total)


def _segment_line(found: PeriodExplanation, effect: SegmentEffect, before: Retention) -> list[str]:
    name = found.segment_names[effect.dimension, effect.segment]
    sides = _sides(effect.before, effect.after, found, before)
    return [printable(shortened(name)), *sides, *map(signed, _shown(effect))]


def _sides(
    old: Retention | None, new: Retention | None, found: PeriodExplanation, before: Retention
) -> list[str]:
    """NRR before and now, and the share of the cohort's MRR before and now."""
    starting = before.starting_mrr_micros, found.whole.starting_mrr_micros
    rates = ["" if row is None else share(nrr_tenths(row), HUNDRED) for row in (old, new)]
    shares = [
        share(0 if row is None else row.starting_mrr_micros, whole)
        for row, whole in zip((old, new), starting, strict=True)
    ]
    return [*rates, *shares]


def _shown(effect: SegmentEffect) -> tuple[int, int, int]:
    """Rate, mix and their sum, as they are shown."""
    both = tenths(_both(effect))
    rate, mix = apportioned([10 * effect.rate_points, 10 * effect.mix_points], both)
    return rate, mix, both


def _standing(found: PeriodExplanation) -> list[RenderableType]:
    """Say what of the ending MRR is not sure."""
    currency = found.whole.currency
    lines: list[str] = []
    if found.at_risk_mrr_micros:
        money = format_money(found.at_risk_mrr_micros, currency)
        lines.append(f"At risk in the ending MRR: {money}, whose payment is past due.")
    if found.scheduled_churn_mrr_micros:
        money = format_money(found.scheduled_churn_mrr_micros, currency)
        lines.append(f"Set to end in the ending MRR: {money}, already canceled.")
    if found.approximate_items:
        error = found.approximate_error_micros
        most = "an unknown amount" if error is None else f"{format_money(error, currency)} at most"
        items = f"{found.approximate_items:,} item{'' if found.approximate_items == 1 else 's'}"
        lines.append(f"Approximate at opening or closing: {items}, wrong by {most}.")
    return [*(indented(line, 0) for line in lines), ""] if lines else []


def _both(effect: SegmentEffect) -> Fraction:
    return effect.rate_points + effect.mix_points


def _points(micros: int, whole: Retention) -> Fraction:
    return Fraction(100 * micros, whole.starting_mrr_micros)


def _change(whole: Retention) -> int:
    return whole.nrr_numerator - whole.starting_mrr_micros


def _total(whole: Retention) -> int:
    """NRR - 100 % in tenths, as NRR is shown."""
    return nrr_tenths(whole) - HUNDRED


def _money(micros: int, whole: Retention) -> str:
    return amount(micros, whole.currency)


def _customer(count: int) -> str:
    return "customer" if count == 1 else "customers"
