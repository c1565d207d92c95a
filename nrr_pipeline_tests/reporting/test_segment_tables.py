"""What a table of segments holds to: rate and mix add up to the change as it is shown."""

from dataclasses import replace

from nrr_pipeline.metrics.attribution import rate_and_mix
from nrr_pipeline.metrics.bridge import Retention
from nrr_pipeline.reporting.explanation import PeriodExplanation
from nrr_pipeline.reporting.locale import MINUS, Notation
from nrr_pipeline.reporting.segment_tables import SegmentTables
from nrr_pipeline_tests.reporting.example_report import example_report

MONTH = example_report().month
EMPTY = Retention("all", "all", "usd", *[0] * 13)


def rows(starting: int, kept: int) -> tuple[Retention, ...]:
    whole = replace(EMPTY, starting_mrr_micros=starting, nrr_numerator=kept)
    return whole, replace(whole, dimension="product", segment="prod_team")


def explained(before: tuple[Retention, ...], after: tuple[Retention, ...]) -> PeriodExplanation:
    effects = rate_and_mix(before, after)
    return replace(MONTH, rows=after, before=before, effects=effects)


def effects_of(period: PeriodExplanation, dimension: str) -> list[tuple[int, int]]:
    """Rate and mix of every line in tenths, the last one of all customers."""
    table = SegmentTables(Notation("en_US")).table(period, dimension)
    cells = [[cell.replace(MINUS, "-") or "0.0" for cell in row.cells[-2:]] for row in table.rows]
    return [(round(10 * float(rate)), round(10 * float(mix))) for rate, mix in cells]


def test_the_lines_add_up_to_the_line_of_all_customers() -> None:
    for dimension in MONTH.effects:
        *lines, total = effects_of(MONTH, dimension)
        assert total == (sum(rate for rate, _ in lines), sum(mix for _, mix in lines))


def test_a_change_that_rounding_turns_around_is_shown_as_the_ratios_are() -> None:
    """100.0 % short by less than a cent before, 99.9 % after, and yet a little more was kept."""
    before = rows(1_000_000_000, 999_991_000)
    after = rows(1_000_000_000_000, 999_995_000_000)
    *_, total = effects_of(explained(before, after), "product")
    assert sum(total) == -1
