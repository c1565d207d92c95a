"""``nrr alerts``: what was raised and whether it arrived; sending, taking note of, silencing.

How an alert is sent is decided in ``orchestration.stages.delivery``; what is shown of one, in
``alert_views``.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.text import Text

from nrr_pipeline.cli import alert_views, documents
from nrr_pipeline.cli.opening import load, nothing_yet, opened
from nrr_pipeline.cli.rendering import faint, instant, print_parts
from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.metrics.periods import ONE_DAY
from nrr_pipeline.orchestration.clock import utc_now
from nrr_pipeline.reporting.conditions import Metric
from nrr_pipeline.warehouse import alerts as kept
from nrr_pipeline.warehouse.engine import database_exists, open_warehouse
from nrr_pipeline.warehouse.outbox import unsent
from nrr_pipeline.warehouse.transactions import Connection, Warehouse

LATEST = 20

_DAY = click.DateTime(["%Y-%m-%d"])
_METRICS = click.Choice([*(each.value for each in Metric), "run_failure", "overdue", "digest"])
_PERIODS = click.Choice(["month", "quarter", "week", "day"])

_EXAMPLES = """\b
Examples:
  nrr alerts                                            the latest, and what became of each
  nrr alerts list --all --json
  nrr alerts show 2026-07-01                            one of them; a part of its key is enough
  nrr alerts test                                       try the way to Slack
  nrr alerts send                                       send now what is not sent yet
  nrr alerts ack nrr:quarter:2026-07-01 --by Kim
  nrr alerts silence --metric logo_churn --days 14 --reason "known: price change"
  nrr alerts silence --segment plan:Starter --until 2026-12-31
  nrr alerts silences
  nrr alerts unsilence 3
"""


class NoSuchAlertError(NrrError):
    """A key fits no alert, or several."""

    exit_status = 2


class NotSentError(NrrError):
    """Slack did not take a message."""


@click.group("alerts", epilog=_EXAMPLES, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show the alerts and what became of them; send, acknowledge and silence them.

    An alert is kept first and sent from there, so none is lost while Slack is away. One that Slack
    has confirmed is never sent again.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_alerts)


@command.command("list")
@click.option("--all", "shows_all", is_flag=True, help=f"Not only the latest {LATEST}.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def list_alerts(*, shows_all: bool = False, as_json: bool = False) -> None:
    """List alerts, the latest first, with what became of each."""
    now = utc_now()
    with opened() as installation:
        rows = kept.alerts(installation.connection)[::-1]
        shown = rows if shows_all else rows[:LATEST]
        if as_json:
            listed = [alert_views.document(row, now) for row in shown]
            documents.write({"alerts": listed, **installation.document()})
            return
        parts = alert_views.listing(shown, now) or [Text("No alert was raised yet.")]
        if len(rows) > len(shown):
            parts.append(faint(f"and {len(rows) - len(shown)} older ones: nrr alerts list --all"))
        print_parts([*parts, "", *map(faint, installation.footer())])


@command.command("show")
@click.argument("key")
def show_alert(key: str) -> None:
    """Show one alert: all it says, and its delivery. A part of its KEY is enough."""
    with opened() as installation:
        row = _found(installation.connection, key)
        parts = alert_views.whole(row, utc_now(), installation.settings.nrr_ui_url)
        print_parts([*parts, "", *map(faint, installation.footer())])


@command.command("test")
def send_test() -> None:
    """Send a message that says it is a test, and tell where it went or what to do."""
    settings, _ = load()
    from nrr_pipeline.notify.opening import slack_sender  # noqa: PLC0415 - the SDK takes a while
    from nrr_pipeline.notify.slack import Result  # noqa: PLC0415
    from nrr_pipeline.orchestration.stages.delivery import NOT_CONFIGURED  # noqa: PLC0415

    sender = slack_sender(settings)
    if sender is None:
        raise SettingsError(NOT_CONFIGURED)
    outcome = sender.send("This is a test of nrr-pipeline: its alerts will arrive here.")
    if outcome.result is not Result.CONFIRMED:
        raise NotSentError(outcome.reason)
    click.echo(f"Sent to {sender.place}.")


@command.command("send")
@click.option("--dry-run", is_flag=True, help="Only tell what would be sent.")
def send(*, dry_run: bool) -> None:
    """Send now what is not sent yet; first look whether days are missing, and tell that too.

    Called from cron it is the one to notice that the Dagster daemon itself has died.
    """
    settings, _ = load()
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        raise nothing_yet(settings.home)
    if dry_run:
        with opened() as installation:
            left = unsent(installation.connection)
            parts = alert_views.listing(left, utc_now()) or [Text("Nothing is to be sent.")]
            print_parts([*parts, "", *map(faint, installation.footer())])
        return
    # Dagster takes longer to import than all other commands take in all.
    from nrr_pipeline.cli.interruption import interruptible  # noqa: PLC0415
    from nrr_pipeline.cli.run import delivery_lines  # noqa: PLC0415
    from nrr_pipeline.orchestration.runner import send_alerts  # noqa: PLC0415

    with interruptible(lambda line: click.echo(line, err=True)) as echo:
        outcome = send_alerts(settings, echo=echo)
    with opened() as installation:
        lines = [*delivery_lines(outcome)] or ["Everything is sent."]
        print_parts([*lines, "", *map(faint, installation.footer())])
    if outcome.unsent:
        raise NotSentError("\n".join(outcome.unsent))


@command.command("ack")
@click.argument("keys", nargs=-1, required=True)
@click.option("--by", metavar="NAME", help="Who takes note.  [default: you]")
def acknowledge(keys: tuple[str, ...], by: str | None) -> None:
    """Take note of alerts. One that is not sent yet will not be."""
    with _writing() as warehouse, warehouse.bookkeeping() as connection:
        rows = [_found(connection, key) for key in keys]
        for row in rows:
            kept.acknowledge(connection, row["alert_key"], by=by or getpass.getuser(), at=utc_now())
    for row in rows:
        click.echo(f"Acknowledged: {alert_views.key_of(row)}")


@command.command("silence")
@click.option("--metric", type=_METRICS, help="Only alerts about this.")
@click.option("--period", type=_PERIODS, help="Only alerts about such periods.")
@click.option("--segment", metavar="DIM:SEG", help="Only this segment, such as plan:Starter.")
@click.option("--until", metavar="DAY", type=_DAY, help="Last day of the silence.")
@click.option("--days", type=click.IntRange(1, 3_660), help="For so many days.")
@click.option("--reason", metavar="TEXT", help="Why; it is shown with the silence.")
def silence(
    *,
    metric: str | None,
    period: str | None,
    segment: str | None,
    until: datetime | None,
    days: int | None,
    reason: str | None,
) -> None:
    """Keep alerts from being sent for a while. They are raised and shown all the same."""
    if (until is None) == (days is None):
        raise click.UsageError("Say for how long: either --until DAY or --days N")
    now = utc_now()
    end = now + timedelta(days=days or 0) if until is None else _end_of_day(until.date())
    if end <= now:
        raise click.UsageError("The silence would be over already; give a later day")
    row = {"metric": metric, "period": period, **_segment(segment), "reason": reason, "until": end}
    with _writing() as warehouse, warehouse.bookkeeping() as connection:
        number = kept.silence(connection, row, at=now)
    click.echo(
        f"Silence {number} until {instant(end)}: {alert_views.what(row)}. "
        f"To end it: nrr alerts unsilence {number}"
    )


@command.command("silences")
def list_silences() -> None:
    """List the silences that are not over."""
    with opened() as installation:
        rows = kept.silences(installation.connection, at=utc_now())
        lines = [alert_views.silence_line(row) for row in rows] or ["Nothing is silenced."]
        print_parts([*lines, "", *map(faint, installation.footer())])


@command.command("unsilence")
@click.argument("number", type=int)
def unsilence(number: int) -> None:
    """End a silence. Alerts that were raised in it stay unsent."""
    with _writing() as warehouse, warehouse.bookkeeping() as connection:
        if not kept.end_silence(connection, number, at=utc_now()):
            raise NoSuchAlertError(
                f"There is no silence {number} that is not over. See which there are: "
                "nrr alerts silences"
            )
    click.echo(f"Silence {number} is over.")


@contextmanager
def _writing() -> Iterator[Warehouse]:
    settings, _ = load()
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        raise nothing_yet(settings.home)
    with open_warehouse(settings.database_url, settings.nrr_database_schema) as warehouse:
        yield warehouse


def _found(connection: Connection, key: str) -> dict[str, Any]:
    """The alert that a key, or a part of one, stands for."""
    exact = kept.alert(connection, key)
    if exact is not None:
        return exact
    fitting = [row for row in kept.alerts(connection) if key in row["alert_key"]]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise NoSuchAlertError(f"No alert has {key!r} in its key. See all: nrr alerts list --all")
    listed = "\n".join(f"  {alert_views.key_of(row)}" for row in fitting[:LATEST])
    raise NoSuchAlertError(
        f"Several alerts have {key!r} in their keys; give more of one:\n{listed}"
    )


def _segment(given: str | None) -> dict[str, str | None]:
    if given is None:
        return {"dimension": None, "segment": None}
    dimension, colon, segment = given.partition(":")
    if not colon or not dimension or not segment:
        raise click.UsageError(
            f"--segment {given} is not a dimension and a segment, such as plan:Starter"
        )
    return {"dimension": dimension, "segment": segment}


def _end_of_day(last: date) -> datetime:
    """The end of the last day of a silence, in the reporting time zone."""
    _, policy = load()
    midnight = datetime.combine(last + ONE_DAY, time(), ZoneInfo(policy.timezone))
    return midnight.astimezone(UTC)
