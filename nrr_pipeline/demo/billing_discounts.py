"""What discounts take off the lines of an invoice, in the order in which they apply.

Here belongs the arithmetic of coupons in whole cents, and which discounts apply. When an invoice
is made belongs to ``billing``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from nrr_pipeline.demo.billing_pricing import rounded
from nrr_pipeline.demo.billing_records import InvoiceLine, LineKind, Subscription, Taken
from nrr_pipeline.demo.coupons import Coupon, Grant
from nrr_pipeline.demo.cycles import Cadence


class Rebates:
    """Applies discounts to invoices, knowing the coupons and the customer's own discounts."""

    def __init__(self, coupons: dict[str, Coupon], of_customer: Sequence[Grant]) -> None:
        self._coupons = coupons
        self._of_customer = of_customer

    def drop_ended(self, state: Subscription, at: int) -> None:
        """Forget the discounts of a subscription that have reached their end."""
        if any(grant.end is not None and grant.end <= at for grant in state.discounts):
            state.discounts = _running(state.discounts, at)
        for item_id, grants in list(state.item_discounts.items()):
            if any(grant.end is not None and grant.end <= at for grant in grants):
                state.item_discounts = {**state.item_discounts, item_id: _running(grants, at)}

    def apply(
        self, state: Subscription, lines: Sequence[InvoiceLine], at: int
    ) -> tuple[Grant, ...]:
        """Take the discounts off an invoice's ordinary lines, and tell which ones were used.

        Prorations and usage are not discounted. The items of one cadence are one invoice to a
        fixed amount.
        """
        self.drop_ended(state, at)
        invoices: dict[Cadence, list[InvoiceLine]] = defaultdict(list)
        for line in lines:
            if line.kind is LineKind.ORDINARY:
                invoices[line.item.price.cadence].append(line)
        for billed in invoices.values():
            for line in billed:
                for grant in state.item_discounts.get(line.item.id, ()):
                    self._take(grant, [line])
            for grant in self._of_all(state, at):
                self._take(grant, billed)
        used = {taken.grant.id: taken.grant for line in lines for taken in line.discounts}
        self._use_up(state, used.values())
        return tuple(used.values())

    def _of_all(self, state: Subscription, at: int) -> Sequence[Grant]:
        """The subscription's discounts; the customer's only where it has none."""
        if state.discounts:
            return state.discounts
        return [
            grant
            for grant in self._of_customer
            if grant.start <= at and (grant.end is None or at < grant.end)
        ]

    def _take(self, grant: Grant, lines: Sequence[InvoiceLine]) -> None:
        coupon = self._coupons[grant.coupon_id]
        meant = [
            line
            for line in lines
            if coupon.product_ids is None or line.item.price.product_id in coupon.product_ids
        ]
        whole = sum(line.net for line in meant)
        left = min(coupon.amount_in(meant[0].item.price.currency), whole) if meant else 0
        for line in meant:
            if coupon.percent_off is not None:
                amount = rounded(line.net * coupon.percent_off / 100)
            else:
                amount = rounded(Fraction(left * line.net, whole)) if whole else 0
                left, whole = left - amount, whole - line.net
            if amount:
                line.discounts = (*line.discounts, Taken(grant, amount))

    def _use_up(self, state: Subscription, used: Iterable[Grant]) -> None:
        """Forget the discounts for one invoice that an invoice has used."""
        ids = {each.id for each in used if self._coupons[each.coupon_id].duration == "once"}
        if not ids:
            return
        state.discounts = tuple(each for each in state.discounts if each.id not in ids)
        state.item_discounts = {
            item_id: tuple(each for each in grants if each.id not in ids)
            for item_id, grants in state.item_discounts.items()
        }


def _running(grants: tuple[Grant, ...], at: int) -> tuple[Grant, ...]:
    return tuple(grant for grant in grants if grant.end is None or grant.end > at)
