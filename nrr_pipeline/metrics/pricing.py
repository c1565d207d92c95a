"""What one subscription item is worth a month: exact rationals, one rounding.

Discounts, states and days do not belong here; neither does reading a price from Stripe's JSON.
"""

from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.currencies import minor_to_micros
from nrr_pipeline.metrics.money import MicrosOverflowError, round_half_even

BILLING_INTERVALS = ("day", "week", "month", "year")
"""The billing intervals that have a rule. Any other is an error, never a silent 0."""


class UnpriceableError(ValueError):
    """An item has no defined MRR; the message names the object and what is unknown."""


@dataclass(frozen=True, slots=True)
class Normalization:
    """How many weeks and days of billing make a year (settings ``normalization.*``)."""

    weeks_per_year: Fraction = Fraction(52)
    days_per_year: Fraction = Fraction(365)

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
class Price:
    """A recurring price, as far as it decides MRR.

    ``unit_amount`` is in minor units of ``currency``, exact; ``None`` with an ``unsupported``
    sentence where this price's form has no rule yet.
    """

    price_id: str
    product_id: str
    currency: str
    billing_interval: str
    billing_interval_count: int
    unit_amount: Fraction | None
    is_metered: bool = False
    unsupported: str | None = None


def item_mrr_micros(
    price: Price, quantity: int | None, *, currency: str, normalization: Normalization
) -> int:
    """MRR of one item in micros of its own currency: the first of the two roundings.

    >>> yearly = Price("price_1", "prod_1", "usd", "year", 1, Fraction(10_000))
    >>> item_mrr_micros(yearly, 2, currency="usd", normalization=Normalization())
    16666667

    Raises:
        UnpriceableError: The price's interval, form or currency has no rule, or no quantity is
            known; the message names the price and the fix.
    """
    if price.is_metered:
        return 0
    amount = interval_amount(price, quantity, currency=currency)
    months = normalization.months(price.billing_interval, price.billing_interval_count)
    try:
        return round_half_even(minor_to_micros(amount, currency) / months)
    except MicrosOverflowError as error:
        raise UnpriceableError(f"{price.price_id} x {quantity}: {error}") from error


def interval_amount(price: Price, quantity: int | None, *, currency: str) -> Fraction:
    """What one billing interval of a licensed item costs, in minor units, exact.

    Raises:
        UnpriceableError: As for ``item_mrr_micros``.
    """
    if price.unsupported is not None or price.unit_amount is None:
        raise UnpriceableError(f"{price.price_id}: {price.unsupported or 'it has no unit amount'}")
    if price.billing_interval not in BILLING_INTERVALS or price.billing_interval_count < 1:
        raise UnpriceableError(
            f"{price.price_id}: billing interval {price.billing_interval!r} x "
            f"{price.billing_interval_count} is not known; known are {', '.join(BILLING_INTERVALS)}"
        )
    if price.currency != currency:
        raise UnpriceableError(
            f"{price.price_id}: its currency {price.currency} is not the subscription's {currency}"
        )
    if quantity is None or quantity < 0:
        raise UnpriceableError(f"{price.price_id}: quantity {quantity} of a licensed item")
    return price.unit_amount * quantity
