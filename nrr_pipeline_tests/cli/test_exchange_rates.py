"""Several currencies at the command line: what a run says, and which rates stand behind figures."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.periods import due_periods, publish_periods
from nrr_pipeline.policy import load_policy
from nrr_pipeline.warehouse import account, intervals
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.cli.conftest import Nrr
from nrr_pipeline_tests.orchestration.currencies import Business
from nrr_pipeline_tests.orchestration.installation import pull
from nrr_pipeline_tests.warehouse.examples import interval_row

START, LAST = date(2026, 2, 1), date(2026, 3, 31)
UNTIL_FRIDAY = [f"{date(2026, 1, 30) + timedelta(days=n)},EUR,1.1" for n in range(57)]
"""Rates from 30 January through 27 March 2026."""


@pytest.fixture
def business(home: Path, tmp_path: Path) -> Business:
    """Customers at 100 dollars and 100 euros; days through 31 March 2026 are published."""
    (tmp_path / "policy.toml").write_text(
        'reporting_currency = "usd"\n[files]\nfx_rates = "rates.csv"\n'
    )
    home.mkdir()
    policy = load_policy(tmp_path / "policy.toml")
    with open_warehouse(f"sqlite:///{home / 'nrr.db'}") as warehouse:
        made = Business(warehouse, tmp_path, policy)
        pull(warehouse, datetime(2026, 4, 1, 6, tzinfo=UTC))
        with warehouse.bookkeeping() as connection:
            account.set_start_date(connection, START)
        with warehouse.write("history", clock=utc_now) as tx:
            for number, currency in enumerate(("usd", "eur"), start=1):
                row = interval_row(
                    f"si_{number}",
                    f"sub_{number}",
                    customer_id=f"cus_{number}",
                    account_id=f"cus_{number}",
                    currency=currency,
                    mrr_micros=100_000_000,
                    valid_from=START,
                )
                intervals.replace_intervals(tx, [f"sub_{number}"], [row])
        made.give(*UNTIL_FRIDAY)
        made.publish(START, LAST)
        periods = due_periods(warehouse, policy, PeriodKind.MONTH, clock=utc_now)
        assert publish_periods(warehouse, policy, periods, clock=utc_now)[1] == []
    return made


def test_the_total_of_a_day_names_its_rates_and_their_age(business: Business, nrr: Nrr) -> None:
    del business
    text = nrr("mrr").stdout
    assert "all, in USD" in text
    assert "USD 210.00" in text
    assert "exchange rates of 31 March 2026: EUR 1.1 of 27 March 2026, 4 days old" in text
    assert json.loads(nrr("mrr", "--json").stdout)["exchange_rates"] == [
        {
            "currency": "eur",
            "rate": "1.1",
            "rate_date": "2026-03-27",
            "source": "file",
            "age_days": 4,
        }
    ]
    assert "exchange rates of 27 March 2026: EUR 1.1\n" in nrr("mrr", "--date", "2026-03-27").stdout


def test_a_period_names_the_rates_of_its_opening_and_closing(business: Business, nrr: Nrr) -> None:
    del business
    text = nrr("show", "2026-03").stdout
    assert "exchange rates of 28 February 2026: EUR 1.1\n" in text
    assert "exchange rates of 31 March 2026: EUR 1.1 of 27 March 2026, 4 days old" in text
    assert "Exchange rates" in text


def test_doctor_tells_how_old_rates_are_and_when_that_is_too_old(
    business: Business, nrr: Nrr
) -> None:
    assert (
        "rates       exchange rates of 31 March 2026: EUR 1.1 of 27 March" in nrr("doctor").stdout
    )
    with open_warehouse(str(business.warehouse.engine.url)) as warehouse:
        business.warehouse = warehouse
        business.give(*UNTIL_FRIDAY[:-5])
    result = nrr("doctor")
    assert result.exit_code != 0
    assert "Those of EUR are missing, or older than" in " ".join(result.stdout.split())


def test_doctor_asks_for_the_currency_to_report_in(business: Business, nrr: Nrr) -> None:
    (business.folder / "policy.toml").write_text('[files]\nfx_rates = "rates.csv"\n')
    result = nrr("doctor")
    assert result.exit_code == 2
    assert "There is MRR in EUR, USD. Say which currency to report in" in " ".join(
        result.stdout.split()
    )
