"""Corner cases of discounts over time: begun, ended, replaced or shared while a period ran.

Beside each stands the arithmetic, from the definitions alone, in dollars unless said otherwise.
"""

from datetime import date
from fractions import Fraction

from nrr_pipeline_tests.end_to_end.corner_account import DOLLAR, CornerAccount, monthly
from nrr_pipeline_tests.end_to_end.corner_billing import (
    AUGUST,
    LATE_AUGUST,
    MONTHS,
    REST_OF_AUGUST,
    SEPTEMBER,
    YEAR,
    Off,
    bill,
    bill_months,
    bill_together,
    prorate,
)
from nrr_pipeline_tests.end_to_end.corner_discounts import (
    FIFTH,
    FIVE,
    HALF,
    ONCE,
    SOME_MONTHS,
    TEN,
    TENTH,
    TWENTY,
    YEARLY,
)
from nrr_pipeline_tests.end_to_end.rules_account import Object, at, coupon, discount, item, price

BEFORE, AFTER = date(2026, 9, 9), date(2026, 9, 10)
"""The last day of the second billed month, and the first of the third."""

SHARES = [monthly((10 - Fraction(5, 3)) * DOLLAR), monthly((20 - Fraction(10, 3)) * DOLLAR)]
"""What 10 and 20 are worth when they share 5 off."""


def add_past_discounts(account: CornerAccount) -> None:
    add_ended(account)
    add_begun(account)
    add_yearly(account)
    add_order_of_the_past(account)
    add_replaced(account)
    add_shared(account)
    add_capped(account)


def add_ended(account: CornerAccount) -> None:
    """Gone from the object; the last line that shows each ends on 10 September."""
    free = coupon("FREE2", percent_off=100.0, duration="repeating", duration_in_months=2)
    deleted = coupon("GONE_OLD", percent_off=30.0, duration="repeating", duration_in_months=2)
    account.objects["coupons"].append(free)
    june = at(2026, 6, 25)
    for name, of, taken, fields in (
        ("months_over", SOME_MONTHS, 200, {"end": SEPTEMBER}),
        # Over on 25 August, within a billed month, which it holds for
        ("over_within_a_month", SOME_MONTHS, 200, {"start": june, "end": LATE_AUGUST}),
        # Forever, and taken away some day in the last billed month
        ("taken_away", FIFTH, 200, {}),
        # A customer without MRR until then
        ("free_at_first", free, 1_000, {"end": SEPTEMBER}),
        ("deleted_and_over", deleted, 300, {"end": SEPTEMBER}),
        ("were_the_customers", SOME_MONTHS, 200, {"end": SEPTEMBER, "customer": "cus_1"}),
    ):
        each, billed = discount(f"di_{name}", of, **fields), item(TEN)
        past = {BEFORE: [10 * DOLLAR - taken * 10_000], AFTER: [10 * DOLLAR]}
        ids = account.case(name, [billed], [10 * DOLLAR], past=past)
        off: Off = [(each, taken)]
        bill_months(account, ids, billed, (1_000, off), (1_000, off), (1_000, []))
    # Once is subtracted on no day
    used, billed = discount("di_once_used", ONCE), item(TEN)
    past = {date(2026, 7, 15): [10 * DOLLAR]}
    ids = account.case("once_used", [billed], [10 * DOLLAR], past=past)
    bill_months(account, ids, billed, (1_000, [(used, 500)]), (1_000, []), (1_000, []))


def add_begun(account: CornerAccount) -> None:
    # In force from 25 August on, though the month was billed without
    given, billed = discount("di_given", HALF, start=LATE_AUGUST), item(TEN)
    past = {date(2026, 8, 24): [10 * DOLLAR], date(2026, 8, 25): [5 * DOLLAR]}
    ids = account.case("given", [billed], [5 * DOLLAR], past=past, discounts=[given])
    bill_months(account, ids, billed, (1_000, []), (1_000, []), (1_000, [(given, 500)]))
    # 10 % for a month, none for a month, 10 % again: two discounts of one coupon
    first = discount("di_again_1", TENTH, end=AUGUST)
    again = discount("di_again_2", TENTH, start=SEPTEMBER)
    billed = item(TEN)
    past = {
        date(2026, 8, 9): [9 * DOLLAR],
        date(2026, 8, 10): [10 * DOLLAR],
        BEFORE: [10 * DOLLAR],
        AFTER: [9 * DOLLAR],
    }
    ids = account.case("again", [billed], [9 * DOLLAR], past=past, discounts=[again])
    bill_months(account, ids, billed, (1_000, [(first, 100)]), (1_000, []), (1_000, [(again, 100)]))
    # More seats within a month, 20 % off all the time: 16, then 40
    kept, billed = discount("di_seats", FIFTH), item(TEN, 5)
    past = {date(2026, 8, 24): [16 * DOLLAR], date(2026, 8, 25): [40 * DOLLAR]}
    ids = account.case("seats_less", [billed], [40 * DOLLAR], past=past, discounts=[kept])
    old, off = billed | {"quantity": 2}, [(kept, 400)]
    bill_months(account, ids, old, (2_000, off), (2_000, off))
    prorate(account, ids, old, REST_OF_AUGUST, -826)
    prorate(account, ids, billed, REST_OF_AUGUST, 2_065)
    bill(account, ids, billed, MONTHS[2], 5_000, [(kept, 1_000)])


def add_yearly(account: CornerAccount) -> None:
    # Two months of 20 % on a yearly bill hold the year, shown by the object or by the line alone
    for name, is_shown in (("year_shown", True), ("year_gone", False)):
        each, billed = discount(f"di_{name}", SOME_MONTHS, end=SEPTEMBER), item(YEARLY)
        past, shown = {BEFORE: [8 * DOLLAR], date(2026, 9, 11): [8 * DOLLAR]}, [each] * is_shown
        ids = account.case(name, [billed], [8 * DOLLAR], past=past, discounts=shown)
        bill(account, ids, billed, YEAR, 12_000, [(each, 2_400)])
    # Given after the year was billed: until its end, 8, then 10
    since, until = at(2026, 7, 20), at(2026, 9, 20)
    passing, billed = discount("di_passing", SOME_MONTHS, start=since, end=until), item(YEARLY)
    past = {
        date(2026, 7, 19): [10 * DOLLAR],
        date(2026, 7, 20): [8 * DOLLAR],
        date(2026, 9, 19): [8 * DOLLAR],
        date(2026, 9, 20): [10 * DOLLAR],
    }
    ids = account.case("passing", [billed], [10 * DOLLAR], past=past, discounts=[passing])
    bill(account, ids, billed, YEAR, 12_000)
    # Upgraded to another yearly price when the coupon was over: its bill is without, 240 / 12
    each, change = discount("di_upgraded", SOME_MONTHS, end=SEPTEMBER), at(2026, 9, 20)
    billed = item(price("price_yearly_240", "24000", recurring={"interval": "year"}))
    past = {date(2026, 9, 19): [8 * DOLLAR], date(2026, 9, 20): [20 * DOLLAR]}
    ids = account.case("upgraded", [billed], [20 * DOLLAR], past=past)
    old = billed | {"price": YEARLY}
    bill(account, ids, old, YEAR, 12_000, [(each, 2_400)])
    prorate(account, ids, old, (change, YEAR[1]), -7_700)
    bill(account, ids, billed, (change, at(2027, 9, 20)), 24_000)


def add_order_of_the_past(account: CornerAccount) -> None:
    # The item's own 20 % is gone; it came before the subscription's 5: 30 -> 24 -> 19, then 25
    five = discount("di_left", FIVE, subscription="sub_own_gone")
    own = discount("di_own_gone", SOME_MONTHS, end=SEPTEMBER, subscription_item="si_own_gone_0")
    billed, past = item(TEN, 3), {BEFORE: [19 * DOLLAR], AFTER: [25 * DOLLAR]}
    ids = account.case("own_gone", [billed], [25 * DOLLAR], past=past, discounts=[five])
    off: Off = [(own, 600), (five, 500)]
    bill_months(account, ids, billed, (3_000, off), (3_000, off), (3_000, [(five, 500)]))
    # Both are gone; the lines show 5 before 20 %: 30 -> 25 -> 20, then 30
    months = coupon("MONTHS5", amount_off=500, duration="repeating", duration_in_months=2)
    account.objects["coupons"].append(months)
    on = {"end": SEPTEMBER, "subscription": "sub_both_gone"}
    first, second = discount("di_z_first", months, **on), discount("di_a_second", SOME_MONTHS, **on)
    billed, past = item(TEN, 3), {BEFORE: [20 * DOLLAR], AFTER: [30 * DOLLAR]}
    ids = account.case("both_gone", [billed], [30 * DOLLAR], past=past)
    off = [(first, 500), (second, 500)]
    bill_months(account, ids, billed, (3_000, off), (3_000, off), (3_000, []))
    # The item's 20 %, then the subscription's 5, on every line
    own, shared = discount("di_both_own", FIFTH), discount("di_both_shared", FIVE)
    billed, past = item(TEN, 3, discounts=[own]), {date(2026, 7, 15): [19 * DOLLAR]}
    ids = account.case("both_billed", [billed], [19 * DOLLAR], past=past, discounts=[shared])
    bill_months(account, ids, billed, *[(3_000, [(own, 600), (shared, 500)])] * 3)


def add_replaced(account: CornerAccount) -> None:
    # At a renewal: 9, then 5
    first, second = discount("di_first", TENTH), discount("di_second", HALF, start=SEPTEMBER)
    billed, past = item(TEN), {BEFORE: [9 * DOLLAR], AFTER: [5 * DOLLAR]}
    ids = account.case("replaced", [billed], [5 * DOLLAR], past=past, discounts=[second])
    off: Off = [(first, 100)]
    bill_months(account, ids, billed, (1_000, off), (1_000, off), (1_000, [(second, 500)]))
    # Within a month: the first holds until its line ends, beside the second: 9, 4.50, 5
    first, second = discount("di_held", TENTH), discount("di_beside", HALF, start=LATE_AUGUST)
    past = {
        date(2026, 8, 24): [9 * DOLLAR],
        date(2026, 8, 25): [4_500_000],
        BEFORE: [4_500_000],
        AFTER: [5 * DOLLAR],
    }
    billed = item(TEN)
    ids = account.case("replaced_within", [billed], [5 * DOLLAR], past=past, discounts=[second])
    off = [(first, 100)]
    bill_months(account, ids, billed, (1_000, off), (1_000, off), (1_000, [(second, 500)]))
    # The customer's half, displaced when the subscription got 10 % of its own: 5, then 9
    half = discount("di_displaced", HALF, customer="cus_displaced_later")
    own = discount("di_displacing", TENTH, start=SEPTEMBER)
    billed, past = item(TEN), {BEFORE: [5 * DOLLAR], AFTER: [9 * DOLLAR]}
    ids = account.case(
        "displaced_later",
        [billed],
        [9 * DOLLAR],
        past=past,
        discounts=[own],
        customer={"discount": half},
    )
    off = [(half, 500)]
    bill_months(account, ids, billed, (1_000, off), (1_000, off), (1_000, [(own, 100)]))


def bill_shared(
    account: CornerAccount, ids: dict[str, str], items: list[Object], off: Object, *months: int
) -> None:
    """Months in which 10 and 20 share 5 off, in whole cents."""
    for month in months:
        first, second = (items[0], 1_000, [(off, 167)]), (items[1], 2_000, [(off, 333)])
        bill_together(account, ids, MONTHS[month], first, second)


def add_shared(account: CornerAccount) -> None:
    # On every bill; MRR is exact though whole cents are billed
    five, items = discount("di_shared", FIVE), [item(TEN), item(TWENTY)]
    past = {date(2026, 8, 15): SHARES}
    ids = account.case("shared", items, SHARES, past=past, discounts=[five])
    bill_shared(account, ids, items, five, 0, 1, 2)
    # The 20 is removed on 25 August, and the 5 are all the other's
    five, left = discount("di_left_alone", FIVE), item(TEN)
    removed = item(TWENTY, id="si_left_alone_gone")
    past = {date(2026, 8, 24): SHARES[:1], date(2026, 8, 25): [5 * DOLLAR]}
    ids = account.case("left_alone", [left], [5 * DOLLAR], past=past, discounts=[five])
    account.past[removed["id"], date(2026, 8, 24)] = SHARES[1]
    account.past[removed["id"], date(2026, 8, 25)] = 0
    bill_shared(account, ids, [left, removed], five, 0, 1)
    prorate(account, ids, removed, REST_OF_AUGUST, -860)
    bill(account, ids, left, MONTHS[2], 1_000, [(five, 500)])
    # The 20 joins on 25 August
    five, items = discount("di_joined", FIVE), [item(TEN), item(TWENTY)]
    past = {date(2026, 8, 24): [5 * DOLLAR, 0], date(2026, 8, 25): SHARES}
    ids = account.case("joined", items, SHARES, past=past, discounts=[five])
    items[1]["created"] = LATE_AUGUST
    bill_months(account, ids, items[0], *[(1_000, [(five, 500)])] * 2)
    prorate(account, ids, items[1], REST_OF_AUGUST, 860)
    bill_shared(account, ids, items, five, 2)


def add_capped(account: CornerAccount) -> None:
    # 20 % for two months, on months and on a year: 8 then 10 a month, 96 / 12 all the year
    both, items = discount("di_cadences", SOME_MONTHS, end=SEPTEMBER), [item(TEN), item(YEARLY)]
    past = {BEFORE: [8 * DOLLAR, 8 * DOLLAR], AFTER: [10 * DOLLAR, 8 * DOLLAR]}
    ids = account.case("cadences", items, [10 * DOLLAR, 8 * DOLLAR], past=past)
    off: Off = [(both, 200)]
    bill_months(account, ids, items[0], (1_000, off), (1_000, off), (1_000, []))
    bill(account, ids, items[1], YEAR, 12_000, [(both, 2_400)])
    # 12 for two months: all of the 10 a month, and 12 of the 120 a year, which stays so
    twelve = coupon("TWELVE2", amount_off=1_200, duration="repeating", duration_in_months=2)
    account.objects["coupons"].append(twelve)
    each, items = discount("di_twelve", twelve, end=SEPTEMBER), [item(TEN), item(YEARLY)]
    past = {BEFORE: [0, 9 * DOLLAR], AFTER: [10 * DOLLAR, 9 * DOLLAR]}
    ids = account.case("capped", items, [10 * DOLLAR, 9 * DOLLAR], past=past)
    off = [(each, 1_000)]
    bill_months(account, ids, items[0], (1_000, off), (1_000, off), (1_000, []))
    bill(account, ids, items[1], YEAR, 12_000, [(each, 1_200)])
