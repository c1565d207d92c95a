"""Coupons and discounts as API objects.

Here belongs how they look in the API. What they take off belongs to ``billing_discounts``.
"""

from __future__ import annotations

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.coupons import Coupon, Grant


def coupon_object(coupon: Coupon, redeemed: int, now: int) -> StripeObject:
    """A coupon; one that was deleted looks like this only where it is embedded."""
    percent = coupon.percent_off
    shown: StripeObject = {
        "id": coupon.id,
        "object": "coupon",
        "amount_off": coupon.amount_off,
        "created": coupon.created,
        "currency": None if coupon.amount_off is None else "usd",
        "duration": coupon.duration,
        "duration_in_months": coupon.months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": coupon.name,
        "percent_off": None if percent is None else float(percent),
        "redeem_by": None,
        "times_redeemed": redeemed,
        "valid": not _is_deleted(coupon, now),
    }
    if coupon.amount_off is not None:
        amounts = {"usd": coupon.amount_off, **coupon.options}
        shown["currency_options"] = {
            currency: {"amount_off": amount} for currency, amount in amounts.items()
        }
    if coupon.product_ids is not None:
        shown["applies_to"] = {"products": sorted(coupon.product_ids)}
    return shown


class DiscountPrinter:
    """Shows discounts, each with its coupon; they stay the same as long as they last."""

    def __init__(self, coupons: tuple[Coupon, ...], grants: list[Grant], now: int) -> None:
        redeemed = dict.fromkeys((coupon.id for coupon in coupons), 0)
        for grant in grants:
            redeemed[grant.coupon_id] += grant.start <= now
        self._coupons = {
            coupon.id: coupon_object(coupon, redeemed[coupon.id], now) for coupon in coupons
        }
        self._listed = [
            coupon.id
            for coupon in coupons
            if coupon.created <= now and not _is_deleted(coupon, now)
        ]
        self._shown: dict[str, StripeObject] = {}

    def coupons(self) -> list[StripeObject]:
        """The coupons that can still be had."""
        return [self._coupons[coupon_id] for coupon_id in self._listed]

    def show(self, grant: Grant, customer_id: str, subscription_id: str | None) -> StripeObject:
        """A discount of a customer, of a subscription or of an item."""
        shown = self._shown.get(grant.id)
        if shown is None:
            shown = self._shown[grant.id] = {
                "id": grant.id,
                "object": "discount",
                "checkout_session": None,
                "customer": customer_id,
                "customer_account": None,
                "end": grant.end,
                "invoice": None,
                "invoice_item": None,
                "promotion_code": None,
                "source": {"coupon": self._reference(grant.coupon_id), "type": "coupon"},
                "start": grant.start,
                "subscription": None if grant.level == "customer" else subscription_id,
                "subscription_item": grant.owner_id if grant.level == "item" else None,
            }
        return shown

    def _reference(self, coupon_id: str) -> str | StripeObject:
        """A coupon's id; of one that was deleted the coupon itself, which stands nowhere else."""
        return coupon_id if coupon_id in self._listed else self._coupons[coupon_id]


def _is_deleted(coupon: Coupon, now: int) -> bool:
    return coupon.deleted_at is not None and coupon.deleted_at <= now
