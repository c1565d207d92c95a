"""Where everything can be known, every figure is the one that really was, to the micro.

The businesses here leave out what no account could tell; see ``simulate``. What becomes of such
things is tested in ``test_against_truth``.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
import sqlalchemy as sa

from nrr_pipeline.demo import truth_retention as truth
from nrr_pipeline.demo.business import DEFAULT_SEED
from nrr_pipeline.demo.exchange_rates import FILE_NAME, rates_zip
from nrr_pipeline.demo.log import BusinessLog
from nrr_pipeline.demo.own_knowledge import owners_view
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.unknowable import unknowable_days
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.periods import ONE_DAY, PeriodKind
from nrr_pipeline.orchestration.stages.alerting import PeriodReport
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline_tests.end_to_end.pipeline import (
    Connected,
    ItemDays,
    as_published,
    business,
    closing_day,
    compare,
    connected,
    owners_policy,
    row_counts,
    true_item_days,
)

NAMES: dict[PeriodKind, truth.PeriodKind] = {
    PeriodKind.MONTH: "month",
    PeriodKind.QUARTER: "quarter",
    PeriodKind.TRAILING_12_MONTHS: "trailing_12_months",
}
"""The kinds of periods as the business names them."""

DIMENSIONS: tuple[truth.Dimension, ...] = get_args(truth.Dimension)

NIGHTS = (45, 30, 15, *range(7, -1, -1))
"""How many days before the end an account is pulled; events of thirty days fill the gaps."""

PARTS = {
    "starting": "starting_mrr_micros",
    "expansion": "expansion_micros",
    "contraction": "contraction_micros",
    "churned": "churned_mrr_micros",
    "new_business": "new_business_micros",
    "reactivation": "reactivation_micros",
    "fx": "fx_micros",
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


@dataclass(frozen=True)
class Published:
    """A business, first connected at its end, and what was published of it."""

    log: BusinessLog
    pipeline: Connected
    reports: list[PeriodReport]


@pytest.fixture(
    scope="module",
    params=[(DEFAULT_SEED, 300), (1, 150), (2, 150)],
    ids=lambda param: f"seed {param[0]}",
)
def published(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    seed, customers = request.param
    log, account = business(seed=seed, customers=customers, is_knowable=True)
    home = tmp_path_factory.mktemp("exact")
    policy = owners_policy(log, home).model_copy(update={"max_segments": 10_000})
    with connected(account, home, policy) as pipeline:
        yield Published(log, pipeline, pipeline.advance(log.last_day))


def test_every_item_has_its_true_mrr_on_every_day(published: Published) -> None:
    found = compare(published.pipeline.warehouse, published.log, owners_view(published.log))
    assert unknowable_days(published.log) == ()
    assert found.item_days > 60_000
    assert found.differing == {}


@pytest.mark.parametrize("kind", list(PeriodKind))
def test_every_period_has_its_true_figures(published: Published, kind: PeriodKind) -> None:
    reports = [report for report in published.reports if report.period.kind is kind]
    assert len(reports) == {"month": 30, "quarter": 10, "trailing_12_months": 30}[kind]
    for report in reports:
        start, view = report.period.period_start, owners_view(published.log)
        true = truth.retention(published.log, NAMES[kind], start, view)
        assert figures(report.whole) == figures(true), report.period.label


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_segment_has_its_true_figures(
    published: Published, dimension: truth.Dimension
) -> None:
    for report in published.reports:
        kind, start = NAMES[report.period.kind], report.period.period_start
        view = owners_view(published.log)
        true = truth.retention_by(published.log, kind, start, dimension, view)
        mine = {row.segment: figures(row) for row in report.rows if row.dimension == dimension}
        assert mine == {name: figures(each) for name, each in true.items()}, report.period.label


def test_the_published_tables_hold_what_was_measured(published: Published) -> None:
    for report in published.reports:
        table = TABLES[report.period.kind]
        query = sa.text(
            f"SELECT * FROM {table} WHERE period_start = :start AND dimension = 'all'"  # noqa: S608
        )
        with published.pipeline.warehouse.read() as connection:
            row = connection.execute(query, {"start": str(report.period.period_start)}).one()
        assert (row.edition, bool(row.is_final), bool(row.is_historical)) == (1, True, True)
        for name in set(PARTS.values()) - {"nrr", "grr", "logo_churn"}:
            assert getattr(row, name) == getattr(report.whole, name)
        if report.whole.nrr is not None:
            assert row.nrr == pytest.approx(float(report.whole.nrr), abs=1e-12)
            assert Fraction(row.nrr_numerator, row.nrr_denominator) == report.whole.nrr


def test_totals_of_every_day_in_one_currency_are_the_true_ones(published: Published) -> None:
    query = sa.text(
        "SELECT as_of_date, mrr_micros FROM daily_mrr_totals WHERE is_reporting"
    ).columns(as_of_date=sa.Date)
    with published.pipeline.warehouse.read() as connection:
        rows = connection.execute(query).all()
    log, view = published.log, owners_view(published.log)
    assert len(rows) > 900
    for row in rows:
        assert row.mrr_micros == truth.reporting_mrr(log, row.as_of_date, view), row.as_of_date


def test_movements_of_every_day_are_the_true_ones(published: Published) -> None:
    query = sa.text(
        "SELECT as_of_date, account_id, opening_mrr_micros, closing_mrr_micros FROM mrr_movements"
    ).columns(as_of_date=sa.Date)
    mine: dict[date, dict[str, tuple[int, int]]] = defaultdict(dict)
    with published.pipeline.warehouse.read() as connection:
        for row in connection.execute(query):
            sides = (row.opening_mrr_micros, row.closing_mrr_micros)
            mine[row.as_of_date][row.account_id] = sides
    log, view = published.log, owners_view(published.log)
    for number in range((log.last_day - log.first_day).days + 1):
        day = log.first_day + ONE_DAY * number
        assert mine[day] == truth.movements(log, day, view), day


def test_what_is_pulled_night_by_night_is_true_each_night_and_never_restated(
    tmp_path: Path,
) -> None:
    log, whole = business(seed=5, customers=80, is_knowable=True)
    nights = [render(log, whole.now - 86_400 * back) for back in NIGHTS]
    with connected(nights[0], tmp_path, owners_policy(log, tmp_path)) as pipeline:
        for account in nights:
            pipeline.show(account)
            day = closing_day(account)
            (tmp_path / FILE_NAME).write_bytes(rates_zip(log, through=day))
            reports = pipeline.advance(day)
            assert as_published(pipeline, day) == on_day(log, day), day
            for report in reports:
                if report.period.closing_date <= day:
                    kind, start = NAMES[report.period.kind], report.period.period_start
                    true = truth.retention(log, kind, start, owners_view(log))
                    assert figures(report.whole) == figures(true), (day, report.period.label)
        assert compare(pipeline.warehouse, log, owners_view(log)).differing == {}
        assert row_counts(pipeline)["restatements"] == 0
        assert as_first_reported(pipeline) == true_item_days(log, owners_view(log))


def test_an_account_that_was_not_pulled_for_long_is_true_in_the_end(tmp_path: Path) -> None:
    """A first night that is far back, then one at the end: what was reported stays readable."""
    log, whole = business(seed=9, customers=80, is_knowable=True)
    early = render(log, whole.now - 86_400 * 200)
    with connected(early, tmp_path, owners_policy(log, tmp_path)) as pipeline:
        day = closing_day(early)
        pipeline.advance(day)
        assert as_published(pipeline, day, view="daily_mrr_as_reported") == on_day(log, day)
        pipeline.show(whole)
        pipeline.advance(log.last_day)
        assert as_published(pipeline, day, view="daily_mrr_as_reported") == on_day(log, day)
        assert compare(pipeline.warehouse, log, owners_view(log)).differing == {}


def on_day(log: BusinessLog, day: date) -> dict[str, int]:
    """The true MRR of every item on a day."""
    return {
        each.subscription_item_id: each.mrr_micros
        for _, each in owners_view(log).items(log)
        if each.holds_on(day)
    }


def as_first_reported(pipeline: Connected) -> ItemDays:
    """The MRR of every item on every day, as it was published first."""
    query = sa.text(
        "SELECT subscription_item_id, as_of_date, mrr_micros FROM daily_mrr_as_reported"
    ).columns(as_of_date=sa.Date)
    with pipeline.warehouse.read() as connection:
        rows = connection.execute(query).all()
    return {(row.subscription_item_id, row.as_of_date): row.mrr_micros for row in rows}


def figures(found: Retention | truth.TrueRetention) -> dict[str, object]:
    """The figures of either kind under the same names."""
    if isinstance(found, Retention):
        return {name: getattr(found, column) for name, column in PARTS.items()}
    return {name: getattr(found, name) for name in PARTS}
