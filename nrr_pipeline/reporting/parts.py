"""Parts that alerts and digests share: figures whose parts add up as they are shown."""

import re
from collections.abc import Sequence
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.reporting.causes import people, shown_nrr
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.reporting.legible import beside, legible
from nrr_pipeline.reporting.message import Facts, Listing
from nrr_pipeline.reporting.points import HUNDRED, apportioned, nrr_tenths, signed, tenths

WHOLE_UNITS_FROM = 10_000 * MICROS_PER_MAJOR
"""The opening MRR from which on amounts are shown without their cents."""

LONGEST_REASON = 60


def nrr_facts(row: Retention) -> Facts:
    """The parts of NRR in points and money, both adding up, with GRR and logo churn beside it."""
    starting, currency = row.starting_mrr_micros, row.currency
    moved = [row.expansion_micros, -row.contraction_micros, -row.churned_mrr_micros]
    points = [
        signed(each)
        for each in apportioned(
            [Fraction(1_000 * micros, starting) for micros in moved], nrr_tenths(row) - HUNDRED
        )
    ]
    opening, added, cut, taken, kept = shown_amounts(starting, moved, row.nrr_numerator, currency)
    grr = format_ratio(row.grr_numerator, starting)
    churn = format_ratio(row.churned_customers, row.starting_customers)
    left = f"{row.churned_customers:,} of {people(row.starting_customers)}"
    return Facts(
        f"Of {opening} at opening, customers added {added} ({points[0]} points), cut {cut} "
        f"({points[1]}) and took {taken} away by leaving ({points[2]}): {shown_nrr(row)} is kept. "
        f"GRR is {grr}.",
        (
            ("Starting MRR", opening),
            ("Expansion", f"{points[0]} points, {added}"),
            ("Contraction", f"{points[1]} points, {cut}"),
            ("Churned", f"{points[2]} points, {taken}"),
            ("NRR", f"{shown_nrr(row)}, {kept} kept"),
            ("GRR", grr),
            ("Logo churn", f"{churn}, {left}"),
        ),
    )


def most_costly(explained: PeriodExplanation, listed: int, *, with_quotes: bool = True) -> Listing:
    """The customers that cost most points, and all others, which together are NRR - 100 %.

    Args:
        explained: The period.
        listed: How many are named at most.
        with_quotes: Whether to repeat what people wrote about why.
    """
    whole = explained.whole
    cohort = [each for each in explained.moves if each.opening_mrr_micros > 0]
    named = [each for each in cohort[:listed] if each.change_micros < 0]
    points = [tenths(each.points_of(whole)) for each in named]
    total = nrr_tenths(whole) - HUNDRED
    rest, others = total - sum(points), len(cohort) - len(named)
    rows = [
        (signed(figure), _move(each, with_quotes=with_quotes))
        for figure, each in zip(points, named, strict=True)
    ]
    if others:
        rows.append((signed(rest), f"all others, net ({others:,})"))
    elif rest:
        rows.append((signed(rest), "rounding"))
    rows.append((signed(total), f"together: NRR {shown_nrr(whole)}"))
    return Listing("Who cost most, in points of NRR", tuple(rows))


def mrr_facts(row: Retention) -> Facts:
    """From starting to ending MRR, adding up; what is nothing is left out."""
    names = (
        "New business",
        "Reactivation",
        "Expansion",
        "Contraction",
        "Churned",
        "Exchange rates",
    )
    moved = [
        row.new_business_micros,
        row.reactivation_micros,
        row.expansion_micros,
        -row.contraction_micros,
        -row.churned_mrr_micros,
        row.fx_micros,
    ]
    starting, *parts, ending = shown_amounts(
        row.starting_mrr_micros, moved, row.ending_mrr_micros, row.currency
    )
    said = [
        (name, f"{'-' if micros < 0 else '+'}{part}")
        for name, part, micros in zip(names, parts, moved, strict=True)
        if micros
    ]
    listed = ", ".join(f"{name.lower()} {part}" for name, part in said) or "nothing moved"
    return Facts(
        f"MRR went from {starting} to {ending}: {listed}.",
        (("Starting MRR", starting), *said, ("Ending MRR", ending)),
    )


def shown_amounts(
    starting: int, moved: Sequence[int], ending: int, currency: str
) -> tuple[str, ...]:
    """A first amount, what moved without signs, and the last one, which add up as they are shown.

    Args:
        starting: Micros.
        moved: What comes in between, with signs.
        ending: What they are together.
        currency: Of all of them.
    """
    is_whole = max(starting, ending) >= WHOLE_UNITS_FROM
    unit = MICROS_PER_MAJOR if is_whole else minor_unit_micros(currency)
    first, last = (round(Fraction(micros, unit)) for micros in (starting, ending))
    parts = apportioned([Fraction(micros, unit) for micros in moved], last - first, rounded=round)
    return tuple(
        format_money(abs(units) * unit, currency, whole=is_whole) for units in (first, *parts, last)
    )


def _move(move: CustomerMove, *, with_quotes: bool) -> str:
    reason = move.reason if with_quotes else _QUOTE.sub("", move.reason) or move.reason
    return beside(move.name, legible(reason, LONGEST_REASON))


_QUOTE = re.compile(r'(:|,) ".*"$', re.DOTALL)
"""How a reason ends where somebody is quoted."""
