"""What one stretch of an item is worth, and by how much that may be wrong.

Amounts after discounts and tax, with the other items of its invoice. Days do not belong here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nrr_pipeline.metrics.counting import CountingRules, counting_pieces, hold_out_items
from nrr_pipeline.metrics.discounts import Charge, Discount, Net, apply_discounts, require_rules
from nrr_pipeline.metrics.evidence import Terms
from nrr_pipeline.metrics.history import HistorySegment
from nrr_pipeline.metrics.pricing import (
    Price,
    UnpriceableError,
    amounts_in,
    form_problem,
    interval_amount,
    monthly_factor,
    monthly_micros,
)
from nrr_pipeline.metrics.terms_history import UNPROVEN_CHANGE

SHARES_UNKNOWN = "it shares a fixed discount with an item whose amount is not known exactly"

LIMITS_UNKNOWN = "was deleted, and nothing tells whether it is limited to some products"

_Invoice = tuple[str, int]
"""Billing interval and count: the items of a subscription that agree in it are one invoice."""


@dataclass(frozen=True, slots=True)
class Worth:
    """MRR of a stretch in micros; ``max_error`` is ``None`` where a doubt has no known size."""

    micros: int
    approximation: str | None = None
    max_error: int | None = None


class Valuation:
    """Values stretches under one policy, remembering what equal ones are worth."""

    def __init__(self, prices: Mapping[str, Price], rules: CountingRules) -> None:
        self.prices = prices
        self.rules = rules
        self._unknown_forms = {
            price_id: problem
            for price_id, price in prices.items()
            if (problem := form_problem(price)) is not None
        }
        self._amounts: dict[tuple[str, int | None, str], Fraction] = {}
        self._factors: dict[tuple[str, str], Fraction] = {}
        self._undiscounted: dict[tuple[Terms, str, Fraction | None], int] = {}

    def pieces(self, segments: Iterable[HistorySegment]) -> list[HistorySegment]:
        """The parts of a subscription's history that have MRR, or are held out."""
        pieces = counting_pieces(segments, self.rules)
        return hold_out_items(pieces, self._unknown_forms) if self._unknown_forms else pieces

    def slices(
        self, pieces: Sequence[HistorySegment]
    ) -> Iterator[tuple[HistorySegment, list[HistorySegment]]]:
        """Each piece beside those that share an invoice's fixed discount with it.

        A piece is cut where they change, and nowhere else.
        """
        for piece in pieces:
            mates = self.mates(piece, pieces)
            if not mates:
                yield piece, []
                continue
            for part in _cut(piece, mates):
                yield part, [mate for mate in mates if mate.holds(part.valid_from)]

    def mates(
        self, piece: HistorySegment, pieces: Iterable[HistorySegment]
    ) -> list[HistorySegment]:
        """Pieces of other items that share, or may share, an invoice's fixed discount with one."""
        if not self._is_spread_over(piece):
            return []
        mine = self._invoices(piece)
        return [
            other
            for other in pieces
            if other.subscription_item_id != piece.subscription_item_id
            and piece.overlaps(other)
            and _may_meet(mine, self._invoices(other))
        ]

    def worth(self, piece: HistorySegment, mates: Sequence[HistorySegment] = ()) -> Worth:
        """What a piece is worth beside its mates.

        Raises:
            UnpriceableError: It has no defined MRR; the message names the object and what is
                unknown.
        """
        if piece.held_out is not None:
            raise UnpriceableError(piece.held_out)
        price = self.price(piece.terms.price_id)
        micros = self._beside(piece, mates) if mates else self._worth_alone(piece)
        doubts = list(self._doubts(piece, mates, price))
        if not doubts:
            return Worth(micros)
        bounds = [bound for _, possible in doubts for bound in possible]
        known = [abs(micros - bound) for bound in bounds if bound is not None]
        return Worth(
            micros,
            "; ".join(dict.fromkeys(reason for reason, _ in doubts)),
            max(known, default=0) if len(known) == len(bounds) else None,
        )

    def price(self, price_id: str) -> Price:
        """A price by its id.

        Raises:
            UnpriceableError: Stripe no longer has it.
        """
        price = self.prices.get(price_id)
        if price is None:
            raise UnpriceableError(
                f"{price_id}: Stripe no longer has this price; add it again in Stripe, or correct "
                "the item that uses it"
            )
        return price

    def nets(self, piece: HistorySegment, mates: Sequence[HistorySegment]) -> Net:
        """What an invoice charges for a piece beside its mates, tax-inclusive prices with tax.

        Raises:
            UnpriceableError: As for ``worth``.
        """
        invoice = self._invoice(piece.terms)
        charges = [self._charge(piece)]
        if not charges[0].discounts:
            return Net(charges[0].amount)
        charges.extend(
            self._charge(mate)
            for mate in mates
            if self._invoice(mate.terms) == invoice and self._is_priceable(mate)
        )
        return apply_discounts(charges, piece.currency)[0]

    def contains_tax(self, price: Price, piece: HistorySegment) -> bool:
        """Whether what a price charges for a piece contains tax.

        Raises:
            UnpriceableError: The price has no amounts in the piece's currency.
        """
        if price.is_metered:
            return False
        declared = amounts_in(price, piece.currency).is_tax_inclusive
        return piece.tax_rate is not None if declared is None else declared

    def without_tax(self, net: Fraction, piece: HistorySegment, price: Price) -> Fraction:
        """An amount without the tax that it contains.

        Raises:
            UnpriceableError: The rate is negative.
        """
        if piece.tax_rate is None or not self.contains_tax(price, piece):
            return net
        if piece.tax_rate < 0:
            raise UnpriceableError(
                f"{piece.subscription_item_id}: its tax rate is negative: {piece.tax_rate}"
            )
        return net / (1 + piece.tax_rate)

    def _worth_alone(self, piece: HistorySegment) -> int:
        if self.rules.subtracted(piece.discounts):
            return self._beside(piece, [])
        key = (piece.terms, piece.currency, piece.tax_rate)
        if key not in self._undiscounted:
            self._undiscounted[key] = self._beside(piece, [])
        return self._undiscounted[key]

    def _beside(self, piece: HistorySegment, mates: Sequence[HistorySegment]) -> int:
        price = self.price(piece.terms.price_id)
        if price.is_metered:
            return 0
        net = self.without_tax(self.nets(piece, mates).amount, piece, price)
        key = (price.price_id, piece.currency)
        if key not in self._factors:
            self._factors[key] = monthly_factor(
                price, currency=piece.currency, normalization=self.rules.normalization
            )
        return monthly_micros(net, self._factors[key], price)

    def _charge(self, piece: HistorySegment) -> Charge:
        price = self.price(piece.terms.price_id)
        amount = self._amount(piece.terms, price, piece.currency)
        discounts = self.rules.subtracted(piece.discounts) if amount else ()
        require_rules(discounts, price.product_id, piece.currency)
        return Charge(piece.subscription_item_id, price.product_id, amount, discounts)

    def _amount(self, terms: Terms, price: Price, currency: str) -> Fraction:
        if price.is_metered:
            return Fraction(0)
        key = (terms.price_id, terms.quantity, currency)
        if key not in self._amounts:
            self._amounts[key] = interval_amount(price, terms.quantity, currency=currency)
        return self._amounts[key]

    def _is_priceable(self, piece: HistorySegment) -> bool:
        if piece.held_out is not None:
            return False
        try:
            self._charge(piece)
        except UnpriceableError:
            return False
        return True

    def _doubts(
        self, piece: HistorySegment, mates: Sequence[HistorySegment], price: Price
    ) -> Iterator[tuple[str, list[int | None]]]:
        """Why the worth may be wrong, each with what it may be instead."""
        is_taxed = self.contains_tax(price, piece)
        if piece.approximation is not None:
            bounds = self._alternatives(piece, mates)
            is_sure_to_count = piece.approximation == UNPROVEN_CHANGE
            yield piece.approximation, bounds if is_sure_to_count else [*bounds, 0]
        if is_taxed and piece.tax_rate is None:
            yield f"{price.price_id} contains tax at a rate that nothing tells; taken as is", [0]
        for discount in self.rules.subtracted(piece.discounts):
            if not self._is_proven(discount, price):
                without = tuple(each for each in piece.discounts if each != discount)
                bounds = [piece, replace(piece, discounts=without)]
                reason = f"{discount.coupon_id} {LIMITS_UNKNOWN}"
                yield reason, [self._worth_alone(each) for each in bounds]
        if any(self._is_uncertain(mate) for mate in mates):
            yield SHARES_UNKNOWN, self._extremes(piece)

    def _alternatives(
        self, piece: HistorySegment, mates: Sequence[HistorySegment]
    ) -> list[int | None]:
        if piece.alternative is None:
            return [0]
        bounds: list[int | None] = []
        for terms in _between(piece.terms, piece.alternative):
            other = replace(piece, terms=terms, held_out=None)
            try:
                bounds += self._extremes(other) if mates else [self._worth_alone(other)]
            except UnpriceableError:
                bounds.append(None)
        return bounds

    def _extremes(self, piece: HistorySegment) -> list[int | None]:
        """The least and the most that a piece can be worth, whatever shares its discounts."""
        unshared = tuple(each for each in piece.discounts if not each.is_spread)
        return [self._worth_alone(piece), self._worth_alone(replace(piece, discounts=unshared))]

    def _is_proven(self, discount: Discount, price: Price) -> bool:
        """Whether it is known if a discount covers the product of a price."""
        if discount.proven_price_ids is None:
            return True
        proven = (self.prices.get(price_id) for price_id in discount.proven_price_ids)
        return any(each is not None and each.product_id == price.product_id for each in proven)

    def _is_uncertain(self, mate: HistorySegment) -> bool:
        is_exact = mate.approximation is None and self._is_priceable(mate)
        return not is_exact and self._is_spread_over(mate)

    def _is_spread_over(self, piece: HistorySegment) -> bool:
        """Whether a fixed amount that an invoice's items share may be subtracted from a piece."""
        spread = [each for each in self.rules.subtracted(piece.discounts) if each.is_spread]
        if not spread:
            return False
        possible = [self.prices.get(terms.price_id) for terms in _possible(piece)]
        return any(
            price is None or any(each.covers(price.product_id) for each in spread)
            for price in possible
        )

    def _invoices(self, piece: HistorySegment) -> set[_Invoice | None]:
        """The invoices that may charge a piece; ``None`` among them for one that is not known."""
        return {self._invoice(terms) for terms in _possible(piece)}

    def _invoice(self, terms: Terms) -> _Invoice | None:
        price = self.prices.get(terms.price_id)
        return (price.billing_interval, price.billing_interval_count) if price else None


def _between(first: Terms, second: Terms) -> set[Terms]:
    """What terms may have been while they became others: price and quantity may change in turn."""
    if None in (first.quantity, second.quantity):
        return {second}
    mixed = {Terms(first.price_id, second.quantity), Terms(second.price_id, first.quantity)}
    return {second, *mixed} - {first}


def _possible(piece: HistorySegment) -> Iterator[Terms]:
    yield piece.terms
    if piece.alternative is not None:
        yield piece.alternative


def _may_meet(first: set[_Invoice | None], second: set[_Invoice | None]) -> bool:
    return None in first or None in second or not first.isdisjoint(second)


def _cut(piece: HistorySegment, mates: Iterable[HistorySegment]) -> Iterator[HistorySegment]:
    """A piece, cut wherever one of its mates starts or ends; only the last part tells its end."""
    edges = {edge for mate in mates for edge in (mate.valid_from, mate.valid_to)}
    start = piece.valid_from
    for edge in sorted(edge for edge in edges if edge is not None):
        if start < edge and (piece.valid_to is None or edge < piece.valid_to):
            yield replace(piece, valid_from=start, valid_to=edge, end_reason=None)
            start = edge
    yield replace(piece, valid_from=start)
