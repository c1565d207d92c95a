"""Limits, faults and delays of the simulated server, exchange of accounts, start and stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from nrr_pipeline.demo.server import (
    AccountHolder,
    Fault,
    PortTakenError,
    ServerOptions,
    create_app,
    hosted,
    running_server,
)
from nrr_pipeline_tests.demo import small_account as small
from nrr_pipeline_tests.demo.small_account import KEY, client_of, get, ids

ACCOUNT = small.account(customers=[small.customer(number) for number in range(1, 4)])


class Timer:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_requests_beyond_the_rate_of_an_endpoint_are_refused_until_a_second_has_passed() -> None:
    timer = Timer()
    options = ServerOptions(endpoint_requests_per_second=2, timer=timer)
    with client_of(ACCOUNT, options) as client:
        statuses = [client.get("/v1/customers").status_code for _ in range(3)]
        other = client.get("/v1/coupons").status_code
        refused = client.get("/v1/customers")
        timer.now = 1.0
        later = client.get("/v1/customers").status_code

    assert statuses == [200, 200, 429]
    assert other == 200
    assert refused.headers["stripe-rate-limited-reason"] == "endpoint-rate"
    assert refused.json()["error"]["code"] == "rate_limit"
    assert later == 200


def test_requests_beyond_the_rate_of_the_account_are_refused() -> None:
    options = ServerOptions(requests_per_second=2, timer=Timer())
    with client_of(ACCOUNT, options) as client:
        client.get("/v1/customers")
        client.get("/v1/coupons")
        refused = client.get("/v1/products")

    assert refused.status_code == 429
    assert refused.headers["stripe-rate-limited-reason"] == "global-rate"


def test_all_objects_of_a_kind_count_as_one_endpoint() -> None:
    options = ServerOptions(endpoint_requests_per_second=1, timer=Timer())
    with client_of(ACCOUNT, options) as client:
        statuses = [client.get(f"/v1/customers/cus_{each}").status_code for each in (1, 2)]

    assert statuses == [200, 429]


def test_a_planned_fault_answers_instead_of_the_endpoint() -> None:
    def fail_second(number: int, path: str) -> Fault | None:
        return Fault() if (number, path) == (2, "/v1/customers") else None

    with client_of(ACCOUNT, ServerOptions(fault=fail_second)) as client:
        answers = [client.get("/v1/customers") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 500, 200]
    assert answers[1].json()["error"]["type"] == "api_error"


def test_a_fault_may_have_a_status_headers_and_a_body_of_its_own() -> None:
    lock = Fault(status=429, code="lock_timeout", headers={"Stripe-Should-Retry": "true"})
    empty = Fault(status=200, body={"object": "list", "data": [], "has_more": True, "url": "/"})

    with client_of(ACCOUNT, ServerOptions(fault=lambda n, _: lock if n == 1 else empty)) as client:
        first, second = client.get("/v1/customers"), client.get("/v1/customers")

    assert (first.status_code, first.json()["error"]["code"]) == (429, "lock_timeout")
    assert first.headers["stripe-should-retry"] == "true"
    assert (second.status_code, second.json()["has_more"]) == (200, True)


def test_a_fault_may_cut_the_connection_and_the_server_goes_on() -> None:
    def cut_first(number: int, _path: str) -> Fault | None:
        return Fault(drops_connection=True) if number == 1 else None

    with client_of(ACCOUNT, ServerOptions(fault=cut_first)) as client:
        with pytest.raises(httpx.TransportError):
            client.get("/v1/customers")
        assert len(ids(client, "/v1/customers")) == 3


def test_a_share_of_requests_fails_in_the_same_way_in_every_run() -> None:
    def outcomes(seed: int) -> list[str]:
        options = ServerOptions(fault_fraction=0.5, fault_seed=seed)
        seen: list[str] = []
        with client_of(ACCOUNT, options) as client:
            for _ in range(40):
                try:
                    seen.append(str(client.get("/v1/customers").status_code))
                except httpx.TransportError:
                    seen.append("cut")
        return seen

    first = outcomes(1)

    assert first == outcomes(1)
    assert first != outcomes(2)
    assert set(Counter(first)) == {"200", "500", "cut"}


def test_every_answer_takes_as_long_as_the_latency_but_many_at_once_take_no_longer() -> None:
    with client_of(ACCOUNT, ServerOptions(latency_seconds=1.0)) as client:
        started = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(lambda _: ids(client, "/v1/customers"), range(8)))
        elapsed = time.perf_counter() - started

    assert len(pages) == 8
    assert 1.0 <= elapsed < 8.0


def test_the_account_can_be_exchanged_while_it_is_served() -> None:
    holder = AccountHolder(ACCOUNT)
    with client_of(holder) as client:
        before = ids(client, "/v1/customers")
        holder.exchange(small.account(customers=[small.customer(9)]))
        after = ids(client, "/v1/customers")

    assert before == ["cus_3", "cus_2", "cus_1"]
    assert after == ["cus_9"]
    assert holder.account.objects["customers"][0]["id"] == "cus_9"


def test_an_application_holds_the_account_it_serves() -> None:
    app = create_app(ACCOUNT)
    headers = {"Authorization": f"Bearer {KEY}"}
    with (
        hosted(app) as address,
        httpx.Client(base_url=address, headers=headers, trust_env=False) as client,
    ):
        app.state.account.exchange(small.account())
        assert get(client, "/v1/customers")["data"] == []


def test_a_stopped_server_leaves_its_port_free() -> None:
    with running_server(ACCOUNT) as address:
        port = int(address.rpartition(":")[2])
    with running_server(ACCOUNT, port=port) as again:
        assert again == address


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)), running_server(ACCOUNT, port=port):
            pass


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_prints_its_address_and_stops_cleanly_when_told_to(stop: signal.Signals) -> None:
    program = textwrap.dedent(
        """
        from nrr_pipeline.demo.account import StripeAccount
        from nrr_pipeline.demo.server import serve_forever

        serve_forever(StripeAccount("acct_1", 0, False, {}, {}), None, 0)
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        answer = httpx.get(f"{address}/v1/customers", trust_env=False)
        os.kill(process.pid, stop)
        output, errors = process.communicate(timeout=60)

    assert answer.status_code == 401
    assert (process.returncode, output, errors) == (0, "", "")
