"""Corner cases of prices: what a month of an item costs before anything is taken off.

Beside each stands the arithmetic, from the definitions alone, in dollars unless said otherwise.
"""

from fractions import Fraction

from nrr_pipeline_tests.end_to_end.corner_account import (
    DOLLAR,
    LAST_DAY,
    CornerAccount,
    monthly,
    tax_rate,
    tier,
)
from nrr_pipeline_tests.end_to_end.corner_billing import bill_months
from nrr_pipeline_tests.end_to_end.rules_account import HELD_OUT, Object, item, price

TEN = price("price_ten")
SEATS = [tier(5, "1000"), tier(10, "800"), tier(None, "500")]
BLOCKS = [tier(10, None, "2000"), tier(None, None, "5000")]


def add_prices(account: CornerAccount) -> None:
    add_intervals(account)
    add_amounts(account)
    add_packs(account)
    add_usage(account)
    add_tiers(account)
    add_currencies(account)
    add_taxes(account)
    add_unlisted(account)
    add_unknown(account)


def recurring(interval: str, count: int = 1) -> dict[str, object]:
    return {"interval": interval, "interval_count": count}


def add_intervals(account: CornerAccount) -> None:
    for name, amount, every, quantity, expected in (
        # 9.99 x 52/(12 x 3) = 9.99 x 13/9
        ("three_weeks", "999", recurring("week", 3), 1, 14_430_000),
        # 7 x 3.33 x 365/(12 x 10) = 23.31 x 73/24
        ("ten_days", "333", recurring("day", 10), 7, 70_901_250),
        # 1000/36
        ("three_years", "100000", recurring("year", 3), 1, 27_777_778),
        # 100/7
        ("seven_months", "10000", recurring("month", 7), 1, 14_285_714),
        # 365 days are not a year of months: 365 x 365/(12 x 365)
        ("days_of_a_year", "36500", recurring("day", 365), 1, monthly(Fraction(365 * DOLLAR, 12))),
    ):
        account.case(
            name, [item(price(f"price_{name}", amount, recurring=every), quantity)], [expected]
        )
    month, year, weeks = (
        TEN,
        price("price_yearly_120", "12000", recurring=recurring("year")),
        price("price_two_weeks", "500", recurring=recurring("week", 2)),
    )
    # 10; 120/12; 5 x 52/24
    account.case(
        "three_intervals",
        [item(month), item(year), item(weeks)],
        [10 * DOLLAR, 10 * DOLLAR, 10_833_333],
    )


def add_amounts(account: CornerAccount) -> None:
    # Half a micro goes to the even side: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2
    for quantity, expected in ((1, 0), (3, 2), (5, 2)):
        of = price(f"price_half_micro_{quantity}", "0.00005", unit_amount=None)
        account.case(f"half_micro_{quantity}", [item(of, quantity)], [expected])
    # 1 000 000 x 0.03141592653589 = 31 415.92653589
    of = price("price_twelve_decimals", "3.141592653589", unit_amount=None)
    account.case("twelve_decimals", [item(of, 1_000_000)], [31_415_926_536])
    # The same yearly plan as one item of two seats, and as two items of one: 200/12, 100/12
    year = price("price_hundred_a_year", "10000", recurring=recurring("year"))
    account.case("two_seats", [item(year, 2)], [16_666_667])
    account.case("seat_and_seat", [item(year), item(year)], [8_333_333, 8_333_333])


def add_packs(account: CornerAccount) -> None:
    packs = {
        # 2 of 3 make no pack; 3 of 3 make one; 101 of 10 make 11, at 120 a year each
        "no_pack": ("500", {"divide_by": 3, "round": "down"}, {}, 2, 0),
        "whole_pack": ("500", {"divide_by": 3, "round": "up"}, {}, 3, 5 * DOLLAR),
        "eleven_packs": (
            "12000",
            {"divide_by": 10, "round": "up"},
            recurring("year"),
            101,
            110 * DOLLAR,
        ),
    }
    for name, (amount, transform, every, quantity, expected) in packs.items():
        of = price(f"price_{name}", amount, transform_quantity=transform, recurring=every)
        account.case(name, [item(of, quantity)], [expected])
    account.case("no_seat", [item(TEN, 0)], [0])


def add_usage(account: CornerAccount) -> None:
    metered = {"usage_type": "metered", "meter": "mtr_calls"}
    calls = price("price_calls", "3", recurring=metered)
    flat = price(
        "price_calls_flat",
        None,
        recurring=metered,
        billing_scheme="tiered",
        tiers_mode="graduated",
        tiers=[tier(100, "0", "4900"), tier(None, "7")],
    )
    account.case("metered_beside_seats", [item(calls, None), item(TEN, 3)], [0, 30 * DOLLAR])
    account.case("metered_with_a_flat_fee", [item(flat, None)], [0])


def add_tiers(account: CornerAccount) -> None:
    graduated = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    volume = {"billing_scheme": "tiered", "tiers_mode": "volume"}
    cents = [tier(100, "0.25"), tier(None, "0.125")]
    free = [tier(3, "0"), tier(None, "1000")]
    for name, form, tiers, quantity, dollars in (
        # Flat fees only: each tier that is reached adds its own, or the reached one alone counts
        ("flat_0", graduated, BLOCKS, 0, 20),
        ("flat_10", graduated, BLOCKS, 10, 20),
        ("flat_11", graduated, BLOCKS, 11, 70),
        ("block_10", volume, BLOCKS, 10, 20),
        ("block_11", volume, BLOCKS, 11, 50),
        # 5 x 10; 6 x 8; 10 x 8; 11 x 5
        ("volume_5", volume, SEATS, 5, 50),
        ("volume_6", volume, SEATS, 6, 48),
        ("volume_10", volume, SEATS, 10, 80),
        ("volume_11", volume, SEATS, 11, 55),
        # 5 x 10 + 1 x 8; 5 x 10 + 5 x 8; 5 x 10 + 5 x 8 + 1 x 5
        ("graduated_6", graduated, SEATS, 6, 58),
        ("graduated_10", graduated, SEATS, 10, 90),
        ("graduated_11", graduated, SEATS, 11, 95),
        # 100 x 0.0025 + 900 x 0.00125
        ("fractions", graduated, cents, 1_000, Fraction(11, 8)),
        # One tier without an end, with a fee of a cent less than a dollar
        ("one_tier", volume, [tier(None, "250", "99")], 4, Fraction("10.99")),
        ("free_at_first", graduated, free, 3, 0),
        ("free_then_not", graduated, free, 4, 10),
    ):
        of = price(f"price_{name}", None, **form, tiers=tiers)
        account.case(f"tiers_{name}", [item(of, quantity)], [monthly(Fraction(dollars) * DOLLAR)])
    # (5 x 10 + 2 x 8) / 12
    of = price("price_tiers_a_year", None, **graduated, tiers=SEATS, recurring=recurring("year"))
    account.case("tiers_a_year", [item(of, 7)], [5_500_000])
    old = price("price_old_tiers", None, **volume, tiers=SEATS, active=False)
    account.case("inactive_tiers", [item(old, 6)], [48 * DOLLAR])


def add_currencies(account: CornerAccount) -> None:
    for name, currency, amount, quantity, expected in (
        # 2 x 1 500 yen; 1 500 fils are 1.5 dinars; half a fils is 500 micros
        ("yen", "jpy", "1500", 2, 3_000 * DOLLAR),
        ("dinar", "kwd", "1500", 1, 1_500_000),
        ("half_a_fils", "kwd", "0.5", 1, 500),
        # Stripe keeps two decimals for the krona: 50 000 are 500
        ("krona", "isk", "50000", 1, 500 * DOLLAR),
        ("baisa", "omr", "1", 1, 1_000),
        ("won", "krw", "900", 1, 900 * DOLLAR),
    ):
        of = price(f"price_{name}", amount, currency=currency)
        account.case(name, [item(of, quantity)], [expected])
    yen = option("jpy", "1200", "exclusive")
    yearly = price("price_yen_option", currency_options=yen, recurring=recurring("year"))
    # 3 x 1 200 yen / 12: the option has other decimals than the price
    account.case("option_in_yen", [item(yearly, 3)], [300 * DOLLAR], currency="jpy")
    account.case("no_option", [item(yearly)], [HELD_OUT], currency="gbp")
    gross = option("eur", "1200", "inclusive")
    of = price("price_gross_option", currency_options=gross, tax_behavior="exclusive")
    # The option contains tax, the price does not: 12 / 1.2
    billed = item(of, tax_rates=[tax_rate("txr_20", 20)])
    account.case("option_with_tax", [billed], [10 * DOLLAR], currency="eur")
    tiers = [tier(5, "900"), tier(None, "500", "100")]
    form = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": SEATS}
    options = option("eur", None, "unspecified", tiers=tiers)
    of = price("price_tiers_option", None, currency_options=options, **form)
    # 5 x 9 + 2 x 5 + 1
    account.case("option_with_tiers", [item(of, 7)], [56 * DOLLAR], currency="eur")


def option(currency: str, amount: str | None, tax_behavior: str, **fields: object) -> Object:
    whole = None if amount is None else int(amount)
    mine = {"unit_amount": whole, "unit_amount_decimal": amount, "tax_behavior": tax_behavior}
    return {currency: mine | fields}


def add_taxes(account: CornerAccount) -> None:
    gross = price("price_gross", "1200", tax_behavior="inclusive")
    net = price("price_net", "1200", tax_behavior="exclusive")
    untold = price("price_untold", "1200", tax_behavior="unspecified")
    legacy = price("price_legacy", "1200", tax_behavior=None)
    rate, half = tax_rate("txr_20", 20), tax_rate("txr_55", 5.5)
    added = tax_rate("txr_added", 20, inclusive=False)
    five, fifteen = tax_rate("txr_5", 5), tax_rate("txr_15", 15)
    for name, of, rates, micros in (
        # 12 / (1 + 0.05 + 0.15); 12 / 1.2, with more on top; 12 / 1.055; nothing
        ("two", gross, [five, fifteen], 10 * DOLLAR),
        ("two_kinds", gross, [rate, added], 10 * DOLLAR),
        ("half", gross, [half], monthly(Fraction(12 * DOLLAR) / Fraction("1.055"))),
        ("zero", gross, [tax_rate("txr_0", 0)], 12 * DOLLAR),
        # Tax on top is not part of the amount
        ("on_top", net, [added], 12 * DOLLAR),
        # A contained rate makes a price that says nothing contain it
        ("untold", untold, [rate], 10 * DOLLAR),
        ("legacy", legacy, [rate], 10 * DOLLAR),
    ):
        account.case(f"tax_{name}", [item(of, tax_rates=rates)], [micros])
    # The subscription's: 12 / 1.2; the item's own goes before it: 12 / 1.25
    account.case("tax_by_default", [item(gross)], [10 * DOLLAR], default_tax_rates=[rate])
    own = item(gross, tax_rates=[tax_rate("txr_25", 25)])
    account.case("tax_own", [own], [9_600_000], default_tax_rates=[rate])
    # Nothing tells the rate: as is, and marked
    billed = item(gross)
    ids = account.case("tax_unknown", [billed], [12 * DOLLAR])
    bill_months(account, ids, billed, *[(1_200, [])] * 3)
    account.flagged.add(("si_tax_unknown_0", LAST_DAY))


def add_unlisted(account: CornerAccount) -> None:
    """Prices that no list shows: made for one subscription, deleted, or called something odd."""
    tiers = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": SEATS}
    for name, of, is_deleted, quantity, expected in (
        ("inline", price("price_inline", "4200"), False, 2, 84 * DOLLAR),
        ("inline_tiers", price("price_inline_tiers", None, **tiers), False, 6, 48 * DOLLAR),
        ("odd_name", price("Gold Monthly 2017 & more?", "1900"), False, 1, 19 * DOLLAR),
        # The item still shows what it costs, but not in tiers
        ("gone", price("price_gone", "700"), True, 3, 21 * DOLLAR),
        ("gone_tiers", price("price_gone_tiers", None, **tiers), True, 6, HELD_OUT),
    ):
        account.case(name, [item(of, quantity)], [expected])
        left = {"id": of["id"], "object": "price", "deleted": True} if is_deleted else of
        account.hidden[of["id"]] = left


def add_unknown(account: CornerAccount) -> None:
    """What nobody can price is held out and named, and its neighbors count."""
    tiered = {"billing_scheme": "tiered", "tiers": SEATS}
    for name, of, quantity in (
        ("decade", price("price_decade", recurring=recurring("decade")), 1),
        ("no_interval", price("price_no_interval", recurring=recurring("month", 0)), 1),
        ("stairs", price("price_stairs", None, tiers_mode="stairs", **tiered), 1),
        ("hybrid", price("price_hybrid", recurring={"usage_type": "hybrid"}), 1),
        (
            "nearest",
            price("price_nearest", transform_quantity={"divide_by": 2, "round": "nearest"}),
            1,
        ),
        ("no_amount", price("price_no_amount", None), 1),
        ("no_number", price("price_no_number", "ten"), 1),
        ("not_finite", price("price_not_finite", "NaN"), 1),
        ("negative", price("price_negative", "-500"), 1),
        ("no_quantity", TEN, None),
        # 99 999 999 cents x 10^9 = 10^21 micros: more than an int64 holds
        ("overflow", price("price_overflow", "99999999"), 1_000_000_000),
        (
            "tiers_end_early",
            price(
                "price_short", None, tiers_mode="volume", billing_scheme="tiered", tiers=SEATS[:2]
            ),
            11,
        ),
    ):
        account.case(f"bad_{name}", [item(of, quantity), item(TEN, 2)], [HELD_OUT, 20 * DOLLAR])
