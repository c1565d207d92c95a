"""``make demo``: the whole pipeline on the simulated account, as anybody would run it.

The account is served over HTTP on a free port, and the real ``nrr`` is started against it; nothing
of the pipeline is imported here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from nrr_pipeline.demo.business import DEFAULT_CUSTOMERS, FIRST_DAY, LAST_DAY, simulate
from nrr_pipeline.demo.own_knowledge import write_own_knowledge
from nrr_pipeline.demo.rendering import render
from nrr_pipeline.demo.server import running_server

_KEY = "rk_test_simulated_account"
_FOREIGN = ("NRR_", "STRIPE_", "SLACK_", "DAGSTER_")
_INTERRUPTED = 130


@click.command()
@click.option("--home", type=click.Path(path_type=Path), default=Path(".nrr/demo"))
def main(home: Path) -> None:
    """Pull the simulated account, publish everything, and show what there is to see."""
    try:
        sys.exit(run(home))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def run(
    home: Path,
    *,
    customers: int = DEFAULT_CUSTOMERS,
    first_day: date = FIRST_DAY,
    last_day: date = LAST_DAY,
) -> int:
    """Run the demo in a home of its own; returns the exit status."""
    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    log = simulate(customers=customers, first_day=first_day, last_day=last_day)
    write_own_knowledge(log, home)
    account = render(log)
    quarter = last_full_quarter(last_day)
    month = f"{last_day.replace(day=1) - timedelta(days=1):%Y-%m}"
    moment = datetime.fromtimestamp(account.now, UTC)
    with running_server(account) as address:
        _say(
            f"A simulated Stripe account with {len(account.objects['customers'])} customers is "
            f"served at {address}; its clock says {moment:%Y-%m-%d %H:%M} UTC."
        )
        environment = _environment(home, address)
        for arguments in (
            ("run", "--date", f"{last_day:%Y-%m-%d}"),
            ("show",),
            ("show", quarter),
        ):
            status = _nrr(arguments, home, environment)
            if status == _INTERRUPTED:
                return status
            if status != 0:
                _say(f"\nThe demo ended early. To begin anew: rm -r {home}; make demo")
                return status
    _say(_epilogue(home, quarter, month, time.monotonic() - began))
    return 0


def last_full_quarter(day: date) -> str:
    """Return the last quarter that was over on a day, as ``nrr show`` calls it.

    >>> last_full_quarter(date(2026, 10, 4)), last_full_quarter(date(2026, 2, 1))
    ('2026-Q3', '2025-Q4')
    """
    quarters = day.year * 4 + (day.month - 1) // 3 - 1
    return f"{quarters // 4}-Q{quarters % 4 + 1}"


def _nrr(arguments: tuple[str, ...], home: Path, environment: Mapping[str, str]) -> int:
    """Run ``nrr`` in the home, so that no policy file of another installation is in the way."""
    _say(f"\n$ nrr {' '.join(arguments)}")
    program = [sys.executable, "-m", "nrr_pipeline.cli", *arguments]
    with subprocess.Popen(program, cwd=home, env=environment) as process:  # noqa: S603
        while True:
            with suppress(KeyboardInterrupt):  # it hears Ctrl-C itself, and ends as it should
                return process.wait()


def _environment(home: Path, address: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "NRR_HOME": str(home.absolute()),
        "STRIPE_API_BASE": address,
        "STRIPE_API_KEY": _KEY,
    }


def _epilogue(home: Path, quarter: str, month: str, seconds: float) -> str:
    nrr = f"NRR_HOME={home} {Path(sys.executable).with_name('nrr')}"
    return (
        f"\nDone in {seconds:.0f} s. Where things are:\n"
        f"  the database    {home / 'nrr.db'} (SQLite; start with the view retention)\n"
        f"  the report      {home / 'reports' / month} (board report: PDF, workbook, CSV)\n"
        f"  the UI          make ui, then http://127.0.0.1:3000\n"
        f"  its policy      {home / 'policy.toml'}, with the lists and the rates that it names\n"
        f"  why             {nrr} explain {quarter}\n"
        f"  by product      {nrr} show {quarter} --by product\n"
        f"  its customers   {nrr} show {quarter} --customers customers.csv"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
