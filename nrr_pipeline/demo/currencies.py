"""The currencies of the simulated business: who pays in which, and roughly what they are worth.

Here belongs what never moves. Exchange rates, which do, belong to ``exchange_rates``.
"""

from __future__ import annotations

from fractions import Fraction

HOME = "usd"
"""The currency of the business itself, in which its prices are made."""

_OF_COUNTRY: dict[str, str] = {
    "GB": "gbp",
    "DE": "eur",
    "FR": "eur",
    "NL": "eur",
    "JP": "jpy",
}

CENTS: dict[str, Fraction] = {
    "usd": Fraction(1),
    "eur": Fraction(108, 100),
    "gbp": Fraction(126, 100),
    "jpy": Fraction(67, 100),
}
"""About how many cents of a dollar one minor unit is worth; the yen has none, so it is a yen."""


def currency_of(country: str) -> str:
    """The currency in which customers of a country pay, for as long as they are customers."""
    return _OF_COUNTRY.get(country, HOME)


def money_text(minor_units: Fraction, currency: str) -> str:
    """An amount as people write it.

    >>> money_text(Fraction(850), "gbp"), money_text(Fraction(1350), "jpy")
    ('£8.50', '¥1,350')
    """
    sign = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}[currency]
    if currency == "jpy":
        return f"{sign}{float(minor_units):,.0f}"
    return f"{sign}{float(minor_units) / 100:.2f}"
