"""``nrr simulate``: serve the simulated account, for trying things out against it.

The business is made up in ``demo``, which the pipeline itself never imports.
"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from nrr_pipeline.demo.business import DEFAULT_CUSTOMERS, DEFAULT_SEED, simulate
from nrr_pipeline.demo.exchange_rates import FILE_NAME, rates_zip
from nrr_pipeline.demo.own_knowledge import policy_text
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import PortTakenError, ServerOptions, create_app, serve

_EXAMPLES = """\b
Examples:
  nrr simulate --port 12111
  nrr simulate --port 12111 --customers 5000 --seed 7
  nrr simulate --port 12111 --latency 0.08 --rate 25     as slow as Stripe's sandbox

Then, in another terminal:
  export STRIPE_API_BASE=http://127.0.0.1:12111 STRIPE_API_KEY=rk_test_simulated NRR_HOME=.nrr/try
  nrr run --date 2026-10-04
"""


@click.command("simulate", epilog=_EXAMPLES)
@click.option(
    "--port",
    metavar="P",
    type=click.IntRange(0, 65_535),
    required=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--customers",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    default=DEFAULT_CUSTOMERS,
    show_default=True,
    help="How many customers come in thirty months.",
)
@click.option(
    "--seed",
    metavar="S",
    type=int,
    default=DEFAULT_SEED,
    show_default=True,
    help="Another number, another business.",
)
@click.option(
    "--latency",
    metavar="SECONDS",
    type=click.FloatRange(0, 60),
    default=0.0,
    show_default=True,
    help="How long every answer takes.",
)
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(0, min_open=True),
    help="Requests per second for one endpoint; more get status 429.  [default: no limit]",
)
def command(*, port: int, customers: int, seed: int, latency: float, rate: float | None) -> None:
    """Serve a simulated Stripe account on this machine until Ctrl-C.

    It speaks Stripe's API: any key that begins with rk_test_ may read everything. The same
    number of customers and the same seed always give the same account.
    """
    log = simulate(seed=seed, customers=customers)
    account = render(log)
    rates = f"/{FILE_NAME}"
    options = ServerOptions(latency_seconds=latency, endpoint_requests_per_second=rate)
    moment = datetime.fromtimestamp(account.now, UTC)

    def announce(address: str) -> None:
        click.echo(address)
        click.echo(f"data as of {moment:%Y-%m-%d %H:%M} UTC (the simulated account's clock)")
        click.echo(f"Serving {customers:,} customers, seed {seed}. Ctrl-C ends it.", err=True)
        click.echo("Its customers pay in four currencies. Put into policy.toml:\n", err=True)
        click.echo(policy_text(f"{address}{rates}", with_lists=False), err=True)

    try:
        app = create_app(account, options, downloads={rates: rates_zip(log)})
        serve(app, port, started=announce)
    except PortTakenError as error:
        raise click.BadParameter(f"{error.strerror}", param_hint="--port") from error
