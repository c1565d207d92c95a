from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.exchange_rates import FILE_NAME, rate_on, rates_csv, rates_zip
from nrr_pipeline.demo.log import Subscribed
from nrr_pipeline.inputs.ecb import read_ecb

LOG = simulate(customers=40)
FRIDAY, SUNDAY, MONDAY = date(2026, 9, 25), date(2026, 9, 27), date(2026, 9, 28)


def test_rates_are_published_on_working_days_and_hold_over_the_weekend(tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(rates_zip(LOG))
    published = read_ecb(str(file))
    assert max(published) == date(2026, 10, 2)
    assert SUNDAY not in published
    for currency in ("gbp", "jpy"):
        on_friday = published[FRIDAY]["usd"] / published[FRIDAY][currency]
        assert rate_on(LOG, currency, SUNDAY, "usd") == on_friday
        assert rate_on(LOG, currency, MONDAY, "usd") != on_friday
    assert rate_on(LOG, "eur", FRIDAY, "usd") == published[FRIDAY]["usd"]
    assert rate_on(LOG, "usd", FRIDAY, "usd") == Fraction(1)


def test_the_same_business_has_the_same_rates_and_what_was_published_stays() -> None:
    assert rates_zip(simulate(customers=40)) == rates_zip(LOG)
    header, *lines = rates_csv(LOG).splitlines()
    assert rates_csv(LOG, through=FRIDAY).splitlines() == [header, *lines[5:]]


def test_a_customer_keeps_one_currency_and_each_of_four_is_used() -> None:
    used: dict[str, set[str]] = {}
    for each in simulate().happenings:
        if isinstance(each, Subscribed):
            used.setdefault(each.customer_id, set()).add(each.currency)
    assert {len(currencies) for currencies in used.values()} == {1}
    assert set.union(*used.values()) == {"usd", "eur", "gbp", "jpy"}
