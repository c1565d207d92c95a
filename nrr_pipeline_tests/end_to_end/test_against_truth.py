"""On a business that does all that can be done, figures are true, or say how far they may be off.

Where everything can be known they are simply true: that is tested in ``test_exactly_the_truth``.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from nrr_pipeline.demo.log import (
    BusinessLog,
    CanceledAtOnce,
    CancellationScheduled,
    ItemsChanged,
    PendingUpdateApplied,
    ScheduledChangeTookEffect,
    Subscribed,
)
from nrr_pipeline.demo.own_knowledge import owners_view
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.explaining import explain
from nrr_pipeline.policy_sections import AlertPolicy
from nrr_pipeline.reporting.conditions import Metric, verdicts
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.message import LONGEST_TEXT
from nrr_pipeline.reporting.reasons import by_cause
from nrr_pipeline.warehouse import quality
from nrr_pipeline_tests.end_to_end.pipeline import (
    Connected,
    as_published,
    business,
    closing_day,
    compare,
    connected,
    owners_policy,
    row_counts,
)


@dataclass(frozen=True)
class Demo:
    """The default business, and what was published of it."""

    log: BusinessLog
    pipeline: Connected
    reports: list[PeriodReport]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The default business, first connected at its end."""
    log, account = business()
    home = tmp_path_factory.mktemp("demo")
    with connected(account, home, owners_policy(log, home)) as pipeline:
        yield Demo(log, pipeline, pipeline.advance(log.last_day))


def test_item_days_are_true_to_the_micro_or_say_how_far_they_may_be_off(demo: Demo) -> None:
    found = compare(demo.pipeline.warehouse, demo.log, owners_view(demo.log))
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
    with demo.pipeline.warehouse.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM retention")) > 70
        for broken in (bridge, totals):
            assert connection.scalar(sa.text(broken)) == 0


def test_only_the_last_month_and_quarter_alert_at_first_connection(demo: Demo) -> None:
    alerting = [report for report in demo.reports if report.alerts]
    assert [report.period.key for report in alerting] == ["2026-09", "2026-Q3"]
    assert all("below 100 %" in text for report in alerting for text in report.alerts)


def test_a_second_run_changes_nothing(demo: Demo) -> None:
    before = row_counts(demo.pipeline)
    assert demo.pipeline.advance(demo.log.last_day) == []
    assert row_counts(demo.pipeline) == before


@pytest.mark.parametrize("seed", [7, 8])
def test_other_businesses_are_true_or_say_how_far_they_may_be_off(
    tmp_path: Path, seed: int
) -> None:
    log, account = business(seed=seed, customers=250)
    with connected(account, tmp_path, owners_policy(log, tmp_path)) as pipeline:
        pipeline.price(log.last_day)
        found = compare(pipeline.warehouse, log, owners_view(log))
    assert found.exact_share >= 0.995
    assert found.unexplained == {}


def test_what_was_reported_stays_readable_when_more_is_known(tmp_path: Path) -> None:
    """A first night that is far back, then one at the end."""
    log, whole = business(seed=9, customers=80)
    early = render(log, whole.now - 86_400 * 200)
    with connected(early, tmp_path, owners_policy(log, tmp_path)) as pipeline:
        day = closing_day(early)
        pipeline.advance(day)
        reported = as_published(pipeline, day, view="daily_mrr_as_reported")
        pipeline.show(whole)
        pipeline.advance(log.last_day)
        assert as_published(pipeline, day, view="daily_mrr_as_reported") == reported


def test_days_follow_the_reporting_time_zone(tmp_path: Path) -> None:
    """In Tokyo every event of the business lies nine hours later on the calendar."""
    log, account = business(seed=3, customers=60)
    policy = owners_policy(log, tmp_path).model_copy(update={"timezone": "Asia/Tokyo"})
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


def explained(demo: Demo, period: Period) -> PeriodExplanation:
    with demo.pipeline.warehouse.read() as connection:
        return explain(connection, demo.pipeline.policy, period)


def causes_by(demo: Demo, closing_date: date) -> dict[str, set[str]]:
    """By account why each of its subscriptions last changed by a day, and why it ends."""
    joined = owners_view(demo.log).joined
    account_of: dict[str, str] = {}
    changed: dict[str, str] = {}
    causes: defaultdict[str, set[str]] = defaultdict(set)
    for each in demo.log.happenings:
        if datetime.fromtimestamp(each.at, UTC).date() > closing_date:
            break
        if isinstance(each, Subscribed):
            account_of[each.subscription_id] = joined.get(each.customer_id, each.customer_id)
        if isinstance(each, ItemsChanged):
            changed[each.subscription_id] = each.cause
        if isinstance(each, PendingUpdateApplied | ScheduledChangeTookEffect):
            changed.pop(each.subscription_id, None)
        if isinstance(each, CancellationScheduled | CanceledAtOnce):
            causes[account_of[each.subscription_id]].add(each.cause)
    for subscription_id, cause in changed.items():
        causes[account_of[subscription_id]].add(cause)
    return causes


def test_points_of_every_period_sum_to_its_nrr_less_100_percent(demo: Demo) -> None:
    for report in demo.reports:
        found = explained(demo, report.period)
        nrr = found.whole.nrr
        assert set(found.rows) == set(report.rows)
        total = sum(each.points_of(found.whole) for each in found.moves)
        assert total == (0 if nrr is None else 100 * (nrr - 1))


def test_nobody_is_said_to_have_moved_for_a_reason_that_was_not_theirs(demo: Demo) -> None:
    quotes = 0
    for report in demo.reports:
        causes = causes_by(demo, report.period.closing_date)
        for each in explained(demo, report.period).moves:
            for quote in re.findall('"([^"]*)"', each.reason):
                assert quote in causes[each.account_id], each
                quotes += 1
    assert quotes > 200


def test_the_quarter_below_100_percent_is_put_down_to_the_re_organization(demo: Demo) -> None:
    found = explained(demo, Period.parse("2026-Q3"))
    assert by_cause(found.moves, found.whole)[0].label == "fewer seats"
    told = [each for each in found.moves if '"re-organization"' in each.reason]
    lost = sum(each.points_of(found.whole) for each in told)
    assert lost < -3
    assert [each in told for each in found.moves[:4]] == [True] * 4


def test_the_quarter_of_quiet_churn_is_put_down_to_the_competitor(demo: Demo) -> None:
    found = explained(demo, Period.parse("2026-Q1"))
    left = [each for each in found.moves if each.movement is Movement.CHURN]
    told = [each for each in left if "a free competitor for small teams" in each.reason]
    assert len(left) == found.whole.churned_customers
    assert len(told) > len(left) / 2


def test_the_alert_of_that_quarter_names_what_the_business_went_through(demo: Demo) -> None:
    """Large customers re-organized and cut seats, as the log has it: see ``demo.story``."""
    found = explained(demo, Period.parse("2026-Q3"))
    (text,) = (
        text for report in demo.reports if report.period == found.period for text in report.alerts
    )
    headline, cause, *_ = text.splitlines()
    assert len(text) <= LONGEST_TEXT
    assert headline == "NRR of Q3 2026 is 96.1 %, below 100 %."
    assert cause.startswith("Seat cuts by ")
    assert " at 8 that paid USD 2,000 or more a month. Reason named for " in cause
    assert ": re-organization (" in cause
    causes = causes_by(demo, found.period.closing_date)
    assert all(f"{each.name}: seats " in text for each in found.moves[:5])
    assert all("re-organization" in causes[each.account_id] for each in found.moves[:4])


def test_only_the_quarter_of_quiet_churn_bears_the_sign_of_hidden_churn(demo: Demo) -> None:
    signs = {
        report.period.key: [
            (each.metric, each.value)
            for each in verdicts(AlertPolicy(), PeriodKind.QUARTER, report.rows, []).values()
            if each.is_raised
        ]
        for report in demo.reports
        if report.period.kind is PeriodKind.QUARTER
    }
    assert {key: found for key, found in signs.items() if found} == {
        "2026-Q1": [(Metric.HIDDEN_CHURN, Fraction(19, 157))],
        "2026-Q3": [(Metric.NRR, explained(demo, Period.parse("2026-Q3")).whole.nrr)],
    }
