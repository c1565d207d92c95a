"""Shops whose every figure is held against its definition, over real HTTP and a real database.

Rates that are stale, missing and corrected, customers who are joined and parted, values that change
between periods, and days of 23 and 25 hours.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from nrr_pipeline.policy import MetricPolicy, load_policy
from nrr_pipeline_tests.end_to_end.by_definition import Sold
from nrr_pipeline_tests.end_to_end.pipeline import connected
from nrr_pipeline_tests.end_to_end.rules_account import item, price
from nrr_pipeline_tests.end_to_end.shop import Books, Segments, Shop

LAST, START = date(2026, 10, 3), date(2025, 7, 1)
CHANNELS = (
    ("cus_euro", "", "2026-06-30", "ads"),
    ("cus_euro", "2026-06-30", "", "web"),
    ("cus_pound", "2026-08-01", "", "web"),
    ("cus_old", "", "", "partner"),
)
SALES = (
    ("dollar", "usd 100.00 83.33", "2025-08-05"),
    ("euro", "eur 50.01", "2025-09-12", "", "send_invoice"),
    ("euro", "eur 33.33", "2026-08-14"),
    ("pound", "gbp 37.02", "2025-10-03"),
    ("pound", "gbp 30.33", "2025-11-04", "2026-09-10"),
    ("yen", "jpy 5000", "2026-01-15", "2026-08-20"),
    ("more_yen", "jpy 10000", "2026-07-20"),
    ("old", "eur 100.02", "2025-12-01", "2026-08-10"),
    ("new", "usd 100.00", "2026-07-20", "", "send_invoice"),
    ("returns", "gbp 12.34", "2025-11-10", "2026-02-10"),
    ("returns", "gbp 24.68", "2026-09-05"),
    ("pauses", "eur 50.01", "2026-02-03", "2026-08-03"),
    ("pauses", "eur 20.00", "2026-09-01"),
    ("cents", "eur 0.01 0.01 0.02", "2026-03-02"),
    ("two", "eur 50.01", "2026-02-06"),
    ("two", "usd 54.25", "2026-02-07"),
)
CUSTOMERS = (
    ("dollar", "US", "retail"),
    ("euro", "FR", "media"),
    ("pound", "GB", "retail"),
    ("yen", "JP", "media"),
    ("old", "FR", "media"),
    ("new", "US", "unknown"),
)
TURNS = (
    ("America/New_York", date(2025, 11, 2)),
    ("America/New_York", date(2026, 3, 8)),
    ("Europe/Berlin", date(2025, 10, 26)),
    ("Europe/Berlin", date(2026, 3, 29)),
)
"""Where a day is an hour longer, or shorter."""


def seconds(text: str, zone: str = "UTC", *, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def channel(each: Sold, day: date) -> str:
    """By the list of channels, whose last day is the first without the value."""
    for customer_id, since, until, value in CHANNELS:
        if customer_id == each.customer_id and since <= str(day) < (until or "9999"):
            return value
    return "unknown"


SEGMENTS: Segments = {
    "product": lambda each, _: each.tags["product"],
    "country": lambda each, _: each.tags["country"],
    "currency": lambda each, _: each.currency,
    "collection_method": lambda each, _: each.tags["collection_method"],
    "industry": lambda each, _: each.tags["industry"],
    "channel": channel,
}
POLICY = """
reporting_currency = "usd"
[files]
fx_rates = "rates.csv"
customer_map = "map.csv"
attributes = "channels.csv"
[segments]
industry = "customer.metadata.industry"
channel = "attributes.channel"
"""


def moving_rates() -> dict[tuple[date, str], Fraction]:
    """Rates of every working day; those of the euro make half micros of a cent."""
    rates: dict[tuple[date, str], Fraction] = {}
    for number in range(830):
        day = date(2024, 6, 28) + timedelta(days=number)
        if day.weekday() < 5:
            rates[day, "eur"] = Fraction(108_005 + 70 * (number * 37 % 101), 100_000)
            rates[day, "gbp"] = Fraction(12_500_001 + 3_000 * (number * 53 % 97), 10_000_000)
            rates[day, "jpy"] = Fraction(100, 15_100 + number * 71 % 997)
    return rates


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """A shop that sells in four currencies, pulled; nothing is published and no rate given."""
    shop = Shop()
    for name, country, industry in CUSTOMERS:
        shop.customer(name, country, industry)
    for customer, amounts, start, *rest in SALES:
        end, *method = rest or [""]
        shop.sell(customer, amounts, seconds(start), seconds(end) if end else None, *method)
    (tmp_path / "policy.toml").write_text(POLICY)
    with connected(shop.rules.account(), tmp_path, load_policy(tmp_path / "policy.toml")) as each:
        books = Books(each, tmp_path, shop.sold, LAST)
        header = "customer_id,valid_from,valid_to,channel"
        books.write("channels.csv", header, *map(",".join, CHANNELS))
        books.join({})
        each.pull(LAST)
        yield books


def causes(books: Books) -> dict[str, str]:
    """Why the whole of a period was restated, by kind and first day."""
    rows = books.rows("SELECT * FROM restatements WHERE dimension = 'all'")
    return {f"{row['period']} {row['period_start']}": row["cause"] for row in rows}


def test_every_day_period_and_segment_in_four_currencies(books: Books) -> None:
    books.give_rates(moving_rates())
    assert books.publish() == []
    books.require_by_definition(START, SEGMENTS)
    assert moving_rates()[date(2026, 2, 27), "eur"] == Fraction("1.08705")
    (cents,) = books.rows("SELECT * FROM mrr_movements WHERE account_id = 'cus_cents'")
    assert cents["closing_mrr_micros"] == 10_870 + 10_870 + 21_741


def test_a_corrected_rate_restates_what_it_moves(books: Books) -> None:
    books.give_rates(moving_rates())
    books.publish()
    books.give_rates(moving_rates() | {(date(2026, 6, 30), "eur"): Fraction("1.20005")})
    assert books.publish() == []
    books.require_by_definition(START, SEGMENTS)
    assert causes(books) == {
        "month 2026-06-01": "fx",
        "month 2026-07-01": "fx",
        "quarter 2026-04-01": "fx",
        "quarter 2026-07-01": "fx",
        "trailing_12_months 2026-06-01": "fx",
    }


def test_a_stale_rate_holds_back_what_needs_it_until_it_comes(books: Books) -> None:
    hole = [date(2026, 6, 20) + timedelta(days=number) for number in range(18)]
    known = {each: rate for each, rate in moving_rates().items() if each[0] not in hole}
    books.give_rates(known)
    held_back = [each.partition(" is not published")[0] for each in books.publish()]
    assert held_back == ["June 2026", "July 2026", "Q2 2026", "Q3 2026", "TTM June 2026"]
    books.require_by_definition(START, SEGMENTS)
    books.give_rates(moving_rates())
    assert books.publish() == []
    books.require_by_definition(START, SEGMENTS)
    assert causes(books) == {}


def test_customers_are_joined_chained_and_parted_again(books: Books) -> None:
    books.give_rates(moving_rates())
    books.publish()
    alone = books.expected
    for accounts in (
        {"cus_old": "cus_new"},
        {"cus_old": "cus_new", "cus_new": "cus_euro", "cus_euro": "Acme", "cus_yen": "Acme"},
    ):
        books.join(accounts)
        assert books.publish() == []
        books.require_by_definition(START, SEGMENTS)
    believed = books.expected
    books.join({"cus_old": "cus_new", "cus_new": "cus_old", "cus_pound": "cus_yen"})
    books.expected = believed
    (problem,) = books.publish()
    assert "in a circle: cus_new -> cus_old -> cus_new" in problem
    books.require_by_definition(START, SEGMENTS)
    books.join({})
    assert books.expected == alone
    assert books.publish() == []
    books.require_by_definition(START, SEGMENTS)
    assert set(causes(books).values()) == {"correction"}


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_days_of_23_and_25_hours_in_fiscal_quarters(tmp_path: Path, zone: str) -> None:
    shop = Shop()
    shop.sell("always", "usd 10.00", seconds("2025-10-02 12:00"))
    for place, day in TURNS:
        before, after = day - timedelta(days=1), day + timedelta(days=1)
        for number, (start, end) in enumerate(
            (
                (f"{day}", f"{after}"),
                (f"{day}", f"{day} 23:59:59"),
                (f"{before} 23:59:59", f"{day}"),
                (f"{day} 23:59:59", f"{after}"),
                (f"{before} 23:00", f"{day} 23:30"),
                (f"{before} 00:30", f"{after} 23:59:59"),
                (f"{after}", "2026-05-01"),
                (f"{day} 03:30", None),
            )
        ):
            name = f"{place[:2]}{day}_{number}".lower()
            amount = f"usd {len(shop.sold) + 1}.00"
            shop.sell(name, amount, seconds(start, place), seconds(end, place) if end else None)
        twice = f"{day} 01:30"
        shop.sell("twice", "usd 5.00", seconds(twice, place), seconds(twice, place, fold=1) + 1)
    policy = MetricPolicy(timezone=zone, fiscal_year_start_month=2, start_date=date(2025, 10, 15))
    with connected(shop.rules.account(), tmp_path, policy) as pipeline:
        books = Books(pipeline, tmp_path, shop.sold, LAST)
        pipeline.pull(LAST)
        assert books.publish() == []
        books.require_by_definition(date(2025, 10, 15))
        quarters = books.rows("SELECT DISTINCT period_start FROM quarterly_nrr ORDER BY 1")
    firsts = [str(row["period_start"]) for row in quarters]
    assert firsts == ["2025-11-01", "2026-02-01", "2026-05-01"]


def test_a_currency_that_only_a_trial_will_bring_is_none_yet(tmp_path: Path) -> None:
    shop = Shop()
    shop.sell("pays", "usd 10.00", seconds("2026-07-02"))
    of = price("yen", "500", currency="jpy")
    start, end = seconds("2026-09-20"), seconds("2026-10-20")
    trial = {"status": "trialing", "trial_start": start, "trial_end": end}
    shop.rules.add("tries", [item(of)], [0], start=start, charges=None, **trial)
    with connected(shop.rules.account(), tmp_path) as pipeline:
        books = Books(pipeline, tmp_path, shop.sold, LAST)
        pipeline.pull(LAST)
        assert books.publish() == []
        books.require_by_definition(date(2026, 7, 1))
