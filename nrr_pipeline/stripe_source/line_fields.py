"""Reads the fields of an invoice line that are nested: terms, credits, discounts, taxes.

Which lines speak of a subscription is decided in ``lines``.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.pricing import Price
from nrr_pipeline.stripe_source.payloads import (
    MalformedObjectError,
    Payload,
    entries,
    moment,
    reference_id,
    whole_number,
    whole_text,
)


def line_details(payload: Payload) -> Payload | None:
    """What a line says of the item that it is about; ``None`` where it is about none.

    Raises:
        MalformedObjectError: That cannot be read.
    """
    parent = _object(payload, payload, "parent")
    details = None if parent is None else _object(payload, parent, "subscription_item_details")
    if parent is None or details is not None:
        return details
    details = _object(payload, parent, "invoice_item_details")
    return details if details is not None and details.get("proration") is True else None


def line_period(payload: Payload) -> tuple[int, int]:
    """The time that a line charges for, or gives back.

    Raises:
        MalformedObjectError: It has none, or one that ends before it starts.
    """
    period = payload.get("period")
    if not isinstance(period, dict):
        raise MalformedObjectError(f"{payload.get('id')}: it has no period")
    starts_at, ends_at = moment(period, "start"), moment(period, "end")
    if starts_at is None or ends_at is None or ends_at < starts_at:
        raise MalformedObjectError(f"{payload.get('id')}: its period is {starts_at} to {ends_at}")
    return starts_at, ends_at


def line_terms(payload: Payload, prices: Mapping[str, Price]) -> Terms:
    """The price and quantity that a line charges for.

    Raises:
        MalformedObjectError: It names no price.
    """
    pricing = payload.get("pricing")
    details = pricing.get("price_details") if isinstance(pricing, dict) else None
    price_id = reference_id(details.get("price")) if isinstance(details, dict) else None
    if price_id is None:
        raise MalformedObjectError(f"{payload.get('id')}: it names no price")
    price = prices.get(price_id)
    if price is not None and price.is_metered:
        return Terms(price_id, None)
    quantity = whole_number(payload.get("quantity"))
    if quantity is None:
        quantity = whole_text(payload.get("quantity_decimal"))
    return Terms(price_id, quantity)


def line_subtotal(payload: Payload) -> int | None:
    """What a line charges before discounts, in minor units."""
    subtotal = whole_number(payload.get("subtotal"))
    return subtotal if subtotal is not None else whole_number(payload.get("amount"))


def is_credit(payload: Payload, details: Payload) -> bool:
    """Whether a proration line gives back what was charged before."""
    return _credited(details) is not None or (whole_number(payload.get("amount")) or 0) < 0


def credited_line_ids(details: Payload) -> tuple[str, ...]:
    """The lines that a proration line gives back, as far as Stripe says so."""
    credited = _credited(details)
    ids = credited.get("invoice_line_items") if credited is not None else None
    return tuple(str(line_id) for line_id in ids) if isinstance(ids, list) else ()


def line_discounts(payload: Payload) -> tuple[tuple[str, int], ...]:
    """What each discount took off a line, in Stripe's order.

    Raises:
        MalformedObjectError: It was discounted, but by what or how much cannot be read.
    """
    amounts = payload.get("discount_amounts")
    if amounts is None or amounts == []:
        return ()
    if not isinstance(amounts, list):
        raise MalformedObjectError(f"{payload.get('id')}: discount_amounts is no list")
    return tuple(_discount_amount(payload, entry) for entry in amounts)


def contained_taxes(payload: Payload) -> list[Payload]:
    """The taxes that the amount of a line contains; what comes on top is not among them."""
    return [tax for tax in entries(payload, "taxes") if tax.get("tax_behavior") == "inclusive"]


def line_tax_rate(contained: Iterable[Payload]) -> Fraction | None:
    """The tax that the amount of a line contains: 19/100; ``None`` where no tax is given."""
    rates: list[Fraction] = []
    for tax in contained:
        amount, taxable = whole_number(tax.get("amount")), whole_number(tax.get("taxable_amount"))
        if amount is None or taxable is None or amount < 0 or taxable <= 0:
            return None
        rates.append(Fraction(amount, taxable))
    return sum(rates, Fraction(0)) if rates else None


def line_tax_rate_ids(contained: Iterable[Payload]) -> tuple[str, ...]:
    """The ids of the rates of the tax that a line contains; none at all unless all have one."""
    details = [tax.get("tax_rate_details") for tax in contained]
    ids = [
        reference_id(each.get("tax_rate")) if isinstance(each, dict) else None for each in details
    ]
    return tuple(each for each in ids if each is not None) if None not in ids else ()


def _object(line: Payload, holder: Payload, field: str) -> Payload | None:
    found = holder.get(field)
    if found is not None and not isinstance(found, dict):
        raise MalformedObjectError(f"{line.get('id')}: its {field} cannot be read")
    return found


def _credited(details: Payload) -> Payload | None:
    proration = details.get("proration_details")
    credited = proration.get("credited_items") if isinstance(proration, dict) else None
    return credited if isinstance(credited, dict) else None


def _discount_amount(payload: Payload, entry: object) -> tuple[str, int]:
    discount_id = reference_id(entry.get("discount")) if isinstance(entry, dict) else None
    amount = whole_number(entry.get("amount")) if isinstance(entry, dict) else None
    if discount_id is None or amount is None:
        raise MalformedObjectError(f"{payload.get('id')}: one of its discount_amounts is {entry!r}")
    return discount_id, amount
