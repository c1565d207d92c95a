"""Corner cases of discounts: which are in force, in which order, and on what.

Beside each stands the arithmetic, from the definitions alone, in dollars unless said otherwise.
"""

from datetime import date
from fractions import Fraction

from nrr_pipeline_tests.end_to_end.corner_account import (
    DOLLAR,
    CornerAccount,
    monthly,
    tax_rate,
)
from nrr_pipeline_tests.end_to_end.rules_account import (
    HELD_OUT,
    NOW,
    Object,
    at,
    coupon,
    discount,
    item,
    price,
)

TEN = price("price_ten")
TWENTY = price("price_twenty", "2000", product="prod_b")
YEARLY = price("price_yearly_120", "12000", recurring={"interval": "year"})
TWELVE_MONTHS = price("price_twelve_months", "12000", recurring={"interval_count": 12})
CALLS = price("price_calls", "3", recurring={"usage_type": "metered", "meter": "mtr_calls"})
GROSS = price("price_gross", "1200", tax_behavior="inclusive")

TENTH, FIFTH, QUARTER, HALF, NINETY, FREE = (
    coupon(f"OFF{n}", percent_off=float(n)) for n in (10, 20, 25, 50, 90, 100)
)
THREE, FIVE, TWELVE = (coupon(f"LESS{n}", amount_off=100 * n) for n in (3, 5, 12))
TENTH_OF_B = coupon("B10", percent_off=10.0, applies_to={"products": ["prod_b"]})
FIVE_OF_B = coupon("B5", amount_off=500, applies_to={"products": ["prod_b"]})
SOME_MONTHS = coupon("MONTHS20", percent_off=20.0, duration="repeating", duration_in_months=2)
ONCE = coupon("ONCE50", percent_off=50.0, duration="once")
LISTED = [TENTH, FIFTH, QUARTER, HALF, NINETY, FREE, THREE, FIVE, TWELVE, TENTH_OF_B, FIVE_OF_B]
SEPTEMBER = at(2026, 9, 10)
OVER = {date(2026, 8, 15): [8 * DOLLAR]}
"""A day on which two months of 20 % off ten were not over yet."""


def add_discounts(account: CornerAccount) -> None:
    account.objects["coupons"] += [*LISTED, SOME_MONTHS, ONCE]
    add_order(account)
    add_limits(account)
    add_spreading(account)
    add_customers(account)
    add_forms(account)
    add_times(account)
    add_deleted(account)
    add_bad(account)


def of(name: str, *coupons: Object, **fields: object) -> list[Object]:
    """A discount of each coupon, in this order."""
    return [discount(f"di_{name}_{n}", each, **fields) for n, each in enumerate(coupons)]


def add_order(account: CornerAccount) -> None:
    # The item's 20 %, then the subscription's 5; the customer's half is displaced: 30 -> 24 -> 19
    account.case(
        "three_levels",
        [item(TEN, 3, discounts=of("levels_item", FIFTH))],
        [19 * DOLLAR],
        discounts=of("levels", FIVE),
        customer={"discount": discount("di_levels_customer", HALF)},
    )
    for name, coupons, micros in (
        # Half of 30 - 3; 3 less than half of 30
        ("three_half", [THREE, HALF], 13_500_000),
        ("half_three", [HALF, THREE], 12 * DOLLAR),
        # 30 x 0.9 x 0.9
        ("twice", [TENTH, TENTH], 24_300_000),
        # 30 x 0.1 = 3, less 5: nothing, never less
        ("below_zero", [NINETY, FIVE], 0),
    ):
        account.case(name, [item(TEN, 3, discounts=of(name, *coupons))], [micros])
        account.case(f"sub_{name}", [item(TEN, 3)], [micros], discounts=of(f"s_{name}", *coupons))
    # The object's order counts, not which began first: (30 - 3) / 2
    later = discount("di_later", THREE, start=at(2026, 8, 1))
    account.case("later_first", [item(TEN, 3)], [13_500_000], discounts=[later, *of("lf", HALF)])
    # Discounts come before tax leaves: 12 x 0.75 / 1.2 and (12 - 3) / 1.2
    rates = [tax_rate("txr_20", 20)]
    account.case(
        "taxed_quarter", [item(GROSS, tax_rates=rates)], [7_500_000], discounts=of("tq", QUARTER)
    )
    account.case(
        "taxed_three", [item(GROSS, tax_rates=rates)], [7_500_000], discounts=of("t3", THREE)
    )


def add_limits(account: CornerAccount) -> None:
    both = [TEN, TWENTY]
    for name, prices, coupons, dollars in (
        # B: 20 - 2 = 18; then 5 over 10 : 18
        ("b_then_all", both, [TENTH_OF_B, FIVE], [10 - Fraction(50, 28), 18 - Fraction(90, 28)]),
        ("five_of_b", both, [FIVE_OF_B], [10, 15]),
        ("no_b_there", [TEN], [FIVE_OF_B], [10]),
    ):
        worth = [monthly(each * DOLLAR) for each in dollars]
        account.case(name, [item(each) for each in prices], worth, discounts=of(name, *coupons))


def add_spreading(account: CornerAccount) -> None:
    free, decade = (
        price("price_nothing", "0"),
        price("price_decade", recurring={"interval": "decade"}),
    )
    halved = item(TEN, 2, discounts=of("halved", HALF))
    tens = [item(TEN), item(TWENTY), item(TWELVE_MONTHS), item(YEARLY)]
    for name, items, coupons, dollars in (
        # Months, twelve months and a year are three invoices: 12 off each
        ("three_invoices", tens, [TWELVE], [6, 12, 9, 9]),
        # A free item takes no share, nor does usage, whose MRR is 0
        ("free_beside", [item(free, 4), item(TEN)], [FIVE], [0, 5]),
        ("usage_beside", [item(CALLS, None), item(TEN)], [FIVE], [0, 5]),
        # 12 twice of 30 leave 6, which 10 and 20 share; a third time leaves nothing
        ("twice_of_both", [item(TEN), item(TWENTY)], [TWELVE, TWELVE], [2, 4]),
        ("all_of_both", [item(TEN), item(TWENTY)], [TWELVE, TWELVE, TWELVE], [0, 0]),
        # Of a yearly bill: (120 - 5) / 12
        ("fixed_a_year", [item(YEARLY)], [FIVE], [Fraction(115, 12)]),
        # After the item's own half 10 and 20 are left, which share 5 as 1 : 2
        ("after_half", [halved, item(TWENTY)], [FIVE], [10 - Fraction(5, 3), 20 - Fraction(10, 3)]),
    ):
        worth = [monthly(each * DOLLAR) for each in dollars]
        account.case(name, items, worth, discounts=of(name, *coupons))
    # The unknown neighbor bills on an interval of its own, so the 5 are all the known one's
    items = [item(TEN), item(decade)]
    account.case("unknown_beside", items, [5 * DOLLAR, HELD_OUT], discounts=of("ub", FIVE))
    # An item's own discount is its own
    items = [item(TEN, discounts=of("own_fixed", THREE)), item(TWENTY)]
    account.case("own_fixed", items, [7 * DOLLAR, 20 * DOLLAR])
    items = [item(TEN, discounts=of("own_free", FREE)), item(TWENTY)]
    account.case("own_free", items, [0, 20 * DOLLAR])


def add_customers(account: CornerAccount) -> None:
    half = {"discount": discount("di_half_of_all", HALF)}
    # 5 off each of the customer's invoices
    theirs = {"discount": discount("di_theirs", FIVE)}
    account.case("first_of_two", [item(TEN)], [5 * DOLLAR], customer=theirs)
    account.case("second_of_two", [item(TWENTY)], [15 * DOLLAR])
    account.objects["customers"].pop()
    account.objects["subscriptions"][-1]["customer"] = "cus_first_of_two"
    # One of the subscription that is limited to another product displaces it all the same
    items, worth = [item(TEN), item(TWENTY)], [10 * DOLLAR, 18 * DOLLAR]
    account.case("limited", items, worth, discounts=of("limited", TENTH_OF_B), customer=half)
    # One that waits for its invoice displaces it too, and is itself not subtracted
    account.case("waiting", [item(TEN)], [10 * DOLLAR], discounts=of("wait", ONCE), customer=half)
    # One that is over displaces it no longer
    months = of("until", SOME_MONTHS, end=SEPTEMBER)
    fields = {"discounts": months, "customer": half}
    account.case("until", [item(TEN)], [5 * DOLLAR], past=OVER, **fields)
    items, theirs = [item(TEN), item(TWENTY)], {"discount": discount("di_their_b", TENTH_OF_B)}
    account.case("their_products", items, worth, customer=theirs)
    over = {"discount": discount("di_their_months", SOME_MONTHS, end=SEPTEMBER)}
    account.case("their_months", [item(TEN)], [10 * DOLLAR], past=OVER, customer=over)


def add_forms(account: CornerAccount) -> None:
    third = coupon("THIRD", percent_off=33.3)
    stale = coupon("STALE", percent_off=10.0, valid=False, redeem_by=at(2026, 8, 1))
    euros = coupon("EUROS", amount_off=500, currency_options={"eur": {"amount_off": 400}})
    yen = coupon("YEN", amount_off=500, currency="jpy")
    account.objects["coupons"] += [third, stale, euros, yen]
    # 100 x 0.667, and not the nearest binary fraction of it
    account.case("decimals", [item(TEN, 10)], [66_700_000], discounts=of("decimals", third))
    account.case("stale", [item(TEN)], [9 * DOLLAR], discounts=of("stale", stale))
    promoted = of("promoted", FIFTH, promotion_code="promo_1")
    account.case("promoted", [item(TEN)], [8 * DOLLAR], discounts=promoted)
    in_euros = item(price("price_euros", currency="eur"))
    account.case("coupon_in_euros", [in_euros], [6 * DOLLAR], discounts=of("euros", euros))
    in_yen = item(price("price_yen_5000", "5000", currency="jpy"))
    account.case("coupon_in_yen", [in_yen], [4_500 * DOLLAR], discounts=of("yen", yen))


def add_times(account: CornerAccount) -> None:
    coming = of("coming", HALF, start=NOW + 86_400 * 9)
    account.case("coming", [item(TEN)], [10 * DOLLAR], discounts=coming)
    since = of("since_august", HALF, start=at(2026, 8, 20))
    past = {date(2026, 8, 19): [10 * DOLLAR], date(2026, 8, 20): [5 * DOLLAR]}
    account.case("since_august", [item(TEN)], [5 * DOLLAR], past=past, discounts=since)
    # From the last second of 20 August to the first of 1 September
    edges = {"start": at(2026, 8, 21, 0) - 1, "end": at(2026, 9, 1, 0)}
    past = {
        date(2026, 8, 19): [10 * DOLLAR],
        date(2026, 8, 20): [8 * DOLLAR],
        date(2026, 8, 31): [8 * DOLLAR],
        date(2026, 9, 1): [10 * DOLLAR],
    }
    within = of("edges", SOME_MONTHS, **edges)
    account.case("edges", [item(TEN)], [10 * DOLLAR], past=past, discounts=within)
    still = of("still", SOME_MONTHS, end=at(2026, 11, 10))
    account.case("still", [item(TEN)], [8 * DOLLAR], discounts=still)
    account.case("once", [item(TEN)], [10 * DOLLAR], discounts=of("once", ONCE))


def add_deleted(account: CornerAccount) -> None:
    """Coupons that are in no list any more go on discounting, with all their limits."""
    limited = coupon("GONE_B", percent_off=50.0, applies_to={"products": ["prod_b"]})
    theirs = coupon("GONE_THEIRS", percent_off=50.0, applies_to={"products": ["prod_b"]})
    euros = coupon("GONE_EUR", amount_off=500, currency_options={"eur": {"amount_off": 400}})
    own = coupon("GONE_OWN", percent_off=40.0)
    ten_each = [10 * DOLLAR, 10 * DOLLAR]
    account.case("gone_b", [item(TEN), item(TWENTY)], ten_each, discounts=of("gone_b", limited))
    customer = {"discount": discount("di_gone_theirs", theirs)}
    account.case("gone_theirs", [item(TEN), item(TWENTY)], ten_each, customer=customer)
    in_euros = item(price("price_euros", currency="eur"))
    account.case("gone_euros", [in_euros], [6 * DOLLAR], discounts=of("gone_euros", euros))
    account.case("gone_own", [item(TEN, discounts=of("gone_own", own))], [6 * DOLLAR])


def add_bad(account: CornerAccount) -> None:
    """What cannot be read holds out what it discounts."""
    odd = coupon("ODD", percent_off=10.0, duration="fortnightly")
    foreign = coupon("FOREIGN", amount_off=500, currency="gbp")
    for each in (coupon("EMPTY", currency="usd"), odd, foreign):
        account.objects["coupons"].append(each)
        name = f"bad_{each['id'].lower()}"
        account.case(name, [item(TEN)], [HELD_OUT], discounts=of(name, each))
    nothing = of("bad_nothing", FIVE)
    nothing[0]["source"] = {"type": "coupon", "coupon": None}
    account.case("bad_nothing", [item(TEN)], [HELD_OUT], discounts=nothing)
