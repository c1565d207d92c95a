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
