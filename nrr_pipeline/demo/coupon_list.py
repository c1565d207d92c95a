"""The coupons of the simulated business, of every form that a coupon can have.

Here belong their terms. Who gets which belongs to ``discounting``.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Any

from nrr_pipeline.demo.catalog import Plan, Product
from nrr_pipeline.demo.coupons import Coupon
from nrr_pipeline.demo.cycles import DAY, HOUR
from nrr_pipeline.demo.identifiers import Identifiers


class Offer(Enum):
    """A coupon of the business by its name."""

    WELCOME = "Welcome: three months at 20 % less"
    PILOT = "Pilot: two months for free"
    CAMPAIGN = "Campaign: four months at a quarter less"
    KICK_OFF = "Kick-off: 40 USD less for half a year"
    STAY = "Stay with us: three months at 30 % less"
    PARTNER = "Partner: 10 % less"
    LAUNCH = "Launch: 15 % less for ever"
    REFERRED = "Referred by a customer: 5 USD less"
    BUNDLE = "Bundle: 25 USD less"
    REPORTS = "Reports: an eighth less on add-ons"
    FIRST_INVOICE = "First invoice at half the price"
    VOUCHER = "Voucher of 50 USD"
    NON_PROFIT = "Non-profit: 30 % less"
    LOYALTY = "Loyalty: a year at 12.5 % less"


_TERMS: dict[Offer, dict[str, Any]] = {
    Offer.WELCOME: {"percent_off": Fraction(20), "duration": "repeating", "months": 3},
    Offer.PILOT: {"percent_off": Fraction(100), "duration": "repeating", "months": 2},
    Offer.CAMPAIGN: {"percent_off": Fraction(25), "duration": "repeating", "months": 4},
    Offer.KICK_OFF: {
        "amount_off": 4_000,
        "options": {"eur": 3_800, "gbp": 3_200, "jpy": 6_000},
        "duration": "repeating",
        "months": 6,
    },
    Offer.STAY: {"percent_off": Fraction(30), "duration": "repeating", "months": 3},
    Offer.PARTNER: {"percent_off": Fraction(10)},
    Offer.LAUNCH: {"percent_off": Fraction(15)},
    Offer.REFERRED: {"amount_off": 500, "options": {"eur": 475, "gbp": 400, "jpy": 750}},
    Offer.BUNDLE: {"amount_off": 2_500, "options": {"eur": 2_400, "gbp": 2_000, "jpy": 3_750}},
    Offer.REPORTS: {"percent_off": Fraction("12.5")},
    Offer.FIRST_INVOICE: {"percent_off": Fraction(50), "duration": "once"},
    Offer.VOUCHER: {
        "amount_off": 5_000,
        "options": {"eur": 4_700, "gbp": 4_100, "jpy": 7_500},
        "duration": "once",
    },
    Offer.NON_PROFIT: {"percent_off": Fraction(30)},
    Offer.LOYALTY: {"percent_off": Fraction("12.5"), "duration": "repeating", "months": 12},
}
_ONLY_FOR = {
    Offer.REPORTS: (Plan.INSIGHTS, Plan.GUESTS, Plan.AUTOMATIONS),
    Offer.BUNDLE: (Plan.TEAM, Plan.BUSINESS, Plan.SCALE),
}
_DELETED_AFTER_DAYS = {Offer.LAUNCH: 260, Offer.CAMPAIGN: 620}


def coupons(ids: Identifiers, products: dict[Plan, Product], opened: int) -> tuple[Coupon, ...]:
    """All coupons; some are deleted later, and those who have them keep them."""
    return tuple(
        Coupon(
            id=coupon_id(ids, offer),
            name=offer.value.partition(":")[0],
            created=opened + HOUR + 60 * number,
            product_ids=_product_ids(offer, products),
            deleted_at=opened + days * DAY if (days := _DELETED_AFTER_DAYS.get(offer)) else None,
            **_TERMS[offer],
        )
        for number, offer in enumerate(Offer)
    )


def coupon_id(ids: Identifiers, offer: Offer) -> str:
    """The id of a coupon; Stripe's own have no prefix."""
    return ids.short("coupon", list(Offer).index(offer)).removeprefix("coupon_")[:8]


def _product_ids(offer: Offer, products: dict[Plan, Product]) -> frozenset[str] | None:
    plans = _ONLY_FOR.get(offer)
    return None if plans is None else frozenset(products[plan].id for plan in plans)
