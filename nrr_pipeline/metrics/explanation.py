"""Shows the arithmetic of one stretch of one item, step by step: the same that prices it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.counting import CountingRules
from nrr_pipeline.metrics.currencies import MICROS_PER_MAJOR, minor_unit_micros
from nrr_pipeline.metrics.discounts import DiscountLevel, Reduction
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.money import format_exact
from nrr_pipeline.metrics.pricing import (
    Price,
    amounts_in,
    charged_units,
    tier_charges,
)
from nrr_pipeline.metrics.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an item's arithmetic: what it yields, in minor units, exact."""

    label: str
    minor_units: Fraction
    detail: str


@dataclass(frozen=True, slots=True)
class _Shown:
    """How amounts of one currency are written, whose minor unit has so many micros."""

    currency: str
    unit_micros: int

    def money(self, minor_units: Fraction) -> str:
        major = minor_units * self.unit_micros / MICROS_PER_MAJOR
        return f"{self.currency.upper()} {format_exact(major)}"


def explain_stretch(
    segments: Sequence[HistorySegment],
    subscription_item_id: str,
    at: int,
    *,
    prices: Mapping[str, Price],
    rules: CountingRules,
) -> list[Step]:
    """How an item's MRR at an instant comes about; nothing where it does not count then.

    The last step, labeled ``mrr``, is the MRR that ``IntervalBuilder`` gives.

    Args:
        segments: The history of the whole subscription: its items may share a discount.
        subscription_item_id: The item to explain.
        at: The instant, in unix seconds.
        prices: All prices by id.
        rules: The policy's rules.

    Raises:
        UnpriceableError: The item is held out then; the message says why.
    """
    valuation = Valuation(prices, rules)
    holding = [piece for piece in valuation.pieces(segments) if piece.holds(at)]
    for piece in holding:
        if piece.subscription_item_id == subscription_item_id:
            return list(_steps(valuation, piece, valuation.mates(piece, holding)))
    return []


def _steps(
    valuation: Valuation, piece: HistorySegment, mates: Sequence[HistorySegment]
) -> Iterator[Step]:
    worth = valuation.worth(piece, mates)
    price = valuation.price(piece.terms.price_id)
    unit = minor_unit_micros(piece.currency, valuation.rules.normalization.decimals)
    shown = _Shown(piece.currency, unit)
    result = Fraction(worth.micros, unit)
    if price.is_metered:
        yield Step("usage", Fraction(0), f"{price.price_id} is metered: usage is not in MRR")
        yield Step("mrr", result, shown.money(result))
        return
    yield from _charge_steps(price, piece.terms.quantity, shown)
    net = valuation.nets(piece, mates)
    for reduction in net.reductions:
        yield _discount_step(reduction, shown)
    without_tax = valuation.without_tax(net.amount, piece, price)
    if valuation.contains_tax(price, piece):
        rate = piece.tax_rate
        detail = "not known, taken as is" if rate is None else f"{format_exact(rate * 100)} %"
        yield Step("tax", without_tax - net.amount, f"tax contained in the price: {detail}")
    months = valuation.rules.normalization.months(
        price.billing_interval, price.billing_interval_count
    )
    monthly = without_tax / months
    yield Step(
        "normalization",
        monthly,
        f"{shown.money(without_tax)} for {_interval(price)} / {months} months",
    )
    yield Step("mrr", result, f"{shown.money(result)}, rounded half to even to a micro")


def _charge_steps(price: Price, quantity: int | None, shown: _Shown) -> Iterator[Step]:
    """Price, packs, quantity or tiers: what one billing interval costs before discounts."""
    amounts = amounts_in(price, shown.currency)
    units = charged_units(price, quantity)
    counted = f"{quantity}"
    if price.divide_by is not None:
        way = "up" if price.round_up else "down"
        counted = f"{units} (packs of {price.divide_by} in {quantity}, rounded {way})"
    unit_amount = amounts.unit_amount
    if unit_amount is not None:
        yield Step(
            "price",
            unit_amount,
            f"{price.price_id}: {shown.money(unit_amount)} for {_interval(price)}",
        )
        total = unit_amount * units
        yield Step("quantity", total, f"{counted} x {shown.money(unit_amount)}")
        return
    yield Step(
        "price",
        Fraction(0),
        f"{price.price_id}: {price.tiers_mode} tiers for {_interval(price)}, quantity {counted}",
    )
    for charge in tier_charges(price, amounts, units):
        end = "and above" if charge.tier.up_to is None else f"up to {charge.tier.up_to}"
        detail = f"{charge.units} x {shown.money(charge.tier.unit_amount)}"
        if charge.tier.flat_amount:
            detail += f" + {shown.money(charge.tier.flat_amount)} flat"
        yield Step("tier", charge.amount, f"tier {charge.number} ({end}): {detail}")


def _discount_step(reduction: Reduction, shown: _Shown) -> Step:
    discount = reduction.discount
    name = f"{discount.coupon_id} of the {discount.level} ({discount.duration})"
    before = shown.money(reduction.before)
    if discount.percent_off is not None:
        detail = f"{format_exact(discount.percent_off)} % off {before}"
    else:
        fixed = shown.money(dict(discount.amounts_off)[shown.currency])
        detail = f"{fixed} off"
        if discount.level is not DiscountLevel.ITEM:
            detail += f" the invoice, spread: {before} of {shown.money(reduction.spread_over)}"
    return Step("discount", -reduction.amount, f"{name}: {detail}")


def _interval(price: Price) -> str:
    count = price.billing_interval_count
    return f"1 {price.billing_interval}" if count == 1 else f"{count} {price.billing_interval}s"
