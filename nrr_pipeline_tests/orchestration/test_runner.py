"""What ``nrr run`` does, against a simulated account that is served over HTTP."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from nrr_pipeline.demo.account import StripeAccount
from nrr_pipeline.demo.business import simulate
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import AccountHolder, ServerOptions, running_server
from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.metrics.periods import PeriodKind
from nrr_pipeline.orchestration.backlog import on_record
from nrr_pipeline.orchestration.failures import ATTENDED_TAG
from nrr_pipeline.orchestration.instance import home_instance
from nrr_pipeline.orchestration.outcome import RunOutcome
from nrr_pipeline.orchestration.runner import run_pipeline
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.errors import (
    MissingPermissionError,
    StripeUnavailableError,
    WrongKeyError,
    WrongModeError,
)
from nrr_pipeline_tests.orchestration.installation import days

KEY = "rk_test_planted0123456789secret"
FIRST, LAST = date(2026, 7, 1), date(2026, 10, 4)


class Told(list[str]):
    """What was said while a pipeline ran."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture(scope="session")
def account() -> StripeAccount:
    return render(simulate(customers=8, first_day=FIRST, last_day=LAST, in_one_currency=True))


@pytest.fixture(scope="session")
def first_run(
    account: StripeAccount, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, RunOutcome, Told]:
    """A first connection; nobody writes to its home."""
    home, told = tmp_path_factory.mktemp("first") / "home", Told()
    with running_server(account) as address:
        outcome = run_pipeline(settings_of(home, address), through=LAST, echo=told)
    return home, outcome, told


@pytest.fixture
def served(account: StripeAccount) -> Iterator[str]:
    with running_server(account) as address:
        yield address


@pytest.fixture
def done(first_run: tuple[Path, RunOutcome, Told], home: Path) -> Path:
    """A home of one's own that was brought up to date."""
    shutil.copytree(first_run[0], home)
    return home


def settings_of(home: Path, address: str, key: str = KEY) -> Settings:
    return Settings(nrr_home=home, stripe_api_key=SecretStr(key), stripe_api_base=address)


def runs(home: Path) -> list[dg.DagsterRun]:
    with home_instance(Settings(nrr_home=home)) as instance:
        return list(instance.get_runs())


def test_a_first_connection_publishes_every_day_and_every_complete_period(
    first_run: tuple[Path, RunOutcome, Told],
) -> None:
    home, outcome, _ = first_run

    assert list(outcome.days) == days(FIRST, LAST)
    published: dict[PeriodKind, list[tuple[str, int, bool]]] = {kind: [] for kind in PeriodKind}
    for each in outcome.periods:
        published[each.period.kind].append((each.period.label, each.edition, each.is_historical))
    assert published[PeriodKind.MONTH] == [
        (label, 1, True) for label in ("July 2026", "August 2026", "September 2026")
    ]
    assert [label for label, *_ in published[PeriodKind.QUARTER]] == ["Q3 2026"]
    assert len(published[PeriodKind.TRAILING_12_MONTHS]) == 3
    assert outcome.as_of is not None
    assert outcome.as_of.date() == date(2026, 10, 5)
    assert outcome.last_published_day == LAST
    with home_instance(Settings(nrr_home=home)) as instance:
        assert on_record(instance, "daily_mrr") == set(days(FIRST, LAST))
        assert len(on_record(instance, "monthly_nrr")) == 3


def test_it_tells_the_effort_before_and_the_progress_while(
    first_run: tuple[Path, RunOutcome, Told],
) -> None:
    _, _, told = first_run

    assert told[0].startswith("A first pull reads")
    assert "requests" in told[0]
    assert "MB on disk" in told[0]
    assert told[1].startswith("pulled ")
    assert "published days: 2026-07-01 to 2026-10-04" in told
    assert "published monthly_nrr, trailing_12_month_nrr: 2026-07-01 to 2026-09-01" in told


def test_the_same_jobs_are_on_record_as_the_schedules_use(
    first_run: tuple[Path, RunOutcome, Told],
) -> None:
    recorded = runs(first_run[0])

    assert {run.job_name for run in recorded} == {
        "daily_close",
        "monthly_close",
        "quarterly_close",
        "monthly_report",
        "delivery",
    }
    assert {run.status for run in recorded} == {dg.DagsterRunStatus.SUCCESS}
    assert all(run.tags[ATTENDED_TAG] == "nrr run" for run in recorded)


def test_a_second_run_changes_nothing(done: Path, served: str) -> None:
    told = Told()

    outcome = run_pipeline(settings_of(done, served), through=LAST, echo=told)

    assert outcome.is_unchanged
    assert len(told) == 1
    assert "0 of them new or changed" in told[0]


def test_nothing_of_dagster_reaches_the_terminal(
    done: Path, served: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run_pipeline(settings_of(done, served), through=LAST, echo=Told())

    assert tuple(capfd.readouterr()) == ("", "")


def test_days_asked_for_are_published_again_with_the_periods_they_touch(done: Path) -> None:
    told = Told()

    outcome = run_pipeline(
        Settings(nrr_home=done),
        through=date(2026, 8, 31),
        start=date(2026, 8, 31),
        pull=False,
        echo=told,
    )

    assert outcome.is_unchanged
    assert told == [
        "published days: 2026-08-31",
        "published monthly_nrr, trailing_12_month_nrr: 2026-08-01 to 2026-09-01",
        "published quarterly_nrr: 2026-07-01",
    ]


def test_a_day_before_the_start_is_refused(done: Path) -> None:
    with pytest.raises(SettingsError, match="lies before the first day of the figures, 2026-07-01"):
        run_pipeline(
            Settings(nrr_home=done),
            through=LAST,
            start=date(2026, 6, 30),
            pull=False,
            echo=Told(),
        )


def test_a_new_day_of_the_account_is_published_with_the_next_run(
    done: Path, account: StripeAccount
) -> None:
    later = replace(account, now=account.now + 2 * 86_400)

    with running_server(AccountHolder(later)) as address:
        outcome = run_pipeline(settings_of(done, address), through=date(2026, 10, 9), echo=Told())

    assert list(outcome.days) == [date(2026, 10, 5), date(2026, 10, 6)]
    assert outcome.periods == ()


def test_what_died_between_the_warehouse_and_the_records_is_completed(
    done: Path, served: str
) -> None:
    shutil.rmtree(done / "dagster")

    outcome = run_pipeline(settings_of(done, served), through=LAST, pull=False, echo=Told())

    assert outcome.is_unchanged
    with home_instance(Settings(nrr_home=done)) as instance:
        assert on_record(instance, "daily_mrr") == set(days(FIRST, LAST))
        assert len(on_record(instance, "quarterly_nrr")) == 1


def test_two_runs_at_once_lose_nothing(
    home: Path, served: str, first_run: tuple[Path, RunOutcome, Told]
) -> None:
    code = (
        "import sys; from datetime import date; from pathlib import Path\n"
        "from nrr_pipeline.settings import Settings\n"
        "from nrr_pipeline.orchestration.runner import run_pipeline\n"
        "home, address, key = sys.argv[1:]\n"
        "settings = Settings(nrr_home=Path(home), stripe_api_key=key, stripe_api_base=address)\n"
        "run_pipeline(settings, through=date(2026, 10, 4), echo=print)\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(home), served, KEY], text=True)
        for _ in range(2)
    ]

    assert [process.wait(timeout=240) for process in both] == [0, 0]

    def figures(of: Path) -> list[tuple[object, ...]]:
        with sqlite3.connect(of / "nrr.db") as database:
            query = (
                "SELECT period, period_start, dimension, segment, nrr_numerator, nrr_denominator, "
                "ending_mrr_micros, edition FROM retention ORDER BY 1, 2, 3, 4"
            )
            rows = database.execute(query).fetchall()
        database.close()
        return rows

    assert figures(home) == figures(first_run[0])


@pytest.mark.parametrize(
    ("key", "options", "error"),
    [
        ("rk_live_0123456789abcdefghij", ServerOptions(), WrongKeyError),
        ("pk_test_0123456789abcdefghij", ServerOptions(), WrongKeyError),
        (KEY, ServerOptions(keys={KEY: {"customers"}}), MissingPermissionError),
    ],
)
def test_a_key_that_cannot_work_is_a_settings_error_and_never_shown(
    key: str,
    options: ServerOptions,
    error: type[NrrError],
    account: StripeAccount,
    home: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with running_server(account, options) as address, pytest.raises(error) as raised:
        run_pipeline(settings_of(home, address, key), through=LAST, echo=Told())

    assert raised.value.exit_status == 2
    assert key not in str(raised.value)
    assert tuple(capfd.readouterr()) == ("", "")


def test_a_key_of_the_other_mode_leaves_everything_as_it_was(done: Path, served: str) -> None:
    before = (done / "nrr.db").stat().st_size

    with pytest.raises((WrongModeError, WrongKeyError)):
        run_pipeline(
            settings_of(done, served, "rk_live_0123456789abcdefghij"), through=LAST, echo=Told()
        )

    assert (done / "nrr.db").stat().st_size == before


def test_an_account_that_cannot_be_reached_fails_and_is_on_record(done: Path) -> None:
    with pytest.raises(StripeUnavailableError) as raised:
        run_pipeline(settings_of(done, "http://127.0.0.1:9"), through=LAST, echo=Told())

    assert raised.value.exit_status == 1
    assert runs(done)[0].status is dg.DagsterRunStatus.FAILURE


def test_the_key_is_written_nowhere(first_run: tuple[Path, RunOutcome, Told]) -> None:
    home, _, told = first_run

    for file in home.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    assert KEY not in "\n".join(told)


def test_without_a_key_nothing_is_created(home: Path) -> None:
    with pytest.raises(SettingsError, match="STRIPE_API_KEY is not set"):
        run_pipeline(Settings(nrr_home=home), through=LAST, echo=Told())

    assert not home.exists()


def test_without_a_pull_there_is_nothing_to_work_with(home: Path) -> None:
    with pytest.raises(NrrError, match="No pull from Stripe has been completed yet"):
        run_pipeline(Settings(nrr_home=home), through=LAST, pull=False, echo=Told())


def test_a_dry_run_tells_the_effort_and_creates_nothing(home: Path, served: str) -> None:
    told = Told()

    outcome = run_pipeline(settings_of(home, served), through=LAST, dry_run=True, echo=told)

    assert outcome.is_unchanged
    assert told[0].startswith("A first pull reads")
    assert told[1].startswith("Nothing has been pulled yet")
    assert not home.exists()


def test_a_dry_run_names_the_days_and_periods_that_are_missing(done: Path) -> None:
    told = Told()

    run_pipeline(
        Settings(nrr_home=done), through=date(2026, 10, 31), pull=False, dry_run=True, echo=told
    )

    assert told == [
        "would publish days: 2026-10-05 to 2026-10-31",
        "would publish month: October 2026",
        "would publish trailing 12 months: TTM October 2026",
    ]


def test_a_dry_run_names_what_would_be_published_again(done: Path) -> None:
    told = Told()

    run_pipeline(
        Settings(nrr_home=done),
        through=date(2026, 8, 31),
        start=date(2026, 8, 31),
        pull=False,
        dry_run=True,
        echo=told,
    )

    assert told == [
        "would publish days: 2026-08-31",
        "would publish month: August 2026, September 2026",
        "would publish quarter: Q3 2026",
        "would publish trailing 12 months: TTM August 2026, TTM September 2026",
    ]
