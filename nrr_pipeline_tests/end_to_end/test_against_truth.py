"""The pipeline's figures are those that really happened, to the micro."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from nrr_pipeline.demo import truth
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.metrics.retention import Retention
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.warehouse import quality
from nrr_pipeline_tests.end_to_end.pipeline import (
    Connected,
    business,
    closing_day,
    compare,
    connected,
)

NAMES: dict[PeriodKind, truth.PeriodKind] = {
    PeriodKind.MONTH: "month",
    PeriodKind.QUARTER: "quarter",
    PeriodKind.TRAILING_12_MONTHS: "trailing_12_months",
}
"""The kinds of periods as the business names them."""

DIMENSIONS: tuple[truth.Dimension, ...] = ("product", "price", "billing_interval")
"""Not the country: that of a deleted customer is no longer known."""

UNEXPLAINED = 0.001
"""The share of item-days that may be off without a flag: pauses that left no trace at all."""

PARTS = {
    "starting": "starting_mrr_micros",
    "expansion": "expansion_micros",
    "contraction": "contraction_micros",
    "churned": "churned_mrr_micros",
    "new_business": "new_business_micros",
    "reactivation": "reactivation_micros",
    "ending": "ending_mrr_micros",
    "nrr_numerator": "nrr_numerator",
    "grr_numerator": "grr_numerator",
    "starting_customers": "starting_customers",
    "churned_customers": "churned_customers",
    "ending_customers": "ending_customers",
    "nrr": "nrr",
    "grr": "grr",
    "logo_churn": "logo_churn",
}


class Demo:
    def __init__(self, log: BusinessLog, pipeline: Connected, reports: list[PeriodReport]) -> None:
        self.log = log
        self.pipeline = pipeline
        self.reports = reports
        self.differing_days = {day for _, day in compare(pipeline.warehouse, log).differing}

    def is_true_on_both_days(self, report: PeriodReport) -> bool:
        """Whether the snapshots of a period are those that really were."""
        period = report.period
        return not {period.opening_date, period.closing_date} & self.differing_days


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The default business, first connected at its end."""
    log, account = business()
    with connected(account, tmp_path_factory.mktemp("demo")) as pipeline:
        yield Demo(log, pipeline, pipeline.advance(log.last_day))


def test_item_days_are_true_to_the_micro_or_say_how_far_they_may_be_off(demo: Demo) -> None:
    found = compare(demo.pipeline.warehouse, demo.log)
    assert found.item_days > 100_000
    assert found.exact_share >= 0.995
    assert found.unexplained == {}


def test_nothing_is_held_out_where_everything_has_a_rule(demo: Demo) -> None:
    with demo.pipeline.warehouse.read() as connection:
        errors = [
            each.finding
            for each in quality.open_findings(connection)
            if each.finding.severity == "error"
        ]
    assert errors == []


@pytest.mark.parametrize("kind", list(PeriodKind))
def test_every_period_between_true_snapshots_has_its_true_figures(
    demo: Demo, kind: PeriodKind
) -> None:
    reports = [report for report in demo.reports if report.period.kind is kind]
    assert len(reports) == {"month": 30, "quarter": 10, "trailing_12_months": 30}[kind]
    judged = [report for report in reports if demo.is_true_on_both_days(report)]
    assert len(judged) >= len(reports) // 3
    for report in judged:
        start = report.period.period_start
        true = truth.retention(demo.log, NAMES[kind], start)
        assert figures(report.whole) == figures(true), report.period.label
        for dimension in DIMENSIONS:
            segments = truth.retention_by(demo.log, NAMES[kind], start, dimension)
            mine = {row.segment: figures(row) for row in report.rows if row.dimension == dimension}
            assert mine == {name: figures(each) for name, each in segments.items()}, (
                report.period.label
            )


def test_the_published_tables_hold_what_was_measured(demo: Demo) -> None:
    for report in demo.reports:
        table = TABLES[report.period.kind]
        query = sa.text(
            f"SELECT * FROM {table} WHERE period_start = :start AND dimension = 'all'"  # noqa: S608
        )
        with demo.pipeline.warehouse.read() as connection:
            row = connection.execute(query, {"start": str(report.period.period_start)}).one()
        assert (row.edition, bool(row.is_final), bool(row.is_historical)) == (1, True, True)
        for name in set(PARTS.values()) - {"nrr", "grr", "logo_churn"}:
            assert getattr(row, name) == getattr(report.whole, name)
        if report.whole.nrr is not None:
            assert row.nrr == pytest.approx(float(report.whole.nrr), abs=1e-12)
            assert Fraction(row.nrr_numerator, row.nrr_denominator) == report.whole.nrr


def test_identities_hold_exactly_in_the_database(demo: Demo) -> None:
    bridge = """
        SELECT count(*) FROM retention WHERE ending_mrr_micros != starting_mrr_micros
          + new_business_micros + reactivation_micros + expansion_micros
          - contraction_micros - churned_mrr_micros + fx_micros
          OR nrr_numerator != starting_mrr_micros + expansion_micros
          - contraction_micros - churned_mrr_micros
          OR nrr_numerator != ending_mrr_micros - fx_micros - new_business_micros
          - reactivation_micros
          OR grr_numerator > nrr_numerator OR grr_numerator > grr_denominator
    """
    totals = """
        SELECT count(*) FROM (
          SELECT d.as_of_date FROM daily_mrr_totals d
          LEFT JOIN daily_mrr m USING (as_of_date, currency)
          WHERE NOT d.is_reporting GROUP BY d.as_of_date, d.currency, d.mrr_micros, d.customers
          HAVING d.mrr_micros != sum(m.mrr_micros) OR d.customers != count(DISTINCT m.account_id)
          OR d.subscriptions != count(DISTINCT m.subscription_id))
    """
    movements = """
        SELECT count(*) FROM (
          SELECT t.as_of_date, t.mrr_micros - lag(t.mrr_micros) OVER (ORDER BY t.as_of_date) moved,
            (SELECT coalesce(sum(change_micros), 0) FROM mrr_movements v
             WHERE v.as_of_date = t.as_of_date) AS listed
          FROM daily_mrr_totals t WHERE t.is_reporting)
        WHERE moved != listed
    """
    with demo.pipeline.warehouse.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM retention")) > 70
        for broken in (bridge, totals, movements):
            assert connection.scalar(sa.text(broken)) == 0


def test_only_the_last_month_and_quarter_alert_at_first_connection(demo: Demo) -> None:
    alerting = [report for report in demo.reports if report.alert_text is not None]
    assert [report.period.key for report in alerting] == ["2026-09", "2026-Q3"]
    assert all("below 100 %" in str(report.alert_text) for report in alerting)


def test_a_second_run_changes_nothing(demo: Demo) -> None:
    before = row_counts(demo.pipeline)
    assert demo.pipeline.advance(demo.log.last_day) == []
    assert row_counts(demo.pipeline) == before


@pytest.mark.parametrize("seed", [7, 42])
def test_other_businesses_come_out_true_as_well(tmp_path: Path, seed: int) -> None:
    log, account = business(seed=seed, customers=250)
    with connected(account, tmp_path) as pipeline:
        pipeline.advance(log.last_day)
        found = compare(pipeline.warehouse, log)
    assert found.exact_share >= 0.995
    assert len(found.unexplained) <= found.item_days * UNEXPLAINED


def test_what_is_pulled_night_by_night_is_true_on_every_day(tmp_path: Path) -> None:
    log, whole = business(seed=5, customers=120)
    nights = [render(log, whole.now - 86_400 * back) for back in range(45, -1, -3)]
    with connected(nights[0], tmp_path) as pipeline:
        for account in nights:
            pipeline.show(account)
            pipeline.advance(closing_day(account))
        found = compare(pipeline.warehouse, log, since=closing_day(nights[0]))
    assert found.item_days > 3_000
    assert found.exact_share >= 0.995
    assert len(found.unexplained) <= found.item_days * UNEXPLAINED


def test_what_was_reported_stays_readable_when_more_is_known(tmp_path: Path) -> None:
    """A first night that is far back, then one at the end."""
    log, whole = business(seed=9, customers=80)
    early = render(log, whole.now - 86_400 * 200)
    with connected(early, tmp_path) as pipeline:
        day = closing_day(early)
        pipeline.advance(day)
        reported = as_published(pipeline, day, view="daily_mrr_as_reported")
        pipeline.show(whole)
        pipeline.advance(log.last_day)
        assert as_published(pipeline, day, view="daily_mrr_as_reported") == reported


def test_days_follow_the_reporting_time_zone(tmp_path: Path) -> None:
    """In Tokyo every event of the business lies nine hours later on the calendar."""
    log, account = business(seed=3, customers=60)
    policy = MetricPolicy(timezone="Asia/Tokyo")
    with connected(account, tmp_path, policy) as pipeline:
        pipeline.advance(log.last_day)
        with pipeline.warehouse.read() as connection:
            days = connection.execute(
                sa.text("SELECT subscription_id, valid_from FROM mrr_intervals")
            ).all()
            instants = connection.execute(
                sa.text(
                    "SELECT subscription_id, valid_from FROM subscription_history "
                    "UNION SELECT subscription_id, valid_to FROM subscription_history "
                    "WHERE valid_to < '9999-01-01'"
                )
            ).all()
    tokyo = ZoneInfo("Asia/Tokyo")
    starts = {
        (subscription_id, datetime.fromisoformat(at).replace(tzinfo=UTC).astimezone(tokyo).date())
        for subscription_id, at in instants
    }
    assert len(days) > 50
    assert {(each, date.fromisoformat(day)) for each, day in days} <= starts


def figures(found: Retention | truth.TrueRetention) -> dict[str, object]:
    """The figures of either kind under the same names."""
    if isinstance(found, Retention):
        return {name: getattr(found, column) for name, column in PARTS.items()}
    return {name: getattr(found, name) for name in PARTS}


def as_published(pipeline: Connected, day: date, view: str = "daily_mrr") -> dict[str, int]:
    query = sa.text(
        f"SELECT subscription_item_id, mrr_micros FROM {view} WHERE as_of_date = :day"  # noqa: S608
    )
    with pipeline.warehouse.read() as connection:
        rows = connection.execute(query, {"day": str(day)}).all()
    return {row.subscription_item_id: row.mrr_micros for row in rows}


def row_counts(pipeline: Connected) -> dict[str, int]:
    """How many rows every table has, apart from those that log that something ran."""
    logs = {"knowledge", "pulls", "stage_progress", "alembic_version"}
    with pipeline.warehouse.read() as connection:
        tables = set(sa.inspect(connection).get_table_names()) - logs
        return {
            table: connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608
            for table in sorted(tables)
        }
