"""What the regular messages say: how a week went, and what a final month says.

When one is due is decided in ``orchestration.stages.digests``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.metrics.money import format_money, format_ratio
from nrr_pipeline.metrics.periods import Period
from nrr_pipeline.reporting.causes import against_before, main_causes, shown_nrr, who_left
from nrr_pipeline.reporting.explanation import PeriodExplanation, causes_in_words
from nrr_pipeline.reporting.legible import beside, legible
from nrr_pipeline.reporting.links import Link
from nrr_pipeline.reporting.message import (
    Listing,
    Message,
    Paragraph,
    Part,
    blocks_of,
    text_of,
)
from nrr_pipeline.reporting.parts import WHOLE_UNITS_FROM, mrr_facts

SIGN = "≡"


@dataclass(frozen=True, slots=True)
class Mover:
    """A customer whose MRR moved in a week; micros at the opening's rates."""

    name: str
    movement: str
    change_micros: int


@dataclass(frozen=True, slots=True)
class State:
    """What waits for somebody: open findings, alerts that were not sent, what closes next."""

    errors: int
    notes: int
    unsent_alerts: int
    next_to_close: Period
    closes_on: date
    data_as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days that end with a Sunday, measured between its two snapshots.

    ``movers`` are those who moved most, ``moved`` is how many moved at all.
    """

    last_day: date
    figures: Retention
    movers: tuple[Mover, ...]
    moved: int
    state: State


@dataclass(frozen=True, slots=True)
class Restatement:
    """A figure of an earlier period that changed lately."""

    label: str
    nrr_before: float | None
    nrr_after: float | None
    causes: str


@dataclass(frozen=True, slots=True)
class Month:
    """A final month with its trailing twelve months, now and a month before, where measured.

    ``unseen`` are the watched segments without customers at opening, which cannot alert.
    """

    explained: PeriodExplanation
    trailing: Retention | None
    trailing_before: Retention | None
    restated: tuple[Restatement, ...]
    unseen: tuple[str, ...]
    size_bands: Sequence[int]
    state: State


def weekly_message(week: Week, links: Sequence[Link]) -> Message:
    """Say how MRR went in a week, who moved it, and what waits for somebody."""
    row = week.figures
    change = row.ending_mrr_micros - row.starting_mrr_micros
    way = "more" if change >= 0 else "less"
    share = format_ratio(abs(change), row.starting_mrr_micros)
    headline = (
        f"Week to {_day(week.last_day)}: MRR is {_money(row.ending_mrr_micros, row)}, "
        f"{_money(abs(change), row)} {way} ({share})"
    )
    return _message(headline, [list(_of_week(week))], links, week.state)


def monthly_message(month: Month, links: Sequence[Link]) -> Message:
    """Say the figures of a month that is final, what changed, and what was restated."""
    whole, label = month.explained.whole, month.explained.period.label
    churn = format_ratio(whole.churned_customers, whole.starting_customers)
    grr = format_ratio(whole.grr_numerator, whole.starting_mrr_micros)
    nrr = shown_nrr(whole) if whole.starting_mrr_micros else "n/a"
    headline = f"{label} is final: NRR {nrr}, GRR {grr}, logo churn {churn}"
    parts = _of_month(month)
    variants = [parts[: len(parts) - fewer] for fewer in range(len(parts))]
    return _message(headline, variants, links, month.state)


def _message(
    headline: str, variants: Sequence[list[Part]], links: Sequence[Link], state: State
) -> Message:
    """The first of the variants is the whole of it."""
    waiting = Paragraph(_waiting(state))
    full, *shorter = ([*parts, waiting] for parts in variants)
    as_of = state.data_as_of
    footer = "no complete pull yet"
    if as_of is not None:
        footer = f"data as of {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Message(
        text_of(headline, [full, *shorter], links, "Shortened. The rest: nrr show"),
        blocks_of(SIGN, headline, full, links, footer),
    )


def _of_week(week: Week) -> Iterator[Part]:
    row = week.figures
    yield mrr_facts(row)
    if week.movers:
        rest = week.moved - len(week.movers)
        rows = [
            (
                f"{'-' if each.change_micros < 0 else '+'}{_money(abs(each.change_micros), row)}",
                beside(each.name, each.movement.replace("_", " ")),
            )
            for each in week.movers
        ]
        title = "Who moved most" if rest <= 0 else f"Who moved most, of {week.moved:,} that moved"
        yield Listing(title, tuple(rows))


def _of_month(month: Month) -> list[Part]:
    explained, trailing = month.explained, month.trailing
    parts: list[Part] = []
    if explained.whole.starting_mrr_micros:
        parts = [
            Paragraph(main_causes(explained, month.size_bands)),
            Paragraph(who_left(explained)),
        ]
        if changed := against_before(explained):
            parts.append(Paragraph(changed))
    parts.append(mrr_facts(explained.whole))
    if trailing is not None and trailing.starting_mrr_micros:
        before = month.trailing_before
        was = ""
        if before is not None and before.starting_mrr_micros:
            was = f", {shown_nrr(before)} a month before"
        parts.append(Paragraph(f"NRR of the trailing twelve months is {shown_nrr(trailing)}{was}."))
    if month.unseen:
        watched = ", ".join(map(legible, month.unseen))
        parts.append(Paragraph(f"Watched, but without customers: {watched}."))
    if month.restated:
        rows = tuple((each.label, _restated(each)) for each in month.restated)
        parts.append(Listing("Restated lately", rows))
    return parts


def _restated(each: Restatement) -> str:
    before, after = (_percent(nrr) for nrr in (each.nrr_before, each.nrr_after))
    return f"NRR {before} -> {after}, because of {causes_in_words(each.causes)}"


def _percent(ratio: float | None) -> str:
    """A published ratio as ratios are shown; its decimals are those of the table."""
    if ratio is None:
        return "n/a"
    exact = Fraction(ratio).limit_denominator(10**12)
    return format_ratio(exact.numerator, exact.denominator)


def _waiting(state: State) -> str:
    found = f"{_count(state.errors, 'error')} and {_count(state.notes, 'note')} in data_quality"
    sentences = [f"Open findings: {found}."]
    if state.unsent_alerts:
        sentences.append(f"Not sent yet: {_count(state.unsent_alerts, 'alert')}, see nrr alerts.")
    sentences.append(f"{state.next_to_close.label} becomes final on {_day(state.closes_on)}.")
    return " ".join(sentences)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _money(micros: int, row: Retention) -> str:
    is_whole = row.ending_mrr_micros >= WHOLE_UNITS_FROM
    return format_money(micros, row.currency, whole=is_whole)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
