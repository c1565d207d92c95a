"""Reads single fields out of Stripe's JSON: ids, times, prices. Not what they prove."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.pricing import Price

Payload = Mapping[str, Any]


class MalformedObjectError(ValueError):
    """An object of Stripe's lacks something that its evidence needs; the message names both."""


def reference_id(value: object) -> str | None:
    """The id of a reference, expanded or not."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("id"), str):
        return value["id"]
    return None


def required_id(payload: Payload, field: str) -> str:
    """The id that a field refers to.

    Raises:
        MalformedObjectError: The field holds no id.
    """
    found = reference_id(payload.get(field))
    if found is None:
        raise MalformedObjectError(f"{payload.get('id')}: {field} holds no id")
    return found


def moment(payload: Payload, field: str) -> int | None:
    """A time in unix seconds, ``None`` where the field is empty.

    Raises:
        MalformedObjectError: The field holds something else than a time.
    """
    value = payload.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedObjectError(f"{payload.get('id')}: {field} is {value!r}, not a time")
    return value


def required_moment(payload: Payload, field: str) -> int:
    """A time in unix seconds.

    Raises:
        MalformedObjectError: The field holds no time.
    """
    value = moment(payload, field)
    if value is None:
        raise MalformedObjectError(f"{payload.get('id')}: {field} is missing")
    return value


def entries(payload: Payload, field: str) -> Iterator[Payload]:
    """The objects of a nested list such as ``items`` or ``lines``; others are passed over."""
    nested = payload.get(field)
    data = nested.get("data") if isinstance(nested, Mapping) else nested
    if isinstance(data, list):
        yield from (entry for entry in data if isinstance(entry, Mapping))


def whole_number(value: object) -> int | None:
    """An integer, also where JSON wrote it as 3.0; ``None`` for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def whole_text(value: object) -> int | None:
    """An integer that JSON wrote as a decimal in quotes, such as ``"5"``; else ``None``."""
    try:
        number = Fraction(value) if isinstance(value, str) else None
    except (ValueError, ZeroDivisionError):
        return None
    return int(number) if number is not None and number.denominator == 1 else None


def item_terms(item: Payload) -> Terms:
    """Price and quantity of a subscription item.

    Raises:
        MalformedObjectError: The item has no price.
    """
    return Terms(required_id(item, "price"), whole_number(item.get("quantity")))


def read_price(payload: Payload) -> Price | None:
    """A recurring price, as far as it decides MRR; ``None`` for a one-time price.

    Forms that have no rule come with ``unsupported``, so that their items are held out and named.

    Raises:
        MalformedObjectError: The price lacks its id, product or currency.
    """
    recurring = payload.get("recurring")
    if payload.get("type") == "one_time" or not isinstance(recurring, Mapping):
        return None
    currency = payload.get("currency")
    if not isinstance(currency, str):
        raise MalformedObjectError(f"{payload.get('id')}: currency is {currency!r}")
    unit_amount, unsupported = _unit_amount(payload)
    return Price(
        price_id=required_id(payload, "id"),
        product_id=required_id(payload, "product"),
        currency=currency,
        billing_interval=str(recurring.get("interval")),
        billing_interval_count=whole_number(recurring.get("interval_count")) or 0,
        unit_amount=unit_amount,
        is_metered=recurring.get("usage_type") == "metered",
        unsupported=unsupported,
    )


def _unit_amount(payload: Payload) -> tuple[Fraction | None, str | None]:
    """The exact unit amount in minor units, or why there is none."""
    if payload.get("billing_scheme") != "per_unit":
        return None, f"billing scheme {payload.get('billing_scheme')!r} has no rule"
    if payload.get("transform_quantity") is not None:
        return None, "transform_quantity has no rule"
    if payload.get("tax_behavior") == "inclusive":
        return None, "a tax-inclusive price has no rule"
    decimal = payload.get("unit_amount_decimal")
    if decimal is None:
        decimal = payload.get("unit_amount")
    try:
        amount = Fraction(str(decimal))
    except (ValueError, ZeroDivisionError):
        return None, f"unit_amount_decimal is {decimal!r}"
    if amount < 0:
        return None, f"unit_amount_decimal is negative: {decimal}"
    return amount, None
