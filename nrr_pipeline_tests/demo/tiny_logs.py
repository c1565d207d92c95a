"""Logs written by hand, a few happenings long, for tests that work out the outcome on paper.

The catalog is the standard one: Starter costs 9.00 a month or 89.00 a year per seat, Team 16.00 or
159.00, Business 32.00 or 319.00, Insights 6.00 or 59.00.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from nrr_pipeline.demo.catalog import Plan, Term
from nrr_pipeline.demo.log import BusinessLog, Customer, Happening, Item, Subscribed
from nrr_pipeline.demo.price_list import standard_catalog

FIRST_DAY = date(2025, 1, 1)
CATALOG = standard_catalog(7, FIRST_DAY)


def at(moment: str) -> int:
    """Unix seconds of a UTC moment such as ``2025-01-31 10:00``."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())


def price_id(plan: Plan, interval: Term = "month") -> str:
    """The price of a plan."""
    return CATALOG.offer(plan, interval, at("2025-01-01")).id


def item(item_id: str, plan: Plan, seats: int, interval: Term = "month") -> Item:
    """An item of a plan."""
    return Item(item_id, price_id(plan, interval), seats)


def tiny_log(
    *happenings: Happening, last_day: date = date(2025, 12, 31), countries: str = "US"
) -> BusinessLog:
    """A log of these happenings; the customers' countries go round in the given order."""
    ids = dict.fromkeys(each.customer_id for each in happenings if isinstance(each, Subscribed))
    started = min(each.at for each in happenings)
    codes = countries.split()
    customers = tuple(
        Customer(
            id=customer_id,
            created=started - 60,
            name=f"Company {number}",
            email=f"company{number}@example.com",
            phone=None,
            line1="1 Example Street",
            city="Springfield",
            postal_code="00000",
            state=None,
            country=codes[number % len(codes)],
        )
        for number, customer_id in enumerate(ids)
    )
    return BusinessLog(
        seed=7,
        first_day=FIRST_DAY,
        last_day=last_day,
        catalog=CATALOG,
        customers=customers,
        happenings=tuple(sorted(happenings, key=lambda happening: happening.at)),
    )
