from __future__ import annotations

import pytest

from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import WrongAccountError, WrongKeyError, WrongModeError
from nrr_pipeline.stripe_source.pull import pull
from nrr_pipeline_tests.stripe_source.fake_stripe import NOW, FakeStripe, error
from nrr_pipeline_tests.stripe_source.objects import customer, customers, subscription
from nrr_pipeline_tests.stripe_source.sinks import MemorySink


@pytest.mark.parametrize("livemode", [True, False])
def test_the_first_pull_binds_the_database_to_the_mode(
    stripe_account: FakeStripe, sink: MemorySink, *, livemode: bool
) -> None:
    key = "rk_live_1" if livemode else "sk_test_1"
    stripe_account.add("customers", customer("cus_1", livemode=livemode))
    with StripeSource(key, stripe_account.address) as source:
        assert pull(source, sink).livemode is livemode
    assert sink.mode is livemode


def test_a_key_that_does_not_tell_its_mode_takes_that_of_the_objects(
    stripe_account: FakeStripe, sink: MemorySink
) -> None:
    stripe_account.add("subscriptions", subscription("sub_1", livemode=True))
    with StripeSource("rk_1", stripe_account.address) as source:
        assert pull(source, sink).livemode is True


def test_a_key_of_the_other_mode_is_refused_before_any_request(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    sink.mode = True
    with pytest.raises(WrongModeError, match=r"test mode.*live mode.*STRIPE_API_KEY") as caught:
        pull(source, sink)
    assert caught.value.exit_status == 2
    assert not stripe_account.requests
    assert not sink.landings


def test_an_account_of_the_other_mode_is_refused(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", customer("cus_1", livemode=True))
    with pytest.raises(WrongModeError, match="live mode"):
        pull(source, sink)
    assert not sink.landings
    assert sink.mode is None


def test_an_object_of_the_other_mode_is_never_landed(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(5), customer("cus_live", NOW - 9000, livemode=True))
    with pytest.raises(WrongModeError, match="cus_live"):
        pull(source, sink)
    assert ("customers", "cus_live") not in sink.latest


def test_a_key_of_another_account_is_refused_and_nothing_is_landed(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(5))
    pull(source, sink)
    before = len(sink.landings)
    stripe_account.objects["customers"] = [customer("cus_of_others")]
    with pytest.raises(WrongAccountError, match=r"cus_00000.*NRR_DATABASE_URL") as caught:
        pull(source, sink)
    assert caught.value.exit_status == 2
    assert len(sink.landings) == before


def test_customers_deleted_since_do_not_make_it_another_account(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.add("customers", *customers(3))
    pull(source, sink)
    for each in customers(3):
        stripe_account.remove("customers", each["id"])
        gone = {"id": each["id"], "object": "customer", "deleted": True}
        stripe_account.unlisted[each["id"]] = gone
    assert pull(source, sink).tombstones == {"customers": 3}


def test_a_wrong_key_lands_and_binds_nothing(
    stripe_account: FakeStripe, source: StripeSource, sink: MemorySink
) -> None:
    stripe_account.hook = lambda _: error(401, "Invalid API Key provided")
    with pytest.raises(WrongKeyError):
        pull(source, sink)
    assert sink.mode is None
    assert not sink.landings
