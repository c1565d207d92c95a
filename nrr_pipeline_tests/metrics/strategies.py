"""Random businesses: snapshots, intervals and exchange rates."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from nrr_pipeline.metrics.intervals import FOREVER_DAY
from nrr_pipeline_tests.metrics.snapshots import row

ACCOUNTS = [f"cus_{number}" for number in range(6)]
CURRENCIES = ["usd", "eur", "jpy"]
FIRST_DAY = date(2026, 1, 1)
DAYS = 12

micros = st.one_of(st.integers(1, 3), st.integers(1, 10**12))
rates = st.fractions(Fraction(1, 1_000), Fraction(1_000), max_denominator=10**6)
RATES = st.fixed_dictionaries({"usd": st.just(Fraction(1)), "eur": rates, "jpy": rates})
"""Rates into dollars on one day."""


@st.composite
def snapshots(draw: st.DrawFn, currencies: list[str] | None = None) -> list[dict[str, Any]]:
    """The items of one day: several subscriptions and items per account."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ACCOUNTS),
                st.integers(0, 1),
                st.sampled_from(currencies or ["usd"]),
                micros,
                st.sampled_from(["prod_a", "prod_b"]),
                st.sampled_from([("month", 1), ("year", 1), ("month", 3)]),
            ),
            max_size=14,
        )
    )
    return [
        row(
            account,
            amount,
            subscription_item_id=f"si_{number}",
            subscription_id=f"sub_{account}_{subscription}",
            currency=currency,
            product_id=product,
            price_id=f"{product}_{interval}",
            billing_interval=interval,
            billing_interval_count=count,
        )
        for number, (account, subscription, currency, amount, product, (interval, count)) in (
            enumerate(rows)
        )
    ]


@st.composite
def histories(draw: st.DrawFn, currencies: list[str] | None = None) -> list[dict[str, Any]]:
    """Intervals around ``FIRST_DAY`` and the ``DAYS`` after it."""
    days = st.integers(-3, DAYS + 2)
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(ACCOUNTS[:4]),
                st.integers(0, 1),
                st.sampled_from(currencies or ["usd"]),
                st.one_of(st.sampled_from([5, 10]), micros),
                days,
                st.one_of(st.none(), st.integers(1, 6)),
                st.sampled_from(["voluntary", "involuntary", None]),
            ),
            max_size=12,
        )
    )
    return [
        row(
            account,
            amount,
            subscription_item_id=f"si_{number}",
            subscription_id=f"sub_{account}_{subscription}",
            currency=currency,
            is_at_risk=number % 3 == 0,
            is_scheduled_churn=number % 4 == 0,
            end_reason=reason,
            valid_from=FIRST_DAY + timedelta(days=start),
            valid_to=FOREVER_DAY if length is None else FIRST_DAY + timedelta(days=start + length),
        )
        for number, (account, subscription, currency, amount, start, length, reason) in (
            enumerate(rows)
        )
    ]
