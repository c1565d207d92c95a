"""A published period measured again, as it was known then, for what its table does not hold.

Here pandas is imported, which takes longer than everything else that a question needs; so only
those who need this import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from nrr_pipeline.cli.opening import Opened
from nrr_pipeline.cli.retention_views import WHOLE
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.metrics.retention import Measurement, crossed
from nrr_pipeline.orchestration.stages.measuring import measure
from nrr_pipeline.warehouse.reading import Rows


def measured(
    installation: Opened, period: Period, rows: Rows, subject: str, by: Sequence[str] = ()
) -> tuple[Measurement, bool]:
    """Return a period's measurement, and whether it is what was published.

    A remark goes to standard error when it is not, which happens when the policy has changed since.

    Args:
        installation: What to read, and today's policy.
        period: What to measure.
        rows: What was published of it.
        subject: What the remark calls the outcome.
        by: Dimensions that are compared, beside the whole.
    """
    known_at, version = rows[0]["known_at"], rows[0]["policy_version"]
    found = measure(installation.connection, installation.policy, period, known_at=known_at)
    dimensions = {WHOLE, *by}
    names = tuple(asdict(found.whole))
    is_published = {
        tuple(row[name] for name in names) for row in rows if row["dimension"] in dimensions
    } == {tuple(asdict(row).values()) for row in found.rows if row.dimension in dimensions}
    if not is_published:
        click.echo(
            f"{subject} do not add up to the figures of {period.label}, which were published "
            f"under policy {version}. Publish it anew: nrr run --no-pull",
            err=True,
        )
    return found, is_published


def pairs_of_segments(
    installation: Opened, period: Period, rows: Rows, first: str, second: str
) -> tuple[Rows, bool]:
    """Return the figures of every pair of segments, and whether they add up to what is published.

    A row's ``dimension`` and ``segment`` are pairs.
    """
    found, is_published = measured(
        installation, period, rows, "The pairs of segments", (first, second)
    )
    pairs = [
        {**asdict(row), "dimension": (first, second), "segment": (left, right)}
        for left, right, row in crossed(found, first, second)
    ]
    return pairs, is_published
