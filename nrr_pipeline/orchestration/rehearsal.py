"""What a run would do, told without doing it: nothing is created and nothing changes."""

from collections.abc import Sequence
from datetime import date

from nrr_pipeline.metrics.periods import Period, PeriodKind, periods_closing_within
from nrr_pipeline.orchestration.backlog import Span, periods_touched_by, spans_of_days
from nrr_pipeline.orchestration.outcome import RunOutcome, outcome, standing
from nrr_pipeline.orchestration.resources import Echo, StripeResource, WarehouseResource
from nrr_pipeline.orchestration.stages.daily import first_day, missing_days
from nrr_pipeline.orchestration.stages.reports import due_reports
from nrr_pipeline.policy import MetricPolicy
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.probe import PullEstimate, estimate
from nrr_pipeline.warehouse.engine import database_exists
from nrr_pipeline.warehouse.transactions import Warehouse

NOTHING = RunOutcome((), (), (), (), (), None, None)


def rehearse(
    settings: Settings,
    policy: MetricPolicy,
    through: date,
    start: date | None = None,
    *,
    pull: bool,
    echo: Echo,
) -> RunOutcome:
    """Tell what would be pulled and published.

    Args:
        settings: Of the installation.
        policy: In force.
        through: Last day to publish.
        start: First day of a range that would be published again.
        pull: Whether a pull would come first.
        echo: Told what would be done.

    Returns:
        How the installation stands, with nothing published.
    """
    if pull:
        with StripeResource(settings).opened() as source:
            echo(estimate_line(estimate(source)))
    if not database_exists(settings.database_url, settings.nrr_database_schema):
        echo("Nothing has been pulled yet; which days there are is known after the first pull.")
        return NOTHING
    with WarehouseResource(settings).opened() as warehouse:
        for line in _plan(warehouse, policy, through, start):
            echo(line)
        present = standing(warehouse)
        return outcome(present, present, policy)


def estimate_line(size: PullEstimate) -> str:
    """What a pull will take, in a line."""
    about = "" if size.is_exact else "about "
    objects = sum(size.objects.values())
    minutes = max(1, round(size.minutes))
    megabytes = max(1, round(size.disk_bytes / 1_000_000))
    return (
        f"A first pull reads {about}{objects:,} objects: {about}{size.requests:,} requests, "
        f"{'less than a minute' if size.minutes < 1 else f'about {minutes} minutes'}, "
        f"{megabytes:,} MB on disk."
    )


def _plan(
    warehouse: Warehouse, policy: MetricPolicy, through: date, start: date | None
) -> Sequence[str]:
    first = first_day(warehouse, policy)
    if first is None:
        return ["There is no recurring revenue in the account yet, so no day to publish."]
    again = [] if start is None else Span(max(start, first), through).days
    days = again or missing_days(warehouse, policy, through)
    lines = [f"would publish days: {span}" for span in spans_of_days(days)]
    fiscal = policy.fiscal_year_start_month
    for kind in PeriodKind:
        touched = periods_touched_by(warehouse, policy, kind, again)
        closing = periods_closing_within(kind, first, through, fiscal_year_start_month=fiscal)
        completed = [each.period_start for each in closing if each.closing_date in days]
        names = [
            Period.of(kind, period_start, fiscal_year_start_month=fiscal).label
            for period_start in sorted({*touched, *completed})
        ]
        if names:
            lines.append(f"would publish {kind.value.replace('_', ' ')}: {', '.join(names)}")
    if due := due_reports(warehouse, policy):
        lines.append(f"would issue board reports: {', '.join(month.label for month in due)}")
    return lines or [f"Every day through {through} is published."]
