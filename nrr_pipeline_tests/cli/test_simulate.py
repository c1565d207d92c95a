"""``nrr simulate``: a served account that the pipeline's own client can read."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tomllib
from datetime import date

from nrr_pipeline.inputs.ecb import read_ecb
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline_tests.cli.conftest import KEY, Nrr


def test_the_account_is_served_until_it_is_interrupted() -> None:
    program = [sys.executable, "-m", "nrr_pipeline.cli", "simulate", "--port", "0"]
    with subprocess.Popen(
        [*program, "--customers", "7"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        clock = process.stdout.readline()
        with StripeSource(KEY, address) as source:
            customers = source.get("/v1/customers", {"limit": 100}).data["data"]
        rates = read_ecb(f"{address}/eurofxref-hist.zip")
        process.send_signal(signal.SIGINT)
        _, advice = process.communicate(timeout=60)
    assert len(customers) == 7
    assert rates[date(2026, 10, 2)].keys() == {"usd", "gbp", "jpy"}
    policy = MetricPolicy.model_validate(tomllib.loads(advice.partition("policy.toml:")[2]))
    assert policy.fx.ecb == f"{address}/eurofxref-hist.zip"
    assert clock.startswith("data as of 2026-10-05 06:00 UTC")
    assert process.returncode == 0


def test_a_port_that_is_taken_is_wrong_use(nrr: Nrr) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = nrr("simulate", "--port", str(taken.getsockname()[1]), "--customers", "1")
    assert result.exit_code == 2
    assert "another port" in " ".join(result.stderr.split())


def test_options_that_make_no_sense_are_refused(nrr: Nrr) -> None:
    for arguments in (["--port", "70000"], ["--port", "0", "--rate", "0"], []):
        assert nrr("simulate", *arguments).exit_code == 2
