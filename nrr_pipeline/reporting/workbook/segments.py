"""The sheets of segments: their figures, whether they add up, and their rate and mix effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from nrr_pipeline.metrics.attribution import SegmentEffect
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.workbook.bridge import Places
from nrr_pipeline.reporting.workbook.cells import Column, Content, Live, Sheet, cell
from nrr_pipeline.reporting.workbook.figures import (
    CUSTOMERS,
    NONE,
    PARTS,
    amount,
    decimals_of,
    derived,
    part_value,
    values_of,
)

_SUMMED = (*PARTS, "ending_mrr_micros", "nrr_numerator", "grr_numerator", *CUSTOMERS)
_EXACT = ("weight_before", "weight", "rate_before", "rate")
COLUMNS = (
    Column("dimension", "Dimension", "foreign", 18),
    Column("segment", "Segment", "foreign", 28),
    Column("nrr", "NRR", "ratio", 9),
    Column("grr", "GRR", "ratio", 9),
    Column("logo_churn", "Logo churn", "ratio", 9),
    Column("rate_effect", "Rate effect, points", "points", 11),
    Column("mix_effect", "Mix effect, points", "points", 11),
    *(Column(part, heading, "money", 15) for part, heading in PARTS.items()),
    Column("ending_mrr_micros", "Ending MRR", "money", 15),
    Column("nrr_numerator", "Cohort's closing MRR", "money", 15),
    Column("grr_numerator", "The same without expansion", "money", 15),
    *(Column(part, heading, "count", 11) for part, heading in CUSTOMERS.items()),
    Column("before_starting", "Period before: starting MRR", "money", 15),
    Column("before_nrr_numerator", "Period before: cohort's closing MRR", "money", 15),
    Column("weight_before", "Weight before", "share", 10),
    Column("weight", "Weight", "share", 10),
    Column("rate_before", "NRR before, not rounded", "share", 10),
    Column("rate", "NRR, not rounded", "share", 10),
)
_COL = {column.key: col for col, column in enumerate(COLUMNS)}
_HEADINGS, _WHOLE, _FIRST = 3, 4, 5


@dataclass(frozen=True, slots=True)
class _Line:
    """A segment now and in the period before, and what it adds to the change of NRR."""

    name: str
    now: Retention
    before: Retention | None
    effect: SegmentEffect | None


def write_segments(sheet: Sheet, name: str, explained: PeriodExplanation, places: Places) -> None:
    """Write the segments of every dimension, each with its sum and its difference from all.

    Args:
        sheet: Where to.
        name: Which column of the bridge holds the whole: ``month`` or ``quarter``.
        explained: The period.
        places: Where the bridge stands.
    """
    sheet.put_head(
        f"Segments in {explained.period.label}",
        "Rate: a segment retained better or worse than in the period before. Mix: its weight in "
        "the cohort moved. Over a dimension both sum to the change of NRR. The largest come first.",
    )
    sheet.put_columns(_HEADINGS, COLUMNS, height=45)
    _put_whole(sheet, name, explained, places)
    row = _FIRST
    for dimension in dict.fromkeys(each.dimension for each in explained.rows[1:]):
        row = _put_dimension(sheet, row, dimension, explained)
    sheet.raw.freeze_panes(_FIRST, _COL["nrr"])
    sheet.raw.autofilter(_HEADINGS, 0, max(row, _FIRST) - 1, len(COLUMNS) - 1)
    sheet.raw.repeat_rows(_HEADINGS)
    sheet.raw.repeat_columns(0, 1)
    sheet.raw.fit_to_pages(2, 0)


def _put(sheet: Sheet, row: int, contents: Mapping[str, Content], suffix: str = "") -> None:
    for key, col in _COL.items():
        sheet.put(row, col, contents.get(key, ""), COLUMNS[col].style + suffix)


def _put_whole(sheet: Sheet, name: str, explained: PeriodExplanation, places: Places) -> None:
    def at(key: str) -> str:
        return cell(_WHOLE, _COL[key])

    whole = explained.whole
    contents: dict[str, Content] = {"dimension": "All", "segment": "All customers"}
    contents |= {part: places.live(name, part) for part in (*PARTS, *CUSTOMERS)}
    before = explained.whole_before
    if before is not None:
        for key, part in (("starting", "starting_mrr_micros"), ("nrr_numerator", "nrr_numerator")):
            contents[f"before_{key}"] = places.live(f"{name}_before", part)
        if before.nrr is not None and whole.nrr is not None:
            contents |= _exact(_WHOLE, (before, whole), (before, whole))
    _put(sheet, _WHOLE, {**contents, **_named(derived(whole, at))}, "_total")


def _named(contents: Mapping[str, Live]) -> dict[str, Live]:
    return {key: content for key, content in contents.items() if key in _COL}


def _put_dimension(sheet: Sheet, first: int, dimension: str, explained: PeriodExplanation) -> int:
    """Write one dimension from a row on; return the row after it."""
    lines = _lines(dimension, explained)
    has_effects = dimension in explained.effects
    for row, line in enumerate(lines, start=first):
        contents = _contents(row, line, explained, has_effects=has_effects)
        _put(sheet, row, {**contents, "dimension": _shown(dimension), "segment": line.name})
    _put_sum(sheet, first, lines, explained.whole, has_effects=has_effects)
    return first + len(lines) + 2


def _lines(dimension: str, explained: PeriodExplanation) -> list[_Line]:
    before = {row.segment: row for row in explained.before if row.dimension == dimension}
    now = {row.segment: row for row in explained.rows if row.dimension == dimension}
    effects = {each.segment: each for each in explained.effects.get(dimension, ())}
    gone = {
        segment: Retention(dimension, segment, row.currency, *[0] * 13)
        for segment, row in before.items()
        if segment not in now and segment in effects
    }
    by_size = sorted((now | gone).values(), key=lambda row: (-row.starting_mrr_micros, row.segment))
    return [
        _Line(
            explained.segment_names.get((dimension, row.segment), row.segment),
            row,
            before.get(row.segment),
            effects.get(row.segment),
        )
        for row in by_size
    ]


def _contents(
    row: int, line: _Line, explained: PeriodExplanation, *, has_effects: bool
) -> dict[str, Content]:
    def at(key: str) -> str:
        return cell(row, _COL[key])

    contents: dict[str, Content] = {**values_of(line.now), **_named(derived(line.now, at))}
    before = line.before
    contents["before_starting"] = amount(before.starting_mrr_micros if before else 0)
    contents["before_nrr_numerator"] = amount(before.nrr_numerator if before else 0)
    whole_before = explained.whole_before
    if not has_effects or whole_before is None:
        return contents | dict.fromkeys((*_EXACT, "rate_effect", "mix_effect"), NONE)
    rate = line.effect.rate_points if line.effect else Fraction(0)
    mix = line.effect.mix_points if line.effect else Fraction(0)
    weights = f"({at('weight_before')}+{at('weight')})"
    moved = f"({at('weight')}-{at('weight_before')})"
    better = f"({at('rate')}-{at('rate_before')})"
    wholes = f"{cell(_WHOLE, _COL['rate'])}-{cell(_WHOLE, _COL['rate_before'])}"
    apart = f"({at('rate')}+{at('rate_before')}-{wholes})"
    return {
        **contents,
        **_exact(row, (before, line.now), (whole_before, explained.whole)),
        "rate_effect": Live(f"=100*{weights}/2*{better}", float(rate)),
        "mix_effect": Live(f"=100*{moved}/2*{apart}", float(mix)),
    }


def _exact(
    row: int,
    sides: tuple[Retention | None, Retention],
    wholes: tuple[Retention, Retention],
) -> dict[str, Content]:
    """Weights and unrounded rates of both periods; where one has no cohort it takes the other's."""

    def at(key: str) -> str:
        return cell(row, _COL[key])

    cohorts = [(each.nrr_numerator, each.starting_mrr_micros) if each else (0, 0) for each in sides]
    rates = [kept / start if start else None for kept, start in cohorts]
    known = [rate for rate in rates if rate is not None] or [0.0]
    then, now = at("before_starting"), at("starting_mrr_micros")
    kept_now = f"IF({now}=0,0,{at('nrr_numerator')}/{now})"
    all_then, all_now = (
        cell(_WHOLE, _COL[key]) for key in ("before_starting", "starting_mrr_micros")
    )
    weights = [
        start / whole.starting_mrr_micros for (_, start), whole in zip(cohorts, wholes, strict=True)
    ]
    before = f"=IF({then}=0,{kept_now},{at('before_nrr_numerator')}/{then})"
    rate = f"=IF({now}=0,{at('rate_before')},{at('nrr_numerator')}/{now})"
    return {
        "weight_before": Live(f"={then}/{all_then}", weights[0]),
        "weight": Live(f"={now}/{all_now}", weights[1]),
        "rate_before": Live(before, known[0]),
        "rate": Live(rate, known[-1]),
    }


def _total(lines: Sequence[_Line], whole: Retention) -> Retention:
    """The segments' own sum: what the formulas yield even where it should differ from the whole."""
    sums = {part: sum(getattr(line.now, part) for line in lines) for part in _SUMMED}
    return replace(whole, **sums)


def _put_sum(
    sheet: Sheet, first: int, lines: Sequence[_Line], whole: Retention, *, has_effects: bool
) -> None:
    """Write the sum of the segments that stand from ``first`` on, and how it differs from all."""
    total = first + len(lines)

    def summed(key: str, value: float) -> Live:
        col = _COL[key]
        return Live(f"=SUM({cell(first, col)}:{cell(total - 1, col)})", value)

    sums = _total(lines, whole)
    contents: dict[str, Content] = {
        **_named(derived(sums, lambda key: cell(total, _COL[key]))),
        **{key: summed(key, part_value(sums, key)) for key in _SUMMED},
    }
    differences: dict[str, Content] = {}
    decimals = decimals_of(whole.currency)
    for key in _SUMMED:
        both = f"{cell(total, _COL[key])}-{cell(_WHOLE, _COL[key])}"
        value = part_value(sums, key) - part_value(whole, key)
        differences[key] = Live(f"=ROUND({both},{decimals})", round(value, decimals))
    for key, part in (("starting", "starting_mrr_micros"), ("nrr_numerator", "nrr_numerator")):
        value = sum(getattr(line.before, part) for line in lines if line.before)
        contents[f"before_{key}"] = summed(f"before_{key}", amount(value))
    if has_effects:
        effects = [line.effect for line in lines if line.effect]
        rate = sum((effect.rate_points for effect in effects), Fraction(0))
        mix = sum((effect.mix_points for effect in effects), Fraction(0))
        contents["rate_effect"] = summed("rate_effect", float(rate))
        contents["mix_effect"] = summed("mix_effect", float(mix))
        both = f"{cell(total, _COL['rate_effect'])}+{cell(total, _COL['mix_effect'])}"
        change = f"100*({cell(_WHOLE, _COL['rate'])}-{cell(_WHOLE, _COL['rate_before'])})"
        differences["mix_effect"] = Live(f"=ROUND({both}-{change},9)", 0.0)
    shown = _shown(lines[0].now.dimension)
    names: dict[str, Content] = {"dimension": shown, "segment": "Sum of the segments"}
    _put(sheet, total, contents | names, "_total")
    _put(sheet, total + 1, {**differences, **names, "segment": "Less all customers"}, "_check")


def _shown(dimension: str) -> str:
    return dimension.replace("_", " ").capitalize()
