"""Holds prices and discounts against what invoice lines charged: the rules' check of themselves."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from nrr_pipeline.metrics.currencies import minor_unit_micros
from nrr_pipeline.metrics.discounts import Charge, apply_discounts
from nrr_pipeline.metrics.evidence import Finding, LineAmount, Terms
from nrr_pipeline.metrics.money import MicrosOverflowError, format_exact, round_half_even
from nrr_pipeline.metrics.pricing import Price, UnpriceableError, interval_amount

_Unit = tuple[str, int]
"""A currency, and the micros in its minor unit."""


def check_lines(
    lines: Iterable[LineAmount],
    prices: Mapping[str, Price],
    currency: str,
    decimals: Mapping[str, int] | None = None,
) -> list[Finding]:
    """Where a line differs by a minor unit or more from what its price and discounts say.

    Stripe rounds what each discount takes off a line, so each may add one minor unit.
    """
    unit = (currency, minor_unit_micros(currency, decimals))
    findings: list[Finding] = []
    expected_for: dict[Terms, Fraction | None] = {}
    invoices: dict[object, list[tuple[LineAmount, Charge]]] = {}
    for line in lines:
        price = prices.get(line.terms.price_id)
        if price is None or price.is_metered:
            continue
        if line.terms not in expected_for:
            expected_for[line.terms] = _expected(price, line.terms.quantity, currency)
        expected = expected_for[line.terms]
        if expected is None:
            continue
        if line.subtotal_minor != expected and abs(line.subtotal_minor - expected) >= 1:
            findings.append(_mismatch(line, line.subtotal_minor, expected, unit))
        elif line.net_minor is not None and (
            line.discounts or line.net_minor != line.subtotal_minor
        ):
            charge = Charge(line.line_id, price.product_id, expected, line.discounts)
            interval = (price.billing_interval, price.billing_interval_count)
            invoice = (line.invoice_id or line.line_id, interval)
            invoices.setdefault(invoice, []).append((line, charge))
    for charged in invoices.values():
        findings.extend(_check_discounts(charged, unit))
    return findings


def _expected(price: Price, quantity: int | None, currency: str) -> Fraction | None:
    try:
        return interval_amount(price, quantity, currency=currency)
    except UnpriceableError:
        return None


def _check_discounts(charged: list[tuple[LineAmount, Charge]], unit: _Unit) -> list[Finding]:
    """Hold the net of one invoice's lines against their discounts; none where one has no rule."""
    try:
        nets = apply_discounts([charge for _, charge in charged], unit[0])
    except UnpriceableError:
        return []
    return [
        _mismatch(line, line.net_minor, net.amount, unit, after=" after discounts")
        for (line, _), net in zip(charged, nets, strict=True)
        if line.net_minor is not None
        and abs(line.net_minor - net.amount) >= 1 + len(net.reductions)
    ]


def _mismatch(
    line: LineAmount, charged: int, expected: Fraction, unit: _Unit, *, after: str = ""
) -> Finding:
    currency, unit_micros = unit
    try:
        micros = round_half_even((charged - expected) * unit_micros)
    except MicrosOverflowError:
        micros = None
    return Finding(
        "line_amount",
        "warning",
        line.line_id,
        f"the line charges {charged} minor units{after} for {line.terms.quantity} x "
        f"{line.terms.price_id}, the price says {format_exact(expected)}{after}",
        amount_micros=micros,
        currency=currency,
    )
