"""What an alert says: the figure first, then its cause, parts, customers, and what changed.

When one is raised is decided in ``orchestration.stages.alerting``; the layout stands in
``message``, the sentences about causes in ``causes``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fractions import Fraction

from nrr_pipeline.metrics.bridge import WHOLE, Retention
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.reporting.causes import (
    against_before,
    main_causes,
    people,
    segment_name,
    shown_nrr,
    who_expanded,
    who_left,
)
from nrr_pipeline.reporting.conditions import Metric, Verdict
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.links import Links
from nrr_pipeline.reporting.message import (
    Message,
    Paragraph,
    Part,
    blocks_of,
    text_of,
)
from nrr_pipeline.reporting.parts import most_costly, nrr_facts

MOST_COSTLY = 5
"""How many customers are named."""


class Kind(StrEnum):
    """What an alert does; a row of ``alerts`` says it."""

    RAISED = "raised"
    RESTATED = "restated"
    RECOVERED = "recovered"


GOOD_NEWS = "info"
"""Severity of what says that an alert no longer stands."""

_SIGNS = {"critical": "‼", "warning": "⚠", GOOD_NEWS: "✓"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why an alert speaks; ``was`` is the verdict under the edition before, where there is one."""

    kind: Kind
    verdict: Verdict
    was: Verdict | None = None

    @property
    def severity(self) -> str:
        """That of the verdict, where the alert stands."""
        return self.verdict.severity if self.verdict.is_raised else GOOD_NEWS


@dataclass(frozen=True, slots=True)
class Setting:
    """What stands around an alert: where it leads, up to when the account was read, size bands."""

    links: Links
    data_as_of: datetime | None
    size_bands: Sequence[int]


def alert_message(occasion: Occasion, explained: PeriodExplanation, setting: Setting) -> Message:
    """Put an alert into words.

    Args:
        occasion: Why it speaks.
        explained: The period: of a segment, its own figures and customers, as if it were the whole.
        setting: What stands around it.
    """
    headline = _headline(occasion, explained)
    links = list(setting.links.of_period(explained.period))
    full = list(_parts(occasion, explained, setting))
    shorter = (
        list(_parts(occasion, explained, setting, listed=listed, with_quotes=False))
        for listed in range(MOST_COSTLY, 0, -1)
    )
    sign, footer = _SIGNS[occasion.severity], _footer(explained, setting)
    rest = f"Shortened. All of it: nrr explain {explained.period.key}"
    return Message(
        text_of(headline, [full, *shorter], links, rest),
        blocks_of(sign, headline, full, links, footer),
    )


def _headline(occasion: Occasion, explained: PeriodExplanation) -> str:
    verdict = occasion.verdict
    where = explained.period.label
    if verdict.row.dimension != WHOLE:
        where = f"{segment_name(explained, verdict.row.dimension, verdict.row.segment)} in {where}"
    prefix = "Restated: " if occasion.kind is Kind.RESTATED else ""
    said = _said(verdict, explained, where)
    if occasion.was is not None and verdict.metric is Metric.NRR:
        said += f"; it was {shown_nrr(occasion.was.row)}"
    return f"{prefix}{said}"


def _said(verdict: Verdict, explained: PeriodExplanation, where: str) -> str:
    """The figure and its limit, as they stand now."""
    row, is_raised = verdict.row, verdict.is_raised
    if verdict.value is None:
        return f"in {where} there is nothing left to retain"
    limit = _percent(verdict.threshold)
    left = f"{row.churned_customers:,} of {people(row.starting_customers)} left in {where}"
    churn = format_ratio(row.churned_customers, row.starting_customers)
    if verdict.metric is Metric.NRR:
        return (
            f"NRR of {where} is {shown_nrr(row)}, {'' if is_raised else 'no longer '}below {limit}"
        )
    if verdict.metric is Metric.NRR_DROP:
        points = _percent(verdict.threshold).removesuffix(" %")
        before = explained.whole_before
        came_from = f"from {shown_nrr(before)} " if before is not None else ""
        how = "fell by more" if is_raised else "did not fall by more"
        return f"NRR of {where} {how} than {points} points: {came_from}to {shown_nrr(row)}"
    if verdict.metric is Metric.LOGO_CHURN:
        return f"{left} ({churn}), {'' if is_raised else 'no longer '}more than {limit}"
    if is_raised:
        return f"Hidden churn: {left} ({churn}) although NRR is {shown_nrr(row)}"
    return f"No more hidden churn: {left} ({churn}), NRR is {shown_nrr(row)}"


def _parts(
    occasion: Occasion,
    explained: PeriodExplanation,
    setting: Setting,
    *,
    listed: int = MOST_COSTLY,
    with_quotes: bool = True,
) -> Iterator[Part]:
    verdict = occasion.verdict
    if occasion.kind is Kind.RESTATED:
        yield Paragraph(_restated(occasion, explained))
    if verdict.value is None:
        return
    if verdict.is_raised and verdict.metric is not Metric.HIDDEN_CHURN:
        yield Paragraph(main_causes(explained, setting.size_bands))
    yield Paragraph(who_left(explained))
    if verdict.is_raised and verdict.metric is Metric.HIDDEN_CHURN:
        yield Paragraph(who_expanded(explained))
    yield nrr_facts(explained.whole)
    if verdict.is_raised:
        yield most_costly(explained, listed, with_quotes=with_quotes)
    if changed := against_before(explained):
        yield Paragraph(changed)


def _restated(occasion: Occasion, explained: PeriodExplanation) -> str:
    """Which edition, why, by which amounts, and what becomes of the earlier alert."""
    edition = explained.edition
    why = explained.restated[-1].why if explained.restated else "late data"
    sentences = [f"Edition {edition} replaces edition {edition - 1} because of {why}."]
    now, was = occasion.verdict.row, occasion.was.row if occasion.was else None
    if was is not None and occasion.verdict.value is not None:
        sentences += [
            f"{name} is {format_money(micros, now.currency)}, it was "
            f"{format_money(before, now.currency)}."
            for name, micros, before in _amounts_of_both(now, was)
            if micros != before
        ]
    if occasion.verdict.is_raised:
        sentences.append("The edition before did not call for it: this alert is new.")
    else:
        sentences.append("The earlier alert no longer stands.")
    return " ".join(sentences)


def _amounts_of_both(now: Retention, was: Retention) -> list[tuple[str, int, int]]:
    return [
        ("Starting MRR", now.starting_mrr_micros, was.starting_mrr_micros),
        ("Expansion", now.expansion_micros, was.expansion_micros),
        ("Contraction", now.contraction_micros, was.contraction_micros),
        ("Churned MRR", now.churned_mrr_micros, was.churned_mrr_micros),
    ]


def _footer(explained: PeriodExplanation, setting: Setting) -> str:
    as_of = setting.data_as_of
    parts = [
        f"{explained.period.label}, edition {explained.edition}",
        "final" if explained.is_final else "provisional",
        f"policy {explained.policy_version}",
        f"amounts in {explained.whole.currency.upper()}",
    ]
    if as_of is not None:
        parts.append(f"data as of {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return " · ".join(parts)


def _percent(ratio: Fraction) -> str:
    """A limit as it was set, without decimals that say nothing."""
    return format_ratio(ratio.numerator, ratio.denominator).replace(".0 %", " %")
