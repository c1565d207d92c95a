"""``nrr doctor``: what stands in the way of a run, each with its fix.

Every check looks at one thing and changes nothing at Stripe or in the database.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.text import Text

from nrr_pipeline.cli.exclusions import exclusion_lines
from nrr_pipeline.cli.opening import as_of_line, load
from nrr_pipeline.cli.rendering import faint, indented, instant, print_parts
from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.notify.opening import slack_sender
from nrr_pipeline.notify.slack import Bot, Result
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.orchestration.stages.accounts import excluded_now
from nrr_pipeline.orchestration.stages.pulling import privacy_rules
from nrr_pipeline.orchestration.stages.rates import ReportingCurrencyError, reporting_currency
from nrr_pipeline.orchestration.stages.rates_in_use import ForeignMrr, foreign_mrr, rates_line
from nrr_pipeline.orchestration.stages.report_files import ReportStore
from nrr_pipeline.orchestration.stages.reports import presentation
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.account_check import check_account
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.probe import check_permissions, server_time
from nrr_pipeline.stripe_source.settings_check import is_loopback
from nrr_pipeline.warehouse.account import bound_mode
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse
from nrr_pipeline.warehouse.pulls import last_pull
from nrr_pipeline.warehouse.raw_objects import oldest_customers
from nrr_pipeline.warehouse.reading import address_without_password, reach
from nrr_pipeline.warehouse.sizes import stored_bytes
from nrr_pipeline.warehouse.transactions import Connection, Warehouse
from nrr_pipeline.warehouse.upgrading import revision_of

CLOCK_TOLERANCE_SECONDS = 60
FREE_BYTES_NEEDED = 1_000_000_000

_EXAMPLES = """\b
Examples:
  nrr doctor
  NRR_HOME=.nrr/demo nrr doctor
"""


class ProblemError(NrrError):
    """A check found something that stands in the way."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check found."""

    name: str
    detail: str
    problem: NrrError | None = None


class _DatabaseAsItIs:
    """What the database knows of its account; never bound by looking at it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def bound_mode(self) -> bool | None:
        return bound_mode(self._connection)

    def bind_mode(self, *, livemode: bool) -> None:
        del livemode

    def known_customers(self, limit: int) -> Sequence[str]:
        return oldest_customers(self._connection, limit)


@click.command("doctor", epilog=_EXAMPLES)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check the key and its permissions, account, database, reports, Slack, clock and free disk.

    Every problem is shown with its fix. Exit status: 0 all is well, 1 there is a problem, 2 the
    settings are wrong.
    """
    settings, policy = load()
    statuses = [0]
    for checked in check_all(settings, policy):
        problem = checked.problem
        mark = Text("ok     ", "green") if problem is None else Text("problem", "bold red")
        print_parts([Text.assemble(mark, f"  {checked.name:<12}{checked.detail}")])
        if problem is not None:
            print_parts([indented(str(problem), 21)])
            statuses.append(problem.exit_status)
    print_parts(["", faint(as_of_line(settings))])
    ctx.exit(max(statuses))


def check_all(settings: Settings, policy: MetricPolicy) -> Iterator[Checked]:
    """Make every check, one after the other."""
    yield _made("policy", lambda: _policy(settings, policy))
    yield _made("disk", lambda: _disk(settings.home))
    yield _made("database", lambda: _database(settings))
    for line in _excluded(settings):
        yield Checked("customers", line)
    yield from _rates_of_last_day(settings, policy)
    yield _made("reports", lambda: f"go to {ReportStore(settings.reports).address}")
    yield _made("Slack", lambda: _slack(settings))
    try:
        source = StripeSource(_api_key(settings), settings.stripe_api_base)
    except NrrError as error:
        yield Checked("key", "cannot be used", error)
        return
    with source:
        key = _made("key", lambda: _key(source))
        yield key
        if key.problem is None:
            yield _made("account", lambda: _account(source, settings))
            yield _made("clock", lambda: _clock(source))


def _api_key(settings: Settings) -> str:
    key = settings.stripe_api_key
    return "" if key is None else key.get_secret_value()


def _made(name: str, check: Callable[[], str]) -> Checked:
    try:
        return Checked(name, check())
    except NrrError as error:
        return Checked(name, "", error)


def _policy(settings: Settings, policy: MetricPolicy) -> str:
    privacy_rules(policy)
    presentation(policy, settings.nrr_ui_url)
    return f"{policy.version}, from {settings.policy_path or 'the defaults'}"


def _disk(home: Path) -> str:
    place = next(path for path in (home, *home.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < FREE_BYTES_NEEDED:
        raise ProblemError(
            f"Only {_size(free)} are free at {place}. Free at least {_size(FREE_BYTES_NEEDED)}, or "
            "choose another NRR_HOME"
        )
    return f"{_size(free)} free at {place}"


def _database(settings: Settings) -> str:
    where = address_without_password(settings.database_url)
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        return f"{where} does not exist yet; the first nrr run creates it"
    with (
        open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse,
        warehouse.read() as connection,
    ):
        last = last_pull(connection)
        schema = revision_of(connection)
        size = _size(stored_bytes(connection))
    if last is not None and last.status == "failed":
        raise ProblemError(
            f"The last pull failed: {last.error or 'interrupted'}. What it brought is kept; "
            "complete it: nrr run"
        )
    return f"{where}, schema {schema}, {size}"


def _excluded(settings: Settings) -> list[str]:
    """How many customers the policy leaves out."""
    where = settings.database_url, settings.nrr_database_schema
    if not database_exists(*where):
        return []
    try:
        with open_warehouse(*where) as warehouse, warehouse.read() as connection:
            return exclusion_lines(excluded_now(connection))
    except NrrError:
        return []  # the check of the database says why


def _rates_of_last_day(settings: Settings, policy: MetricPolicy) -> Iterator[Checked]:
    try:
        foreign = _foreign(settings, policy)
    except ReportingCurrencyError as error:
        yield Checked("rates", "", error)
    else:
        if foreign:
            yield _made("rates", lambda: _rates(foreign, policy))


def _foreign(settings: Settings, policy: MetricPolicy) -> list[ForeignMrr]:
    """The currencies of the last published day that need exchange rates.

    Raises:
        ReportingCurrencyError: Several currencies, and none is set to report in.
    """
    where = settings.database_url, settings.nrr_database_schema
    if not database_exists(*where):
        return []
    try:
        with open_warehouse(*where) as warehouse, warehouse.read() as connection:
            last = reach(connection).last_published_day
            if last is None:
                return []
            return foreign_mrr(connection, last, reporting_currency(connection, policy))
    except ReportingCurrencyError:
        raise
    except NrrError:
        return []  # the check of the database says why


def _rates(foreign: Sequence[ForeignMrr], policy: MetricPolicy) -> str:
    [listed] = rates_line(foreign)
    too_old = [
        each.currency.upper()
        for each in foreign
        if each.age_days is None or each.age_days > policy.fx.max_age_days
    ]
    if too_old:
        raise ProblemError(
            f"{listed}. Those of {', '.join(too_old)} are missing, or older than "
            f"fx.max_age_days = {policy.fx.max_age_days}. Add newer ones to the file that "
            "files.fx_rates names, or let fx.ecb name the European Central Bank's history, then: "
            "nrr run --no-pull"
        )
    return listed


def _slack(settings: Settings) -> str:
    """Where alerts go; a webhook cannot be tried without sending a message."""
    sender = slack_sender(settings)
    if sender is None:
        return "not set up: alerts are kept and shown, and not sent"
    if not isinstance(sender, Bot):
        return "a webhook is set; to try it, send a message: nrr alerts test"
    outcome = sender.check()
    if outcome.result is not Result.CONFIRMED:
        raise ProblemError(outcome.reason)
    return f"the token is of {outcome.reason}, for {sender.place}; to try it: nrr alerts test"


def _key(source: StripeSource) -> str:
    refused = [result for result in check_permissions(source) if not result.ok]
    if refused:
        raise SettingsError("\n".join(result.message for result in refused))
    mode = {True: "live mode", False: "test mode", None: "a mode that it does not tell"}
    return f"accepted by {source.api_base}, of {mode[source.livemode]}, may read all it has to"


def _account(source: StripeSource, settings: Settings) -> str:
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        return "the database is not bound to an account yet; the first nrr run binds it"
    with open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse:
        return _bound_account(source, warehouse)


def _bound_account(source: StripeSource, warehouse: Warehouse) -> str:
    with warehouse.read() as connection:
        database = _DatabaseAsItIs(connection)
        check_account(source, database)
        bound = database.bound_mode()
    if bound is None:
        return "the database is not bound to an account yet; the first nrr run binds it"
    return f"the one that the database holds, in {'live' if bound else 'test'} mode"


def _clock(source: StripeSource) -> str:
    theirs, ours = server_time(source), int(utc_now().timestamp())
    if is_loopback(source.api_base):
        own = datetime.fromtimestamp(theirs, UTC)
        return f"the account at {source.api_base} keeps a time of its own: {instant(own)}"
    seconds = abs(theirs - ours)
    if seconds > CLOCK_TOLERANCE_SECONDS:
        side = "behind" if theirs > ours else "ahead of"
        raise ProblemError(
            f"This machine's clock is {seconds:,} s {side} Stripe's. Set it, best by a time "
            "service: timedatectl set-ntp true"
        )
    return f"within {max(1, seconds)} s of Stripe's"


def _size(count: int) -> str:
    """A number of bytes for readers.

    >>> _size(2_340_000), _size(1_000_000_000)
    ('2.3 MB', '1.0 GB')
    """
    unit, name = (10**9, "GB") if count >= 10**9 else (10**6, "MB")
    return f"{count / unit:,.1f} {name}"
