from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from nrr_pipeline.orchestration.backlog import Span, on_record
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.specs import STRIPE_ASSETS
from nrr_pipeline.warehouse import quality, retention
from nrr_pipeline.warehouse.alerts import alerts
from nrr_pipeline.warehouse.daily import movements_frame, published_days, totals_frame
from nrr_pipeline_tests.orchestration.installation import (
    LAST_DAY,
    START,
    Installation,
    days,
    seats,
)


def test_a_range_of_days_is_published_with_figures_for_each(installed: Installation) -> None:
    installed.publish(START, date(2026, 4, 3))

    assert on_record(installed.instance, "daily_mrr") == set(days(START, date(2026, 4, 3)))
    shown = installed.metadata_of("daily_mrr", "2026-04-02")
    assert (shown["MRR (USD)"], shown["Customers"], shown["Subscriptions"]) == (130.0, 2, 2)
    with installed.warehouse() as opened, opened.read() as connection:
        assert published_days(connection) == days(START, date(2026, 4, 3))
        assert len(totals_frame(connection)) == 2 * 3
        assert len(movements_frame(connection)) == 0


def test_a_single_day_can_be_published_by_its_partition_key(installed: Installation) -> None:
    installed.definitions.resolve_job_def("daily_close").execute_in_process(
        instance=installed.instance,
        asset_selection=[dg.AssetKey("daily_mrr")],
        partition_key="2026-04-01",
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )

    assert on_record(installed.instance, "daily_mrr") == {START}


def test_publishing_again_changes_nothing(installed: Installation) -> None:
    installed.publish(START, date(2026, 4, 3))
    before = installed.metadata_of("daily_mrr", "2026-04-02")

    installed.publish(START, date(2026, 4, 3))

    after = installed.metadata_of("daily_mrr", "2026-04-02")
    assert {name: value for name, value in after.items() if name != "Known at"} == {
        name: value for name, value in before.items() if name != "Known at"
    }


def test_days_that_a_correction_changed_are_announced_with_the_next_day(
    installed: Installation,
) -> None:
    installed.publish(START, date(2026, 4, 20))
    corrected = date(2026, 4, 10)
    installed.learn("cus_1", [seats(3, valid_to=corrected), seats(5, valid_from=corrected)])

    installed.publish(date(2026, 4, 21), date(2026, 4, 21))

    def mrr(day: str) -> tuple[float, int]:
        records = installed.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey("daily_mrr"), asset_partitions=[day]), limit=9
        ).records
        return installed.metadata_of("daily_mrr", day)["MRR (USD)"], len(records)

    assert mrr("2026-04-09") == (130.0, 1)
    assert mrr("2026-04-10") == mrr("2026-04-20") == (150.0, 2)
    assert mrr("2026-04-21") == (150.0, 1)


def test_a_day_that_no_pull_covers_is_refused(installed: Installation) -> None:
    result = installed.run(
        "daily_close",
        "daily_mrr",
        span=Span(LAST_DAY, LAST_DAY + timedelta(days=1)),
        must_succeed=False,
    )

    failure = result.failure_data_for_node("daily_mrr")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "2026-07-03 was not over" in str(failure.user_failure_data.description)
    assert on_record(installed.instance, "daily_mrr") == set()


def test_a_range_of_months_is_measured_with_figures_for_each(installed: Installation) -> None:
    installed.learn(
        "cus_1", [seats(3, valid_to=date(2026, 5, 10)), seats(9, valid_from=date(2026, 5, 10))]
    )
    installed.learn("cus_2", [seats(10, valid_to=date(2026, 6, 5))])
    installed.publish(START, date(2026, 6, 30))

    installed.run("monthly_close", span=Span(START, date(2026, 6, 1)))

    april, may, june = (
        installed.metadata_of("monthly_nrr", key)
        for key in ("2026-04-01", "2026-05-01", "2026-06-01")
    )
    assert april["NRR %"] == 100.0
    assert (may["NRR %"], may["GRR %"], may["Logo churn %"]) == (146.1, 100.0, 0.0)
    assert (june["NRR %"], june["Logo churn %"]) == (47.3, 50.0)
    assert june["Starting MRR (USD)"] == 190.0
    assert "| - Churned | USD 100.00 |" in june["Bridge"]
    assert "| product | prod_1 | USD 190.00 | 47.3 % | 47.3 % | 50.0 % |" in june["Segments"]
    assert june["State"] == "final, edition 1; from before the account was connected"
    assert on_record(installed.instance, "trailing_12_month_nrr") == on_record(
        installed.instance, "monthly_nrr"
    )


def test_a_quarter_is_measured_afresh_and_not_from_its_months(installed: Installation) -> None:
    installed.learn("cus_1", [seats(3, valid_to=date(2026, 6, 5))])
    installed.publish(START, date(2026, 6, 30))

    installed.run("quarterly_close", span=Span(START, START))

    shown = installed.metadata_of("quarterly_nrr", "2026-04-01")
    assert (shown["Period"], shown["NRR %"]) == ("Q2 2026", 76.9)


def test_an_incomplete_month_is_refused_with_the_command_that_completes_it(
    installed: Installation,
) -> None:
    installed.publish(START, date(2026, 4, 29))

    result = installed.run(
        "monthly_close", "monthly_nrr", span=Span(START, START), must_succeed=False
    )

    failure = result.failure_data_for_node("monthly_nrr")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "nrr run --from 2026-04-30 --to 2026-04-30" in str(failure.user_failure_data.description)


def test_a_low_final_month_raises_its_alert_once_and_shows_in_the_check(
    published: Installation,
) -> None:
    published.learn("cus_2", [seats(10, valid_to=date(2026, 6, 5))])
    june = Span(date(2026, 6, 1), date(2026, 6, 1))

    first = published.run("monthly_close", span=june)
    published.run("monthly_close", span=june)

    with published.warehouse() as opened, opened.read() as connection:
        assert [row["period_start"] for row in alerts(connection)] == [date(2026, 6, 1)]
    checks = {
        (each.asset_key.to_user_string(), each.check_name): each
        for each in first.get_asset_check_evaluations()
    }
    low = checks["monthly_nrr", "nrr_at_least_100_percent"]
    assert not low.passed
    assert low.severity is dg.AssetCheckSeverity.WARN
    assert low.description == "NRR of June 2026 is 23.0 %, below 100 %"
    assert checks["monthly_nrr", "bridge_balances"].passed
    assert first.success


def test_a_correction_of_a_published_month_makes_the_next_edition(
    installed: Installation,
) -> None:
    installed.publish(START, date(2026, 4, 30))
    installed.run("monthly_close", span=Span(START, START))
    installed.learn(
        "cus_1", [seats(3, valid_to=date(2026, 4, 15)), seats(6, valid_from=date(2026, 4, 15))]
    )

    installed.run("monthly_close", span=Span(START, START))

    state = installed.metadata_of("monthly_nrr", "2026-04-01")["State"]
    assert state.startswith("final, edition 2, restated")
    with installed.warehouse() as opened, opened.read() as connection:
        assert {row["cause"] for row in retention.restatements_of(connection)} == {"late_data"}


def test_what_is_not_understood_shows_in_the_check_of_the_intervals(
    installed: Installation,
) -> None:
    finding = quality.Finding(
        check_name="unknown_interval",
        severity="error",
        object_id="si_9",
        detail="the interval fortnight | is not known",
        scope_id="sub_9",
        amount_micros=5_000_000,
        currency="usd",
    )
    with installed.warehouse() as opened, opened.write("history", clock=utc_now) as tx:
        quality.record_findings(tx, ["sub_9"], [finding], stage="mrr_intervals")

    definitions = installed.definitions
    job = dg.define_asset_job("only_checks", dg.AssetSelection.checks_for_assets("mrr_intervals"))
    merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
    result = merged.resolve_job_def("only_checks").execute_in_process(instance=installed.instance)

    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert str(check.description).splitlines() == [
        "Errors that hold something out of the figures: 1",
        "",
        r"- si_9: the interval fortnight \| is not known",
    ]
    assert "| the interval fortnight \\| is not known | USD 5.00 |" in str(
        check.metadata["First of them"].value
    )


def test_a_pull_without_a_key_fails_at_once_and_says_what_to_set(installed: Installation) -> None:
    result = installed.run("daily_close", *STRIPE_ASSETS, must_succeed=False)

    failure = result.failure_data_for_node("stripe_pull")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "STRIPE_API_KEY is not set" in str(failure.user_failure_data.description)
    assert "make demo" in str(failure.user_failure_data.description)
    retried = [event for event in result.all_events if event.is_step_up_for_retry]
    assert retried == []


def test_a_month_that_lacks_a_rate_fails_in_words_and_stops_no_other(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(
        'reporting_currency = "usd"\n[files]\nfx_rates = "rates.csv"\n'
    )
    rates = ["date,currency,rate", *(f"{day},EUR,1.1" for day in days(date(2026, 3, 30), LAST_DAY))]
    (tmp_path / "rates.csv").write_text("\n".join(rates[:50]))
    installed.learn("cus_3", [seats(5, currency="eur")])
    installed.run("daily_close", "fx_rates")
    installed.publish(START, LAST_DAY)
    months = Span(date(2026, 4, 1), date(2026, 6, 1))

    result = installed.run("monthly_close", "monthly_nrr", span=months, must_succeed=False)

    assert not result.success
    said = str(result.failure_data_for_node("monthly_nrr"))
    assert "May 2026 is not published: No exchange rate for EUR on 2026-05-31" in said
    assert "June 2026 is not published" in said
    assert on_record(installed.instance, "monthly_nrr") == {date(2026, 4, 1)}
    assert installed.metadata_of("monthly_nrr", "2026-04-01")["NRR %"] == 100.0
    checked = installed.run("daily_close", "daily_mrr_totals").get_asset_check_evaluations()
    [check] = [each for each in checked if each.check_name == "no_rate_is_missing"]
    assert not check.passed
    assert "No exchange rate for EUR on 2026-05-25" in str(check.description)

    (tmp_path / "rates.csv").write_text("\n".join(rates))
    installed.run("daily_close", "fx_rates", "daily_mrr_totals", "mrr_movements")
    installed.run("monthly_close", "monthly_nrr", span=months)

    assert len(on_record(installed.instance, "monthly_nrr")) == 3
    page = installed.metadata_of("fx_rates")["Rates in use"]
    assert page.splitlines()[2:] == ["| EUR | 1.1 | 2026-07-02 | 0 | file |"]
    with installed.warehouse() as opened, opened.read() as connection:
        assert quality.open_findings(connection) == []
