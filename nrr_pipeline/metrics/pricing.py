"""What one subscription item is worth a month: exact rationals, one rounding.

Discounts, states and days do not belong here; neither does reading a price from Stripe's JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from nrr_pipeline.metrics.currencies import minor_to_micros
from nrr_pipeline.metrics.money import MicrosOverflowError, round_half_even

BILLING_INTERVALS = ("day", "week", "month", "year")
"""The billing intervals that have a rule. Any other is an error, never a silent 0."""

TIERS_MODES = ("graduated", "volume")
"""The ways in which tiers add up that have a rule."""


class UnpriceableError(ValueError):
    """An item has no defined MRR; the message names the object and what is unknown."""


@dataclass(frozen=True, slots=True)
class Normalization:
    """How what Stripe charges becomes micros a month.

    How many weeks and days of billing make a year (settings ``normalization.*``), and how many
    decimals a currency's amounts have where the built-in table does not hold (setting
    ``currencies.minor_units``).
    """

    weeks_per_year: Fraction = Fraction(52)
    days_per_year: Fraction = Fraction(365)
    decimals: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    def months(self, billing_interval: str, billing_interval_count: int) -> Fraction:
        """How many months one billing interval lasts.

        >>> Normalization().months("year", 1), Normalization().months("week", 2)
        (Fraction(12, 1), Fraction(6, 13))
        """
        per_year = {
            "year": Fraction(1),
            "month": Fraction(12),
            "week": self.weeks_per_year,
            "day": self.days_per_year,
        }[billing_interval]
        return Fraction(12 * billing_interval_count) / per_year


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a price, in minor units; ``up_to`` is inclusive, ``None`` in the last one."""

    up_to: int | None
    unit_amount: Fraction
    flat_amount: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a price charges in one currency, in minor units, exact.

    Either ``unit_amount`` or ``tiers``; neither, with an ``unsupported`` sentence, where these
    amounts cannot be read.
    """

    unit_amount: Fraction | None
    tiers: tuple[Tier, ...] = ()
    is_tax_inclusive: bool | None = None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A recurring price, as far as it decides MRR.

    ``options`` has its amounts in other currencies than ``currency``. ``tiers_mode`` is
    ``graduated`` or ``volume`` where there are tiers. ``divide_by`` turns a quantity into packs.
    ``unsupported`` says why a price's form has no rule.
    """

    price_id: str
    product_id: str
    currency: str
    billing_interval: str
    billing_interval_count: int
    amounts: Amounts
    options: Mapping[str, Amounts] = field(default_factory=dict[str, Amounts], hash=False)
    tiers_mode: str | None = None
    divide_by: int | None = None
    round_up: bool = False
    is_metered: bool = False
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class TierCharge:
    """What one reached tier charges: ``units`` of it at its price, and its flat amount."""

    number: int
    units: int
    tier: Tier

    @property
    def amount(self) -> Fraction:
        """Minor units, exact."""
        return self.units * self.tier.unit_amount + self.tier.flat_amount


def item_mrr_micros(
    price: Price, quantity: int | None, *, currency: str, normalization: Normalization
) -> int:
    """MRR of one item before discounts and tax, in micros of its own currency.

    >>> yearly = Price("price_1", "prod_1", "usd", "year", 1, Amounts(Fraction(10_000)))
    >>> item_mrr_micros(yearly, 2, currency="usd", normalization=Normalization())
    16666667

    Raises:
        UnpriceableError: The price's interval, form or currency has no rule, or no quantity is
            known; the message names the price and the fix.
    """
    if price.is_metered:
        return 0
    amount = interval_amount(price, quantity, currency=currency)
    factor = monthly_factor(price, currency=currency, normalization=normalization)
    return monthly_micros(amount, factor, price)


def monthly_factor(price: Price, *, currency: str, normalization: Normalization) -> Fraction:
    """Micros a month for one minor unit a billing interval of this price, exact."""
    months = normalization.months(price.billing_interval, price.billing_interval_count)
    return minor_to_micros(1 / months, currency, normalization.decimals)


def monthly_micros(amount: Fraction, factor: Fraction, price: Price) -> int:
    """What one billing interval costs as micros a month: the first of the two roundings.

    Raises:
        UnpriceableError: The amount is too large for 64 bits.
    """
    try:
        return round_half_even(amount * factor)
    except MicrosOverflowError as error:
        raise UnpriceableError(f"{price.price_id}: {error}") from error


def interval_amount(price: Price, quantity: int | None, *, currency: str) -> Fraction:
    """What one billing interval of a licensed item costs, in minor units, exact.

    Raises:
        UnpriceableError: As for ``item_mrr_micros``.
    """
    amounts = amounts_in(price, currency)
    units = charged_units(price, quantity)
    if amounts.unit_amount is not None:
        return amounts.unit_amount * units
    return sum((charge.amount for charge in tier_charges(price, amounts, units)), Fraction(0))


def amounts_in(price: Price, currency: str) -> Amounts:
    """The amounts of a price whose form and interval have a rule, in a subscription's currency.

    Raises:
        UnpriceableError: The price has no rule, or no amounts in this currency.
    """
    problem = form_problem(price)
    if problem is not None:
        raise UnpriceableError(problem)
    amounts = price.amounts if price.currency == currency else price.options.get(currency)
    if amounts is None:
        raise UnpriceableError(
            f"{price.price_id}: its currency is {price.currency} and it has no currency option for "
            f"the subscription's {currency}"
        )
    if amounts.unsupported is not None:
        raise UnpriceableError(f"{price.price_id}: {amounts.unsupported}")
    if amounts.unit_amount is None and not amounts.tiers:
        raise UnpriceableError(f"{price.price_id}: it has no unit amount and no tiers")
    return amounts


def form_problem(price: Price) -> str | None:
    """Why a licensed price has no rule in any currency: its billing interval or scheme."""
    if price.is_metered:
        return None
    if price.unsupported is not None:
        return f"{price.price_id}: {price.unsupported}"
    if price.billing_interval not in BILLING_INTERVALS or price.billing_interval_count < 1:
        return (
            f"{price.price_id}: billing interval {price.billing_interval!r} x "
            f"{price.billing_interval_count} is not known; known are {', '.join(BILLING_INTERVALS)}"
        )
    return None


def charged_units(price: Price, quantity: int | None) -> int:
    """How many units are charged: the quantity, or its packs where the price divides it.

    Raises:
        UnpriceableError: No quantity is known.
    """
    if quantity is None or quantity < 0:
        raise UnpriceableError(f"{price.price_id}: quantity {quantity} of a licensed item")
    if price.divide_by is None:
        return quantity
    return -(-quantity // price.divide_by) if price.round_up else quantity // price.divide_by


def tier_charges(price: Price, amounts: Amounts, units: int) -> list[TierCharge]:
    """What each reached tier charges; no units at all lie in the first tier.

    Graduated tiers charge their slice, volume tiers charge everything at the tier that is reached.

    Raises:
        UnpriceableError: The tiers have no known mode, or end below ``units``.
    """
    if price.tiers_mode not in TIERS_MODES:
        raise UnpriceableError(f"{price.price_id}: tiers mode {price.tiers_mode!r} has no rule")
    problem = tiers_problem(amounts.tiers)
    if problem is not None:
        raise UnpriceableError(f"{price.price_id}: {problem}")
    charges: list[TierCharge] = []
    below = 0
    for number, tier in enumerate(amounts.tiers, start=1):
        top = units if tier.up_to is None else min(units, tier.up_to)
        charges.append(TierCharge(number, top - below, tier))
        if top == units:
            break
        below = top
    if price.tiers_mode == "volume":
        reached = charges[-1]
        return [TierCharge(reached.number, units, reached.tier)]
    return charges


def tiers_problem(tiers: Sequence[Tier]) -> str | None:
    """Why tiers have no rule; ``None`` where they ascend to a last one without an end."""
    if not tiers:
        return "it has no tiers"
    if tiers[-1].up_to is not None:
        return f"its last tier ends at {tiers[-1].up_to}; the last one must be open"
    below = 0
    for number, tier in enumerate(tiers[:-1], start=1):
        if tier.up_to is None or tier.up_to <= below:
            return f"its tier {number} ends at {tier.up_to}, which is not above {below}"
        below = tier.up_to
    return None
