"""What ``nrr run`` does: the jobs of the schedules, one after the other, in this process.

Whatever was done before stays done: a run that was interrupted is completed by the next. What a
run *would* do is told by ``rehearsal``.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from nrr_pipeline.errors import NrrError, SettingsError
from nrr_pipeline.metrics.periods import Period, PeriodKind
from nrr_pipeline.orchestration.assets.stripe import THROUGH_TAG
from nrr_pipeline.orchestration.backlog import (
    BOARD_REPORT,
    Span,
    days_to_publish,
    periods_to_publish,
    periods_touched_by,
    reports_to_issue,
    spans_of_days,
    spans_of_periods,
)
from nrr_pipeline.orchestration.clock import last_full_day, utc_now
from nrr_pipeline.orchestration.in_process import Executor, close_abandoned_runs
from nrr_pipeline.orchestration.instance import home_instance
from nrr_pipeline.orchestration.jobs import (
    DAILY_CLOSE,
    DAYS,
    DELIVERY,
    FOLLOWING,
    JOB_OF,
    MONTHLY_REPORT,
    OUTGOING,
    PRICED,
    PULLED,
    REPORTS,
)
from nrr_pipeline.orchestration.outcome import RunOutcome, outcome, standing
from nrr_pipeline.orchestration.rehearsal import estimate_line, rehearse
from nrr_pipeline.orchestration.resources import (
    Echo,
    Narrator,
    SlackResource,
    StripeResource,
    WarehouseResource,
)
from nrr_pipeline.orchestration.stages.daily import first_day
from nrr_pipeline.orchestration.stages.delivery import NOT_CONFIGURED
from nrr_pipeline.orchestration.stages.incidents import look_for_missing_days
from nrr_pipeline.orchestration.stages.measuring import RetentionNotComputableError
from nrr_pipeline.orchestration.stages.periods import TABLES
from nrr_pipeline.policy import MetricPolicy, load_policy
from nrr_pipeline.settings import Settings
from nrr_pipeline.stripe_source.probe import estimate
from nrr_pipeline.warehouse.pulls import last_complete_pull
from nrr_pipeline.warehouse.transactions import Warehouse

DAYS_AT_ONCE = 366
"""How many days go into one run; a failure costs at most their entries in Dagster's records."""


def run_pipeline(
    settings: Settings,
    *,
    through: date,
    start: date | None = None,
    pull: bool = True,
    dry_run: bool = False,
    echo: Echo,
) -> RunOutcome:
    """Pull, publish every missing day, every period that those days complete, and its report.

    Args:
        settings: Of the installation.
        through: Last day to publish.
        start: First day of a range that is published again; by default only what is missing.
        pull: Whether to pull first; otherwise what was pulled last is worked on.
        dry_run: Only tell what would be done; nothing is created or changed.
        echo: Told, in lines, what is being done.

    Raises:
        SettingsError: The command or its settings cannot work as they are.
        NrrError: Something failed; what was done before it is kept.
    """
    policy = load_policy(settings.policy_path)
    if dry_run:
        return rehearse(settings, policy, through, start, pull=pull, echo=echo)
    if pull:
        StripeResource(settings).require_key()
    SlackResource(settings).sender()
    with home_instance(settings) as instance, WarehouseResource(settings).opened() as warehouse:
        close_abandoned_runs(instance)
        before = standing(warehouse)
        run = _Run(Executor(settings, instance, Narrator(echo)), warehouse, policy, echo)
        run.pull_and_price(through, pull=pull)
        problems = run.publish(through, start)
        run.send_alerts()
        return outcome(before, standing(warehouse), policy, problems)


def issue_board_report(settings: Settings, month: Period, *, echo: Echo) -> None:
    """Issue the board report of a month, unless its last edition says the same already.

    Raises:
        NrrError: It cannot be issued, or not all of its files could be written.
    """
    with home_instance(settings) as instance:
        close_abandoned_runs(instance)
        executor = Executor(settings, instance, Narrator(echo))
        span = Span(month.period_start, month.period_start)
        executor.execute(MONTHLY_REPORT, REPORTS, span)


def send_alerts(settings: Settings, *, echo: Echo) -> RunOutcome:
    """Send what is kept, by the job that sends it every minute; first look for missing days.

    Args:
        settings: Of the installation.
        echo: Told what is waited for.

    Raises:
        SettingsError: There is nowhere to send to.
        NrrError: Something failed.
    """
    policy = load_policy(settings.policy_path)
    if SlackResource(settings).sender() is None:
        raise SettingsError(NOT_CONFIGURED)
    with home_instance(settings) as instance, WarehouseResource(settings).opened() as warehouse:
        before = standing(warehouse)
        look_for_missing_days(warehouse, policy, utc_now())
        run = _Run(Executor(settings, instance, Narrator(echo)), warehouse, policy, echo)
        run.send_alerts()
        return outcome(before, standing(warehouse), policy)


@dataclass(frozen=True)
class _Run:
    executor: Executor
    warehouse: Warehouse
    policy: MetricPolicy
    echo: Echo

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.executor.instance

    def pull_and_price(self, through: date, *, pull: bool) -> None:
        """Read the account, and rebuild and price the history that changed."""
        if pull:
            self._tell_estimate()
        is_in_the_past = through < last_full_day(self.policy, utc_now())
        self.executor.execute(
            DAILY_CLOSE,
            (*PULLED, *PRICED) if pull else PRICED,
            tags={THROUGH_TAG: through.isoformat()} if is_in_the_past else None,
        )

    def publish(self, through: date, start: date | None) -> list[str]:
        """Publish days, what follows from them, the periods that they complete, their reports.

        Returns:
            Which periods could not be measured, which reports not issued, and why.
        """
        days = self._days(through, start)
        self._publish_days(days)
        again = days if start is not None else []
        spans = {kind: tuple(self._periods(kind, again)) for kind in TABLES}
        alike: defaultdict[tuple[str, tuple[Span, ...]], list[str]] = defaultdict(list)
        for kind, table in TABLES.items():
            alike[JOB_OF[kind], spans[kind]].append(table)
        problems = [
            problem
            for (job, same), tables in alike.items()
            for problem in self._publish_periods(job, tables, same)
        ]
        return [*problems, *self._issue_reports()]

    def send_alerts(self) -> None:
        """Send what is kept; what cannot be sent says why, and does not undo what is published."""
        self.executor.execute(DELIVERY, OUTGOING)

    def _days(self, through: date, start: date | None) -> list[date]:
        if start is None:
            return days_to_publish(self.warehouse, self.policy, self.instance, through)
        first = first_day(self.warehouse, self.policy)
        if first is None or start < first:
            raise SettingsError(
                f"{start} lies before the first day of the figures, {first}, which never moves."
                if first
                else "There is no recurring revenue in the account yet, so no day to publish."
            )
        return Span(start, through).days

    def _publish_days(self, days: Sequence[date]) -> None:
        spans = [
            Span(chunk[0], chunk[-1])
            for span in spans_of_days(days)
            for chunk in span.in_chunks_of(DAYS_AT_ONCE)
        ]
        for span in spans[:-1]:
            self.executor.execute(DAILY_CLOSE, DAYS, span)
            self.echo(f"published days: {span}")
        if spans:
            self.executor.execute(DAILY_CLOSE, (*DAYS, *FOLLOWING), spans[-1])
            self.echo(f"published days: {spans[-1]}")
        else:
            self.executor.execute(DAILY_CLOSE, FOLLOWING)

    def _periods(self, kind: PeriodKind, again: Sequence[date]) -> list[Span]:
        """The periods of a kind that are due, and those that days published again touch."""
        due = periods_to_publish(self.warehouse, self.policy, self.instance, kind, clock=utc_now)
        touched = periods_touched_by(self.warehouse, self.policy, kind, again)
        return spans_of_periods(sorted({*due, *touched}), kind)

    def _publish_periods(
        self, job: str, tables: Sequence[str], spans: Sequence[Span]
    ) -> Iterator[str]:
        for span in spans:
            problems = self._try_to_publish(job, tables, span)
            if problems and len(tables) > 1:
                for table in tables:
                    yield from self._publish_periods(job, [table], [span])
            elif problems:
                yield from problems
            else:
                self.echo(f"published {', '.join(tables)}: {span}")

    def _try_to_publish(self, job: str, tables: Sequence[str], span: Span) -> list[str]:
        """What periods lack that cannot be measured; the first table that has any ends the run."""
        try:
            self.executor.execute(job, tables, span)
        except RetentionNotComputableError as error:
            return str(error).splitlines()
        return []

    def _issue_reports(self) -> Iterator[str]:
        """Issue the board reports that are due; which could not be, and why."""
        due = reports_to_issue(self.warehouse, self.policy, self.instance)
        for span in spans_of_periods(due, PeriodKind.MONTH):
            try:
                self.executor.execute(MONTHLY_REPORT, REPORTS, span)
            except NrrError as error:
                yield from str(error).splitlines()
            else:
                self.echo(f"issued {BOARD_REPORT}: {span}")

    def _tell_estimate(self) -> None:
        with self.warehouse.read() as connection:
            if last_complete_pull(connection) is not None:
                return
        with StripeResource(self.executor.settings).opened() as source:
            self.echo(estimate_line(estimate(source)))
