"""Corner cases of prices and taxes over time: what invoices prove about days that are over.

Beside each stands the arithmetic, from the definitions alone, in dollars unless said otherwise.
"""

from datetime import date
from fractions import Fraction

from nrr_pipeline_tests.end_to_end.corner_account import (
    DOLLAR,
    CornerAccount,
    monthly,
    tax_on_line,
    tax_rate,
    tier,
)
from nrr_pipeline_tests.end_to_end.corner_billing import (
    MONTHS,
    REST_OF_AUGUST,
    SEPTEMBER,
    before,
    bill,
    bill_months,
    prorate,
)
from nrr_pipeline_tests.end_to_end.rules_account import (
    START,
    Object,
    at,
    coupon,
    discount,
    item,
    price,
)

TEN = price("price_ten")
OLD = price("price_old_ten", "800", active=False)
YEARLY = price("price_yearly_120", "12000", recurring={"interval": "year"})
GROSS = price("price_gross", "1200", tax_behavior="inclusive")
WEEK = 7 * 86_400


def add_history(account: CornerAccount) -> None:
    account.objects["prices"].append(OLD)
    add_changed_prices(account)
    add_changed_quantities(account)
    add_odd_bills(account)
    add_taxes_of_lines(account)
    add_changed_taxes(account)


def add_changed_prices(account: CornerAccount) -> None:
    # A raised price: 8 until 10 September, 10 after
    billed = item(TEN)
    past = {date(2026, 7, 10): [8 * DOLLAR], date(2026, 9, 9): [8 * DOLLAR]}
    ids = account.case(
        "raised", [billed], [10 * DOLLAR], past=past | {date(2026, 9, 10): [10 * DOLLAR]}
    )
    # Nothing dates the change but the next bill
    account.flagged.add(("si_raised_0", date(2026, 9, 9)))
    bill_months(account, ids, before(billed, OLD), (800, []), (800, []))
    bill(account, ids, billed, MONTHS[2], 1_000)
    # From 6 x 10 to tiers, of which 6 cost 8 each
    tiers = [tier(5, "1000"), tier(10, "800"), tier(None, "500")]
    volume = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}
    billed = item(price("price_new_tiers", None, **volume), 6)
    past = {date(2026, 8, 9): [60 * DOLLAR], date(2026, 9, 10): [48 * DOLLAR]}
    ids = account.case("to_tiers", [billed], [48 * DOLLAR], past=past)
    bill_months(account, ids, before(billed, TEN, 6), (6_000, []), (6_000, []))
    bill(account, ids, billed, MONTHS[2], 4_800)
    # From 8 a month to 2 x 120 a year on 20 August
    billed = item(YEARLY, 2)
    past = {date(2026, 8, 19): [8 * DOLLAR], date(2026, 8, 20): [20 * DOLLAR]}
    ids = account.case("to_yearly", [billed], [20 * DOLLAR], past=past)
    change = at(2026, 8, 20)
    bill_months(account, ids, before(billed, OLD), (800, []), (800, []))
    prorate(account, ids, before(billed, OLD), (change, SEPTEMBER), -542)
    bill(account, ids, billed, (change, at(2027, 8, 20)), 24_000)


def add_changed_quantities(account: CornerAccount) -> None:
    # Two seats until 25 August, five since: a credit of the old, a debit of the new
    billed = item(TEN, 5)
    past = {date(2026, 8, 24): [20 * DOLLAR], date(2026, 8, 25): [50 * DOLLAR]}
    ids = account.case("more_seats", [billed], [50 * DOLLAR], past=past)
    bill_months(account, ids, before(billed, TEN, 2), (2_000, []), (2_000, []))
    prorate(account, ids, before(billed, TEN, 2), REST_OF_AUGUST, -1_032)
    prorate(account, ids, billed, REST_OF_AUGUST, 2_581)
    bill(account, ids, billed, MONTHS[2], 5_000)
    # Fewer seats lie in a dearer tier: 11 x 8 = 88, then 10 x 10 = 100, each less 10 %
    tiers = [tier(10, "1000"), tier(None, "800")]
    volume = {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": tiers}
    billed = item(price("price_cheaper_by_volume", None, **volume), 10)
    tenth = discount("di_fewer", coupon("FEWER", percent_off=10.0))
    past = {date(2026, 8, 24): [79_200_000], date(2026, 8, 25): [90 * DOLLAR]}
    ids = account.case("fewer_seats", [billed], [90 * DOLLAR], past=past, discounts=[tenth])
    old = billed | {"quantity": 11}
    bill_months(account, ids, old, (8_800, [(tenth, 880)]), (8_800, [(tenth, 880)]))
    prorate(account, ids, old, REST_OF_AUGUST, -4_088)
    prorate(account, ids, billed, REST_OF_AUGUST, 4_645)
    bill(account, ids, billed, MONTHS[2], 10_000, [(tenth, 1_000)])
    # No seat at all for a month
    billed = item(TEN, 3)
    past = {date(2026, 8, 9): [20 * DOLLAR], date(2026, 8, 10): [0], date(2026, 9, 9): [0]}
    ids = account.case("no_seat_for_a_month", [billed], [30 * DOLLAR], past=past)
    account.flagged.add(("si_no_seat_for_a_month_0", date(2026, 8, 9)))
    for period, quantity in zip(MONTHS, (2, 0, 3), strict=True):
        bill(account, ids, billed | {"quantity": quantity}, period, 1_000 * quantity)


def add_odd_bills(account: CornerAccount) -> None:
    # A bill a week that no month divides: 7.01 x 52/12
    weekly = price("price_701_a_week", "701", recurring={"interval": "week"})
    billed, micros = item(weekly), monthly(Fraction("7.01") * Fraction(52, 12) * DOLLAR)
    ids = account.case("weekly", [billed], [micros], past={date(2026, 8, 1): [micros]})
    for week in range(13):
        bill(account, ids, billed, (START + week * WEEK, START + (week + 1) * WEEK), 701)
    # Rounded on the bill, exact in MRR: 333 x 0.005 = 1.665, billed as 1.67
    billed = item(price("price_half_a_cent", "0.5", unit_amount=None), 333)
    ids = account.case("half_cents", [billed], [1_665_000], past={date(2026, 8, 1): [1_665_000]})
    bill_months(account, ids, billed, *[(167, [])] * 3)


def bill_taxed(
    account: CornerAccount, ids: dict[str, str], billed: Object, *taxes: list[Object]
) -> None:
    for period, each in zip(MONTHS, taxes, strict=True):
        amount = int(billed["price"]["unit_amount_decimal"])
        bill(account, ids, billed, period, amount, taxes=each)


def add_taxes_of_lines(account: CornerAccount) -> None:
    """Nothing but the lines tells the rate."""
    eleven = price("price_gross_11", "1100", tax_behavior="inclusive")
    net = price("price_net", "1200", tax_behavior="exclusive")
    free_of_tax = {**tax_on_line("txr_rc", 0, 1_200), "taxability_reason": "reverse_charge"}
    for name, of, taxes, dollars in (
        # 2 of the 12 are tax
        ("tax_on_lines", GROSS, [tax_on_line("txr_20", 200, 1_000)], 10),
        # 11 = 10 + 0.60 + 0.40
        ("taxes", eleven, [tax_on_line("t6", 60, 1_000), tax_on_line("t4", 40, 1_000)], 10),
        # Nothing of the 12 is tax, and that is known
        ("reverse_charge", GROSS, [free_of_tax], 12),
        # Tax on top changes nothing
        ("tax_added", net, [tax_on_line("txr_top", 240, 1_200, inclusive=False)], 12),
    ):
        billed, micros = item(of), [dollars * DOLLAR]
        past = {date(2026, 7, 15): micros, date(2026, 9, 15): micros}
        ids = account.case(f"lines_{name}", [billed], micros, past=past)
        bill_taxed(account, ids, billed, taxes, taxes, taxes)
    # 12 less 25 % is 9, of which 1.50 is tax: 7.50
    quarter = discount("di_hist_quarter", coupon("OFF25", percent_off=25.0))
    billed = item(GROSS)
    past = {date(2026, 7, 15): [7_500_000]}
    ids = account.case("tax_on_less", [billed], [7_500_000], past=past, discounts=[quarter])
    for period in MONTHS:
        taxes = [tax_on_line("txr_20", 150, 750)]
        bill(account, ids, billed, period, 1_200, [(quarter, 300)], taxes=taxes)


def add_changed_taxes(account: CornerAccount) -> None:
    fifth = [tax_on_line("txr_20", 200, 1_000)]
    quarter, none = [tax_on_line("txr_25", 240, 960)], [tax_on_line("txr_20", 0, 1_200)]
    # 25 % until 10 September, the rate of the object since: 9.60, then 10
    billed = item(GROSS, tax_rates=[tax_rate("txr_20", 20)])
    past = {date(2026, 8, 15): [9_600_000], date(2026, 9, 15): [10 * DOLLAR]}
    ids = account.case("tax_changed", [billed], [10 * DOLLAR], past=past)
    bill_taxed(account, ids, billed, quarter, quarter, fifth)
    # 20 % until 10 September, none since: 10, then 12
    billed = item(GROSS)
    past = {date(2026, 8, 15): [10 * DOLLAR], date(2026, 9, 15): [12 * DOLLAR]}
    ids = account.case("tax_ended", [billed], [12 * DOLLAR], past=past)
    bill_taxed(account, ids, billed, fifth, fifth, none)
    # The last month was free and tells no rate; the one before tells 20 %
    free = coupon("FREEMONTH", percent_off=100.0, duration="once")
    once = discount("di_free_month", free, start=SEPTEMBER)
    billed = item(GROSS)
    past = {date(2026, 8, 15): [10 * DOLLAR]}
    ids = account.case("tax_of_a_free_month", [billed], [10 * DOLLAR], past=past)
    for period in MONTHS[:2]:
        bill(account, ids, billed, period, 1_200, taxes=fifth)
    untold = [tax_on_line("txr_20", 0, 0)]
    bill(account, ids, billed, MONTHS[2], 1_200, [(once, 1_200)], taxes=untold)
