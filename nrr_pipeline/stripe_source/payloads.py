"""Reads single fields out of Stripe's JSON: ids, times, prices. Not what they prove."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeGuard

from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.money import MAX_MICROS
from nrr_pipeline.metrics.pricing import TIERS_MODES, Amounts, Price, Tier, tiers_problem

Payload = Mapping[str, Any]

LAST_MOMENT = 221_845_392_000
"""The year 9000: what lies later is no time that Stripe means."""

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_SHOWN = 60


class MalformedObjectError(ValueError):
    """An object of Stripe's lacks something that its evidence needs; the message names both."""


def reference_id(value: object) -> str | None:
    """The id of a reference, expanded or not."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("id"), str):
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
    if value is None or is_moment(value):
        return value
    raise MalformedObjectError(f"{payload.get('id')}: {field} is {value!r}, not a time")


def is_moment(value: object) -> TypeGuard[int]:
    """Whether a value is a time in unix seconds that a calendar has."""
    return type(value) is int and 0 <= value < LAST_MOMENT


def readable_moment(payload: Payload, field: str) -> int | None:
    """A time in unix seconds; ``None`` where the field is empty or holds something else."""
    value = payload.get(field)
    return value if is_moment(value) else None


def required_moment(payload: Payload, field: str) -> int:
    """A time in unix seconds.

    Raises:
        MalformedObjectError: The field holds no time.
    """
    value = moment(payload, field)
    if value is None:
        raise MalformedObjectError(f"{payload.get('id')}: {field} is missing")
    return value


def entries(payload: Payload, field: str) -> Sequence[Payload]:
    """The objects of a nested list such as ``items`` or ``lines``; others are passed over."""
    nested = payload.get(field)
    data = nested.get("data") if isinstance(nested, dict) else nested
    if not data or not isinstance(data, list):
        return ()
    return [entry for entry in data if isinstance(entry, dict)]


def has_only_objects(payload: Payload, field: str) -> bool:
    """Whether a nested list, where there is one, can be read to its last entry."""
    nested = payload.get(field)
    data = nested.get("data") if isinstance(nested, dict) else nested
    if data is None:
        return nested is None
    return isinstance(data, list) and all(isinstance(entry, dict) for entry in data)


def whole_number(value: object) -> int | None:
    """An integer of up to 64 bits, also where JSON wrote it as 3.0; ``None`` for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) <= MAX_MICROS else None


def whole_text(value: object) -> int | None:
    """An integer that JSON wrote as a decimal in quotes, such as ``"5"``; else ``None``."""
    number = exact_number(value) if isinstance(value, str) else None
    return int(number) if number is not None and number.denominator == 1 else None


def item_terms(item: Payload) -> Terms:
    """Price and quantity of a subscription item.

    Raises:
        MalformedObjectError: The item has no price.
    """
    return Terms(required_id(item, "price"), whole_number(item.get("quantity")))


def exact_number(value: object) -> Fraction | None:
    """A decimal number, in quotes or not, with all its digits; ``None`` for anything else.

    >>> exact_number("0.5"), exact_number(7), exact_number("ten")
    (Fraction(1, 2), Fraction(7, 1), None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int) and abs(value) > MAX_MICROS:
        return None
    return Fraction(str(value)) if _DECIMAL.fullmatch(str(value)) else None


def read_price(payload: Payload) -> Price | None:
    """A recurring price, as far as it decides MRR; ``None`` for a one-time price.

    Forms that have no rule come with ``unsupported``, so that their items are held out and named.

    Raises:
        MalformedObjectError: The price lacks its id, product or currency.
    """
    if payload.get("type") == "one_time":
        return None
    currency = payload.get("currency")
    if not isinstance(currency, str):
        raise MalformedObjectError(f"{payload.get('id')}: currency is {_shown(currency)}")
    found = payload.get("recurring")
    recurring: Payload = found if isinstance(found, Mapping) else {}
    divide_by, round_up, transform_problem = _transform(payload.get("transform_quantity"))
    tiers_mode = payload.get("tiers_mode")
    return Price(
        price_id=required_id(payload, "id"),
        product_id=required_id(payload, "product"),
        currency=currency,
        billing_interval=str(recurring.get("interval")),
        billing_interval_count=whole_number(recurring.get("interval_count")) or 0,
        amounts=_amounts(payload, payload.get("billing_scheme")),
        options=_currency_options(payload),
        tiers_mode=tiers_mode if isinstance(tiers_mode, str) else None,
        divide_by=divide_by,
        round_up=round_up,
        is_metered=recurring.get("usage_type") == "metered",
        unsupported=_form_problem(payload, recurring) or transform_problem,
    )


def _form_problem(payload: Payload, recurring: Payload) -> str | None:
    """Why the price as a whole has no rule."""
    scheme, tiers_mode = payload.get("billing_scheme"), payload.get("tiers_mode")
    if scheme not in ("per_unit", "tiered"):
        return f"billing scheme {_shown(scheme)} has no rule"
    if scheme == "tiered" and tiers_mode not in TIERS_MODES:
        return f"tiers mode {_shown(tiers_mode)} has no rule"
    usage_type = recurring.get("usage_type")
    if usage_type not in ("licensed", "metered"):
        return f"usage type {_shown(usage_type)} has no rule"
    return None


def _transform(transform: object) -> tuple[int | None, bool, str | None]:
    """The size of a pack, whether a started one counts, and why that has no rule."""
    if transform is None:
        return None, False, None
    fields: Payload = transform if isinstance(transform, Mapping) else {}
    divide_by = whole_number(fields.get("divide_by"))
    rounding = fields.get("round")
    if divide_by is None or divide_by < 1 or rounding not in ("up", "down"):
        return None, False, f"transform_quantity {_shown(transform)} has no rule"
    return divide_by, rounding == "up", None


def _currency_options(payload: Payload) -> dict[str, Amounts]:
    """The price's amounts by currency, where they were asked for."""
    options = payload.get("currency_options")
    if not isinstance(options, Mapping):
        return {}
    return {
        str(currency): _amounts(
            option if isinstance(option, Mapping) else {}, payload.get("billing_scheme")
        )
        for currency, option in options.items()
    }


def _amounts(payload: Payload, scheme: object) -> Amounts:
    """What a price, or one of its currency options, charges; or why that is not known."""
    unit_amount, tiers, problem = None, (), None
    if scheme == "tiered":
        tiers, problem = _tiers(payload)
    else:
        unit_amount, problem = _amount(payload, "unit_amount")
        if unit_amount is None and problem is None:
            problem = "unit_amount_decimal is missing"
    tax_behavior = payload.get("tax_behavior")
    if tax_behavior not in (None, "unspecified", "exclusive", "inclusive"):
        problem = f"tax behavior {_shown(tax_behavior)} has no rule"
    if problem is not None:
        return Amounts(None, unsupported=problem)
    is_declared = tax_behavior in ("inclusive", "exclusive")
    return Amounts(unit_amount, tiers, tax_behavior == "inclusive" if is_declared else None)


def _tiers(payload: Payload) -> tuple[tuple[Tier, ...], str | None]:
    """The tiers of a price, or why they have no rule."""
    tiers: list[Tier] = []
    for number, entry in enumerate(entries(payload, "tiers"), start=1):
        unit_amount, unit_problem = _amount(entry, "unit_amount")
        flat_amount, flat_problem = _amount(entry, "flat_amount")
        up_to = whole_number(entry.get("up_to"))
        problem = unit_problem or flat_problem
        if unit_amount is None and flat_amount is None:
            problem = problem or "it has neither unit_amount nor flat_amount"
        if "up_to" not in entry or (up_to is None and entry["up_to"] is not None):
            problem = f"up_to is {_shown(entry.get('up_to'))}"
        if problem is not None:
            return (), f"tier {number}: {problem}"
        tiers.append(Tier(up_to, unit_amount or Fraction(0), flat_amount or Fraction(0)))
    listed = payload.get("tiers")
    if isinstance(listed, list) and len(listed) != len(tiers):
        return (), "one of its tiers is no object"
    problem = tiers_problem(tiers)
    return ((), problem) if problem is not None else (tuple(tiers), None)


def _amount(payload: Payload, field: str) -> tuple[Fraction | None, str | None]:
    """An exact amount in minor units, ``None`` where it is empty, or why it cannot be read."""
    value = payload.get(f"{field}_decimal")
    if value is None:
        value = payload.get(field)
    if value is None:
        return None, None
    amount = exact_number(value)
    if amount is None:
        return None, f"{field}_decimal is {_shown(value)}"
    if amount < 0:
        return None, f"{field}_decimal is negative: {value}"
    return amount, None


def _shown(value: object) -> str:
    """A value as a message shows it, however long it is."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
