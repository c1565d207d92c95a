"""``nrr explain``: who moved a period's figures and why, and how it differs from the one before.

How it looks is decided in ``explain_views``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from nrr_pipeline.cli import documents, explain_views
from nrr_pipeline.cli.breakdown import parse_dimensions
from nrr_pipeline.cli.naming_periods import not_published, parse_period
from nrr_pipeline.cli.opening import opened
from nrr_pipeline.cli.remarks import held_out_lines, restatement_lines
from nrr_pipeline.cli.rendering import faint, print_parts
from nrr_pipeline.metrics.attribution import SegmentEffect
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.orchestration.stages.explaining import NothingToExplainError, explain
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.reasons import by_cause

_EXAMPLES = """\b
Examples:
  nrr explain 2026-Q3                      why NRR is what it is: causes, customers, segments
  nrr explain 2026-Q3 --by company_size    rate and mix of another dimension
  nrr explain 2026-03 --all                every customer that moved, not only the largest twenty
  nrr explain ttm-2026-03 --json           for programs, with exact fractions
"""


@click.command("explain", epilog=_EXAMPLES)
@click.argument("period")
@click.option(
    "--by",
    "dimension",
    metavar="DIMENSION",
    help="Split the change against the period before by this dimension.  [default: the one whose "
    "segments differ most]",
)
@click.option("--all", "is_complete", is_flag=True, help="List every customer that moved.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(*, period: str, dimension: str | None, is_complete: bool, as_json: bool) -> None:
    """Explain the NRR of PERIOD: what moved it, in percentage points that add up.

    PERIOD is a month 2026-03, a quarter 2026-Q1, or twelve months ttm-2026-03. Shown are the
    causes, the customers with their reasons, and what every segment adds to the change against the
    period before: by its own rate, and by its weight (mix).
    """
    with opened() as installation:
        by = parse_dimensions(dimension, installation.policy)
        if len(by) > 1:
            raise click.BadParameter("name one dimension", param_hint="--by")
        wanted = parse_period(period, installation.policy)
        try:
            found = explain(installation.connection, installation.policy, wanted)
        except NothingToExplainError:
            raise not_published(installation, wanted) from None
        if as_json:
            documents.write({**_document(found), **installation.document()})
            return
        row = _row(found)
        parts = explain_views.parts(found, row, by[0] if by else None, is_complete=is_complete)
        print_parts(
            [
                *parts,
                *held_out_lines(found.held_out),
                *restatement_lines(installation.connection, wanted, row),
                *map(faint, installation.footer([found.policy_version])),
            ]
        )


def _row(found: PeriodExplanation) -> dict[str, Any]:
    """The row for all customers as its table has it."""
    period = found.period
    return {
        **asdict(found.whole),
        "period_start": period.period_start,
        "period_end": period.period_end,
        "opening_date": period.opening_date,
        "closing_date": period.closing_date,
        "is_final": found.is_final,
        "is_historical": found.is_historical,
        "edition": found.edition,
        "known_at": found.known_at,
        "policy_version": found.policy_version,
    }


def _document(found: PeriodExplanation) -> documents.Document:
    row, whole, before = _row(found), found.whole, found.whole_before
    return {
        **documents.published(found.period, row),
        **documents.retention(row),
        "before": None
        if before is None
        else {"period": found.period.previous.key, **documents.retention(asdict(before))},
        "causes": [
            {**asdict(each), "points": documents.exact(each.points)}
            for each in by_cause(found.moves, whole)
        ],
        "customers": [
            {
                **asdict(each),
                "change_micros": each.change_micros,
                "points": documents.exact(each.points_of(whole)),
            }
            for each in found.moves
        ],
        "effects": {
            dimension: [_effect(found, each) for each in effects]
            for dimension, effects in found.effects.items()
        },
        "restated": [asdict(each) for each in found.restated],
        "held_out": found.held_out,
        "at_risk_mrr_micros": found.at_risk_mrr_micros,
        "scheduled_churn_mrr_micros": found.scheduled_churn_mrr_micros,
        "approximate_items": found.approximate_items,
        "approximate_error_micros": found.approximate_error_micros,
    }


def _effect(found: PeriodExplanation, effect: SegmentEffect) -> documents.Document:
    def side(row: Retention | None) -> documents.Document | None:
        return None if row is None else documents.retention(asdict(row))

    key = effect.dimension, effect.segment
    return {
        "segment": effect.segment,
        "name": found.segment_names[key],
        "rate_points": documents.exact(effect.rate_points),
        "mix_points": documents.exact(effect.mix_points),
        "before": side(effect.before),
        "after": side(effect.after),
    }
