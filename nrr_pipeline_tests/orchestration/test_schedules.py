from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.orchestration.backlog import RANGE_END_TAG, RANGE_START_TAG, Span
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.partitions import Calendar
from nrr_pipeline.orchestration.resources import (
    PolicyResource,
    StripeResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.sensors import HEAD_START, due_requests
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.policy_sections import ClosePolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline_tests.orchestration.installation import (
    LAST_DAY,
    START,
    Installation,
    pull,
    seats,
)

JUST_AFTER_MIDNIGHT = datetime(2026, 7, 3, 0, 30, tzinfo=UTC)
KEY = SecretStr("rk_test_0123456789abcdef")


def tick(settings: Settings, instance: dg.DagsterInstance, at: datetime) -> dg.RunRequest | str:
    """What the nightly schedule asks for, or why it does not."""
    repository = build_definitions(settings).get_repository_def()
    schedule = repository.get_schedule_def("nightly")
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=at,
        repository_def=repository,
        resources=resources(settings),
    )
    with context:
        result = schedule.evaluate_tick(context)
    return result.run_requests[0] if result.run_requests else str(result.skip_message)


def resources(settings: Settings) -> dict[str, Any]:
    return {
        "warehouse": WarehouseResource(settings),
        "stripe": StripeResource(settings),
        "policy": PolicyResource(settings),
    }


def spans(requests: list[dg.RunRequest], table: str) -> list[tuple[str, str]]:
    return [
        (each.tags[RANGE_START_TAG], each.tags[RANGE_END_TAG])
        for each in requests
        if each.asset_selection and dg.AssetKey(table) in each.asset_selection
    ]


def due(installed: Installation, now: datetime) -> list[dg.RunRequest]:
    with installed.warehouse() as opened:
        return list(due_requests(opened, MetricPolicy(), installed.instance, now))


def test_the_night_asks_for_every_missing_day_up_to_yesterday(installed: Installation) -> None:
    installed.publish(START, date(2026, 4, 2))
    settings = installed.settings.model_copy(update={"stripe_api_key": KEY})

    request = tick(settings, installed.instance, JUST_AFTER_MIDNIGHT)

    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection is None
    assert request.tags.items() >= Span(date(2026, 4, 3), LAST_DAY).tags.items()


def test_yesterday_is_that_of_the_reporting_time_zone(
    installed: Installation, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('timezone = "America/Los_Angeles"\n')
    installed.publish(START, date(2026, 4, 2))
    settings = installed.settings.model_copy(update={"stripe_api_key": KEY, "nrr_policy": policy})

    request = tick(settings, installed.instance, JUST_AFTER_MIDNIGHT)

    assert isinstance(request, dg.RunRequest)
    assert request.tags[RANGE_END_TAG] == "2026-07-01"


def test_when_nothing_is_missing_the_night_still_pulls_and_looks_at_yesterday(
    published: Installation,
) -> None:
    settings = published.settings.model_copy(update={"stripe_api_key": KEY})

    request = tick(settings, published.instance, JUST_AFTER_MIDNIGHT)

    assert isinstance(request, dg.RunRequest)
    assert request.tags.items() >= Span(LAST_DAY, LAST_DAY).tags.items()


def test_the_first_night_only_connects_because_the_days_are_not_known_yet(home: Path) -> None:
    settings = Settings(nrr_home=home, stripe_api_key=KEY)

    with dg.DagsterInstance.ephemeral() as instance:
        request = tick(settings, instance, JUST_AFTER_MIDNIGHT)

    assert isinstance(request, dg.RunRequest)
    assert request.asset_selection is not None
    asked = {key.to_user_string() for key in request.asset_selection}
    assert {"stripe_customers", "subscription_history", "mrr_intervals"} <= asked
    assert "daily_mrr" not in asked
    assert RANGE_START_TAG not in request.tags


def test_without_a_key_the_night_is_skipped_and_says_why(installed: Installation) -> None:
    said = tick(installed.settings, installed.instance, JUST_AFTER_MIDNIGHT)

    assert str(said).startswith("STRIPE_API_KEY is not set")


def test_after_the_first_pull_every_day_is_due(installed: Installation) -> None:
    (request,) = due(installed, utc_now())

    assert spans([request], "daily_mrr") == [("2026-04-01", "2026-07-02")]


def test_then_every_period_is_due_unless_automation_is_faster(published: Installation) -> None:
    published.publish(LAST_DAY, LAST_DAY)

    assert due(published, utc_now()) == []
    requests = due(published, utc_now() + HEAD_START)

    assert spans(requests, "monthly_nrr") == [("2026-04-01", "2026-06-01")]
    assert spans(requests, "trailing_12_month_nrr") == [("2026-04-01", "2026-06-01")]
    assert spans(requests, "quarterly_nrr") == [("2026-04-01", "2026-04-01")]


def test_a_month_that_waits_to_become_final_is_due_once_the_waiting_is_over(
    published: Installation, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text("[close]\nafter_days = 366\n")
    published.run("monthly_close", "monthly_nrr", span=Span(START, date(2026, 6, 1)))
    policy = MetricPolicy(close=ClosePolicy(after_days=366))

    def months(now: datetime) -> list[tuple[str, str]]:
        with published.warehouse() as opened:
            return spans(list(due_requests(opened, policy, published.instance, now)), "monthly_nrr")

    assert months(datetime(2027, 4, 30, tzinfo=UTC)) == []
    assert months(datetime(2027, 6, 3, tzinfo=UTC)) == [("2026-04-01", "2026-05-01")]


def test_a_correction_beyond_what_automation_sees_is_due(published: Installation) -> None:
    published.run("monthly_close", span=Span(START, date(2026, 6, 1)))
    published.run("quarterly_close", span=Span(START, START))
    assert spans(due(published, utc_now() + HEAD_START), "monthly_nrr") == []

    corrected = date(2026, 5, 20)
    published.learn("cus_1", [seats(3, valid_to=corrected), seats(4, valid_from=corrected)])

    requests = due(published, utc_now() + HEAD_START)
    assert spans(requests, "monthly_nrr") == [("2026-05-01", "2026-06-01")]
    assert spans(requests, "quarterly_nrr") == [("2026-04-01", "2026-04-01")]


def test_the_report_of_the_latest_final_month_is_due_once_all_periods_are_published(
    published: Installation,
) -> None:
    published.run("monthly_close", span=Span(START, date(2026, 6, 1)))
    assert spans(due(published, utc_now() + HEAD_START), "board_report") == []
    published.run("quarterly_close", span=Span(START, START))

    requests = due(published, utc_now() + HEAD_START)
    assert spans(requests, "board_report") == [("2026-06-01", "2026-06-01")]

    published.run("monthly_report", span=Span(date(2026, 6, 1), date(2026, 6, 1)))
    assert due(published, utc_now() + HEAD_START) == []


def test_days_that_no_pull_covers_are_not_due(published: Installation) -> None:
    assert spans(due(published, utc_now() + HEAD_START), "daily_mrr") == []

    with published.warehouse() as opened:
        pull(opened, datetime(2026, 7, 6, 1, tzinfo=UTC))

    assert spans(due(published, utc_now()), "daily_mrr") == [("2026-07-03", "2026-07-05")]


def test_what_is_published_but_not_on_record_is_due(
    published: Installation, tmp_path: Path
) -> None:
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as empty,
        published.warehouse() as opened,
    ):
        requests = list(due_requests(opened, MetricPolicy(), empty, utc_now()))

    assert spans(requests, "daily_mrr") == [("2026-04-01", "2026-07-02")]


@pytest.fixture
def ui() -> Iterator[tuple[str, list[bytes]]]:
    """A UI that takes note of what it is asked."""
    asked: list[bytes] = []

    class Noting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Noting) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def caught_up(
    installed: Installation, calendar: Calendar, ui_url: str, cursor: str | None = None
) -> dg.SensorExecutionData:
    settings = installed.settings.model_copy(update={"nrr_ui_url": ui_url})
    repository = build_definitions(settings, calendar=calendar).get_repository_def()
    context = dg.build_sensor_context(
        instance=installed.instance,
        cursor=cursor,
        repository_def=repository,
        resources=resources(settings),
    )
    with context:
        return repository.get_sensor_def("catch_up").evaluate_tick(context)


def test_definitions_from_before_the_first_pull_are_loaded_again_before_anything_else(
    installed: Installation, ui: tuple[str, list[bytes]]
) -> None:
    address, asked = ui
    placeholder = Calendar(date(2026, 10, 1), is_settled=False)

    first = caught_up(installed, placeholder, address)
    second = caught_up(installed, placeholder, address, first.cursor)

    assert "the definitions are loaded again" in str(first.skip_message)
    assert len(asked) == 1
    assert b"reloadWorkspace" in asked[0]
    assert spans(list(second.run_requests or ()), "daily_mrr") == [("2026-04-01", "2026-07-02")]


def test_a_ui_that_does_not_answer_stops_nothing(installed: Installation) -> None:
    first = caught_up(installed, Calendar(date(2026, 10, 1)), "http://127.0.0.1:9")

    assert first.cursor == "2026-04-01"


def test_nothing_more_is_asked_for_while_runs_are_under_way(installed: Installation) -> None:
    installed.instance.create_run_for_job(
        installed.definitions.resolve_job_def("monthly_close"),
        status=dg.DagsterRunStatus.STARTED,
        tags=Span(START, START).tags,
    )

    result = caught_up(installed, Calendar(START), "http://127.0.0.1:9")

    assert result.skip_message == "Runs are under way."


def test_an_installation_without_data_has_nothing_to_catch_up(home: Path) -> None:
    settings = Settings(nrr_home=home)
    repository = build_definitions(settings).get_repository_def()

    with dg.build_sensor_context(
        repository_def=repository, resources=resources(settings)
    ) as context:
        result = repository.get_sensor_def("catch_up").evaluate_tick(context)

    assert result.skip_message == "Nothing has been pulled yet."
    assert not home.exists()


def test_the_night_starts_half_an_hour_after_midnight(installed: Installation) -> None:
    schedule = installed.definitions.get_repository_def().get_schedule_def("nightly")

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 0 * * *", "UTC")
