"""How many minor units a currency has in Stripe's amounts. Exchange rates do not belong here."""

from collections.abc import Mapping
from fractions import Fraction

MICROS_PER_MAJOR = 1_000_000
"""Micros in one major unit of any currency."""

ZERO_DECIMAL = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905
)
"""Currencies whose Stripe amounts are whole major units (docs.stripe.com/currencies).

ISK and UGX are not listed: Stripe keeps two decimals for them in charges although the world does
not use any, and an unlisted currency has two. Copies of Stripe's page differ on UGX, so the policy
may say otherwise (setting ``currencies.minor_units``).
"""

THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
"""Currencies whose Stripe amounts are thousandths of a major unit."""

ISO_4217 = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp "  # noqa: SIM905
    "byn bzd cad cdf chf clp cny cop crc cup cve czk djf dkk dop dzd egp ern etb eur fjd fkp gbp "
    "gel ghs gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr iqd irr isk jmd jod jpy kes kgs khr "
    "kmf kpw krw kwd kyd kzt lak lbp lkr lrd lsl lyd mad mdl mga mkd mmk mnt mop mru mur mvr mwk "
    "mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar "
    "sbd scr sdg sek sgd shp sle sll sos srd ssp stn svc syp szl thb tjs tmt tnd top try ttd twd "
    "tzs uah ugx usd uyu uzs ves vnd vuv wst xaf xcd xcg xof xpf yer zar zmw zwg hrk".split()
)
"""Codes of currencies in which prices may be, in Stripe's lower case."""


def minor_unit_micros(currency: str, decimals: Mapping[str, int] | None = None) -> int:
    """Micros in one minor unit of a currency, as Stripe counts its amounts.

    Args:
        currency: Its lower-case ISO 4217 code.
        decimals: How many decimals some currencies have instead of what this table says.

    >>> minor_unit_micros("usd"), minor_unit_micros("jpy"), minor_unit_micros("kwd")
    (10000, 1000000, 1000)
    >>> minor_unit_micros("isk"), minor_unit_micros("isk", {"isk": 0})
    (10000, 1000000)
    """
    if decimals and currency in decimals:
        return MICROS_PER_MAJOR // 10 ** decimals[currency]
    if currency in ZERO_DECIMAL:
        return MICROS_PER_MAJOR
    if currency in THREE_DECIMAL:
        return MICROS_PER_MAJOR // 1_000
    return MICROS_PER_MAJOR // 100


def minor_to_micros(
    minor_units: Fraction, currency: str, decimals: Mapping[str, int] | None = None
) -> Fraction:
    """An exact amount in minor units as exact micros, not rounded."""
    return minor_units * minor_unit_micros(currency, decimals)
