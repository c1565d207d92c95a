from __future__ import annotations

import pytest

from nrr_pipeline.raw import KINDS
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import WrongKeyError
from nrr_pipeline.stripe_source.pacing import Pace
from nrr_pipeline.stripe_source.probe import check_permissions, estimate, server_time
from nrr_pipeline_tests.stripe_source.fake_stripe import NOW, FakeStripe, error
from nrr_pipeline_tests.stripe_source.objects import customers, event, invoice, subscription


def test_every_kind_is_asked_for_once_with_the_expansions_of_a_pull(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    results = check_permissions(source)
    assert [each.kind for each in results] == list(KINDS)
    assert all(each.ok for each in results)
    assert all(each.params["limit"] == "1" for each in stripe_account.requests)
    (asked,) = stripe_account.asked("/v1/prices")
    assert asked.params["expand[0]"] == "data.tiers"


def test_a_missing_permission_is_one_result_among_others(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    text = "Having the 'rak_coupon_read' permission would allow this request to continue."
    stripe_account.hook = lambda request: (
        error(403, text) if request.path == "/v1/coupons" else None
    )
    results = {each.kind: each for each in check_permissions(source)}
    assert text in results["coupons"].message
    assert [kind for kind, each in results.items() if not each.ok] == ["coupons"]


def test_a_key_that_is_not_accepted_is_an_error_not_eight(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    stripe_account.hook = lambda _: error(401, "Invalid API Key provided")
    with pytest.raises(WrongKeyError):
        check_permissions(source)


def test_stripes_own_clock_can_be_asked(stripe_account: FakeStripe, source: StripeSource) -> None:
    assert server_time(source) == NOW
    assert len(stripe_account.requests) == 1


def test_a_small_account_is_counted(stripe_account: FakeStripe, source: StripeSource) -> None:
    stripe_account.add("customers", *customers(70))
    guess = estimate(source)
    assert guess.is_exact
    assert guess.objects["customers"] == 70
    assert guess.objects["invoices"] == 0
    assert guess.disk_bytes > 1000


@pytest.mark.parametrize(
    ("count", "apart", "newest"),
    [
        pytest.param(20_000, 3600, NOW, id="steady for two years"),
        pytest.param(2_000, 60, NOW, id="a busy day"),
        pytest.param(5_000, 7200, NOW - 40_000_000, id="long asleep"),
    ],
)
def test_a_large_account_is_estimated_to_a_factor_of_two_from_a_few_requests(
    stripe_account: FakeStripe, source: StripeSource, count: int, apart: int, newest: int
) -> None:
    stripe_account.add("customers", *customers(count, newest=newest, apart=apart))
    guess = estimate(source)
    assert not guess.is_exact
    assert count / 2 < guess.objects["customers"] < count * 2
    assert len(stripe_account.requests) < 20
    assert guess.requests > count / 200


def test_growth_and_events_are_estimated_too(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    growing = [NOW - round(900 * 86_400 * (1 - (n / 6000) ** 0.5)) for n in range(6000)]
    stripe_account.add("invoices", *(invoice(f"in_{n}", at) for n, at in enumerate(growing)))
    stripe_account.add(
        "events",
        *(event(f"evt_{n}", subscription("sub_1"), NOW - n * 800) for n in range(3000)),
    )
    guess = estimate(source)
    assert 3000 < guess.objects["invoices"] < 12_000
    assert 1500 < guess.objects["events"] < 6000


def test_minutes_follow_the_pace(stripe_account: FakeStripe, source: StripeSource) -> None:
    stripe_account.add("customers", *customers(5000, apart=3600))
    with StripeSource(
        "rk_test_1", stripe_account.address, pace=Pace(0.5, 0.5), sleep=lambda _: None
    ) as slow:
        assert estimate(slow).minutes > 5 * estimate(source).minutes
