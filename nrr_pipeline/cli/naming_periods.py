"""How a period is named on the command line, and what is said where it has no figures."""

from __future__ import annotations

import click

from nrr_pipeline.cli.opening import Opened, nothing_yet
from nrr_pipeline.cli.rendering import day
from nrr_pipeline.errors import NrrError
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.policy import MetricPolicy


class NotPublishedError(NrrError):
    """A period was asked for that has no figures."""


def parse_period(text: str, policy: MetricPolicy) -> Period:
    """Read ``2026-03``, ``2026-Q1`` or ``ttm-2026-03``.

    Raises:
        click.BadParameter: The text is none of these.
    """
    try:
        return Period.parse(text, fiscal_year_start_month=policy.fiscal_year_start_month)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="PERIOD") from None


def not_published(installation: Opened, period: Period) -> NrrError:
    """Return the error of asking for a period without figures: why, and what to do."""
    reach = installation.reach
    if reach.first_published_day is None or reach.last_published_day is None:
        return nothing_yet(installation.settings.home)
    if period.closing_date > reach.last_published_day:
        return NotPublishedError(
            f"{period.label} is not published: it ends on {day(period.closing_date)}, and days are "
            f"published through {day(reach.last_published_day)}. Publish it once it is over: "
            f"nrr run --date {period.closing_date}"
        )
    if period.period_start < reach.first_published_day:
        return NotPublishedError(
            f"{period.label} is not published: the first day that is, is "
            f"{day(reach.first_published_day)}. An earlier start_date in policy.toml takes effect "
            "in a new database only"
        )
    return NotPublishedError(f"{period.label} is not published yet. Publish it: nrr run --no-pull")
