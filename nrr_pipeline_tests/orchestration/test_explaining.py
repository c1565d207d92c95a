"""Explaining published periods through the stages, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from nrr_pipeline.errors import SettingsError
from nrr_pipeline.metrics.movements import Movement
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.orchestration.stages.explaining import (
    NotAsPublishedError,
    NothingToExplainError,
    explain,
    trend,
)
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.reporting.explanation import CustomerMove, PeriodExplanation
from nrr_pipeline.warehouse.engine import open_warehouse
from nrr_pipeline_tests.databases import Databases
from nrr_pipeline_tests.orchestration.company import PRICE, Company, customer, subscription

SINCE = date(2025, 12, 1)
MARCH, FEBRUARY = Period.parse("2026-03"), Period.parse("2026-02")
REASON = "subscription.metadata.change_reason"
MICRO = 1_000_000


def canceled(name: str, seats: int, **details: str) -> dict[str, Any]:
    said = {"reason": "cancellation_requested", "feedback": None, "comment": None, **details}
    return subscription(name, seats, SINCE, date(2026, 3, 12), cancellation_details=said)


def named(name: str) -> dict[str, Any]:
    return {**customer(name), "name": name.upper()}


def product(name: str) -> dict[str, Any]:
    return {"id": "prod_1", "object": "product", "name": name}


@pytest.fixture
def company(databases: Databases, tmp_path: Path) -> Iterator[Company]:
    """A pays 120, B 60, C 20, and 'written' stands beside C; connected at the end of January."""
    with databases.new() as address, open_warehouse(address) as warehouse:
        company = Company(warehouse, tmp_path, MetricPolicy())
        company.use(alerts={"reason": REASON}, privacy={"keep": ["cancellation_details.comment"]})
        company.now = datetime(2026, 1, 31, 6, tzinfo=UTC)
        company.pull(
            ("prices", PRICE),
            ("products", product("Team")),
            *(("customers", named(name)) for name in "abc"),
            ("subscriptions", subscription("a", 120, SINCE)),
            ("subscriptions", subscription("b", 60, SINCE)),
            ("subscriptions", subscription("c", 20, SINCE, metadata=written("the team grew"))),
        )
        yield company


def written(reason: str) -> dict[str, str]:
    return {"change_reason": reason}


Shown = tuple[str, dict[str, Any]]


def learn(company: Company, *objects: Shown, later: tuple[Shown, ...] = ()) -> None:
    """Pull on 15 March and again on 10 April, and publish all."""
    company.now = datetime(2026, 3, 15, 6, tzinfo=UTC)
    company.pull(*objects)
    company.now = datetime(2026, 4, 10, 6, tzinfo=UTC)
    company.pull(*later)
    company.close()


def explained(
    company: Company,
    period: Period = MARCH,
    known_at: datetime | None = None,
    *,
    names_shown: bool = True,
) -> PeriodExplanation:
    with company.warehouse.read() as connection:
        policy = company.policy
        return explain(connection, policy, period, known_at=known_at, names_shown=names_shown)


def moves(found: PeriodExplanation) -> list[tuple[str, int, str, str]]:
    """Name, dollars, cause and reason of everybody who moved."""
    return [
        (each.name, each.change_micros // MICRO, each.cause, each.reason) for each in found.moves
    ]


def test_a_change_carries_what_was_written_down_about_it(company: Company) -> None:
    reorganized = subscription("a", 80, SINCE, metadata=written("re-organization"))
    learn(company, ("subscriptions", reorganized), ("subscriptions", subscription("b", 70, SINCE)))
    found = explained(company)
    assert moves(found) == [
        ("A", -40, "seats", 'seats 120 -> 80: "re-organization"'),
        ("B", 10, "seats", "seats 60 -> 70"),
    ]
    assert found.whole.nrr == Fraction(170, 200)
    assert sum(each.points_of(found.whole) for each in found.moves) == -15


def test_what_was_written_before_a_change_is_not_taken_for_its_reason(company: Company) -> None:
    stale = subscription("c", 10, SINCE, metadata=written("the team grew"))
    learn(company, ("subscriptions", stale))
    assert moves(explained(company)) == [("C", -10, "seats", "seats 20 -> 10")]


def test_what_was_written_about_a_later_change_is_not_taken_for_its_reason(
    company: Company,
) -> None:
    hiring = subscription("a", 90, SINCE, metadata=written("they hire"))
    fewer = ("subscriptions", subscription("a", 80, SINCE))
    learn(company, fewer, later=(("subscriptions", hiring),))
    assert moves(explained(company)) == [("A", -40, "seats", "seats 120 -> 80")]


@pytest.mark.parametrize(
    ("keep", "names_shown", "name", "reason"),
    [
        (("cancellation_details.comment",), True, "B", 'canceled: unused, "we moved on"'),
        (("cancellation_details.comment",), False, "cus_b", "canceled: unused"),
        ((), True, "B", "canceled: unused"),
    ],
)
def test_a_customer_that_left_says_why_as_far_as_privacy_lets_it(
    company: Company, keep: tuple[str, ...], name: str, reason: str, *, names_shown: bool
) -> None:
    company.use(privacy={"keep": keep})
    learn(company, ("subscriptions", canceled("b", 60, feedback="unused", comment="we moved on")))
    found = explained(company, names_shown=names_shown)
    assert moves(found) == [(name, -60, "voluntary", reason)]


def test_who_came_stands_behind_the_cohort_and_adds_no_points(company: Company) -> None:
    learn(
        company,
        ("customers", named("d")),
        ("subscriptions", subscription("d", 500, date(2026, 3, 3))),
        ("subscriptions", subscription("a", 121, SINCE)),
    )
    found = explained(company)
    assert moves(found)[1:] == [("D", 500, "new_business", "Team x 500")]
    assert found.moves[1].movement is Movement.NEW_BUSINESS
    assert found.moves[1].points_of(found.whole) == 0


def test_customers_joined_into_one_move_as_one(company: Company) -> None:
    company.join("cus_b,cus_a")
    left = ("subscriptions", canceled("b", 60))
    learn(company, left, ("subscriptions", subscription("a", 150, SINCE)))
    assert moves(explained(company)) == [
        ("A", -30, "subscription", "a subscription to Team canceled")
    ]


def test_a_period_is_held_against_the_one_before_and_split_over_segments(company: Company) -> None:
    learn(company, ("subscriptions", subscription("a", 80, SINCE)))
    found = explained(company)
    assert found.whole_before is not None
    assert found.whole_before.nrr == 1
    assert [each.dimension for each in found.before][:1] == ["all"]
    for effects in found.effects.values():
        assert sum(each.rate_points + each.mix_points for each in effects) == -20
    assert found.segment_names["product", "prod_1"] == "Team"
    assert explained(company, Period.parse("2025-Q4")).effects == {}


def test_the_edition_in_force_at_a_time_is_explained_with_what_was_known_then(
    company: Company,
) -> None:
    learn(company, ("subscriptions", subscription("a", 80, SINCE)))
    first_known = company.now
    company.join("cus_b,cus_a")
    company.close()
    then, now = explained(company, known_at=first_known), explained(company)
    assert (then.edition, now.edition) == (1, 2)
    assert then.restated == ()
    assert [(each.from_edition, each.cause) for each in now.restated] == [(1, "correction")]
    assert [each.account_id for each in then.moves] == ["cus_a"]
    assert (then.whole.starting_customers, now.whole.starting_customers) == (3, 2)


def test_a_period_that_is_not_what_was_published_is_refused_with_the_fix(company: Company) -> None:
    learn(
        company,
        ("subscriptions", subscription("d", 5, date(2025, 11, 1), date(2025, 12, 20))),
        ("subscriptions", subscription("d2", 5, date(2026, 3, 3), customer="cus_d")),
    )
    assert explained(company).moves[-1].cause == "reactivation"
    company.use(reactivation={"window_days": 3})
    with pytest.raises(NotAsPublishedError, match="nrr run --no-pull"):
        explained(company)
    company.close()
    assert explained(company).moves[-1].cause == "new_business"


def test_a_place_for_reasons_that_privacy_empties_is_refused(company: Company) -> None:
    company.use(alerts={"reason": "subscription.description"})
    with pytest.raises(SettingsError, match=r"alerts\.reason"):
        company.pull()
    company.use(
        alerts={"reason": "subscription.description"},
        privacy={"keep": ["subscription.description"]},
    )
    company.pull()


def test_a_period_without_figures_is_refused(company: Company) -> None:
    learn(company)
    with pytest.raises(NothingToExplainError, match="March 2027"):
        explained(company, Period.parse("2027-03"))


def test_what_is_not_sure_is_said(company: Company) -> None:
    ending = subscription("b", 60, SINCE, cancel_at_period_end=True)
    weird = {**PRICE, "id": "price_x", "recurring": {**PRICE["recurring"], "interval": "eon"}}
    unknown = subscription("c", 20, SINCE)
    unknown["items"]["data"][0]["price"] = weird
    learn(company, ("subscriptions", ending), ("subscriptions", unknown), ("prices", weird))
    found = explained(company)
    assert found.scheduled_churn_mrr_micros == 60 * MICRO
    assert not found.is_final
    assert list(found.held_out) == ["si_c"]


def test_the_trend_has_the_months_there_are_with_their_trailing_years(company: Company) -> None:
    learn(company, ("subscriptions", subscription("a", 80, SINCE)))
    with company.warehouse.read() as connection:
        points = trend(connection, company.policy, date(2026, 3, 1), 24)
        last = trend(connection, company.policy, date(2026, 2, 1), 1)
    assert [each.month for each in points][-3:] == [date(2026, n, 1) for n in (1, 2, 3)]
    assert points[-1].figures.nrr == Fraction(160, 200)
    assert points[-1].trailing is not None
    assert (len(last), last[0].month) == (1, date(2026, 2, 1))


def test_moves_are_plain_values(company: Company) -> None:
    learn(company, ("subscriptions", subscription("a", 80, SINCE)))
    (moved,) = explained(company).moves
    assert type(moved) is CustomerMove
    assert type(moved.change_micros) is int
