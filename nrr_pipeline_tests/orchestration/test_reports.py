"""Board reports: frozen when issued, anew only where a figure changed, made again at will."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import fsspec
import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.stages import report_content, report_files
from nrr_pipeline.orchestration.stages.explaining import NothingToExplainError
from nrr_pipeline.orchestration.stages.report_files import (
    ReportFile,
    ReportFilesError,
    ReportStore,
)
from nrr_pipeline.orchestration.stages.reports import (
    Issue,
    ReportNotFinalError,
    UnknownEditionError,
    due_reports,
    issue_report,
    issued_report,
    write_report,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.policy_sections import ReportPolicy
from nrr_pipeline.reporting.board_report import FrozenReport, to_json
from nrr_pipeline.warehouse import account
from nrr_pipeline.warehouse.board_report import DamagedReportError
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.company import (
    PRICE,
    Company,
    customer,
    subscription,
)

FEBRUARY, MARCH = Period.parse("2026-02"), Period.parse("2026-03")
NAMES = {"a": "=cmd|' /C calc'!A0", "b": "<script>alert(1)</script>", "c": "Ünïted 🚀 שלום"}
OBJECTS = (
    ("prices", PRICE),
    *(("customers", {**customer(key), "name": name}) for key, name in NAMES.items()),
    ("subscriptions", subscription("a", 100, date(2025, 1, 10))),
    ("subscriptions", subscription("b", 50, date(2025, 1, 10), date(2026, 3, 12))),
    ("subscriptions", subscription("c", 30, date(2025, 6, 10))),
)
UI = "http://127.0.0.1:3000"


@pytest.fixture(scope="module")
def published(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Three customers at a dollar a seat; b left in March; everything through March is final."""
    with databases.new() as address:
        with open_warehouse(address) as warehouse:
            company = Company(warehouse, tmp_path_factory.mktemp("published"), MetricPolicy())
            company.use()
            company.join()
            company.pull(*OBJECTS)
            company.close()
        yield address


@pytest.fixture
def company(published: str, databases: Databases, tmp_path: Path) -> Iterator[Company]:
    """A copy of one's own."""
    with databases.new(like=published) as address, open_warehouse(address) as warehouse:
        company = Company(warehouse, tmp_path, MetricPolicy())
        company.now = datetime(2026, 4, 10, 9, tzinfo=UTC)
        company.use()
        company.join()
        yield company


@pytest.fixture(autouse=True)
def only_quick_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests are about any file; typesetting takes longer than all else together."""
    if "all_files" not in request.fixturenames:
        quick = {end: made for end, made in report_files.RENDERERS.items() if end[-4:] == ".csv"}
        monkeypatch.setattr(report_files, "RENDERERS", quick)


@pytest.fixture
def all_files() -> None:
    """Asks for PDF, picture and workbook, too."""


@pytest.fixture
def store(tmp_path: Path) -> ReportStore:
    return ReportStore(str(tmp_path / "reports"))


def issue(company: Company, month: Period = MARCH) -> Issue:
    return issue_report(company.warehouse, company.policy, month, ui_url=UI, clock=company.clock)


def write(company: Company, issued: Issue, store: ReportStore) -> list[ReportFile]:
    return write_report(company.warehouse, issued, store, clock=company.clock)


def due(company: Company) -> list[str]:
    return [each.key for each in due_reports(company.warehouse, company.policy)]


def learn_that_b_became_part_of_c(company: Company) -> None:
    """A correction: nobody left in March after all."""
    company.join("cus_b,cus_c")
    company.close()


def test_a_report_holds_the_month_its_quarter_and_every_customer(company: Company) -> None:
    report = issue(company).frozen.report
    assert report.month.period == MARCH
    assert report.quarter is not None
    assert report.quarter.period.key == "2026-Q1"
    assert report.trailing is not None
    assert [f"{point.month:%Y-%m}" for point in report.trend][-2:] == ["2026-02", "2026-03"]
    for point in report.trend:
        mine = [each for each in report.customer_months if each.month == point.month]
        assert sum(each.opening_mrr_micros for each in mine) == point.figures.starting_mrr_micros
    lost = next(each for each in report.month.moves if each.account_id == "cus_b")
    assert (lost.name, lost.change_micros) == (NAMES["b"], -50_000_000)
    assert {each.name for each in report.customer_months} == set(NAMES.values())
    assert report.data_as_of < report.issued_at


def test_a_month_within_a_quarter_stands_beside_the_quarter_before(company: Company) -> None:
    quarter = issue(company, FEBRUARY).frozen.report.quarter
    assert quarter is not None
    assert quarter.period.key == "2025-Q4"


def test_issuing_again_says_the_same_and_writes_nothing(
    company: Company, store: ReportStore
) -> None:
    first = issue(company)
    written = write(company, first, store)
    assert all(each.is_new for each in written)
    again = issue(company)
    assert not again.is_new
    assert to_json(again.frozen) == to_json(first.frozen)
    assert again.issued.files == {each.name: each.sha256 for each in written}
    assert [each.is_new for each in write(company, again, store)] == [False] * len(written)


@pytest.mark.usefixtures("all_files")
def test_deleted_and_changed_files_are_made_again_byte_by_byte(
    company: Company, store: ReportStore
) -> None:
    written = write(company, issue(company), store)
    before = {each.location: Path(each.location).read_bytes() for each in written}
    assert [Path(each).suffix for each in before] == [".pdf", ".png", ".xlsx", ".csv", ".csv"]
    changed, *deleted, untouched = before
    Path(changed).write_bytes(b"changed by somebody")
    for each in deleted:
        Path(each).unlink()
    again = write(company, issue(company), store)
    assert {each.location: Path(each.location).read_bytes() for each in again} == before
    assert [each.location for each in again if not each.is_new] == [untouched]
    assert all(each.is_as_issued for each in again)


def test_a_correction_gives_a_new_edition_that_says_what_changed_and_why(
    company: Company, store: ReportStore
) -> None:
    write(company, issue(company), store)
    assert "2026-03" not in due(company)
    learn_that_b_became_part_of_c(company)
    assert "2026-03" in due(company)
    second = issue(company)
    assert second.is_new
    assert second.issued.edition == second.frozen.report.edition == 2
    assert second.issued.changes[0].startswith(
        "March 2026 (correction): logo churn 0.0 %, was 33.3 %; contraction USD 50.00, was USD 0.00"
    )
    assert second.frozen.report.changes == second.issued.changes
    names = {each.name for each in write(company, second, store)}
    assert all("edition-2" in name for name in names)
    assert "2026-03" not in due(company)


def test_two_that_issue_a_report_at_once_issue_one_edition(company: Company) -> None:
    others: list[Issue] = []

    def clock_of_the_slower() -> datetime:
        if not others:
            others.append(issue(company))
        return company.clock()

    mine = issue_report(
        company.warehouse, company.policy, MARCH, ui_url=UI, clock=clock_of_the_slower
    )
    assert others[0].is_new
    assert not mine.is_new
    assert mine.frozen == others[0].frozen


def test_a_damaged_report_stops_no_other_and_is_never_passed_over(
    company: Company, store: ReportStore
) -> None:
    for month in (FEBRUARY, MARCH):
        write(company, issue(company, month), store)
    company.change("UPDATE board_report SET content_sha256 = 'x' WHERE period_start = '2026-02-01'")
    learn_that_b_became_part_of_c(company)
    assert {"2026-02", "2026-03"} <= set(due(company))
    with pytest.raises(DamagedReportError, match="2026-02, edition 1"):
        issue(company, FEBRUARY)
    assert issue(company, MARCH).is_new


def test_an_edition_can_be_made_again_after_another_one_and_under_another_policy(
    company: Company, store: ReportStore
) -> None:
    before = {each.name: each.sha256 for each in write(company, issue(company), store)}
    learn_that_b_became_part_of_c(company)
    issue(company)
    company.use(report=ReportPolicy(title="Other", locale="de_DE"), discounts="none")
    company.close()
    again = issued_report(company.warehouse, MARCH, 1)
    elsewhere = ReportStore(str(company.folder / "elsewhere"))
    assert {each.name: each.sha256 for each in write(company, again, elsewhere)} == before


def test_a_policy_that_changes_figures_gives_a_new_edition_that_names_it(
    company: Company,
) -> None:
    issue(company)
    company.use(exclude={"customers": ("cus_a",)})
    company.close()
    second = issue(company)
    assert second.is_new
    assert second.issued.changes[0].startswith(f"The policy is {company.policy.version} (exclude.")


def test_a_policy_that_changes_no_figure_gives_none(company: Company) -> None:
    issue(company)
    company.use(report=ReportPolicy(title="For the board"), pause_collection="count")
    company.close()
    assert not issue(company).is_new


def test_a_customer_with_another_name_gives_no_new_edition(company: Company) -> None:
    first = issue(company)
    company.pull(("customers", {**customer("a"), "name": "Renamed"}))
    company.close()
    again = issue(company)
    assert not again.is_new
    assert again.frozen == first.frozen


def test_names_can_be_left_out(company: Company) -> None:
    company.use(report=ReportPolicy(customer_names=False))
    content = to_json(issue(company).frozen).decode()
    assert not [name for name in NAMES.values() if name in content]
    assert "cus_a" in content


def test_a_provisional_month_is_refused_with_the_day_on_which_it_becomes_final(
    company: Company,
) -> None:
    company.use(close={"after_days": 30})
    company.now = datetime(2026, 4, 10, 6, tzinfo=UTC)
    with company.warehouse.bookkeeping() as connection:
        connection.exec_driver_sql("DELETE FROM monthly_nrr")
        connection.exec_driver_sql("DELETE FROM evaluated_periods")
    company.close()
    with pytest.raises(ReportNotFinalError, match=r"final from 1 May 2026 on .*nrr show 2026-03"):
        issue(company)
    assert "2026-03" not in due(company)


def test_a_month_that_is_not_published_is_refused(company: Company) -> None:
    with pytest.raises(NothingToExplainError, match="May 2026 is not published"):
        issue(company, Period.parse("2026-05"))


def test_an_edition_that_was_never_issued_is_refused_with_those_that_were(
    company: Company,
) -> None:
    with pytest.raises(UnknownEditionError, match="nrr report 2026-03"):
        issued_report(company.warehouse, MARCH, 1)
    issue(company)
    with pytest.raises(UnknownEditionError, match=r"no edition 3\. There is: 1"):
        issued_report(company.warehouse, MARCH, 3)


def test_a_first_connection_issues_the_latest_complete_month_only(tmp_path: Path) -> None:
    with open_warehouse(f"sqlite:///{tmp_path / 'nrr.db'}") as warehouse:
        company = Company(warehouse, tmp_path, MetricPolicy())
        company.use()
        company.join()
        company.pull(*OBJECTS)
        with warehouse.bookkeeping() as connection:
            account.set_connected_through(connection, date(2026, 4, 9))
        company.close()
        assert due(company) == ["2026-03"]
        assert issue(company, FEBRUARY).is_new, "an older one on demand"


def test_a_file_that_cannot_be_made_stops_no_other_and_is_made_later(
    company: Company, store: ReportStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(frozen: FrozenReport) -> bytes:
        raise RuntimeError(f"no font for {frozen.report.month.period.key}")

    monkeypatch.setattr(
        report_files, "RENDERERS", {"-broken.pdf": broken, **report_files.RENDERERS}
    )
    with pytest.raises(
        ReportFilesError, match=r"-broken.pdf \(RuntimeError: no font .*figures.csv"
    ):
        write(company, issue(company), store)
    assert "2026-03" in due(company), "it is tried again"
    monkeypatch.undo()
    write(company, issue(company), store)
    assert "2026-03" not in due(company)


def test_reports_can_be_kept_in_any_store_that_fsspec_knows(company: Company) -> None:
    store = ReportStore("memory://board/reports")
    written = write(company, issue(company), store)
    files = fsspec.filesystem("memory")
    for each in written:
        content = files.cat_file(each.location)
        assert hashlib.sha256(content).hexdigest() == each.sha256
    assert written[0].location.startswith("memory://")


def test_a_store_whose_package_is_missing_says_which_one_without_its_secret() -> None:
    with pytest.raises(SettingsError, match=r"pip install 'nrr-pipeline\[s3\]'") as caught:
        ReportStore("s3://AKIA:verysecret@bucket/reports")
    assert "verysecret" not in str(caught.value)
    with pytest.raises(SettingsError, match="cannot be used"):
        ReportStore("nowhere://bucket/reports")


def test_a_logo_that_cannot_be_used_says_so(company: Company) -> None:
    company.use(report=ReportPolicy(logo=company.folder / "logo.png"))
    with pytest.raises(SettingsError, match=r"logo.png, which cannot be read: No such file"):
        issue(company)
    company.use(report=ReportPolicy(logo=company.folder / "logo.gif"))
    with pytest.raises(SettingsError, match="neither a PNG nor an SVG"):
        issue(company)


def test_more_customers_than_a_workbook_bears_are_cut_at_a_month_and_said(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_content, "MOST_CUSTOMER_MONTHS", 7)
    report = issue(company).frozen.report
    assert {f"{each.month:%Y-%m}" for each in report.customer_months} == {"2026-02", "2026-03"}
    assert "Customers are listed from February 2026 on: earlier, too many." in report.notes


def test_the_figures_of_a_report_are_those_of_the_database(company: Company) -> None:
    report = issue(company).frozen.report
    (stored,) = company.rows(
        "SELECT starting_mrr_micros, nrr_numerator, churned_customers FROM monthly_nrr "
        "WHERE dimension = 'all' AND period_start = '2026-03-01'"
    )
    whole: Retention = report.month.whole
    assert (whole.starting_mrr_micros, whole.nrr_numerator, whole.churned_customers) == stored
