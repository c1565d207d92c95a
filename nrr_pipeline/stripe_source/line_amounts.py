"""Which invoice lines charge a whole billing interval, and what they charged after discounts.

Whether that is what their prices and discounts say is ``metrics.line_checks``'s.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from nrr_pipeline.metrics.discounts import Discount
from nrr_pipeline.metrics.evidence import LineAmount, StateSpan
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.line import Line
from nrr_pipeline.stripe_source.lines import Lines
from nrr_pipeline.stripe_source.payloads import Payload, entries, reference_id

ONE_DAY_SECONDS = 86_400

_SHORTEST_DAYS = {"day": 1, "week": 7, "month": 28, "year": 365}
"""Days of the shortest interval of each kind; a line of fewer charges for a part of one."""


def full_lines(
    lines: Lines, prices: Mapping[str, Price], trials: Sequence[StateSpan]
) -> tuple[Line, ...]:
    """The ordinary lines that charge a whole billing interval: not a trial, not a stub."""
    return tuple(
        line
        for line in lines.ordinary
        if _is_whole_interval(line, prices.get(line.terms.price_id))
        and not any(_within(trial, line.starts_at) for trial in trials)
    )


def line_amounts(
    lines: Iterable[Line],
    invoices: Iterable[Payload],
    discount_of: Callable[[str], Discount],
) -> tuple[LineAmount, ...]:
    """What paid lines charged, and the discounts that their invoice took off.

    Where a fixed amount is shared with lines that are not among these, only what a line charges
    before discounts is told.

    Args:
        lines: The lines that charge a whole interval.
        invoices: All invoices, to know what shares their discounts.
        discount_of: Tells what a discount takes off.
    """
    paid = [
        (line, line.subtotal_minor)
        for line in lines
        if line.is_paid and line.subtotal_minor is not None
    ]
    shown = Counter((line.invoice_id, each) for line, _ in paid for each, _ in line.discounts)
    billed = _billed(invoices) if shown else {}
    discounts = {each: discount_of(each) for each in {each for _, each in shown}}
    found: list[LineAmount] = []
    for line, subtotal in paid:
        taken = tuple(discounts[each] for each in dict(line.discounts))
        spread = [(line.invoice_id, each.discount_id) for each in taken if each.is_spread]
        is_whole = all(shown[key] == billed.get(key, 0) for key in spread)
        net = line.net_minor if is_whole else None
        found.append(LineAmount(line.line_id, line.terms, subtotal, net, taken, line.invoice_id))
    return tuple(found)


def _billed(invoices: Iterable[Payload]) -> Mapping[tuple[str, str], int]:
    """How many lines of each invoice each discount took something off."""
    return Counter(
        (str(invoice.get("id")), str(reference_id(entry.get("discount"))))
        for invoice in invoices
        for line in entries(invoice, "lines")
        for entry in entries(line, "discount_amounts")
    )


def _is_whole_interval(line: Line, price: Price | None) -> bool:
    shortest_days = _SHORTEST_DAYS.get(price.billing_interval) if price else None
    if price is None or shortest_days is None:
        return False
    shortest = shortest_days * price.billing_interval_count * ONE_DAY_SECONDS
    return line.ends_at - line.starts_at >= shortest


def _within(span: StateSpan, at: int) -> bool:
    return span.starts_at <= at and (span.ends_at is None or at < span.ends_at)
