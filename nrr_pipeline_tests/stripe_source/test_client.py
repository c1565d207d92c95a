from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable

import pytest

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.stripe_source.client import API_VERSION, PATIENCE_SECONDS, StripeSource
from nrr_pipeline.stripe_source.errors import (
    BadApiBaseError,
    MissingPermissionError,
    ObjectMissingError,
    StripeRefusedError,
    StripeUnavailableError,
    WrongKeyError,
)
from nrr_pipeline_tests.stripe_source.fake_stripe import (
    KEY,
    NOW,
    FakeStripe,
    Reply,
    Request,
    error,
    nth,
    page,
    slowly,
)
from nrr_pipeline_tests.stripe_source.objects import customer

LIST = "/v1/customers"


def long_naps(naps: list[float]) -> list[float]:
    """The waits that are not just pacing."""
    return [seconds for seconds in naps if seconds > 0.1]


def test_a_request_carries_the_key_the_pinned_version_and_no_telemetry(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    source.get(LIST, {"limit": 3, "expand": ["data.discount"], "created": {"gte": 5}})
    (request,) = stripe_account.requests
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Stripe-Version"] == API_VERSION == "2026-10-28.endive"
    assert "X-Stripe-Client-Telemetry" not in request.headers
    assert request.params == {"limit": "3", "expand[0]": "data.discount", "created[gte]": "5"}


def test_an_answer_is_the_json_as_it_came_with_stripes_time(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    sent = customer("cus_1", amount="0.100000000001")
    stripe_account.add("customers", sent)
    answer = source.get(LIST)
    assert answer.data["data"] == [sent]
    assert answer.server_time == NOW


def test_without_a_date_header_the_own_clock_is_asked(stripe_account: FakeStripe) -> None:
    stripe_account.date = None
    with StripeSource(KEY, stripe_account.address, clock=lambda: 77.9) as source:
        assert source.get(LIST).server_time == 77


@pytest.mark.parametrize("reason", ["endpoint-rate", "global-rate", None])
def test_a_429_waits_as_long_as_it_says(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float], reason: str | None
) -> None:
    headers = {"Retry-After": "7"} | ({"Stripe-Rate-Limited-Reason": reason} if reason else {})
    stripe_account.hook = nth(2, error(429, "Too many", headers=headers))
    source.get(LIST)
    assert [nap for nap in naps if nap == 7] == [7, 7]


def test_a_429_without_a_time_is_waited_out_longer_and_longer(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float]
) -> None:
    stripe_account.hook = nth(4, error(429, "Lock timeout", code="lock_timeout"))
    source.get(LIST)
    first, *_, last = long_naps(naps)
    assert last > 3 * first


def truncated() -> Reply:
    return Reply(page([customer("cus_1")]), cut_after=40)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(error(500, "Oops"), id="500"),
        pytest.param(error(409, "Lock"), id="409"),
        pytest.param(Reply("<html>bad gateway</html>", 502), id="a proxy's 502"),
        pytest.param(Reply(status=0), id="a dropped connection"),
        pytest.param(truncated(), id="a truncated body"),
        pytest.param(Reply('{"object": "li', 200), id="half a JSON document"),
    ],
)
def test_passing_trouble_is_tried_again(
    stripe_account: FakeStripe, source: StripeSource, trouble: Reply
) -> None:
    stripe_account.add("customers", customer("cus_1"))
    stripe_account.hook = nth(3, trouble)
    assert [each["id"] for each in source.get(LIST).data["data"]] == ["cus_1"]
    assert len(stripe_account.requests) == 4


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    stripe_account: FakeStripe, naps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nrr_pipeline.stripe_source.client.TIMEOUT_SECONDS", (1.0, 0.2))
    hang = slowly(1.0)
    stripe_account.hook = lambda request: hang(request) if request.number == 1 else None
    with StripeSource(KEY, stripe_account.address, sleep=naps.append) as source:
        assert source.get(LIST).data["data"] == []
    assert len(stripe_account.requests) == 2


def test_lasting_trouble_ends_after_a_few_minutes_with_what_to_do(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float]
) -> None:
    stripe_account.hook = lambda _: error(503, "Down")
    with pytest.raises(
        StripeUnavailableError, match=r"status\.stripe\.com.*same command"
    ) as caught:
        source.get(LIST)
    assert caught.value.exit_status == 1
    assert 60 < sum(long_naps(naps)) <= 2 * PATIENCE_SECONDS


def test_a_wait_beyond_patience_is_an_error_at_once(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float]
) -> None:
    stripe_account.hook = lambda _: error(429, "Too many", headers={"Retry-After": "3600"})
    with pytest.raises(StripeUnavailableError, match="limits our requests"):
        source.get(LIST)
    assert not long_naps(naps)


def test_an_address_that_never_answered_is_given_up_soon(naps: list[float]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with (
        StripeSource(KEY, address, sleep=naps.append) as source,
        pytest.raises(StripeUnavailableError, match=r"refused.*STRIPE_API_BASE.*nrr doctor") as e,
    ):
        source.get(LIST)
    assert e.value.exit_status == 1
    assert sum(naps) < 10


def test_a_connection_that_breaks_later_is_given_more_time(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float]
) -> None:
    source.get(LIST)
    stripe_account.hook = lambda _: Reply(status=0)
    with pytest.raises(StripeUnavailableError, match="cannot be reached"):
        source.get(LIST)
    assert sum(naps) > 60


def test_a_wrong_key_is_a_matter_of_settings(
    stripe_account: FakeStripe, source: StripeSource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stripe_account.hook = lambda _: error(401, "Invalid API Key provided: rk_test_****cret")
    with pytest.raises(WrongKeyError, match=r"STRIPE_API_KEY.*\*\*\*\*cret.*nrr doctor") as caught:
        source.get(LIST)
    assert isinstance(caught.value, SettingsError)
    assert caught.value.exit_status == 2
    assert len(stripe_account.requests) == 1
    assert KEY not in caplog.text


def test_a_missing_permission_is_named_in_stripes_own_words(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    text = "Having the 'rak_event_read' permission would allow this request to continue."
    stripe_account.hook = lambda _: error(403, text)
    with pytest.raises(MissingPermissionError) as caught:
        source.get("/v1/events")
    assert text in str(caught.value)
    assert "Invoices" in str(caught.value)
    assert caught.value.exit_status == 2


def test_what_stripe_does_not_have_is_told_from_what_it_refuses(
    stripe_account: FakeStripe, source: StripeSource
) -> None:
    with pytest.raises(ObjectMissingError, match="No such customer: 'cus_gone'"):
        source.get(f"{LIST}/cus_gone")
    stripe_account.hook = lambda _: error(400, "Received unknown parameter: foo", param="foo")
    with pytest.raises(StripeRefusedError, match=r"/v1/customers: Received unknown parameter"):
        source.get(LIST, {"foo": "1"})


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply("<html>Welcome</html>"), id="a page"),
        pytest.param(Reply("<html>Not found</html>", 404), id="a page not found"),
        pytest.param(Reply([1, 2]), id="other JSON"),
    ],
)
def test_an_address_that_is_not_stripes_is_a_matter_of_settings(
    stripe_account: FakeStripe, source: StripeSource, naps: list[float], reply: Reply
) -> None:
    stripe_account.hook = lambda _: reply
    with pytest.raises(BadApiBaseError, match=r"does not speak Stripe's API.*STRIPE_API_BASE"):
        source.get(LIST)
    assert sum(naps) < 10


def echo(status: int) -> Callable[[Request], Reply]:
    """Something that answers with everything that it was sent."""
    return lambda request: error(status, f"You sent {dict(request.headers)}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_the_key_is_in_no_error_log_or_repr(
    stripe_account: FakeStripe,
    source: StripeSource,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    stripe_account.hook = echo(status)
    with pytest.raises(NrrError) as caught:
        source.get(LIST)
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert KEY not in str(caught.value) + repr(caught.value) + repr(source) + str(source)
    ours = [record.getMessage() for record in caplog.records if record.name != "stripe"]
    assert KEY not in "".join(ours)


def test_the_key_is_not_told_when_nobody_answers(naps: list[float]) -> None:
    with (
        StripeSource(KEY, "http://127.0.0.1:9", sleep=naps.append) as source,
        pytest.raises(StripeUnavailableError) as caught,
    ):
        source.get(LIST)
    assert KEY not in "".join(traceback.format_exception(caught.value))
