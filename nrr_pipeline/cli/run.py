"""``nrr run``: pull, then bring every day and period up to date, through Dagster.

What is run, and in which order, is decided in ``orchestration.runner``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from nrr_pipeline.cli.exclusions import exclusion_lines
from nrr_pipeline.cli.interruption import interruptible
from nrr_pipeline.cli.opening import as_of_line, load, policy_line
from nrr_pipeline.cli.rendering import day, faint, indented, print_parts, printable
from nrr_pipeline.cli.report_views import report_line
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.money import format_money
from nrr_pipeline.orchestration.clock import last_full_day, utc_now

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nrr_pipeline.orchestration.outcome import RunOutcome
    from nrr_pipeline.settings import Settings
    from nrr_pipeline.warehouse.quality import OpenFinding

FINDINGS_SHOWN = 20
PROBLEMS_SHOWN = 10

_DAY = click.DateTime(["%Y-%m-%d"])
_SEVERITIES = ("error", "warning", "info")
_KINDS = {"month": "month", "quarter": "quarter", "trailing_12_months": "trailing twelve months"}

_EXAMPLES = """\b
Examples:
  nrr run                                       up to yesterday
  nrr run --date 2026-09-30                     up to an earlier day
  nrr run --no-pull                             with what was pulled last, after a policy change
  nrr run --from 2026-03-01 --to 2026-03-31     publish these days and their periods again
  nrr run --dry-run                             tell what would be done
"""


@click.command("run", epilog=_EXAMPLES)
@click.option("--date", "through", metavar="D", type=_DAY, help="Last day.  [default: yesterday]")
@click.option("--from", "first", metavar="D", type=_DAY, help="Publish again from this day.")
@click.option("--to", "last", metavar="D", type=_DAY, help="Publish again through this day.")
@click.option("--no-pull", is_flag=True, help="Work with what was pulled last.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
def command(
    *,
    through: datetime | None,
    first: datetime | None,
    last: datetime | None,
    no_pull: bool,
    dry_run: bool,
) -> None:
    """Pull from Stripe, then publish every missing day and every period that those complete.

    A run that was interrupted is completed by the next; run twice, it changes nothing the second
    time. Days end at midnight in the reporting time zone.
    """
    settings, policy = load()
    start, through_day = days_asked_for(
        _date(through), _date(first), _date(last), last_full_day(policy, utc_now())
    )
    # Dagster takes longer to import than all other commands take in all.
    from nrr_pipeline.orchestration.runner import run_pipeline  # noqa: PLC0415

    with interruptible(lambda line: click.echo(line, err=True)) as echo:
        outcome = run_pipeline(
            settings,
            through=through_day,
            start=start,
            pull=not no_pull,
            dry_run=dry_run,
            echo=echo,
        )
    for line in finding_lines(outcome.findings):
        click.echo(line, err=True)
    print_parts(
        [
            *(["Dry run: nothing was changed."] if dry_run else _done(outcome)),
            *([] if dry_run else delivery_lines(outcome)),
            "",
            faint(as_of_line(settings)),
            faint(policy_line(policy)),
            *map(faint, exclusion_lines(outcome.excluded)),
        ]
    )
    unsent = outcome.unsent if is_slack_set(settings) and not dry_run else ()
    if outcome.problems or unsent:
        raise NotEverythingDoneError("\n".join([*_first(outcome.problems), *unsent]))


class NotEverythingDoneError(NrrError):
    """Figures are missing, or alerts not sent, for want of something that the message names."""


def is_slack_set(settings: Settings) -> bool:
    """Whether alerts are meant to be sent."""
    return settings.slack_webhook_url is not None or settings.slack_bot_token is not None


def delivery_lines(outcome: RunOutcome) -> Iterator[RenderableType]:
    """Yield which alerts were sent, and which are kept and why."""
    for line in outcome.sent:
        yield printable(f"Sent to Slack: {line}")
    if outcome.kept:
        yield f"Kept, not sent: {_counted(len(outcome.kept), 'alert')}."
        yield from (indented(reason) for reason in outcome.unsent)


def days_asked_for(
    through: date | None, first: date | None, last: date | None, last_full_day: date
) -> tuple[date | None, date]:
    """Return the first day to publish again, if any, and the last day to publish.

    Raises:
        click.UsageError: The days contradict each other, or are not over.
    """
    if through is not None and (first is not None or last is not None):
        raise click.UsageError("Give either --date, or --from and --to")
    if last is not None and first is None:
        raise click.UsageError("--to needs --from; to publish up to a day, use --date")
    final = through or last or last_full_day
    if final > last_full_day:
        raise click.UsageError(
            f"{day(final)} is not over yet; the last day that can be published is "
            f"{day(last_full_day)}: nrr run --date {last_full_day}"
        )
    if first is not None and first > final:
        raise click.UsageError(f"--from {first} lies after the last day, {final}")
    return first, final


def finding_lines(findings: Sequence[OpenFinding]) -> Iterator[str]:
    """Yield the open findings, the most serious first, for standard error."""
    if not findings:
        return
    counts = Counter(each.finding.severity for each in findings)
    known = [name for name in _SEVERITIES if name in counts]
    yield f"Findings: {', '.join(f'{counts[name]} {name}' for name in known)}"
    ordered = sorted(findings, key=lambda each: _SEVERITIES.index(each.finding.severity))
    for each in ordered[:FINDINGS_SHOWN]:
        finding = each.finding
        sum_of_money = ""
        if finding.amount_micros is not None and finding.currency is not None:
            sum_of_money = f" ({format_money(finding.amount_micros, finding.currency)})"
        text = f"{finding.check_name}: {finding.object_id}: {finding.detail}{sum_of_money}"
        yield f"  {finding.severity:<8} {printable(text)}"
    if len(ordered) > FINDINGS_SHOWN:
        yield f"  and {len(ordered) - FINDINGS_SHOWN} more in the table data_quality"


def _first(problems: Sequence[str]) -> list[str]:
    rest = len(problems) - PROBLEMS_SHOWN
    return [*problems[:PROBLEMS_SHOWN], *([f"and {rest} more of the kind"] if rest > 0 else [])]


def _date(value: datetime | None) -> date | None:
    return None if value is None else value.date()


def _done(outcome: RunOutcome) -> list[RenderableType]:
    if outcome.is_unchanged:
        return ["Everything was up to date; no figure changed."]
    parts: list[RenderableType] = []
    if outcome.days:
        parts.append(f"Published {_counted(len(outcome.days), 'day')}, {_span(outcome.days)}.")
    counts = Counter(each.period.kind.value for each in outcome.periods)
    if counts:
        named = [_counted(counts[kind], name) for kind, name in _KINDS.items() if kind in counts]
        parts.append(f"Published {', '.join(named)}.")
    anew = [each.period.label for each in outcome.periods if each.edition > 1]
    if anew:
        parts.append(f"New editions: {', '.join(anew)}. See what was restated: nrr show PERIOD")
    parts += [report_line(each) for each in outcome.reports]
    for text in outcome.alerts:
        parts += ["Alert:", indented(text)]
    return parts


def _span(days: Sequence[date]) -> str:
    return day(days[0]) if len(days) == 1 else f"{day(days[0])} to {day(days[-1])}"


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 or name.endswith("s") else f"{count:,} {name}s"
