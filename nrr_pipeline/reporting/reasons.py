"""Why a customer's MRR moved, in words for readers.

Which reason it is, is decided in ``metrics.reasons``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.currencies import minor_to_micros
from nrr_pipeline.metrics.discounts import Discount
from nrr_pipeline.metrics.money import format_exact, format_money
from nrr_pipeline.metrics.reasons import Cause, Holding, Reason
from nrr_pipeline.reporting.explanation import CustomerMove


@dataclass(frozen=True, slots=True)
class CauseSum:
    """What one cause adds to a period's NRR.

    Attributes:
        label: What readers call it, such as "fewer seats".
        cause: The word by which it is counted.
        points: Percentage points of NRR; over all causes they sum to NRR - 100 % exactly.
        change_micros: The same as MRR.
        customers: How many it moved.
    """

    label: str
    cause: str
    points: Fraction
    change_micros: int
    customers: int


def by_cause(moves: Iterable[CustomerMove], whole: Retention) -> tuple[CauseSum, ...]:
    """Sum the cohort's moves by cause, losses and gains apart, the most costly first."""
    groups: defaultdict[tuple[str, bool], list[CustomerMove]] = defaultdict(list)
    for move in moves:
        if move.opening_mrr_micros > 0:
            groups[move.cause, move.change_micros > 0].append(move)
    sums = [
        CauseSum(
            label=_LABELS[cause][is_gain],
            cause=cause,
            points=sum((move.points_of(whole) for move in group), Fraction(0)),
            change_micros=sum(move.change_micros for move in group),
            customers=len(group),
        )
        for (cause, is_gain), group in groups.items()
    ]
    return tuple(sorted(sums, key=lambda each: (each.change_micros, each.cause)))


_LABELS: dict[str, tuple[str, str]] = {
    Cause.VOLUNTARY: ("canceled", ""),
    Cause.INVOLUNTARY: ("payment failed", ""),
    Cause.PAUSED: ("paused", ""),
    Cause.OTHER: ("left otherwise", ""),
    Cause.SEATS: ("fewer seats", "more seats"),
    Cause.PLAN: ("change of plan", "change of plan"),
    Cause.BILLING: ("another billing interval", "another billing interval"),
    Cause.PRICE: ("discount or lower price", "higher price or discount ended"),
    Cause.EXCHANGE_RATE: ("exchange rates", "exchange rates"),
    Cause.SUBSCRIPTION: ("gave up a subscription or add-on", "added a subscription or add-on"),
}
"""What a cause is called where MRR was lost, and where it was won."""


def in_words(reason: Reason, names: Mapping[str, str], discounts: str | None = None) -> str:
    """Say a reason for readers.

    Args:
        reason: What to say.
        names: What readers call products and prices, by id.
        discounts: Which discounts of the item began or ended, where that is known.

    >>> before = Holding("si_1", "sub_1", "prod_1", "price_1", "month", 120, 1, 1)
    >>> after = Holding("si_1", "sub_1", "prod_1", "price_1", "month", 80, 1, 1)
    >>> in_words(Reason(Cause.SEATS, "sub_1", before, after), {})
    'seats 120 -> 80'
    """
    opening, closing = reason.opening, reason.closing
    if reason.cause in _ENDED_WORDS:
        return "goes on at no charge" if reason.ended is None else _ENDED_WORDS[reason.ended]
    if opening is None or closing is None:
        return _one_sided(reason, names)
    seats = f"seats {opening.quantity:,} -> {closing.quantity:,}"
    is_same_quantity = opening.quantity == closing.quantity
    if reason.cause is Cause.SEATS:
        return seats
    if reason.cause is Cause.EXCHANGE_RATE:
        return "exchange rate"
    if reason.cause is Cause.PLAN:
        said = f"{_product(opening, names)} -> {_product(closing, names)}"
    elif reason.cause is Cause.BILLING:
        said = f"billed by the {opening.billing} -> by the {closing.billing}"
    elif opening.price_id != closing.price_id:
        said = f"price {_price(opening, names)} -> {_price(closing, names)}"
        said = f"{said}, {discounts}" if discounts else said
    else:
        said = discounts or "discount or price"
    return said if is_same_quantity else f"{said}, {seats}"


def discounts_in_words(
    before: Iterable[Discount], after: Iterable[Discount], currency: str
) -> str | None:
    """Say which discounts began or ended between two sets; ``None`` where none did.

    >>> from nrr_pipeline.metrics.discounts import DiscountLevel, Duration
    >>> half = Discount(
    ...     "di_1", "half", DiscountLevel.ITEM, 0, Duration.FOREVER, percent_off=Fraction(50)
    ... )
    >>> discounts_in_words([half], [], "usd"), discounts_in_words([half], [half], "usd")
    ('50 % off ended', None)
    """
    had, has = ({each.discount_id: each for each in side} for side in (before, after))
    began = [f"{_off(has[name], currency)} began" for name in has if name not in had]
    ended = [f"{_off(had[name], currency)} ended" for name in had if name not in has]
    return ", ".join((*began, *ended)) or None


def _off(discount: Discount, currency: str) -> str:
    if discount.percent_off is not None:
        return f"{format_exact(discount.percent_off)} % off"
    amount = dict(discount.amounts_off).get(currency)
    if amount is None:
        return "a discount"
    return f"{format_money(round(minor_to_micros(amount, currency)), currency)} off"


def quoted(text: str | None) -> str | None:
    r"""Return what somebody wrote, on one line and not too long.

    >>> quoted("no\n budget "), quoted("x" * 100) == f'"{"x" * 79}…"', quoted(None)
    ('"no budget"', True, None)
    """
    return None if text is None else f'"{_one_line(text, _LONGEST_QUOTE)}"'


def _one_line(text: str, longest: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


_LONGEST_QUOTE, _LONGEST_NAME = 80, 40

_ENDED_WORDS = {
    Cause.VOLUNTARY: "canceled",
    Cause.INVOLUNTARY: "ended: payment failed",
    Cause.PAUSED: "paused",
    Cause.OTHER: "ended",
}


def _one_sided(reason: Reason, names: Mapping[str, str]) -> str:
    item = next(each for each in (reason.opening, reason.closing) if each is not None)
    product = _product(item, names)
    if reason.cause is not Cause.SUBSCRIPTION:
        return f"{product} x {item.quantity:,}"
    what = f"a subscription to {product}" if reason.is_whole_subscription else product
    if reason.opening is None:
        return f"{what} added"
    if reason.ended is None:
        return f"{what} goes on at no charge"
    if reason.ended is Cause.OTHER and not reason.is_whole_subscription:
        return f"{what} removed"
    return f"{what} {_ENDED_WORDS[reason.ended]}"


def _product(item: Holding, names: Mapping[str, str]) -> str:
    name = names.get(item.product_id or "")
    return _one_line(name, _LONGEST_NAME) if name else _price(item, names)


def _price(item: Holding, names: Mapping[str, str]) -> str:
    return _one_line(names.get(item.price_id, item.price_id), _LONGEST_NAME)
