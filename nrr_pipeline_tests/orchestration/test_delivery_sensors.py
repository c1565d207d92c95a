"""The sensors around alerts: when a delivery is asked for, and what is said when nothing works."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.backlog import Span
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.failures import ATTENDED_TAG
from nrr_pipeline.orchestration.resources import (
    PolicyResource,
    SlackResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.stages.incidents import look_for_missing_days
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.warehouse.alerts import alerts, keep_alert
from nrr_pipeline_tests.delivery.outgoing import alert
from nrr_pipeline_tests.notify.slack_stand_in import (
    CHANNEL,
    SECRET,
    TOKEN,
    SlackStandIn,
    slack_stand_in,
)
from nrr_pipeline_tests.orchestration.installation import LAST_DAY, Installation, pull

DUE = datetime(2026, 7, 4, 9, 0, tzinfo=UTC)
"""When 3 July is expected, the day after the last one that the fixture publishes."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with slack_stand_in() as running:
        yield running


def configured(installed: Installation, slack: SlackStandIn) -> Settings:
    return installed.settings.model_copy(update={"slack_webhook_url": SecretStr(slack.webhook)})


def tick(
    installed: Installation, settings: Settings, cursor: str | None = None
) -> tuple[list[dg.RunRequest], str | None]:
    """What the sensor of deliveries asks for, and the cursor that it leaves."""
    repository = build_definitions(settings).get_repository_def()
    context = dg.build_sensor_context(
        instance=installed.instance,
        cursor=cursor,
        repository_def=repository,
        resources={"warehouse": WarehouseResource(settings), "slack": SlackResource(settings)},
    )
    with context:
        made = repository.get_sensor_def("deliver_alerts").evaluate_tick(context)
    return list(made.run_requests or ()), made.cursor


def keep(installed: Installation, key: str, **values: object) -> None:
    with installed.warehouse() as opened, opened.bookkeeping() as connection:
        assert keep_alert(connection, alert(key, **values), at=utc_now())


def rows(installed: Installation) -> dict[str, dict[str, Any]]:
    with installed.warehouse() as opened, opened.read() as connection:
        return {row["alert_key"]: row for row in alerts(connection)}


def deliver(installed: Installation, settings: Settings) -> None:
    build_definitions(settings).resolve_job_def("delivery").execute_in_process(
        instance=installed.instance, run_config=QUIET
    )


def test_an_alert_is_delivered_when_it_is_due_and_then_nothing_is_asked_for(
    published: Installation, slack: SlackStandIn
) -> None:
    settings = configured(published, slack)
    keep(published, "nrr")
    asked, cursor = tick(published, settings)
    assert len(asked) == 1

    deliver(published, settings)

    assert slack.texts == ["This is nrr."]
    assert tick(published, settings, cursor)[0] == []
    shown = published.metadata_of("alerts")
    assert (shown["Sent"], shown["Kept, not sent"]) == (1, 0)
    assert "This is nrr." in shown["Latest alerts"]
    assert "monthly_nrr" not in shown["Latest alerts"]
    assert "/assets/quarterly_nrr?view=partitions&partition=2026-07-01" in shown["Latest alerts"]
    assert SECRET not in str(shown)


def test_every_new_day_asks_once_for_what_digests_there_are(
    published: Installation, slack: SlackStandIn
) -> None:
    settings = configured(published, slack)
    asked, cursor = tick(published, settings)
    assert len(asked) == 1
    assert tick(published, settings, cursor)[0] == []


def test_without_slack_an_alert_is_told_why_it_is_not_sent_and_nobody_keeps_asking(
    published: Installation,
) -> None:
    keep(published, "nrr")
    cursor = str(LAST_DAY)
    assert len(tick(published, published.settings, cursor)[0]) == 1

    deliver(published, published.settings)

    assert "SLACK_WEBHOOK_URL" in rows(published)["nrr"]["last_error"]
    assert tick(published, published.settings, cursor)[0] == []
    assert "SLACK_WEBHOOK_URL" in published.metadata_of("alerts")["Why not sent"]


def test_a_bot_puts_the_trend_under_an_alert_about_a_period_and_under_no_other(
    published: Installation, slack: SlackStandIn
) -> None:
    months = Span(date(2026, 4, 1), date(2026, 6, 1))
    published.run("monthly_close", "monthly_nrr", span=months)
    settings = published.settings.model_copy(
        update={
            "slack_bot_token": SecretStr(TOKEN),
            "slack_channel": CHANNEL,
            "slack_api_base": slack.api,
        }
    )
    keep(published, "a month", period="month", period_start=date(2026, 5, 1))
    keep(published, "the first month", period="month", period_start=date(2026, 4, 1))
    keep(published, "a failed run", period="day", period_start=date(2026, 5, 1))

    deliver(published, settings)

    assert len(slack.messages) == 3
    [picture] = slack.uploaded
    assert picture.startswith(b"\x89PNG")
    assert rows(published)["a month"]["last_error"] is None


def test_settings_that_contradict_each_other_are_told_and_nobody_keeps_asking(
    published: Installation, slack: SlackStandIn
) -> None:
    settings = configured(published, slack).model_copy(
        update={"slack_bot_token": SecretStr("xoxb-1"), "slack_channel": "#finance"}
    )
    keep(published, "nrr")
    deliver(published, settings)
    assert "both set" in rows(published)["nrr"]["last_error"]
    assert tick(published, settings, str(LAST_DAY))[0] == []


@dg.op
def breaks() -> None:
    """Fail as a step of ours does."""
    raise dg.Failure("No key. Set it: STRIPE_API_KEY=rk_test_51secret", allow_retries=False)


@dg.op
def works() -> None:
    """Do nothing."""


def run_of(
    installed: Installation, *, fails: bool, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """A run of a job called nightly."""
    job = dg.GraphDefinition(name="nightly", node_defs=[breaks if fails else works])
    return job.to_job().execute_in_process(
        instance=installed.instance, raise_on_error=False, tags=tags, run_config=QUIET
    )


def told(installed: Installation, run: dg.ExecuteInProcessResult) -> None:
    """Let the sensors see a run that has ended."""
    settings = installed.settings
    repository = build_definitions(settings).get_repository_def()
    has_failed = not run.success
    last = next(
        event
        for event in run.all_events
        if event.is_run_failure or event.event_type_value == "PIPELINE_SUCCESS"
    )
    context: Any = dg.build_run_status_sensor_context(
        sensor_name="sensor",
        dagster_event=last,
        dagster_instance=installed.instance,
        dagster_run=run.dagster_run,
        resources={
            "warehouse": WarehouseResource(settings),
            "policy": PolicyResource(settings),
        },
    )
    name = "run_failed" if has_failed else "run_succeeded_again"
    sensor: Any = repository.get_sensor_def(name)
    sensor(context.for_run_failure() if has_failed else context)


def test_a_run_that_failed_is_told_once_a_day_with_its_message_and_no_secret(
    published: Installation,
) -> None:
    for _ in range(2):
        told(published, run_of(published, fails=True))
    [row] = rows(published).values()
    assert (row["metric"], row["kind"], row["period"]) == ("run_failure", "raised", "day")
    assert "nightly" in row["text"]
    assert "No key. Set it" in row["text"]
    assert f"/runs/{row['run_id']}" in row["text"]
    assert "rk_test_51secret" not in row["text"]


def test_a_run_that_is_retried_and_one_that_somebody_waited_for_are_not_told(
    published: Installation,
) -> None:
    told(published, run_of(published, fails=True, tags={"dagster/will_retry": "true"}))
    told(published, run_of(published, fails=True, tags={ATTENDED_TAG: "nrr run"}))
    assert rows(published) == {}


def test_a_job_that_works_again_is_told_once(published: Installation) -> None:
    told(published, run_of(published, fails=False))
    assert rows(published) == {}
    told(published, run_of(published, fails=True))
    for _ in range(2):
        told(published, run_of(published, fails=False))
    assert [row["kind"] for row in rows(published).values()] == ["raised", "recovered"]


def look(installed: Installation, now: datetime) -> str | None:
    with installed.warehouse() as opened:
        return look_for_missing_days(opened, MetricPolicy(), now)


@pytest.fixture
def own_time(published: Installation) -> timedelta:
    """How far our clock is ahead of the account's, which stands in July 2026."""
    with published.warehouse() as opened, opened.read() as connection:
        pulled = connection.exec_driver_sql("SELECT observed_at, finished_at FROM pulls").one()
    observed_at, finished_at = (datetime.fromisoformat(str(each)) for each in pulled)
    return finished_at - observed_at


def test_days_that_are_missing_by_nine_are_told_once_a_day_and_their_coming_once(
    published: Installation, own_time: timedelta
) -> None:
    due = DUE + own_time
    assert look(published, due - timedelta(seconds=1)) is None
    for hours in (0, 1, 2):
        assert "3 July 2026" in str(look(published, due + timedelta(hours=hours)))
    look(published, due + timedelta(days=1))
    texts = [row["text"] for row in rows(published).values()]
    assert len(texts) == 2
    assert "nrr doctor" in texts[0]
    assert "through 4 July 2026" in texts[1]

    with published.warehouse() as opened:
        pull(opened, DUE + timedelta(days=2))
    published.publish(LAST_DAY + timedelta(days=1), date(2026, 7, 5))
    for _ in range(2):
        look(published, utc_now())
    kinds = sorted(row["kind"] for row in rows(published).values())
    assert kinds == ["raised", "raised", "recovered"]


def test_before_the_first_days_are_published_none_is_missed(installed: Installation) -> None:
    assert look(installed, utc_now() + timedelta(days=30)) is None
    assert rows(installed) == {}
