"""What a coupon takes off, and finding the coupons that discounts name.

When a discount is in force is said in ``discounts``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.discounts import Duration
from nrr_pipeline.stripe_source.payloads import Payload, reference_id, whole_number

LIMITS_UNKNOWN = "limits_unknown"
"""Our own mark on a coupon that no list has: nothing shows the products that it is limited to."""

_ALL = Fraction(100)
_DURATIONS = frozenset({Duration.FOREVER, Duration.REPEATING, Duration.ONCE})


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon, as far as it decides MRR; of unknown duration where it cannot be read.

    ``are_limits_unknown`` where it may be limited to products that nothing shows.
    """

    coupon_id: str
    duration: Duration
    percent_off: Fraction | None = None
    amounts_off: tuple[tuple[str, Fraction], ...] = ()
    product_ids: frozenset[str] | None = None
    months: int | None = None
    are_limits_unknown: bool = False


def read_coupon(coupon_id: str, payload: Payload | None) -> Coupon:
    """Read a coupon; what is odd about one field leaves nothing of it to be subtracted.

    >>> half = read_coupon("half", {"percent_off": 50, "duration": "forever"})
    >>> half.duration, half.percent_off
    (<Duration.FOREVER: 'forever'>, Fraction(50, 1))
    """
    unknown = Coupon(coupon_id, Duration.UNKNOWN)
    if payload is None or str(payload.get("duration")) not in _DURATIONS:
        return unknown
    percent, amounts = _percent(payload.get("percent_off")), _amounts(payload)
    products = _products(payload.get("applies_to"))
    is_percent = payload.get("percent_off") is not None
    is_amount = payload.get("amount_off") is not None
    if products == frozenset() or is_percent is is_amount:
        return unknown
    if (is_percent and percent is None) or (is_amount and not amounts):
        return unknown
    duration, months = Duration(str(payload["duration"])), payload.get("duration_in_months")
    return Coupon(
        coupon_id,
        duration,
        percent,
        amounts,
        products,
        whole_number(months),
        are_limits_unknown=products is None and payload.get(LIMITS_UNKNOWN) is True,
    )


def coupon_of(discount: Payload) -> tuple[str | None, Payload | None]:
    """The id of a discount's coupon, and the coupon itself where it is expanded."""
    source = discount.get("source")
    coupon = source.get("coupon") if isinstance(source, Mapping) else None
    return reference_id(coupon), coupon if isinstance(coupon, Mapping) else None


class CouponBook:
    """All coupons that are known: those that were listed, and those within discounts.

    A coupon that was deleted is in no list, and goes on discounting.
    """

    def __init__(self, listed: Mapping[str, Payload]) -> None:
        self._listed = listed
        self._embedded: dict[str, Payload] = {}

    def note(self, discount: Payload) -> None:
        """Remember the coupon that a discount carries with it."""
        coupon_id, coupon = coupon_of(discount)
        if coupon_id is not None and coupon is not None and not coupon.get("deleted"):
            self._embedded[coupon_id] = {**self._embedded.get(coupon_id, {}), **coupon}

    def find(self, coupon_id: str) -> Coupon:
        """What a coupon takes off; of one that is known nowhere, that this is not known."""
        payload = self._listed.get(coupon_id, self._embedded.get(coupon_id))
        return read_coupon(coupon_id, payload)


def _percent(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        percent = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return None
    return percent if 0 <= percent <= _ALL else None


def _amounts(coupon: Payload) -> tuple[tuple[str, Fraction], ...]:
    """The fixed amounts by currency; none at all where one of them cannot be read."""
    found = dict(_amount_entries(coupon))
    if any(amount is None or amount < 0 for amount in found.values()):
        return ()
    return tuple(
        (currency, Fraction(amount))
        for currency, amount in sorted(found.items())
        if amount is not None
    )


def _amount_entries(coupon: Payload) -> Iterator[tuple[str, int | None]]:
    currency, options = coupon.get("currency"), coupon.get("currency_options")
    if isinstance(options, Mapping):
        for name, option in options.items():
            amount = option.get("amount_off") if isinstance(option, Mapping) else None
            yield str(name).lower(), whole_number(amount)
    if isinstance(currency, str):
        yield currency.lower(), whole_number(coupon.get("amount_off"))


def _products(applies_to: object) -> frozenset[str] | None:
    """The products that a coupon is limited to; an empty set where they cannot be read."""
    if applies_to is None:
        return None
    products = applies_to.get("products") if isinstance(applies_to, Mapping) else None
    if not isinstance(products, list) or not all(isinstance(each, str) for each in products):
        return frozenset()
    return frozenset(products)
