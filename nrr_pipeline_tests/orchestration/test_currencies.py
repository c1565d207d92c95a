"""Several currencies through the stages: rates that are missing, too old, corrected or broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa

from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.inputs import sync_fx_rates
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.policy_sections import FxPolicy
from nrr_pipeline.warehouse import account, intervals
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.currencies import Business, policy_in
from nrr_pipeline_tests.orchestration.installation import pull
from nrr_pipeline_tests.warehouse.examples import interval_row

START, LAST = date(2026, 1, 1), date(2026, 3, 31)
EVERY_DAY = [START + timedelta(days=number) for number in range((LAST - START).days + 1)]
WEEKLY = [f"{day},EUR,1.1" for day in [date(2025, 12, 29), *EVERY_DAY[4::7]]]
"""A rate for every Monday."""


@pytest.fixture
def business(tmp_path: Path, databases: Databases) -> Iterator[Business]:
    """One customer at 100 dollars and one at 100 euros, later 120; days through 31 March 2026."""
    stretches = {
        "cus_1": [{"currency": "usd", "mrr_micros": 100_000_000}],
        "cus_2": [
            {"currency": "eur", "mrr_micros": 100_000_000, "valid_to": date(2026, 2, 10)},
            {"currency": "eur", "mrr_micros": 120_000_000, "valid_from": date(2026, 2, 10)},
        ],
    }
    with databases.new() as url, open_warehouse(url) as warehouse:
        pull(warehouse, datetime(2026, 4, 4, tzinfo=UTC))
        with warehouse.bookkeeping() as connection:
            account.set_start_date(connection, START)
            account.set_connected_through(connection, LAST)
        with warehouse.write("history", clock=utc_now) as tx:
            for customer, values in stretches.items():
                number = customer.removeprefix("cus_")
                rows = [
                    interval_row(
                        f"si_{number}",
                        f"sub_{number}",
                        customer_id=customer,
                        account_id=customer,
                        **{"valid_from": date(2025, 6, 1), **each},
                    )
                    for each in values
                ]
                intervals.replace_intervals(tx, [f"sub_{number}"], rows)
        yield Business(warehouse, tmp_path, policy_in(tmp_path))


def whole(business: Business, table: str = "monthly_nrr") -> dict[tuple[str, int], tuple[int, ...]]:
    """By period and edition: starting, expansion, FX and ending MRR."""
    rows = business.rows(
        f"SELECT period_start, edition, starting_mrr_micros, expansion_micros, fx_micros, "  # noqa: S608
        f"ending_mrr_micros FROM {table} WHERE dimension = 'all' ORDER BY 1, 2"
    )
    return {(str(row[0]), row[1]): row[2:] for row in rows}


def findings(business: Business) -> list[str]:
    return [
        row[0]
        for row in business.rows(
            "SELECT detail FROM data_quality WHERE resolved_at IS NULL ORDER BY finding_id"
        )
    ]


def test_reported_mrr_takes_the_days_rate_and_carries_it(business: Business) -> None:
    business.give(*WEEKLY, "2026-03-31,EUR,1.2")
    business.publish(START, LAST)
    reported = business.reporting()
    assert list(reported) == EVERY_DAY
    assert reported[date(2026, 1, 31)] == 210_000_000
    assert reported[date(2026, 3, 30)] == 232_000_000
    assert reported[LAST] == 244_000_000
    assert findings(business) == []


def test_retention_is_in_constant_currency_with_its_own_fx_row(business: Business) -> None:
    business.give(*WEEKLY, "2026-02-28,EUR,1.2")
    business.publish(START, LAST)
    assert business.measure("2026-02") == []
    assert whole(business) == {
        ("2026-02-01", 1): (210_000_000, 22_000_000, 12_000_000, 244_000_000)
    }


def test_fx_nrr_daily_makes_rates_part_of_retention(business: Business) -> None:
    business.policy = policy_in(business.folder, FxPolicy(nrr="daily"))
    business.give(*WEEKLY, "2026-02-28,EUR,1.2")
    business.publish(START, LAST)
    assert business.measure("2026-02") == []
    assert whole(business) == {("2026-02-01", 1): (210_000_000, 34_000_000, 0, 244_000_000)}


def test_a_missing_rate_stops_reporting_figures_only_and_is_named(business: Business) -> None:
    business.give("2025-12-31,EUR,1.1", "2026-01-05,EUR,1.1", "2026-02-28,EUR,1.1")
    business.publish(START, LAST)
    native = business.rows("SELECT COUNT(*) FROM daily_mrr_totals WHERE NOT is_reporting")
    assert native == [(2 * len(EVERY_DAY),)]
    covered = [*EVERY_DAY[:12], *(date(2026, 2, 28) + timedelta(days=n) for n in range(8))]
    assert list(business.reporting()) == covered
    (said,) = findings(business)
    assert said.startswith(
        "No exchange rate for EUR on 2026-01-13 (the last is of 2026-01-05, 8 days before); "
        "70 days from 2026-01-13 to 2026-03-31 have no figures in USD. Add a rate of 2026-01-13"
    )
    assert business.rows("SELECT as_of_date FROM mrr_movements") == []


def test_a_period_that_lacks_a_rate_stops_no_other_and_comes_by_itself(
    business: Business,
) -> None:
    business.give("2025-12-31,EUR,1.1", "2026-01-31,EUR,1.1", "2026-03-31,EUR,1.2")
    business.publish(START, LAST)
    (feb, march) = business.measure("2026-01", "2026-02", "2026-03")
    assert feb.startswith("February 2026 is not published: No exchange rate for EUR on 2026-02-28")
    assert "the last is of 2026-01-31, 28 days before" in feb
    assert march.startswith("March 2026 is not published: No exchange rate for EUR on 2026-02-28")
    assert list(whole(business)) == [("2026-01-01", 1)]

    business.give(*WEEKLY)
    business.refresh()
    assert business.measure("2026-02", "2026-03") == []
    assert findings(business) == []
    assert list(business.reporting()) == EVERY_DAY
    assert len(whole(business)) == 3


def test_a_movement_needs_the_opening_days_rate(business: Business) -> None:
    stretch = interval_row(
        "si_3",
        "sub_3",
        customer_id="cus_3",
        account_id="cus_3",
        currency="jpy",
        valid_from=date(2026, 3, 2),
    )
    with business.warehouse.write("history", clock=utc_now) as tx:
        intervals.replace_intervals(tx, ["sub_3"], [stretch])
    yen = [f"{day},JPY,0.0067" for day in EVERY_DAY if day >= date(2026, 3, 2)]
    business.give(*WEEKLY, *yen)
    business.publish(START, LAST)
    (said,) = findings(business)
    assert said.startswith(
        "No exchange rate for JPY on 2026-03-01; the movements of 2026-03-02 are not published."
    )
    business.give(*WEEKLY, *yen, "2026-03-01,JPY,0.0067")
    business.refresh()
    assert findings(business) == []
    assert business.rows("SELECT movement FROM mrr_movements WHERE account_id = 'cus_3'") == [
        ("new_business",)
    ]


def test_a_corrected_rate_is_new_knowledge_and_restates_what_was_final(business: Business) -> None:
    business.give(*WEEKLY, "2026-02-28,EUR,1.2")
    business.publish(START, LAST)
    business.measure("2026-01", "2026-02", "2026-03")
    before = whole(business)
    business.give(*WEEKLY, "2026-02-28,EUR,1.15")
    business.refresh()
    assert business.reporting()[date(2026, 2, 28)] == 238_000_000
    assert business.measure("2026-01", "2026-02", "2026-03") == []
    after = whole(business)
    assert {key: after[key] for key in before} == before
    assert after["2026-02-01", 2] == (210_000_000, 22_000_000, 6_000_000, 238_000_000)
    assert after["2026-03-01", 2] == (238_000_000, 0, -6_000_000, 232_000_000)
    assert ("2026-01-01", 2) not in after
    causes = business.rows("SELECT DISTINCT period_start, cause FROM restatements ORDER BY 1")
    assert [(str(day), cause) for day, cause in causes] == [
        ("2026-02-01", "fx"),
        ("2026-03-01", "fx"),
    ]


def test_the_same_rates_again_write_nothing(business: Business) -> None:
    business.give(*WEEKLY)
    known = business.rows("SELECT COUNT(*) FROM knowledge")
    assert business.sync().changed == 0
    assert business.rows("SELECT COUNT(*) FROM knowledge") == known


def test_nothing_of_a_broken_file_is_believed_and_what_was_known_stays(
    business: Business,
) -> None:
    business.give(*WEEKLY)
    report = business.give("2026-01-01,EUR,1.5", "2026-01-02,EUR,-1")
    business.publish(START, LAST)
    assert report.changed == 0
    assert set(business.reporting().values()) == {210_000_000, 232_000_000}
    (said,) = findings(business)
    assert "rates.csv: line 3: '-1' is no rate" in said
    assert report.problems == (said,)
    business.give(*WEEKLY)
    assert findings(business) == []


def test_a_file_into_another_currency_is_refused(business: Business) -> None:
    report = business.give("2026-01-01,USD,0.9", "2026-01-01,EUR,1")
    assert "USD is the reporting currency, yet its rate on 2026-01-01 is 0.9" in report.problems[0]


def test_rates_entered_by_hand_count_and_a_bad_one_waits(business: Business) -> None:
    business.policy = MetricPolicy(reporting_currency="usd", fx=FxPolicy(max_age_days=366))
    business.enter(
        [
            {"as_of_date": "2025-12-31", "currency": "EUR", "rate": "1.1"},
            {"as_of_date": "2026-03-01", "currency": "EUR", "rate": "-1"},
            {"as_of_date": "2026-03-31", "currency": "eur", "rate": "3/2"},
        ]
    )
    report = business.sync()
    business.publish(START, LAST)
    assert report.changed == 2
    (said,) = report.problems
    assert said.startswith("'-1' is no rate; write the positive number of reporting units")
    assert said.endswith("Correct the row, or delete it")
    assert business.reporting()[LAST] == 280_000_000
    business.enter([{"as_of_date": "2026-03-31", "currency": "eur", "rate": "1.4"}])
    business.sync()
    business.refresh()
    assert business.reporting()[LAST] == 268_000_000


def test_the_file_goes_before_the_table_and_the_table_before_the_bank(business: Business) -> None:
    history = business.folder / "ecb.csv"
    history.write_text(
        "Date,USD,\n" + "".join(f"{day},1.5,\n" for day in [date(2025, 12, 31), *EVERY_DAY])
    )
    fx = FxPolicy(ecb=str(history), max_age_days=0)
    business.policy = policy_in(business.folder, fx)
    business.enter(
        [{"as_of_date": f"2026-01-0{n}", "currency": "eur", "rate": "2"} for n in (1, 2)]
    )
    business.give("2026-01-01,EUR,3")
    business.publish(START, date(2026, 1, 3))
    assert list(business.reporting().values()) == [400_000_000, 300_000_000, 250_000_000]


def bank(business: Business, rates: str, *, reporting_currency: str = "usd") -> list[str]:
    """Let the bank say something, and take it up; the problems with it."""
    history = business.folder / "ecb.csv"
    history.write_text(rates)
    business.policy = MetricPolicy(
        reporting_currency=reporting_currency, fx=FxPolicy(ecb=str(history))
    )
    return list(sync_fx_rates(business.warehouse, business.policy, clock=utc_now).problems)


HISTORY = "Date,USD,GBP,\n" + "".join(
    f"{day},1.25,0.8,\n" for day in [date(2025, 12, 31), *EVERY_DAY]
)


def test_the_banks_rates_are_crossed_into_the_reporting_currency(business: Business) -> None:
    assert bank(business, HISTORY) == []
    business.publish(START, LAST)
    assert business.reporting()[START] == 225_000_000
    kept = business.rows("SELECT DISTINCT currency, rate, source FROM fx_rates ORDER BY 1")
    assert kept == [("eur", "5/4", "ecb"), ("usd", "1", "ecb")]


def test_a_bank_that_cannot_be_read_is_a_warning_and_its_rates_stay(business: Business) -> None:
    bank(business, HISTORY)
    (problem,) = bank(business, "sorry")
    business.publish(START, LAST)
    assert "is not the European Central Bank's history" in problem
    assert list(business.reporting()) == EVERY_DAY
    severities = business.rows("SELECT severity FROM data_quality WHERE resolved_at IS NULL")
    assert severities == [("warning",)]


def test_rates_into_the_former_reporting_currency_are_never_used(business: Business) -> None:
    bank(business, HISTORY)
    bank(business, "sorry", reporting_currency="gbp")
    business.publish(START, LAST)
    assert business.reporting() == {}
    bank(business, HISTORY, reporting_currency="gbp")
    business.refresh()
    expected = round(100_000_000 * Fraction("0.64")) + round(100_000_000 * Fraction("0.8"))
    assert business.reporting()[START] == expected


def test_what_a_file_no_longer_says_is_no_longer_believed(business: Business) -> None:
    business.give(*WEEKLY)
    business.publish(START, LAST)
    business.policy = MetricPolicy(reporting_currency="usd")
    business.sync()
    business.refresh()
    assert business.reporting() == {}
    with business.warehouse.read() as connection:
        ended = connection.scalar(
            sa.text("SELECT COUNT(*) FROM fx_rates WHERE known_to < '9999-01-01'")
        )
    assert ended == len(WEEKLY)
