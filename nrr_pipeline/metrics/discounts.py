"""What discounts take off the items of one invoice: exact, in order, never below nothing.

When a discount is in force, and which ones a policy subtracts, do not belong here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from nrr_pipeline.metrics.pricing import UnpriceableError


class DiscountLevel(StrEnum):
    """What a discount is attached to."""

    ITEM = "item"
    SUBSCRIPTION = "subscription"
    CUSTOMER = "customer"


class Duration(StrEnum):
    """For how many invoices a coupon is meant."""

    FOREVER = "forever"
    REPEATING = "repeating"
    ONCE = "once"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Discount:
    """A coupon as it is attached to an item, a subscription or a customer.

    ``percent_off`` is in per cent. ``amounts_off`` are minor units by currency, sorted by currency.
    A discount without either, or of unknown duration, has no rule: where it would be subtracted,
    its items are held out. ``product_ids`` of ``None`` puts no limit on the products.
    ``position`` is the place in the array that it stands in. ``proven_price_ids`` of a coupon whose
    limits nothing tells are the prices that it was seen to discount; ``None`` where its limits are
    known.
    """

    discount_id: str
    coupon_id: str
    level: DiscountLevel
    position: int
    duration: Duration
    percent_off: Fraction | None = None
    amounts_off: tuple[tuple[str, Fraction], ...] = ()
    product_ids: frozenset[str] | None = None
    proven_price_ids: frozenset[str] | None = None

    def covers(self, product_id: str) -> bool:
        """Whether the coupon discounts this product."""
        return self.product_ids is None or product_id in self.product_ids

    @property
    def is_spread(self) -> bool:
        """Whether it is a fixed amount that the items of one invoice share."""
        return self.percent_off is None and self.level is not DiscountLevel.ITEM


@dataclass(frozen=True, slots=True)
class Charge:
    """What one item costs on an invoice before discounts, in minor units, and its discounts."""

    item_id: str
    product_id: str
    amount: Fraction
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one discount takes off one item that cost ``before``.

    ``spread_over`` is the sum of all the items that it reduces.
    """

    discount: Discount
    amount: Fraction
    before: Fraction
    spread_over: Fraction


@dataclass(frozen=True, slots=True)
class Net:
    """What is left of a charge, and each discount that took something off it, in order."""

    amount: Fraction
    reductions: tuple[Reduction, ...] = ()


_LEVELS = list(DiscountLevel)


def in_order(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
    """Discounts in the order in which they apply: by level, then by their place in its array."""
    return tuple(sorted(discounts, key=_order))


def _order(discount: Discount) -> tuple[int, int, str]:
    return _LEVELS.index(discount.level), discount.position, discount.discount_id


def require_rules(discounts: Iterable[Discount], product_id: str, currency: str) -> None:
    """Make sure that every discount that covers a product can be computed.

    Raises:
        UnpriceableError: One cannot; the message names its coupon.
    """
    for discount in discounts:
        problem = _problem(discount, currency) if discount.covers(product_id) else None
        if problem is not None:
            raise UnpriceableError(f"{discount.coupon_id}: {problem}")


def apply_discounts(charges: Sequence[Charge], currency: str) -> list[Net]:
    """What the items of one invoice cost after their discounts, one ``Net`` for each charge.

    >>> off = Discount(
    ...     "di_1",
    ...     "FIVE",
    ...     DiscountLevel.SUBSCRIPTION,
    ...     0,
    ...     Duration.FOREVER,
    ...     amounts_off=(("usd", Fraction(500)),),
    ... )
    >>> items = [
    ...     Charge(name, "prod", Fraction(n), (off,)) for name, n in (("a", 3000), ("b", 1000))
    ... ]
    >>> [int(net.amount) for net in apply_discounts(items, "usd")]
    [2625, 875]

    Raises:
        UnpriceableError: A discount has no rule; the message names its coupon.
    """
    left = [charge.amount for charge in charges]
    reductions: list[list[Reduction]] = [[] for _ in charges]
    for charge in charges:
        require_rules(charge.discounts, charge.product_id, currency)
    for discount, members in _with_members(charges):
        base = sum((left[member] for member in members), Fraction(0))
        off = _amount_off(discount, base, currency)
        for member in members:
            mine = off * left[member] / base if base else Fraction(0)
            reductions[member].append(Reduction(discount, mine, left[member], base))
            left[member] -= mine
    return [Net(amount, tuple(trace)) for amount, trace in zip(left, reductions, strict=True)]


def _with_members(charges: Sequence[Charge]) -> list[tuple[Discount, list[int]]]:
    """Every discount in order, with the charges that it reduces: an item's own only its item."""
    found: dict[tuple[str, str], tuple[Discount, list[int]]] = {}
    for index, charge in enumerate(charges):
        for discount in charge.discounts:
            if discount.covers(charge.product_id):
                only = charge.item_id if discount.level is DiscountLevel.ITEM else ""
                _, members = found.setdefault((discount.discount_id, only), (discount, []))
                members.append(index)
    return sorted(found.values(), key=lambda each: _order(each[0]))


def _amount_off(discount: Discount, base: Fraction, currency: str) -> Fraction:
    if discount.percent_off is not None:
        return base * discount.percent_off / 100
    return min(dict(discount.amounts_off)[currency], base)


def _problem(discount: Discount, currency: str) -> str | None:
    """Why a discount cannot be computed."""
    percent, amount = discount.percent_off, dict(discount.amounts_off).get(currency)
    if discount.duration is Duration.UNKNOWN:
        return _unknown(discount)
    if percent is not None:
        return None if 0 <= percent <= 100 else f"it takes {percent} per cent off"  # noqa: PLR2004
    if not discount.amounts_off:
        return "what it takes off is not known"
    if amount is None:
        return f"it has no amount off in {currency}"
    return None if amount >= 0 else f"it takes a negative amount off: {amount}"


def _unknown(discount: Discount) -> str:
    """What is not known of a discount that cannot be computed, and what helps."""
    fix = f"remove the discount {discount.discount_id} in Stripe and give it again"
    if discount.percent_off is not None or discount.amounts_off:
        return f"the discount has an end that is no time, or lies before its start; {fix}"
    return (
        "Stripe shows no such coupon any more, or one that cannot be read: what it takes off and "
        f"for how long is not known. Create a coupon of this id and its terms again, or {fix}"
    )
